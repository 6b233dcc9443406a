package io.github.m3agiqa.mllm;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.FilledTensors;
import io.github.m3agiqa.weights.ModelWeights;
import io.github.m3agiqa.weights.WeightStore;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.assertj.core.data.Offset;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

class LlamaTest {
    private static final int HIDDEN = 4;
    /** So wide that its feed-forward layers take seven rows at a time. */
    private static final int WIDE = 1 << 20;

    private static final Llama.Config CONFIG = new Llama.Config(2, HIDDEN, WIDE, 1, 1, 1, HIDDEN, 1e-5, 1e4, 32);

    @Test
    void manyRowsOfAWideModelAreWhatEachIsAlone() {
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard();
                WeightStore store = weights()) {
            Llama llama = new Llama(CONFIG, ModelWeights.of(store).root());
            Tensor rows = FilledTensors.normal(new Random(5), 16, HIDDEN);

            float[] together = Torch.toFloats(llama.forward(rows, new Apart(16)));

            for (int row = 0; row < 16; row++) {
                float[] alone = Torch.toFloats(llama.forward(rows.narrow(0, row, 1), new Apart(1)));
                for (int i = 0; i < HIDDEN; i++) {
                    assertThat(together[row * HIDDEN + i]).isCloseTo(alone[i], Offset.offset(1e-4f));
                }
            }
        }
    }

    private static WeightStore weights() {
        Map<String, long[]> shapes = new LinkedHashMap<>();
        shapes.put("model.embed_tokens.weight", new long[] {2, HIDDEN});
        shapes.put("model.norm.weight", new long[] {HIDDEN});
        shapes.put("lm_head.weight", new long[] {2, HIDDEN});
        String layer = "model.layers.0.";
        shapes.put(layer + "input_layernorm.weight", new long[] {HIDDEN});
        shapes.put(layer + "post_attention_layernorm.weight", new long[] {HIDDEN});
        for (String projection : new String[] {"q_proj", "k_proj", "v_proj", "o_proj"}) {
            shapes.put(layer + "self_attn." + projection + ".weight", new long[] {HIDDEN, HIDDEN});
        }
        shapes.put(layer + "mlp.gate_proj.weight", new long[] {WIDE, HIDDEN});
        shapes.put(layer + "mlp.up_proj.weight", new long[] {WIDE, HIDDEN});
        shapes.put(layer + "mlp.down_proj.weight", new long[] {HIDDEN, WIDE});
        Random random = new Random(3);
        return new WeightStore(
                FilledTensors.of(
                        shapes,
                        (name, _, _) ->
                                name.contains("norm") ? 1 : random.nextGaussian() / (name.contains("down") ? 1e3 : 2)),
                Precision.FP32,
                Device.CPU);
    }

    /** Rows that see only themselves, at the first position. */
    private record Apart(int rows) implements AttentionContext {
        @Override
        public int[] positions() {
            return IntStream.range(0, rows).map(_ -> 0).toArray();
        }

        @Override
        public Tensor attend(int layer, Tensor query, Tensor key, Tensor value) {
            return value.reshape(rows, HIDDEN);
        }
    }
}
