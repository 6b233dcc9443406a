package io.github.m3agiqa.mllm;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.FilledTensors;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class PatchAttentionTest {
    private static final int IMAGES = 2;
    private static final int HEADS = 5;
    private static final int PATCHES = 750; // three heads at a time, and the two that are left
    private static final int HEAD_SIZE = 16;

    private final Scope scope = new Scope();
    private final Random random = new Random(3);
    private final Tensor query = normal();
    private final Tensor key = normal();
    private final Tensor value = normal();

    @AfterEach
    void close() {
        scope.close();
    }

    @Test
    void productsOfBf16AttendAsTheEngineDoes() {
        Tensor expected = torch.scaled_dot_product_attention(query, key, value);
        Tensor made = PatchAttention.inProducts(query, key, value);

        assertThat(made.sizes().vec().get()).containsExactly(IMAGES, HEADS, PATCHES, HEAD_SIZE);
        assertThat(made.sub(expected).abs().max().item_float()).isLessThan(0.01f);
    }

    /** Weights of e^300 and of e^-300 are beyond float32 as long as they are not divided by their sum. */
    @Test
    void scoresMayBeOfAnySize() {
        Tensor ones = torch.ones_like(query);
        for (double score : new double[] {300, -300}) {
            Tensor large = Torch.scale(ones, score * 4 / HEAD_SIZE); // * 16 channels / sqrt(16)
            Tensor expected = torch.scaled_dot_product_attention(large, ones, value);

            Tensor made = PatchAttention.inProducts(large, ones, value);

            assertThat(made.sub(expected).abs().max().item_float()).isLessThan(0.01f);
        }
    }

    /** What an image makes does not depend on those beside it. */
    @Test
    void eachImageAttendsAlone() {
        Tensor both = PatchAttention.inProducts(query, key, value);
        Tensor alone = PatchAttention.inProducts(query.narrow(0, 1, 1), key.narrow(0, 1, 1), value.narrow(0, 1, 1));

        assertThat(both.narrow(0, 1, 1).equal(alone)).isTrue();
    }

    @Test
    void gradientsReachWhatIsLearned() {
        value.requires_grad_(true);

        assertThat(PatchAttention.attend(query, query, value, Dtype.BF16).requires_grad())
                .isTrue();
    }

    @Test
    void float32IsLeftToTheEngine() {
        assertThat(PatchAttention.attend(query, query, query, Dtype.F32)
                        .equal(torch.scaled_dot_product_attention(query, query, query)))
                .isTrue();
    }

    private Tensor normal() {
        return FilledTensors.normal(random, IMAGES, HEADS, PATCHES, HEAD_SIZE);
    }
}
