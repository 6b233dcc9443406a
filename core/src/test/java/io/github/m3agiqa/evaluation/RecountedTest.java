package io.github.m3agiqa.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Random;
import java.util.function.BiFunction;
import java.util.function.ToDoubleBiFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RecountedTest {
    /** The same sums in another order. */
    private static final Offset<Double> ROUNDING = within(1e-12);

    record Twins(
            String name, ToDoubleBiFunction<double[], double[]> plain, BiFunction<double[], double[], Statistic> fast) {
        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Twins> twins() {
        return Stream.of(
                new Twins("SRCC", Correlations::srcc, Recounted::srcc),
                new Twins("PLCC", Correlations::plcc, Recounted::plcc),
                new Twins("KRCC", Correlations::krcc, Recounted::krcc),
                new Twins("RMSE", Correlations::rmse, Recounted::rmse),
                new Twins("MAE", Correlations::mae, Recounted::mae));
    }

    /** Each image written out as often as it counts. */
    private static double[] repeated(double[] values, int[] counts) {
        return IntStream.range(0, values.length)
                .flatMap(i -> IntStream.generate(() -> i).limit(counts[i]))
                .mapToDouble(i -> values[i])
                .toArray();
    }

    @ParameterizedTest
    @MethodSource("twins")
    void equalsThePlainMeasureOfRepeatedImages(Twins twins) {
        Random random = new Random(7);
        for (int round = 0; round < 200; round++) {
            int images = 2 + random.nextInt(40);
            int levels = 1 + random.nextInt(12); // few levels, many ties
            double[] x = random.ints(images, -levels, levels)
                    .mapToDouble(v -> v / 3.0)
                    .toArray();
            double[] y = random.ints(images, 0, levels).asDoubleStream().toArray();
            Statistic fast = twins.fast.apply(x, y);
            for (int draw = 0; draw < 5; draw++) {
                int[] counts = random.ints(images, 0, 4).toArray();

                double expected = twins.plain.applyAsDouble(repeated(x, counts), repeated(y, counts));

                if (Double.isNaN(expected)) {
                    assertThat(fast.of(counts)).isNaN();
                } else {
                    assertThat(fast.of(counts)).isCloseTo(expected, ROUNDING);
                }
            }
        }
    }

    @Test
    void aConstantIsFoundThoughItsMeanIsRounded() {
        double[] constant = IntStream.range(0, 10).mapToDouble(_ -> 0.1).toArray();
        double[] rising = IntStream.range(0, 10).asDoubleStream().toArray();

        assertThat(Recounted.plcc(constant, rising).of(new int[] {3, 0, 1, 2, 1, 0, 3, 1, 0, 1}))
                .isNaN();
        assertThat(Recounted.plcc(rising, rising).of(new int[10])).isNaN();
    }

    @Test
    void theMeanOverPartsWeighsImagesAndSkipsWhatIsUndefined() {
        Statistic first = Recounted.mean(new double[] {1, 3});
        Statistic second = Recounted.mean(new double[] {10});
        Statistic mean = Recounted.weightedMean(List.of(new int[] {0, 2}, new int[] {1}), List.of(first, second));

        // images 0 and 2 have the mean 2, image 1 has 10
        assertThat(mean.of(new int[] {1, 1, 1})).isCloseTo((2 * 2 + 10) / 3.0, ROUNDING);
        assertThat(mean.of(new int[] {2, 1, 0})).isCloseTo((2 * 1 + 10) / 3.0, ROUNDING);
        assertThat(mean.of(new int[] {0, 1, 0})).isEqualTo(10);
        assertThat(Recounted.mean(List.of(first, Recounted.mean(new double[] {8, 8})))
                        .of(new int[] {1, 1}))
                .isEqualTo(5);
    }
}
