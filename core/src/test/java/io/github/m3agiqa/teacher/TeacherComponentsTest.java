package io.github.m3agiqa.teacher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

/** Components of random vectors whose coordinates vary differently. */
class TeacherComponentsTest {
    private static final float TOLERANCE = 1e-4f; // float32 of what was computed in float64

    /** Centred vectors; coordinate j varies about 1 / (j + 1). */
    private static Tensor rows(int vectors, int dimensions) {
        Random random = new Random(11);
        float[] numbers = new float[vectors * dimensions];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = (float) (random.nextGaussian() / (i % dimensions + 1));
        }
        Tensor rows = Torch.to(Torch.floats(numbers, vectors, dimensions), Dtype.F64);
        return rows.sub(Torch.mean(rows, 0));
    }

    private static void assertComponents(Tensor rows, int size) {
        Tensor axes = PrincipalComponents.ofRows(rows, size);
        Tensor coordinates = rows.matmul(axes);
        float[] covariance = Torch.toFloats(Torch.divide(coordinates.t().matmul(coordinates), (double) rows.size(0)));
        double total = 0;
        for (int i = 0; i < size; i++) {
            total += covariance[i * size + i];
            for (int j = 0; j < i; j++) {
                assertThat(covariance[i * size + j]).isCloseTo(0, within(TOLERANCE));
            }
            if (i > 0) {
                assertThat(covariance[i * size + i]).isLessThan(covariance[(i - 1) * size + i - 1]);
            }
        }
        assertThat(total).isCloseTo(size, within(size * 1e-5));
        assertThat(covariance[0]).as("not whitened").isGreaterThan(1.1f);
    }

    @Test
    void areUncorrelatedAndOneOnAverage() {
        try (Scope _ = new Scope()) {
            assertComponents(rows(50, 8), 5);
            assertComponents(rows(8, 50), 5);
        }
    }

    @Test
    void areTheSameThroughEitherMatrix() {
        try (Scope _ = new Scope()) {
            Tensor rows = rows(10, 12);
            float[] gram = Torch.toFloats(PrincipalComponents.ofRows(rows, 4));
            float[] covariance = Torch.toFloats(
                    PrincipalComponents.ofCovariance(Torch.divide(rows.t().matmul(rows), 10), 4));

            assertThat(gram).containsExactly(covariance, within(TOLERANCE));
        }
    }

    @Test
    void cannotBeMoreThanTheDirections() {
        try (Scope _ = new Scope()) {
            Tensor rows = rows(6, 20);

            assertThatThrownBy(() -> PrincipalComponents.ofRows(rows, 7))
                    .isInstanceOf(InputException.class)
                    .hasMessageContaining("7 components");
            assertThatThrownBy(() -> PrincipalComponents.ofRows(rows, 6))
                    .isInstanceOf(InputException.class)
                    .hasMessageContaining("do not vary in 6 directions");
        }
    }

    @Test
    void momentsInPartsAreThoseOfTheWhole() {
        try (Scope _ = new Scope();
                Moments moments = new Moments()) {
            Tensor rows = Torch.plus(rows(20, 3), 2);
            moments.add(rows.narrow(0, 0, 7));
            moments.add(rows.narrow(0, 7, 13));
            Tensor centred = rows.sub(Torch.mean(rows, 0));

            assertThat(Torch.toFloats(moments.mean())).containsExactly(new float[] {2, 2, 2}, within(TOLERANCE));
            assertThat(Torch.toFloats(moments.covariance()))
                    .containsExactly(Torch.toFloats(Torch.divide(centred.t().matmul(centred), 20)), within(TOLERANCE));
        }
    }
}
