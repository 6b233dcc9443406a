package io.github.m3agiqa.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.m3agiqa.LogisticMap;
import io.github.m3agiqa.testing.Goldens;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.hipparchus.stat.regression.SimpleRegression;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class LogisticFitTest {
    private static double[] mapped(LogisticMap map, double[] x) {
        return Arrays.stream(x).map(map::of).toArray();
    }

    private static double squares(LogisticMap map, double[] x, double[] y) {
        double rmse = Correlations.rmse(mapped(map, x), y);
        return rmse * rmse * x.length;
    }

    private static double[] uniform(Random random, int images, double from, double to) {
        return random.doubles(images, from, to).toArray();
    }

    @ParameterizedTest
    @CsvSource({
        "3, 2.5, 2.2, 0.3, 1.5",
        "5, 1, 2.5, 0, 2.5",
        "2, 4, 1.5, 0.1, 3",
        "4, 3, 3.5, -0.2, 2",
        "-3, 2, 2, -0.5, 4",
    })
    void recoversTheMapThatMadeTheOpinions(double b1, double b2, double b3, double b4, double b5) {
        LogisticMap truth = new LogisticMap(b1, b2, b3, b4, b5);
        double[] x = uniform(new Random(3), 300, 0, 5);

        LogisticMap found = LogisticFit.of(x, mapped(truth, x));

        // the search ends where a step changes next to nothing in double precision
        assertThat(new double[] {found.b1(), found.b2(), found.b3(), found.b4(), found.b5()})
                .containsExactly(new double[] {b1, b2, b3, b4, b5}, within(1e-5));
    }

    static Stream<String> fits() {
        return Goldens.read("statistics.json").path("fits").propertyStream().map(entry -> entry.getKey());
    }

    /** What curve_fit of SciPy finds; statistics.py beside the golden file made it. */
    @ParameterizedTest
    @MethodSource("fits")
    void fitsAsWellAsSciPy(String name) {
        JsonNode golden = Goldens.read("statistics.json").path("fits").path(name);
        double[] x = Goldens.doubles(golden.path("x"));
        double[] y = Goldens.doubles(golden.path("y"));

        // SciPy starts near and stops where a step gains less than 1.5e-8 of the sum of squares
        assertThat(squares(LogisticFit.of(x, y), x, y))
                .isLessThanOrEqualTo(golden.path("rss").asDouble() * (1 + 1e-7));
    }

    /** Other parameters may make the same curve. */
    @ParameterizedTest
    @ValueSource(strings = {"another scale", "lower is better", "little noise"})
    void findsTheCurveOfSciPyWhereThereIsOneBest(String name) {
        JsonNode golden = Goldens.read("statistics.json").path("fits").path(name);
        double[] x = Goldens.doubles(golden.path("x"));
        double[] y = Goldens.doubles(golden.path("y"));
        double[] b = Goldens.doubles(golden.path("b"));

        // a hundredth of an opinion, in the far ends of the valley in which SciPy stops on the way
        assertThat(mapped(LogisticFit.of(x, y), x))
                .containsExactly(mapped(new LogisticMap(b[0], b[1], b[2], b[3], b[4]), x), within(0.01));
    }

    @Test
    void findsTheParametersOfSciPyWhereTheDataSettleThem() {
        JsonNode golden = Goldens.read("statistics.json").path("fits").path("little noise");
        double[] b = Goldens.doubles(golden.path("b"));

        LogisticMap found = LogisticFit.of(Goldens.doubles(golden.path("x")), Goldens.doubles(golden.path("y")));

        // curve_fit takes finite differences and stops at 1.5e-8
        assertThat(new double[] {found.b1(), found.b2(), found.b3(), found.b4(), found.b5()})
                .containsExactly(b, within(1e-4));
    }

    @Test
    void isNeverWorseThanTheBestStraightLine() {
        Random random = new Random(11);
        for (int round = 0; round < 200; round++) {
            int images = 1 + random.nextInt(60);
            double sign = random.nextBoolean() ? 1 : -1;
            double unit = Math.pow(10, random.nextInt(7) - 3);
            double[] y = uniform(random, images, 0, 5);
            double[] x = Arrays.stream(y)
                    .map(mos -> unit * (sign * mos + 2 * random.nextGaussian()))
                    .toArray();
            SimpleRegression line = new SimpleRegression();
            for (int i = 0; i < images; i++) {
                line.addData(x[i], y[i]);
            }

            double best = images < 2 ? 0 : line.getSumSquaredErrors();

            assertThat(squares(LogisticFit.of(x, y), x, y)).isLessThanOrEqualTo(best * (1 + 1e-9) + 1e-18);
        }
    }

    @Test
    void turnsScoresAroundThatFallAsOpinionsRise() {
        double[] x = uniform(new Random(5), 200, 0, 100);
        double[] y = Arrays.stream(x)
                .map(score -> 5 / (1 + Math.exp((score - 40) / 10)))
                .toArray();

        LogisticMap map = LogisticFit.of(x, y);

        assertThat(Correlations.plcc(x, y)).isLessThan(-0.9);
        assertThat(Correlations.plcc(mapped(map, x), y)).isCloseTo(1, within(1e-9));
    }

    @Test
    void isLevelWhereScoresDoNotVary() {
        LogisticMap map = LogisticFit.of(new double[] {2, 2, 2, 2, 2, 2, 2}, new double[] {1, 2, 3, 4, 5, 3, 3});

        assertThat(map.of(2)).isEqualTo(3);
        assertThat(map.of(4)).isEqualTo(3);
        assertThat(LogisticFit.of(new double[] {7}, new double[] {1.5}).of(0)).isEqualTo(1.5);
    }

    @Test
    void isTheLineForAFewImagesAndForOpinionsThatDoNotVary() {
        LogisticMap map = LogisticFit.of(new double[] {1, 2, 3}, new double[] {2, 4, 6});

        assertThat(map.of(10)).isCloseTo(20, within(1e-12));
        assertThat(LogisticFit.of(new double[] {1, 2, 3, 4, 5, 6, 7}, new double[] {3, 3, 3, 3, 3, 3, 3})
                        .of(100))
                .isCloseTo(3, within(1e-12));
    }

    /** A jump between two neighbouring scores would fit noise best. */
    @Test
    void isNoJump() {
        Random random = new Random(2);
        for (int round = 0; round < 50; round++) {
            double[] y = uniform(random, 60, 0, 5);
            double[] x =
                    Arrays.stream(y).map(mos -> mos + random.nextGaussian()).toArray();
            double spread = Math.sqrt(Arrays.stream(x).map(v -> v * v).average().orElseThrow()
                    - Math.pow(Arrays.stream(x).average().orElseThrow(), 2));

            assertThat(LogisticFit.of(x, y).b2() * spread).isBetween(0.0199, 10.0001);
        }
    }

    @Test
    void refusesWhatCannotBeFitted() {
        assertThatThrownBy(() -> LogisticFit.of(new double[0], new double[0]))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> LogisticFit.of(new double[] {1, Double.NaN}, new double[] {1, 2}))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new LogisticMap(1, 2, Double.NaN, 4, 5)).hasMessageContaining("finite");
        assertThatThrownBy(() -> new LogisticMap(1, Double.NEGATIVE_INFINITY, 3, 4, 5))
                .hasMessageContaining("finite");
    }

    @Test
    void aMapForOtherScoresIsALineWhereTheBestOneTurnsOrRunsAway() {
        double[] scores = IntStream.range(0, 60).mapToDouble(i -> i / 20.0).toArray();
        double[] saturating = DoubleStream.of(scores)
                .map(score -> 2 + Math.tanh(2 * (score - 1.5)))
                .toArray();
        double[] turning = DoubleStream.of(scores)
                .map(score -> 3 - (score - 2) * (score - 2))
                .toArray();
        double[] running =
                DoubleStream.of(scores).map(score -> Math.exp(2 * score - 4)).toArray();

        assertThat(LogisticFit.forOtherScores(scores, saturating)).isEqualTo(LogisticFit.of(scores, saturating));
        for (double[] mos : List.of(turning, running)) {
            LogisticMap line = LogisticFit.forOtherScores(scores, mos);
            assertThat(LogisticFit.of(scores, mos).b1()).isNotZero();
            assertThat(line.b1()).isZero();
            assertThat(line.b4()).isPositive();
        }
    }
}
