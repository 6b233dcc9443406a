package io.github.m3agiqa.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

class HeldTensorsTest {
    @Test
    void aNetworkComputesWithTheVeryTensors() {
        try (HeldTensors held = held();
                WeightStore store = new WeightStore(held, Precision.FP32, Device.CPU);
                Scope _ = new Scope()) {
            Parameter weight = ModelWeights.of(store).root().float32("weight", 2, 2);
            Tensor live = held.held().values().iterator().next().set_requires_grad(true);
            assertThat(weight.get().requires_grad()).isTrue();

            weight.get().square().sum().backward();
            assertThat(Torch.toFloats(Torch.gradient(live))).containsExactly(2, 4, 6, 8);

            try (NoGradGuard _ = new NoGradGuard()) {
                live.sub_(Torch.gradient(live));
            }
            assertThat(Torch.toFloats(weight.get())).containsExactly(-1, -2, -3, -4);
        }
    }

    @Test
    void holdsItsTensorsBeyondTheScopeOfTheirMakingUntilItIsClosed() {
        HeldTensors held = held();
        try (Scope _ = new Scope()) {
            assertThat(Torch.toFloats(held.load("weight", Dtype.F32, Device.CPU)))
                    .containsExactly(1, 2, 3, 4);
        }
        Tensor weight = held.held().values().iterator().next();

        held.close();
        held.close();

        assertThat(weight.isNull()).isTrue();
    }

    @Test
    void keepsTheOrderOfNames() {
        try (HeldTensors held = held()) {
            assertThat(held.tensors().keySet()).containsExactly("weight", "bias");
            assertThat(held.tensors()).containsEntry("bias", new TensorInfo(Dtype.F32, List.of(2L)));
        }
    }

    @Test
    void convertsWhereTypesDiffer() {
        try (HeldTensors held = held();
                Scope _ = new Scope()) {
            Tensor halved = held.load("weight", Dtype.BF16, Device.CPU);

            assertThat(Torch.dtypeOf(halved)).isEqualTo(Dtype.BF16);
            assertThat(Torch.toFloats(halved)).containsExactly(1, 2, 3, 4);
        }
    }

    @Test
    void refusesAnUnknownName() {
        try (HeldTensors held = held()) {
            assertThatThrownBy(() -> held.load("wheight", Dtype.F32, Device.CPU))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("memory has no tensor wheight");
        }
    }

    private static HeldTensors held() {
        try (Scope _ = new Scope()) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            tensors.put("weight", Torch.floats(new float[] {1, 2, 3, 4}, 2, 2));
            tensors.put("bias", Torch.floats(new float[] {0, 0}, 2));
            return new HeldTensors("memory", tensors);
        }
    }
}
