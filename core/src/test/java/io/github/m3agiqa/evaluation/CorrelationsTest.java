package io.github.m3agiqa.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.m3agiqa.testing.Goldens;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class CorrelationsTest {
    /** Sums of a few hundred doubles in another order than SciPy's. */
    private static final Offset<Double> ROUNDING = within(1e-13);

    private static double[] of(double... values) {
        return values;
    }

    /** The values, with the digits, that SciPy's documentation and test suite state; some are from R and Kendall (1970). */
    @Test
    void kendallIsTauBOfSciPy() {
        assertThat(Correlations.krcc(of(12, 2, 1, 12, 2), of(1, 4, 7, 1, 0))).isCloseTo(-0.47140452079103173, ROUNDING);
        assertThat(Correlations.krcc(of(5, 2, 1, 3, 6, 4, 7, 8), of(5, 2, 6, 3, 1, 8, 7, 4)))
                .isZero();
        assertThat(Correlations.krcc(of(5, 2, 1, 3, 6, 4, 7), of(5, 2, 6, 3, 1, 7, 4)))
                .isCloseTo(-0.14285714286, within(1e-11));
        assertThat(Correlations.krcc(of(2, 1, 3, 6, 4, 7, 8), of(2, 6, 3, 1, 8, 7, 4)))
                .isCloseTo(0.047619047619, within(1e-12));
        assertThat(Correlations.krcc(of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9), of(0, 2, 1, 3, 4, 6, 5, 7, 8, 9)))
                .isCloseTo(0.9111111111111111, ROUNDING);
        assertThat(Correlations.krcc(of(1, 2, 2, 4, 4, 6, 6, 8, 9, 9), of(1, 2, 4, 4, 4, 4, 8, 8, 8, 10)))
                .isCloseTo(0.85895569, within(5e-9));
        // 1 as tau-b; tau-c would be 0.889
        assertThat(Correlations.krcc(of(1, 1, 2), of(1, 1, 2))).isEqualTo(1);
    }

    @Test
    void spearmanIsSciPys() {
        assertThat(Correlations.srcc(of(1, 2, 3, 4, 5), of(5, 6, 7, 8, 7))).isCloseTo(0.8207826816681233, ROUNDING);
        assertThat(Correlations.srcc(of(1, 2, 3, 4), of(1, 2, 2, 3)))
                .isCloseTo(Correlations.plcc(of(1, 2, 3, 4), of(1, 2.5, 2.5, 4)), ROUNDING);
        assertThat(Correlations.srcc(of(1, 1, 2), of(1, 1, 2))).isEqualTo(1);
    }

    @Test
    void pearsonIsSciPys() {
        assertThat(Correlations.plcc(of(1, 2, 3, 4, 5, 6, 7), of(10, 9, 2.5, 6, 4, 3, 2)))
                .isCloseTo(-0.828503883588428, ROUNDING);
        assertThat(Correlations.plcc(of(-1, 0, 1), of(0, 0, 3))).isCloseTo(Math.sqrt(3) / 2, ROUNDING);
        assertThat(Correlations.plcc(of(1, 2, 3, 4), of(0, 1, 0.5, 1))).isCloseTo(0.6741998624632421, ROUNDING);
        assertThat(Correlations.plcc(of(1, 2, 3), of(5, -4, -13))).isEqualTo(-1);
        // very small, very large and extremely large values
        assertThat(Correlations.plcc(
                        of(0.004434375, 0.004756007, 0.003911996, 0.0038005, 0.003409971),
                        of(2.48e-188, 7.41e-181, 4.09e-208, 2.08e-223, 2.66e-245)))
                .isCloseTo(0.7272930540750450, ROUNDING);
        assertThat(Correlations.plcc(of(0, 0, 0, 1e90, 1e90, 1e90, 1e90), of(0, 1e90, 2e90, 3e90, 4e90, 5e90, 6e90)))
                .isCloseTo(0.8660254037844386, ROUNDING);
        assertThat(Correlations.plcc(of(2.3e200, 4.5e200, 6.7e200, 8e200), of(1.2e199, 5.5e200, 3.3e201, 1.0e200)))
                .isCloseTo(0.351312332103289, ROUNDING);
    }

    static Stream<String> computed() {
        JsonNode goldens = Goldens.read("statistics.json").path("correlations");
        return goldens.propertyStream().map(entry -> entry.getKey());
    }

    /** What SciPy computes of longer columns, ties included; statistics.py beside the golden file made it. */
    @ParameterizedTest
    @MethodSource("computed")
    void allAreSciPys(String name) {
        JsonNode golden = Goldens.read("statistics.json").path("correlations").path(name);
        double[] x = Goldens.doubles(golden.path("x"));
        double[] y = Goldens.doubles(golden.path("y"));

        assertThat(Correlations.srcc(x, y)).isCloseTo(golden.path("srcc").asDouble(), ROUNDING);
        assertThat(Correlations.krcc(x, y)).isCloseTo(golden.path("krcc").asDouble(), ROUNDING);
        assertThat(Correlations.plcc(x, y)).isCloseTo(golden.path("plcc").asDouble(), ROUNDING);
    }

    /** The reference computes in float32. */
    @Test
    void allAreTheReferences() {
        JsonNode golden = Goldens.read("misc.json").path("metrics");
        double[] a = Goldens.doubles(golden.path("a"));
        double[] b = Goldens.doubles(golden.path("b"));

        assertThat(Correlations.srcc(a, b)).isCloseTo(golden.path("srcc").asDouble(), within(1e-6));
        assertThat(Correlations.krcc(a, b)).isCloseTo(golden.path("krcc").asDouble(), within(1e-6));
        assertThat(Correlations.plcc(a, b)).isCloseTo(golden.path("plcc").asDouble(), within(1e-6));
    }

    @Test
    void errorsAreThoseOfTheFormulas() {
        assertThat(Correlations.rmse(of(1, 2, 3), of(2, 2, 5))).isCloseTo(Math.sqrt(5.0 / 3), ROUNDING);
        assertThat(Correlations.mae(of(1, 2, 3), of(2, 2, 5))).isEqualTo(1);
    }

    @Test
    void whatDoesNotVaryHasNoCorrelation() {
        double[] rising = {0.123, 0.456, 0.789};
        for (double[] constant : new double[][] {of(0.667, 0.667, 0.667), of(0, -0.0, 0)}) {
            assertThat(Correlations.srcc(constant, rising)).isNaN();
            assertThat(Correlations.krcc(rising, constant)).isNaN();
            assertThat(Correlations.plcc(constant, constant)).isNaN();
        }
        // SciPy computes garbage of this and warns
        assertThat(Correlations.plcc(of(2, 2, 2 + Math.ulp(2.0)), rising)).isNaN();
    }

    @Test
    void oneImageHasNoCorrelationAndTwoAreInOrderOrNot() {
        assertThat(Correlations.srcc(of(1), of(2))).isNaN();
        assertThat(Correlations.krcc(of(1), of(2))).isNaN();
        assertThat(Correlations.plcc(of(), of())).isNaN();
        assertThat(Correlations.rmse(of(), of())).isNaN();
        assertThat(Correlations.rmse(of(1), of(2))).isEqualTo(1);
        assertThat(Correlations.plcc(of(1, 2), of(3, 5))).isEqualTo(1);
        assertThat(Correlations.srcc(of(2, 1), of(3, 5))).isEqualTo(-1);
        assertThat(Correlations.krcc(of(2, 1), of(3, 5))).isEqualTo(-1);
    }

    @Test
    void zeroIsMinusZero() {
        assertThat(Correlations.srcc(of(-0.0, 0.0, 1, 2), of(2, 1, 3, 4)))
                .isEqualTo(Correlations.srcc(of(0, 0, 1, 2), of(2, 1, 3, 4)));
        assertThat(Correlations.krcc(of(-0.0, 0.0, 1, 2), of(2, 1, 3, 4)))
                .isEqualTo(Correlations.krcc(of(0, 0, 1, 2), of(2, 1, 3, 4)));
    }

    /** Pairs of 200,000 images no longer fit an int. */
    @ParameterizedTest
    @ValueSource(ints = {7, 1_000_000})
    void kendallCountsPairsBeyondAnInt(int levels) {
        Random random = new Random(1);
        double[] x = random.ints(200_000, 0, levels).asDoubleStream().toArray();
        double[] reversed = Arrays.stream(x).map(value -> -value).toArray();

        assertThat(Correlations.krcc(x, x)).isCloseTo(1, ROUNDING);
        assertThat(Correlations.krcc(x, reversed)).isCloseTo(-1, ROUNDING);
    }

    @Test
    void whatIsNoColumnIsRefused() {
        assertThatThrownBy(() -> Correlations.srcc(of(1, 2), of(1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("2 computed and 1 human scores");
        for (double broken :
                DoubleStream.of(Double.NaN, Double.POSITIVE_INFINITY).toArray()) {
            assertThatThrownBy(() -> Correlations.rmse(of(1, broken), of(1, 2)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("row 1");
        }
    }
}
