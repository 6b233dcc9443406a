package io.github.m3agiqa.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.Calibration;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Interval;
import io.github.m3agiqa.LogisticMap;
import io.github.m3agiqa.Scale;
import java.io.IOException;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ConformalTest {
    /** Far from the ends of this scale nothing is cut off. */
    private static final Scale WIDE = new Scale(-100, 100);

    private static List<Prediction> exchangeable(int images, Random random) {
        return IntStream.range(0, images)
                .mapToObj(i -> {
                    double quality = random.nextGaussian();
                    return Drawn.prediction(
                            "i" + i,
                            "p" + i,
                            null,
                            quality + 0.5 * random.nextGaussian(),
                            2.5 + Math.atan(quality) + 0.3 * random.nextGaussian());
                })
                .toList();
    }

    @ParameterizedTest
    @ValueSource(ints = {60, 200})
    void coversNineOfTenNewImagesOnAverage(int images) {
        Random random = new Random(images);
        int rounds = 300;
        double covered = 0;
        for (int round = 0; round < rounds; round++) {
            List<Prediction> all = exchangeable(2 * images, random);
            Calibration calibration = Conformal.of(all.subList(0, images), WIDE);
            covered += Conformal.coverage(calibration, all.subList(images, 2 * images), WIDE) / rounds;
        }

        assertThat(covered).isBetween(0.88, 0.92);
    }

    /** Opinions lie far from the scores in the middle: intervals are wider there, and hold as many as at the ends. */
    @Test
    void intervalsAreAsWideAsIsUsualAtTheirScores() {
        List<Prediction> calibrated = unsureInTheMiddle(1500, new Random(1));
        List<Prediction> tested = unsureInTheMiddle(3000, new Random(2));

        Calibration calibration = Conformal.of(calibrated, Scale.ZERO_TO_FIVE);

        assertThat(calibration.halfWidth(2.5, Scale.ZERO_TO_FIVE))
                .isGreaterThan(2 * calibration.halfWidth(0.5, Scale.ZERO_TO_FIVE))
                .isGreaterThan(2 * calibration.halfWidth(4.5, Scale.ZERO_TO_FIVE));
        for (int point = 0; point < 5; point++) {
            int from = point;
            List<Prediction> there = tested.stream()
                    .filter(prediction -> prediction.predicted() >= from && prediction.predicted() < from + 1)
                    .toList();
            assertThat(Conformal.coverage(calibration, there, Scale.ZERO_TO_FIVE))
                    .isBetween(0.84, 0.96);
        }
    }

    private static List<Prediction> unsureInTheMiddle(int images, Random random) {
        return IntStream.range(0, images)
                .mapToObj(i -> {
                    double score = 5 * random.nextDouble();
                    double unsure = 0.1 + 0.4 * Math.exp(-(score - 2.5) * (score - 2.5));
                    return Drawn.prediction("i" + i, "p" + i, null, score, score + unsure * random.nextGaussian());
                })
                .toList();
    }

    private static double middle(Calibration calibration) {
        return calibration.halfWidth(2.5, Scale.ZERO_TO_FIVE);
    }

    @Test
    void aBetterModelHasNarrowerIntervals() {
        List<Prediction> good = Drawn.predictions(100, List.of("sd"), 0.1, 1);
        List<Prediction> bad = Drawn.predictions(100, List.of("sd"), 0.6, 1);

        assertThat(middle(Conformal.of(good, Scale.ZERO_TO_FIVE)))
                .isLessThan(middle(Conformal.of(bad, Scale.ZERO_TO_FIVE)) / 2);
    }

    /** Where prompts are wholly unlike each other, folds that share one would promise too much. */
    @Test
    void imagesOfOnePromptStayTogether() {
        Random random = new Random(4);
        List<Prediction> copies = exchangeable(6, random).stream()
                .flatMap(prediction -> IntStream.range(0, 20)
                        .mapToObj(i -> Drawn.prediction(
                                prediction.image() + i,
                                prediction.group(),
                                null,
                                prediction.predicted(),
                                prediction.mos())))
                .toList();
        List<Prediction> asIfAlone = copies.stream()
                .map(one -> Drawn.prediction(one.image(), one.image(), null, one.predicted(), one.mos()))
                .toList();

        assertThat(Conformal.of(copies, WIDE).halfWidth(0, WIDE))
                .isGreaterThan(1.2 * Conformal.of(asIfAlone, WIDE).halfWidth(0, WIDE));
    }

    /** Opinions that seem to fall beyond the middle by chance: better pictures than these must not get worse intervals. */
    @Test
    void anIntervalNeverFallsAsScoresRise() {
        double[] opinions = {1, 1.4, 1.9, 2.3, 2.8, 3.2, 3.7, 3.9, 3.4, 2.9};
        List<Prediction> predictions = IntStream.range(0, 200)
                .mapToObj(i -> {
                    double score = 0.3 * (i % 10) + 0.001 * i;
                    return Drawn.prediction("i" + i, "p" + i, null, score, opinions[i % 10]);
                })
                .toList();

        Calibration calibration = Conformal.of(predictions, Scale.ZERO_TO_FIVE);

        Interval before = calibration.interval(0, Scale.ZERO_TO_FIVE);
        for (double score = 0.1; score <= 5; score += 0.1) {
            Interval interval = calibration.interval(score, Scale.ZERO_TO_FIVE);
            assertThat(interval.low()).isGreaterThanOrEqualTo(before.low() - 1e-9);
            assertThat(interval.high()).isGreaterThanOrEqualTo(before.high() - 1e-9);
            before = interval;
        }
        assertThat(calibration.interval(3.5, Scale.ZERO_TO_FIVE).low()).isBetween(2.5, 4.5);
    }

    @Test
    void refusesTooFewImages() {
        List<Prediction> predictions = exchangeable(9, new Random(1));

        assertThat(Conformal.of(predictions, WIDE).halfWidths()).allMatch(half -> half > 0);
        assertThatThrownBy(() -> Conformal.of(predictions.subList(0, 8), WIDE))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("8 images are too few")
                .hasMessageContaining("at least 9");
        assertThatThrownBy(() -> Conformal.of(
                        IntStream.range(0, 20)
                                .mapToObj(i -> Drawn.prediction("i" + i, "one prompt", null, i, i))
                                .toList(),
                        WIDE))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("one prompt");
    }

    @Test
    void theIntervalLiesAroundTheMappedScoreAndOnTheScale() {
        Calibration calibration = new Calibration(new LogisticMap(0, 1, 0, 2, 1), List.of(0.5));

        assertThat(calibration.interval(1, Scale.ZERO_TO_FIVE)).isEqualTo(new Interval(2.5, 3.5));
        assertThat(calibration.interval(2, Scale.ZERO_TO_FIVE)).isEqualTo(new Interval(4.5, 5));
        assertThat(calibration.interval(5, Scale.ZERO_TO_FIVE)).isEqualTo(new Interval(5, 5));
        assertThatThrownBy(() -> new Calibration(new LogisticMap(0, 1, 0, 1, 0), List.of(Double.POSITIVE_INFINITY)))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Calibration(new LogisticMap(0, 1, 0, 1, 0), List.of(1.0, -1.0)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void widthsBetweenTwoPlacesAreInProportion() {
        Calibration calibration = new Calibration(new LogisticMap(0, 1, 0, 1, 0), List.of(0.5, 1.0, 0.25));

        assertThat(calibration.halfWidth(0, Scale.ZERO_TO_FIVE)).isEqualTo(0.5);
        assertThat(calibration.halfWidth(1.25, Scale.ZERO_TO_FIVE)).isEqualTo(0.75);
        assertThat(calibration.interval(2.5, Scale.ZERO_TO_FIVE)).isEqualTo(new Interval(1.5, 3.5));
        assertThat(calibration.halfWidth(5, Scale.ZERO_TO_FIVE)).isEqualTo(0.25);
        assertThat(calibration.halfWidth(-3, Scale.ZERO_TO_FIVE)).isEqualTo(0.5);
        assertThatThrownBy(() -> new Calibration(new LogisticMap(0, 1, 0, 1, 0), List.of()))
                .isInstanceOf(IllegalArgumentException.class);
    }

    /** As manifests had it before widths went by the score. */
    @Test
    void oneWidthOfAllScoresIsRead() throws IOException {
        String one = "{\"map\": {\"b1\": 0, \"b2\": 1, \"b3\": 0, \"b4\": 1, \"b5\": 0}, \"halfWidth\": 0.5}";

        Calibration calibration = new ObjectMapper().readValue(one, Calibration.class);

        assertThat(calibration).isEqualTo(new Calibration(new LogisticMap(0, 1, 0, 1, 0), List.of(0.5)));
        assertThat(calibration.interval(3.3, Scale.ZERO_TO_FIVE)).isEqualTo(new Interval(2.8, 3.8));
    }

    @Test
    void coverageIsAShare() {
        Calibration calibration = new Calibration(new LogisticMap(0, 1, 0, 1, 0), List.of(1.0));
        List<Prediction> predictions = List.of(
                Drawn.prediction("a", "a", null, 2, 3), // just inside
                Drawn.prediction("b", "b", null, 2, 3.1),
                Drawn.prediction("c", "c", null, 2, 2),
                Drawn.prediction("d", "d", null, 2, 1.5));

        assertThat(Conformal.coverage(calibration, predictions, Scale.ZERO_TO_FIVE))
                .isCloseTo(0.75, within(1e-12));
        assertThatThrownBy(() -> Conformal.coverage(calibration, List.of(), Scale.ZERO_TO_FIVE))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
