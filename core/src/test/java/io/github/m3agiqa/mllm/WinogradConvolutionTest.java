package io.github.m3agiqa.mllm;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.FilledTensors;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WinogradConvolutionTest {
    /** Sides that tiles of four divide and that they do not; more and fewer channels made than read. */
    @ParameterizedTest
    @CsvSource({"1, 8, 8, 4, 4", "2, 7, 10, 5, 3", "3, 1, 2, 2, 6", "1, 16, 12, 128, 160"})
    void equalsThePlainConvolution(int images, int height, int width, int in, int out) {
        try (Scope _ = new Scope()) {
            Random random = new Random(7);
            Tensor x = FilledTensors.normal(random, images, height, width, in).permute(0, 3, 1, 2);
            Tensor filters = FilledTensors.normal(random, out, in, 3, 3);
            Tensor bias = FilledTensors.normal(random, out);
            Tensor expected = Torch.convolution(x, filters, bias, 1, 1);

            Tensor found = WinogradConvolution.apply(x, WinogradConvolution.transformed(filters), bias);

            assertThat(found.sizes().vec().get())
                    .isEqualTo(expected.sizes().vec().get());
            float largest = expected.abs().max().item_float();
            assertThat(found.sub(expected).abs().max().item_float()).isLessThan(1e-5f * largest);
        }
    }

    @ParameterizedTest
    @CsvSource({"0", "1", "2"})
    void anImageIsTheSameBesideOthers(int image) {
        try (Scope _ = new Scope()) {
            Random random = new Random(8);
            Tensor x = FilledTensors.normal(random, 3, 9, 6, 4).permute(0, 3, 1, 2);
            Tensor filters = WinogradConvolution.transformed(FilledTensors.normal(random, 4, 4, 3, 3));
            Tensor bias = Torch.floats(new float[4], 4);

            Tensor alone = WinogradConvolution.apply(x.narrow(0, image, 1), filters, bias);
            Tensor beside = WinogradConvolution.apply(x, filters, bias).narrow(0, image, 1);

            assertThat(alone.sub(beside).abs().max().item_float()).isLessThan(1e-5f);
        }
    }
}
