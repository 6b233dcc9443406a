package io.github.m3agiqa.mllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.mllm.SiglipVision.Convolution;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.ArabicDigits;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

/** A stem of two convolutions with their norms, and what it becomes without them. */
class NormalizedStemTest {
    private static final int SIDE = 16;
    private static final List<Convolution> SHAPE = List.of(new Convolution(6, 3, 2), new Convolution(5, 3, 2));

    private static List<RgbImage> images(int count) {
        Random random = new Random(5);
        return IntStream.range(0, count)
                .mapToObj(_ -> {
                    byte[] pixels = new byte[SIDE * SIDE * 3];
                    random.nextBytes(pixels);
                    return new RgbImage(SIDE, SIDE, pixels);
                })
                .toList();
    }

    private static Tensor of(Map<String, Tensor> weights, String name) {
        return Objects.requireNonNull(weights.get(name), name);
    }

    @Test
    void normsGoByTheBatchInTrainingOnly() {
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            Map<String, Tensor> weights = NormalizedStem.initial(SHAPE, 3);
            NormalizedStem stem = new NormalizedStem(SHAPE, Precision.FP32, Device.CPU, weights);

            Tensor first = stem.forward(images(4), true).getFirst();
            float[] before = Torch.toFloats(of(weights, "0.mean"));
            stem.forward(images(4), false);

            assertThat(first.sizes().vec().get()).containsExactly(4, 6, SIDE / 2, SIDE / 2);
            // the positive half of numbers of mean 0 and variance 1
            assertThat(Torch.toFloats(Torch.divide(first.square().sum(), (double) first.numel()))[0])
                    .isCloseTo(0.5f, within(0.1f));
            assertThat(Torch.toFloats(of(weights, "0.mean"))).isEqualTo(before).isNotEqualTo(new float[6]);
        }
    }

    @Test
    void foldedFiltersComputeTheSame() {
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            Map<String, Tensor> weights = NormalizedStem.initial(SHAPE, 3);
            of(weights, "1.scale").copy_(torchRandom(5));
            of(weights, "1.shift").copy_(torchRandom(5));
            NormalizedStem stem = new NormalizedStem(SHAPE, Precision.FP32, Device.CPU, weights);
            for (int i = 0; i < 5; i++) {
                stem.forward(images(3), true);
            }

            List<Tensor> expected = stem.forward(images(2), false);
            Map<String, Tensor> folded = stem.folded();
            Tensor x = Torch.stack(
                    images(2).stream().map(NormalizedStemTest::plain).toList());
            for (int i = 0; i < SHAPE.size(); i++) {
                String name = "vpm.embeddings.stem." + i;
                x = Torch.convolution(x, of(folded, name + ".weight"), of(folded, name + ".bias"), 2, 1)
                        .relu();

                assertThat(Torch.toFloats(x)).containsExactly(Torch.toFloats(expected.get(i)), within(1e-4f));
            }
        }
    }

    @Test
    void findsItsWeightsWhereDigitsAreOthers() {
        try (ArabicDigits _ = new ArabicDigits();
                Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            NormalizedStem stem =
                    new NormalizedStem(SHAPE, Precision.FP32, Device.CPU, NormalizedStem.initial(SHAPE, 3));

            assertThat(stem.folded()).containsKey("vpm.embeddings.stem.1.weight");
        }
    }

    private static Tensor torchRandom(int size) {
        Random random = new Random(size);
        float[] numbers = new float[size];
        for (int i = 0; i < size; i++) {
            numbers[i] = (float) random.nextGaussian();
        }
        return Torch.floats(numbers, size);
    }

    /** (3, height, width) from -1 to 1. */
    private static Tensor plain(RgbImage image) {
        float[] numbers = new float[3 * SIDE * SIDE];
        for (int i = 0; i < numbers.length; i++) {
            int channel = i / (SIDE * SIDE);
            int place = i % (SIDE * SIDE);
            numbers[i] = (image.pixels()[place * 3 + channel] & 0xff) / 127.5f - 1;
        }
        return Torch.to(Torch.floats(numbers, 3, SIDE, SIDE), Dtype.F32);
    }
}
