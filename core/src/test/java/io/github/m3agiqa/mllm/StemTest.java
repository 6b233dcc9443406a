package io.github.m3agiqa.mllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.mllm.SiglipVision.Convolution;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.FilledTensors;
import io.github.m3agiqa.weights.ModelWeights;
import io.github.m3agiqa.weights.Parameters;
import io.github.m3agiqa.weights.WeightStore;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.assertj.core.data.Offset;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

/** A vision tower whose patches are cut after convolutions. */
class StemTest {
    private static final int HIDDEN = 4;
    private static final Convolution LAYER = new Convolution(2, 3, 2);
    private static final SiglipVision.Config CONFIG = new SiglipVision.Config(HIDDEN, 8, 0, 1, 8, 4, List.of(LAYER));
    private static final Map<String, long[]> SHAPES = shapes();

    private static Map<String, long[]> shapes() {
        Map<String, long[]> shapes = new LinkedHashMap<>();
        shapes.put("embeddings.stem.0.weight", new long[] {2, 3, 3, 3});
        shapes.put("embeddings.stem.0.bias", new long[] {2});
        shapes.put("embeddings.patch_embedding.weight", new long[] {HIDDEN, 2, 2, 2});
        shapes.put("embeddings.patch_embedding.bias", new long[] {HIDDEN});
        shapes.put("embeddings.position_embedding.weight", new long[] {4, HIDDEN});
        shapes.put("post_layernorm.weight", new long[] {HIDDEN});
        shapes.put("post_layernorm.bias", new long[] {HIDDEN});
        return shapes;
    }

    private static double weight(String name, int index) {
        return name.startsWith("post") || name.contains("position")
                ? name.endsWith("post_layernorm.weight") ? 1 : 0
                : Math.sin(name.length() + 0.9 * index);
    }

    private static Parameters parameters(Map<String, long[]> shapes) {
        return ModelWeights.of(new WeightStore(
                        FilledTensors.of(shapes, (name, _, index) -> weight(name, index)), Precision.FP32, Device.CPU))
                .root();
    }

    private static RgbImage image(int width, int height) {
        byte[] pixels = new byte[width * height * 3];
        new Random(3).nextBytes(pixels);
        return new RgbImage(width, height, pixels);
    }

    /** Every step written out: convolution with zeros around, rectifier, patches, layer norm. */
    @Test
    void computesWhatTheFormulaSays() {
        RgbImage image = image(8, 4);
        SiglipVision tower = new SiglipVision(CONFIG, VisionMode.CORRECTED, parameters(SHAPES));

        try (Scope _ = new Scope()) {
            Tensor seen = tower.forward(List.of(tower.patches(image)), List.of(tower.grid(image)), LayerChain.PLAIN)
                    .getFirst();

            assertThat(seen.size(0)).isEqualTo(2);
            float[] found = Torch.toFloats(seen);
            for (int patch = 0; patch < 2; patch++) {
                double[] expected = normalized(patchVector(image, patch));
                for (int i = 0; i < HIDDEN; i++) {
                    assertThat((double) found[patch * HIDDEN + i]).isCloseTo(expected[i], Offset.offset(2e-5));
                }
            }
        }
    }

    private static double[] patchVector(RgbImage image, int patch) {
        double[] vector = new double[HIDDEN];
        for (int out = 0; out < HIDDEN; out++) {
            double sum = weight("embeddings.patch_embedding.bias", out);
            for (int c = 0; c < 2; c++) {
                for (int y = 0; y < 2; y++) {
                    for (int x = 0; x < 2; x++) {
                        sum += weight("embeddings.patch_embedding.weight", ((out * 2 + c) * 2 + y) * 2 + x)
                                * stem(image, c, y, 2 * patch + x);
                    }
                }
            }
            vector[out] = sum;
        }
        return vector;
    }

    private static double stem(RgbImage image, int channel, int row, int column) {
        double sum = weight("embeddings.stem.0.bias", channel);
        for (int c = 0; c < 3; c++) {
            for (int dy = 0; dy < 3; dy++) {
                for (int dx = 0; dx < 3; dx++) {
                    int y = 2 * row + dy - 1;
                    int x = 2 * column + dx - 1;
                    if (y >= 0 && y < image.height() && x >= 0 && x < image.width()) {
                        int value = image.pixels()[(y * image.width() + x) * 3 + c] & 0xff;
                        sum += weight("embeddings.stem.0.weight", ((channel * 3 + c) * 3 + dy) * 3 + dx)
                                * (value / 127.5 - 1);
                    }
                }
            }
        }
        return Math.max(0, sum);
    }

    private static double[] normalized(double[] vector) {
        double mean = 0;
        double square = 0;
        for (double value : vector) {
            mean += value / vector.length;
            square += value * value / vector.length;
        }
        double[] result = new double[vector.length];
        for (int i = 0; i < vector.length; i++) {
            result[i] = (vector[i] - mean) / Math.sqrt(square - mean * mean + 1e-6);
        }
        return result;
    }

    /** Filters that learn need the gradients of the plain convolution; the others are computed in tiles. */
    @Test
    void wideLayersAreComputedInTilesUnlessTheyLearn() {
        int wide = 128;
        SiglipVision.Config config = new SiglipVision.Config(
                HIDDEN, 8, 0, 1, 8, 4, List.of(new Convolution(wide, 3, 2), new Convolution(wide, 3, 1)));
        Map<String, long[]> shapes = new LinkedHashMap<>(SHAPES);
        shapes.put("embeddings.stem.0.weight", new long[] {wide, 3, 3, 3});
        shapes.put("embeddings.stem.0.bias", new long[] {wide});
        shapes.put("embeddings.stem.1.weight", new long[] {wide, wide, 3, 3});
        shapes.put("embeddings.stem.1.bias", new long[] {wide});
        shapes.put("embeddings.patch_embedding.weight", new long[] {HIDDEN, wide, 2, 2});
        Parameters parameters = parameters(shapes);
        SiglipVision tower = new SiglipVision(config, VisionMode.CORRECTED, parameters);
        Tensor filters = parameters
                .at("embeddings")
                .float32("stem.1.weight", wide, wide, 3, 3)
                .get();

        try (Scope _ = new Scope()) {
            float[] tiles = seen(tower);
            filters.requires_grad_(true);
            float[] plain = seen(tower);

            assertThat(tiles).isNotEqualTo(plain).containsExactly(plain, Offset.offset(1e-4f));
        }
    }

    private static float[] seen(SiglipVision tower) {
        RgbImage image = image(8, 4);
        return Torch.toFloats(
                tower.forward(List.of(image), LayerChain.PLAIN).getFirst().detach());
    }

    @Test
    void isRefusedWhereImagesAreCutIntoPatchesFirst() {
        assertThatThrownBy(() -> new SiglipVision(CONFIG, VisionMode.PUBLISHED, parameters(SHAPES)))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining("corrected");
    }

    @Test
    void mustFitThePatch() {
        List<Convolution> stem = List.of(new Convolution(2, 3, 3));
        assertThatThrownBy(() -> new SiglipVision.Config(HIDDEN, 8, 1, 1, 8, 4, stem))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("divide");
    }
}
