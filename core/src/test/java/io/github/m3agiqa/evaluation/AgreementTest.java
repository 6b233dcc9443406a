package io.github.m3agiqa.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.Interval;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class AgreementTest {
    private static final Bootstrap BOOTSTRAP = new Bootstrap(500, 1);
    private static final List<String> GENERATORS = List.of("dalle", "glide", "sd");

    private static double value(Agreement agreement, Measure measure) {
        Double value = agreement.figure(measure).value();
        assertThat(value).as(measure.label()).isNotNull();
        return value;
    }

    private static Interval interval(Agreement agreement, Measure measure) {
        Interval interval = agreement.figure(measure).interval();
        assertThat(interval).as(measure.label()).isNotNull();
        return interval;
    }

    @Test
    void hasEveryFigureWithAnIntervalAroundIt() {
        List<Prediction> predictions = Drawn.predictions(60, GENERATORS, 0.4, 1);

        Agreement agreement = Agreement.of(predictions, true, BOOTSTRAP);

        assertThat(agreement.images()).isEqualTo(180);
        assertThat(agreement.groups()).isEqualTo(60);
        Columns columns = new Columns(predictions, true);
        assertThat(value(agreement, Measure.SRCC)).isEqualTo(Correlations.srcc(columns.predicted(), columns.mos()));
        assertThat(value(agreement, Measure.RMSE)).isCloseTo(0.4, within(0.05));
        assertThat(value(agreement, Measure.PLCC_FITTED)).isGreaterThanOrEqualTo(value(agreement, Measure.PLCC));
        assertThat(value(agreement, Measure.RMSE_FITTED)).isLessThanOrEqualTo(value(agreement, Measure.RMSE));
        for (Measure measure : EnumSet.complementOf(EnumSet.of(Measure.COVERAGE))) {
            Interval interval = interval(agreement, measure);
            assertThat(value(agreement, measure)).as(measure.label()).isBetween(interval.low(), interval.high());
            assertThat(interval.high() - interval.low()).as(measure.label()).isBetween(0.005, 0.3);
        }
        assertThat(agreement.byGenerator().keySet()).containsExactlyElementsOf(GENERATORS);
        assertThat(agreement.byGenerator().values()).allSatisfy(of -> {
            assertThat(of.images()).isEqualTo(60);
            assertThat(of.srcc().interval()).isNotNull();
        });
    }

    @Test
    void countsRightWords() {
        List<Prediction> predictions = List.of(
                Drawn.prediction("a", "a", null, 0.9, 0.1), // bad and bad
                Drawn.prediction("b", "b", null, 1.0, 0.99), // poor and bad
                Drawn.prediction("c", "c", null, 5.3, 4.2), // off the scale is excellent too
                Drawn.prediction("d", "d", null, 2.5, 3.5));

        assertThat(value(Agreement.of(predictions, true, BOOTSTRAP), Measure.RATING_ACCURACY))
                .isEqualTo(0.5);
    }

    /** A model that knows the generator and nothing else. */
    @Test
    void tellingGeneratorsApartIsNotEnoughWithinThem() {
        List<Prediction> predictions = Drawn.predictions(100, GENERATORS, 0, 3).stream()
                .map(prediction -> Drawn.prediction(
                        prediction.image(),
                        prediction.group(),
                        prediction.generator(),
                        // a few distinct scores, so that each generator's are no constant
                        GENERATORS.indexOf(prediction.generator())
                                + (prediction.image().hashCode() & 3) / 100.0,
                        prediction.mos()))
                .toList();

        Agreement agreement = Agreement.of(predictions, true, BOOTSTRAP);

        assertThat(value(agreement, Measure.SRCC)).isGreaterThan(0.4);
        assertThat(value(agreement, Measure.SRCC_WITHIN_GENERATORS)).isBetween(-0.2, 0.2);
    }

    @Test
    void aGeneratorOfFewImagesDoesNotCount() {
        List<Prediction> predictions = new ArrayList<>(Drawn.predictions(30, List.of("sd"), 0.4, 1));
        predictions.addAll(Drawn.predictions(9, List.of("rare"), 3, 2));

        Agreement agreement = Agreement.of(predictions, true, BOOTSTRAP);

        assertThat(agreement.byGenerator().keySet()).containsExactly("sd");
        assertThat(value(agreement, Measure.SRCC_WITHIN_GENERATORS))
                .isCloseTo(
                        Correlations.srcc(
                                Columns.column(predictions.subList(0, 30), Prediction::predicted),
                                Columns.column(predictions.subList(0, 30), Prediction::mos)),
                        within(1e-12));
    }

    @Test
    void saysWhyThereIsNoFigure() {
        List<Prediction> constant = IntStream.range(0, 20)
                .mapToObj(i -> Drawn.prediction("i" + i, "p" + i, "sd", 2.5, i / 5.0))
                .toList();

        Agreement agreement = Agreement.of(constant, true, BOOTSTRAP);

        for (Measure measure : Set.of(Measure.SRCC, Measure.PLCC, Measure.KRCC, Measure.PLCC_FITTED)) {
            assertThat(agreement.figure(measure)).isEqualTo(Estimate.absent("all computed scores are the same"));
        }
        assertThat(agreement.figure(Measure.SRCC_WITHIN_GENERATORS).reason()).contains("10 images");
        assertThat(agreement.figure(Measure.COVERAGE).reason()).contains("no intervals");
        assertThat(value(agreement, Measure.RMSE)).isPositive();

        Agreement ownScale = Agreement.of(Drawn.predictions(20, GENERATORS, 0.4, 1), false, BOOTSTRAP);
        for (Measure measure : Set.of(Measure.RMSE, Measure.MAE, Measure.RATING_ACCURACY)) {
            assertThat(ownScale.figure(measure).reason()).contains("scale of their own");
        }
        assertThat(value(ownScale, Measure.RMSE_FITTED)).isPositive();
    }

    /** Two scores whose images have the same opinions on average: the best map says the same of all. */
    @Test
    void aFitThatIsLevelHasNoCorrelation() {
        List<Prediction> level = IntStream.range(0, 12)
                .mapToObj(i -> Drawn.prediction("i" + i, "p" + i, "sd", i % 2 + 1, i / 2 % 3 + 1))
                .toList();

        Agreement agreement = Agreement.of(level, true, BOOTSTRAP);

        assertThat(agreement.figure(Measure.PLCC_FITTED)).isEqualTo(Estimate.absent("the fitted map is level"));
        assertThat(value(agreement, Measure.PLCC)).isZero();
        assertThat(value(agreement, Measure.RMSE_FITTED)).isPositive();
    }

    @Test
    void oneImageAndTwoAreNoNumbersButNoFailureEither() {
        Prediction one = Drawn.prediction("a", "a", null, 1, 2);
        Agreement ofOne = Agreement.of(List.of(one), true, BOOTSTRAP);
        assertThat(ofOne.figure(Measure.SRCC).reason()).isEqualTo("one image has no correlation");
        assertThat(ofOne.figure(Measure.PLCC_FITTED).reason()).contains("5 parameters");
        assertThat(ofOne.figure(Measure.RMSE)).isEqualTo(Estimate.of(1, null));

        Agreement ofTwo = Agreement.of(List.of(one, Drawn.prediction("b", "b", null, 2, 3)), true, BOOTSTRAP);
        assertThat(ofTwo.figure(Measure.SRCC)).isEqualTo(Estimate.of(1, null));
    }

    @Test
    void theMeanOverSplitsIsTheMeanOfTheirFigures() {
        List<List<Prediction>> folds =
                List.of(Drawn.predictions(30, GENERATORS, 0.3, 1), Drawn.predictions(40, GENERATORS, 0.9, 2));

        Agreement mean = Agreement.mean(folds, true, BOOTSTRAP);

        for (Measure measure : EnumSet.complementOf(EnumSet.of(Measure.COVERAGE))) {
            double expected = folds.stream()
                    .mapToDouble(fold -> value(Agreement.of(fold, true, BOOTSTRAP), measure))
                    .average()
                    .orElseThrow();
            assertThat(value(mean, measure)).as(measure.label()).isCloseTo(expected, within(1e-12));
            assertThat(expected)
                    .isBetween(
                            interval(mean, measure).low(),
                            interval(mean, measure).high());
        }
        assertThat(mean.images()).isEqualTo(210);
        assertThat(mean.byGenerator()).isEmpty();
        assertThatThrownBy(() -> Agreement.mean(List.of(), true, BOOTSTRAP)).hasMessage("there is no split");
    }

    @Test
    void measuresCoverageWhereThereAreIntervals() {
        List<Prediction> predictions = IntStream.range(0, 10)
                .mapToObj(i -> new Prediction("i" + i, null, "p" + i, null, 2.5, i / 2.0, new Interval(1, 3)))
                .toList();

        // 1, 1.5, 2, 2.5 and 3: the ends belong to the interval
        assertThat(value(Agreement.of(predictions, true, BOOTSTRAP), Measure.COVERAGE))
                .isEqualTo(0.5);
    }

    @Test
    void anEstimateIsAFiniteNumberOrAReason() {
        assertThatThrownBy(() -> new Estimate(Double.NaN, null, null)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Estimate(null, null, null)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Estimate(1.0, null, "why")).isInstanceOf(IllegalArgumentException.class);
    }
}
