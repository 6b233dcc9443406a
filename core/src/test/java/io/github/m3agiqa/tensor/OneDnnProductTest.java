package io.github.m3agiqa.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** Only builds of the engine for x86-64 have it. */
@EnabledIfSystemProperty(named = "os.arch", matches = "amd64|x86_64")
class OneDnnProductTest {
    private Scope scope;

    @BeforeEach
    void open() {
        Engine.load();
        scope = new Scope();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    @Test
    void isTheEnginesProduct() {
        Tensor x = torch.randn(2, 70, 96);
        Tensor weight = torch.randn(160, 96);
        Tensor bias = torch.randn(160);

        assertThat(difference(OneDnnProduct.linear(x, weight, null), torch.linear(x, weight)))
                .isLessThan(1e-4);
        assertThat(difference(OneDnnProduct.linear(x, weight, bias), torch.linear(x, weight, new TensorOptional(bias))))
                .isLessThan(1e-4);
    }

    /** A part of a joint matrix, and rows that do not lie side by side. */
    @Test
    void takesPartsOfTensors() {
        Tensor x = torch.randn(70, 200).narrow(1, 30, 96);
        Tensor weight = torch.randn(160, 96).narrow(0, 40, 80);

        assertThat(difference(OneDnnProduct.linear(x, weight, null), torch.linear(x, weight)))
                .isLessThan(1e-4);
    }

    @Test
    void isLeftAloneWhereAGradientIsWanted() {
        Tensor x = torch.randn(2_000, 96);
        Tensor weight = torch.randn(160, 96).set_requires_grad(true);

        assertThat(OneDnnProduct.isFaster(x, weight)).isFalse();
        assertThat(Torch.linear(x, weight).requires_grad()).isTrue();
        assertThat(OneDnnProduct.isFaster(x, weight.detach())).isEqualTo(Processor.ONEDNN_FASTER_IN_FLOAT32);
        assertThat(OneDnnProduct.isFaster(Torch.to(x, Dtype.BF16), Torch.to(weight.detach(), Dtype.BF16)))
                .isFalse();
        assertThat(OneDnnProduct.isFaster(x.narrow(0, 0, 4), weight.detach())).isFalse();
    }

    private static double difference(Tensor one, Tensor other) {
        assertThat(one.sizes().vec().get()).isEqualTo(other.sizes().vec().get());
        return one.sub(other).abs().max().item_float();
    }
}
