package io.github.m3agiqa.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Interval;
import io.github.m3agiqa.evaluation.Monitoring.Cell;
import io.github.m3agiqa.evaluation.Monitoring.Drift;
import io.github.m3agiqa.evaluation.Monitoring.Mean;
import io.github.m3agiqa.evaluation.MonitoringHtml.Worst;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import org.hipparchus.stat.inference.KolmogorovSmirnovTest;
import org.junit.jupiter.api.Test;

class MonitoringTest {
    private static final double BIN = 0.01;

    private static Cell cell(String generator, String day, double... scores) {
        TreeMap<Double, Long> counts = new TreeMap<>();
        double sum = 0;
        double squares = 0;
        for (double score : scores) {
            counts.merge(Math.floor(score / BIN) * BIN, 1L, Long::sum);
            sum += score;
            squares += score * score;
        }
        return new Cell(generator, day, "quality", 0, sum, squares, counts);
    }

    private static double[] normal(long seed, int count, double mean) {
        Random random = new Random(seed);
        double[] scores = new double[count];
        for (int i = 0; i < count; i++) {
            scores[i] = Math.clamp(mean + 0.7 * random.nextGaussian(), 0, 5);
        }
        return scores;
    }

    @Test
    void meansHaveStudentsInterval() {
        Monitoring found = Monitoring.of(List.of(cell("a", "1", 1, 2, 3, 4), cell("a", "2", 3)), "1", "1", 0.05);

        Mean four = found.means().getFirst();
        assertThat(four.mean()).isEqualTo(2.5);
        // R: t.test(c(1, 2, 3, 4))
        Interval interval = Objects.requireNonNull(four.interval());
        assertThat(interval.low()).isCloseTo(0.4457397, within(1e-6));
        assertThat(interval.high()).isCloseTo(4.5542603, within(1e-6));
        assertThat(found.means().get(1).interval()).isNull();
    }

    @Test
    void distanceAndProbabilityAreThoseOfTheTestOnTheScores() {
        double[] before = normal(1, 90, 3);
        double[] after = normal(2, 80, 3.2);

        Drift drift = Monitoring.of(List.of(cell("a", "1", before), cell("a", "2", after)), "1", "1", 0.05)
                .drifts()
                .getFirst();

        KolmogorovSmirnovTest test = new KolmogorovSmirnovTest();
        assertThat(drift.distance())
                .isCloseTo(test.kolmogorovSmirnovStatistic(before, after), within(2.0 / before.length));
        assertThat(drift.probability()).isCloseTo(test.exactP(drift.distance(), 80, 90, false), within(1e-12));
    }

    /** One image of some thousands has another score, each day: so small a distance is what is to be expected. */
    @Test
    void daysThatHardlyDifferHaveNotDrifted() {
        double[] before = new double[10_007];
        double[] after = new double[10_009];
        before[0] = 1;
        after[0] = 1;

        Monitoring found = Monitoring.of(List.of(cell("a", "1", before), cell("a", "2", after)), "1", "1", 0.05);

        assertThat(found.drifts()).singleElement().satisfies(drift -> {
            assertThat(drift.distance()).isPositive();
            assertThat(drift.probability()).isEqualTo(1);
        });
    }

    @Test
    void findsTheOneDayThatDriftedAmongMany() {
        List<Cell> cells = new ArrayList<>();
        for (int day = 10; day < 40; day++) {
            cells.add(cell("steady", String.valueOf(day), normal(day, 400, 3)));
            cells.add(cell("changed", String.valueOf(day), normal(100 + day, 400, day == 35 ? 2.7 : 3)));
        }

        List<Drift> drifts = Monitoring.of(cells, "10", "16", 0.05).drifts();

        assertThat(drifts).hasSize(2 * 23);
        assertThat(drifts).filteredOn(Drift::drifted).singleElement().satisfies(drift -> {
            assertThat(drift.generator()).isEqualTo("changed");
            assertThat(drift.day()).isEqualTo("35");
            assertThat(drift.baselineImages()).isEqualTo(7 * 400);
            assertThat(drift.corrected()).isGreaterThan(drift.probability());
        });
    }

    @Test
    void aBaselineWithoutScoresIsRefused() {
        assertThatThrownBy(() -> Monitoring.of(List.of(cell("a", "1", 3)), "2", "3", 0.05))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("from 2 to 3", "another baseline");
    }

    @Test
    void thePageShowsTextAsText() {
        Monitoring found =
                Monitoring.of(List.of(cell("<b>a</b>", "1", 1, 2), cell("<b>a</b>", "2", 4, 5)), "1", "1", 0.9);

        String page = MonitoringHtml.of(
                found, List.of(new Worst("quality", 1, "x.png", "<script>", "<b>a</b>", "1")), "1 to 1");

        assertThat(page)
                .contains("&lt;script&gt;", "&lt;b&gt;a&lt;/b&gt;", "mean score of quality by day and generator")
                .doesNotContain("<script>", "<b>a</b>", "http://", "https://");
    }
}
