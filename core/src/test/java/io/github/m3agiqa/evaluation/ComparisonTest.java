package io.github.m3agiqa.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Interval;
import io.github.m3agiqa.evaluation.Comparison.Difference;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ComparisonTest {
    private static final Bootstrap BOOTSTRAP = new Bootstrap(500, 1);

    private static final List<Prediction> FIRST = Drawn.predictions(60, List.of("dalle", "sd"), 0.3, 1);

    /** The same images, scored with more noise. */
    private static List<Prediction> noisier(double noise) {
        Random random = new Random(9);
        return FIRST.stream()
                .map(prediction -> Drawn.prediction(
                        prediction.image(),
                        prediction.group(),
                        prediction.generator(),
                        prediction.predicted() + noise * random.nextGaussian(),
                        prediction.mos()))
                .toList();
    }

    private static Difference difference(Comparison comparison, Measure measure) {
        Difference difference = comparison.differences().get(measure);
        assertThat(difference).isNotNull();
        return difference;
    }

    @Test
    void aWorseModelIsFoundWorse() {
        Comparison comparison = Comparison.of(List.of(FIRST), List.of(noisier(0.8)), true, BOOTSTRAP);

        assertThat(comparison.images()).isEqualTo(120);
        Difference srcc = difference(comparison, Measure.SRCC);
        Columns first = new Columns(FIRST, true);
        Columns second = new Columns(noisier(0.8), true);
        assertThat(srcc.value()).isCloseTo(Measure.SRCC.of(second) - Measure.SRCC.of(first), within(1e-12));
        Interval interval = srcc.interval();
        assertThat(interval).isNotNull();
        assertThat(interval.high()).isNegative();
        assertThat(srcc.p()).isCloseTo(2 / 501.0, within(1e-12));
        assertThat(difference(comparison, Measure.RMSE).value()).isPositive();
    }

    @Test
    void theSameScoresAreNotDifferent() {
        Comparison comparison = Comparison.of(List.of(FIRST), List.of(FIRST), true, BOOTSTRAP);

        assertThat(comparison.differences().values())
                .isNotEmpty()
                .allMatch(difference -> difference.equals(new Difference(0, new Interval(0, 0), 1.0)));
    }

    /** In a pair the images' own difficulty cancels out. */
    @Test
    void pairsAreSurerThanTheTwoIntervals() {
        Comparison comparison = Comparison.of(List.of(FIRST), List.of(noisier(0.05)), true, BOOTSTRAP);
        Interval paired = difference(comparison, Measure.SRCC).interval();
        Interval alone =
                Agreement.of(FIRST, true, BOOTSTRAP).figure(Measure.SRCC).interval();

        assertThat(paired).isNotNull();
        assertThat(alone).isNotNull();
        assertThat(paired.high() - paired.low()).isLessThan((alone.high() - alone.low()) / 2);
    }

    /** If two models are equally good, p is below 0.05 in about one of 20 comparisons. */
    @Test
    void pIsHonest() {
        int significant = 0;
        int rounds = 300;
        Bootstrap few = new Bootstrap(200, 3);
        for (int round = 0; round < rounds; round++) {
            Random random = new Random(round);
            List<Prediction> mos = Drawn.predictions(60, List.of("sd"), 0, round);
            List<List<Prediction>> models = List.of(noisy(mos, random), noisy(mos, random));
            Double p = difference(Comparison.of(List.of(models.get(0)), List.of(models.get(1)), true, few), Measure.MAE)
                    .p();
            significant += p != null && p < 0.05 ? 1 : 0;
        }

        // 15 expected; three standard deviations of the binomial are 11
        assertThat(significant).isBetween(4, 30);
    }

    private static List<Prediction> noisy(List<Prediction> predictions, Random random) {
        return predictions.stream()
                .map(prediction -> Drawn.prediction(
                        prediction.image(),
                        prediction.group(),
                        prediction.generator(),
                        prediction.mos() + random.nextGaussian(),
                        prediction.mos()))
                .toList();
    }

    @Test
    void onlyImagesThatBothHaveScoredCount() {
        Comparison comparison = Comparison.of(
                List.of(FIRST, FIRST.subList(0, 10)),
                List.of(noisier(0.1).subList(20, 70), List.of()),
                true,
                BOOTSTRAP);

        assertThat(comparison.images()).isEqualTo(50);
        assertThat(Comparison.of(List.of(FIRST.subList(0, 10)), List.of(FIRST.subList(10, 20)), true, BOOTSTRAP))
                .isEqualTo(new Comparison(0, Map.of()));
    }

    @Test
    void refusesHumanScoresThatDiffer() {
        List<Prediction> moved = FIRST.stream()
                .map(one -> Drawn.prediction(one.image(), one.group(), null, one.predicted(), one.mos() + 0.01))
                .toList();

        assertThatThrownBy(() -> Comparison.of(List.of(FIRST), List.of(moved), true, BOOTSTRAP))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("dalle_000.png")
                .hasMessageContaining("compare on one dataset");
    }
}
