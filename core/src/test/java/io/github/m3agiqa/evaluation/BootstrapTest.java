package io.github.m3agiqa.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.Interval;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BootstrapTest {
    private static final Bootstrap BOOTSTRAP = new Bootstrap(2000, 1);

    private static List<String> groups(int images, int size) {
        return IntStream.range(0, images).mapToObj(i -> "prompt " + i / size).toList();
    }

    private static double[] normal(int images) {
        Random random = new Random(5);
        return IntStream.range(0, images)
                .mapToDouble(_ -> random.nextGaussian())
                .toArray();
    }

    private static Interval interval(List<String> groups, Statistic statistic) {
        Interval interval = Bootstrap.interval(BOOTSTRAP.values(groups, List.of(statistic))[0]);
        assertThat(interval).isNotNull();
        return interval;
    }

    /** The interval of a mean is known: 1.96 standard errors to both sides. */
    @Test
    void theIntervalOfAMeanIsTheTextbooks() {
        double[] values = normal(400);
        double mean =
                IntStream.range(0, 400).mapToDouble(i -> values[i]).average().orElseThrow();
        double error = Correlations.rmse(
                        values, IntStream.range(0, 400).mapToDouble(_ -> mean).toArray())
                / 20;

        Interval interval = interval(groups(400, 1), Recounted.mean(values));

        // 2000 draws find the ends within a tenth of a standard error
        assertThat(interval.low()).isCloseTo(mean - 1.96 * error, within(0.15 * error));
        assertThat(interval.high()).isCloseTo(mean + 1.96 * error, within(0.15 * error));
    }

    /** Nine copies of each image tell no more than one. */
    @Test
    void copiesInAGroupDoNotNarrowTheInterval() {
        double[] values = normal(100);
        double[] copied =
                IntStream.range(0, 900).mapToDouble(i -> values[i / 9]).toArray();

        Interval once = interval(groups(100, 1), Recounted.mean(values));
        Interval grouped = interval(groups(900, 9), Recounted.mean(copied));
        Interval ungrouped = interval(groups(900, 1), Recounted.mean(copied));

        assertThat(grouped.low()).isCloseTo(once.low(), within(1e-12));
        assertThat(grouped.high()).isCloseTo(once.high(), within(1e-12));
        assertThat(ungrouped.high() - ungrouped.low()).isLessThan((once.high() - once.low()) / 2);
    }

    @Test
    void statisticsSeeTheSameDraws() {
        double[] values = normal(50);

        double[][] drawn = BOOTSTRAP.values(
                groups(50, 2), List.of(Recounted.mean(values), Recounted.mean(values), counts -> counts[0]));

        assertThat(drawn[0]).isEqualTo(drawn[1]);
        assertThat(drawn[2]).contains(0, 1, 2);
        assertThat(BOOTSTRAP.values(groups(50, 2), List.of(Recounted.mean(values)))[0])
                .isEqualTo(drawn[0]);
        assertThat(new Bootstrap(2000, 2).values(groups(50, 2), List.of(Recounted.mean(values)))[0])
                .isNotEqualTo(drawn[0]);
    }

    @Test
    void whatIsMostlyUndefinedHasNoInterval() {
        assertThat(Bootstrap.interval(BOOTSTRAP.values(groups(4, 4), List.of(Recounted.mean(normal(4))))[0]))
                .isNull();
        double[] tenthUndefined = IntStream.range(0, 100)
                .mapToDouble(i -> i % 10 == 0 ? Double.NaN : i)
                .toArray();
        assertThat(Bootstrap.interval(tenthUndefined)).isNull();
        assertThat(Bootstrap.p(tenthUndefined)).isNull();
        double[] onceUndefined = IntStream.range(0, 100)
                .mapToDouble(i -> i == 50 ? Double.NaN : i)
                .toArray();
        assertThat(Bootstrap.interval(onceUndefined)).isNotNull();
    }

    /** As numpy.percentile computes it. */
    @Test
    void theEndsAreInterpolatedPercentiles() {
        double[] values =
                IntStream.rangeClosed(0, 100).mapToDouble(i -> 100 - i).toArray();

        Interval interval = Bootstrap.interval(values);
        assertThat(interval).isNotNull();
        assertThat(interval.low()).isCloseTo(2.5, within(1e-12));
        assertThat(interval.high()).isCloseTo(97.5, within(1e-12));
    }

    @Test
    void pIsTwoSidedAndNeverZero() {
        assertThat(Bootstrap.p(new double[999])).isEqualTo(1);
        double[] above = IntStream.range(0, 999).mapToDouble(i -> i + 1).toArray();
        double[] below = IntStream.range(0, 999).mapToDouble(i -> -i - 1).toArray();
        assertThat(Bootstrap.p(above)).isEqualTo(0.002);
        assertThat(Bootstrap.p(below)).isEqualTo(0.002);
        above[0] = -1;
        assertThat(Bootstrap.p(above)).isEqualTo(0.004);
    }

    @Test
    void refusesTooFewDraws() {
        assertThatThrownBy(() -> new Bootstrap(99, 1)).hasMessageContaining("100 are the least");
    }
}
