package io.github.m3agiqa.mllm;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.FilledTensors;
import io.github.m3agiqa.weights.HeldTensors;
import io.github.m3agiqa.weights.ModelWeights;
import io.github.m3agiqa.weights.WeightStore;
import java.util.List;
import java.util.Random;
import org.assertj.core.data.Offset;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

class LlamaTest {
    private static final int ROWS = 300;
    private static final int HIDDEN = 128;

    /** So wide that its feed-forward layers take less than {@link #ROWS} rows at a time. */
    private static final Llama.Config CONFIG = new Llama.Config(2, HIDDEN, 1 << 15, 1, 1, 1, HIDDEN, 1e-5, 1e4, ROWS);

    @Test
    void manyRowsOfAWideModelAreWhatEachIsAlone() {
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard();
                WeightStore store = weights();
                KvCache read = new KvCache(CONFIG, Device.CPU, ROWS)) {
            Llama llama = new Llama(CONFIG, ModelWeights.of(store).root().at("llm"));
            Tensor rows = FilledTensors.normal(new Random(5), ROWS, HIDDEN);

            float[] together = Torch.toFloats(llama.forward(rows, read.extension(ROWS)));

            for (int row = 0; row < ROWS; row++) {
                float[] alone = Torch.toFloats(llama.forward(rows.narrow(0, row, 1), read.extension(1)));
                read.grow(1);
                for (int i = 0; i < HIDDEN; i++) {
                    assertThat(together[row * HIDDEN + i]).isCloseTo(alone[i], Offset.offset(1e-4f));
                }
            }
        }
    }

    private static WeightStore weights() {
        MiniCpmVConfig config = new MiniCpmVConfig(
                CONFIG, new SiglipVision.Config(4, 4, 0, 1, 4, 4, List.of()), new Resampler.Config(1, HIDDEN, 4), 4);
        return new WeightStore(
                new HeldTensors("memory", MiniCpmVInitialization.weights(config, 3)), Precision.FP32, Device.CPU);
    }
}
