package io.github.m3agiqa.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TorchTest {
    private Scope scope;

    @BeforeEach
    void open() {
        scope = new Scope();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    /** 2 a b, as if the engine could not multiply. */
    private static Tensor product(Tensor a, Tensor b, AtomicInteger calls) {
        Tensor result = Torch.scale(a.detach().mul(b.detach()), 2);
        return Torch.withGradient(result, List.of(a, b), upstream -> {
            calls.incrementAndGet();
            return List.of(Torch.scale(upstream.mul(b.detach()), 2), Torch.scale(upstream.mul(a.detach()), 2));
        });
    }

    @Test
    void gradientsGivenByHandReachEveryInputOnce() {
        Tensor x = Torch.floats(new float[] {1, 2, 3, 4}, 2, 2).set_requires_grad(true);
        Tensor y = Torch.floats(new float[] {5, 6, 7, 8}, 2, 2).set_requires_grad(true);
        Tensor weight = Torch.floats(new float[] {1, 10, 100, 1000}, 2, 2);
        AtomicInteger calls = new AtomicInteger();

        Tensor result = product(Torch.scale(x, 3), y, calls); // 6 x y
        result.mul(weight).sum().add(result.sum()).backward(); // with 1 more for its second use

        assertThat(Torch.toFloats(result)).containsExactly(30, 72, 126, 192);
        assertThat(Torch.toFloats(Torch.gradient(x))).containsExactly(2 * 6 * 5, 11 * 6 * 6, 101 * 6 * 7, 1001 * 6 * 8);
        assertThat(Torch.toFloats(Torch.gradient(y))).containsExactly(2 * 6, 11 * 6 * 2, 101 * 6 * 3, 1001 * 6 * 4);
        assertThat(calls).hasValue(1);
    }

    @Test
    void whatNeedsNoGradientHasNone() {
        Tensor x = Torch.floats(new float[] {1, 2}, 2);

        assertThat(product(x, x, new AtomicInteger()).requires_grad()).isFalse();
    }

    @Test
    void theLargestOfALongRowAreFoundWhereverTheyAre() {
        int size = 64 * 300;
        float[] numbers = new float[size];
        for (int i = 0; i < size; i++) {
            numbers[i] = (float) (i * 7919L % size); // each number once
        }
        numbers[5] = size + 3; // three neighbours, the last one, and one below all that are asked for
        numbers[6] = size + 5;
        numbers[7] = size + 4;
        numbers[size - 1] = size + 2;
        numbers[640] = -1;

        Torch.Top top = Torch.top(Torch.floats(numbers, size), 5);

        assertThat(top.indices().scalar_type().intern()).isEqualTo(ScalarType.Long);
        assertThat(Torch.toLongs(top.indices())).startsWith(6, 7, 5, size - 1).hasSize(5);
        assertThat(Torch.toFloats(top.values())).containsExactly(size + 5, size + 4, size + 3, size + 2, size - 1);
    }

    @Test
    void geluIsThatOfTheEngine() {
        Tensor x = Torch.floats(new float[] {-1e20f, -100, -3, -0.5f, -1e-6f, 0, 1e-6f, 0.5f, 3, 100, 1e20f}, 11);

        assertThat(Torch.gelu(x).allclose(torch.gelu(x, "tanh"), 1e-6, 1e-6, false))
                .isTrue();
    }

    @Test
    void geluHasGradients() {
        Tensor x = Torch.floats(new float[] {-1, 0, 2}, 3).set_requires_grad(true);

        Torch.gelu(x).sum().backward();

        assertThat(Torch.toFloats(Torch.gradient(x)))
                .usingComparatorWithPrecision(1e-4f)
                .containsExactly(-0.0830f, 0.5f, 1.0861f);
    }

    @Test
    void aFailureInAGradientIsThatOfTheBackwardPass() {
        Tensor x = Torch.floats(new float[] {1, 2}, 2).set_requires_grad(true);
        Tensor result = Torch.withGradient(x.detach().clone(), List.of(x), _ -> {
            throw new IllegalStateException("no gradient today");
        });

        assertThatThrownBy(() -> result.sum().backward()).hasMessageContaining("no gradient today");
    }
}
