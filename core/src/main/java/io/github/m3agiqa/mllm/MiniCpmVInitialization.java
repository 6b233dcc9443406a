package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Torch;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The weights that a model starts its pretraining with: normal numbers that keep the scale of what goes through, norms
 * of one, biases of zero. What ends a residual branch starts smaller by the root of the number of branches. A stem's
 * first filters are cosines, as those that networks learn there are sorted by frequency and orientation too.
 */
public final class MiniCpmVInitialization {
    private static final double TABLE_DEVIATION = 0.02;

    /** Brightness, red against blue, and green against both; orthonormal. */
    private static final double[][] COLOUR_AXES = {
        {1 / Math.sqrt(3), 1 / Math.sqrt(3), 1 / Math.sqrt(3)},
        {1 / Math.sqrt(2), 0, -1 / Math.sqrt(2)},
        {-1 / Math.sqrt(6), 2 / Math.sqrt(6), -1 / Math.sqrt(6)}
    };

    private final Map<String, Tensor> weights = new LinkedHashMap<>();

    private MiniCpmVInitialization() {}

    /**
     * All weights of a model, by their names.
     *
     * @return float32 tensors in main memory; the same configuration and seed give the same ones
     */
    public static Map<String, Tensor> weights(MiniCpmVConfig config, long seed) {
        Engine.seed(seed);
        MiniCpmVInitialization initialization = new MiniCpmVInitialization();
        initialization.vision("vpm.", config.vision());
        initialization.resampler("resampler.", config.resampler());
        initialization.llama("llm.", config.llama());
        return initialization.weights;
    }

    /**
     * The filters of a stem, {@code N.weight}, and its biases, {@code N.bias}.
     *
     * @return float32 tensors in main memory; the same stem and seed give the same ones
     */
    static Map<String, Tensor> stem(List<SiglipVision.Convolution> stem, long seed) {
        Engine.seed(seed);
        MiniCpmVInitialization initialization = new MiniCpmVInitialization();
        initialization.stem("", stem);
        return initialization.weights;
    }

    private void stem(String part, List<SiglipVision.Convolution> stem) {
        int channels = 3;
        for (int i = 0; i < stem.size(); i++) {
            SiglipVision.Convolution layer = stem.get(i);
            if (i == 0) {
                weights.put(part + i + ".weight", cosines(layer.channels(), layer.kernel()));
            } else {
                normal(part + i + ".weight", Math.sqrt(2), layer.channels(), channels, layer.kernel(), layer.kernel());
            }
            constant(part + i + ".bias", 0, layer.channels());
            channels = layer.channels();
        }
    }

    private void vision(String part, SiglipVision.Config config) {
        int hidden = config.hiddenSize();
        String embeddings = part + "embeddings.";
        int channels = config.stemChannels();
        stem(embeddings + "stem.", config.stem());
        int patch = config.stemPatchSize();
        normal(embeddings + "patch_embedding.weight", 1, hidden, channels, patch, patch);
        constant(embeddings + "patch_embedding.bias", 0, hidden);
        table(embeddings + "position_embedding.weight", (long) config.positions() * config.positions(), hidden);
        double ending = 1 / Math.sqrt(2.0 * config.layers());
        for (int i = 0; i < config.layers(); i++) {
            String layer = part + "encoder.layers." + i + ".";
            layerNorm(layer + "layer_norm1", hidden);
            for (String projection : List.of("q_proj", "k_proj", "v_proj")) {
                linear(layer + "self_attn." + projection, 1, hidden, hidden);
            }
            linear(layer + "self_attn.out_proj", ending, hidden, hidden);
            layerNorm(layer + "layer_norm2", hidden);
            linear(layer + "mlp.fc1", 1, config.intermediateSize(), hidden);
            linear(layer + "mlp.fc2", ending, hidden, config.intermediateSize());
        }
        layerNorm(part + "post_layernorm", hidden);
    }

    /**
     * Filters of unit length: cosines of rising frequency, three quarters of them on brightness and the others on two
     * colour axes in turn. When all are used up, they come again.
     *
     * @return (filters, 3, side, side)
     */
    private static Tensor cosines(int filters, int side) {
        List<int[]> frequencies = IntStream.range(0, side * side)
                .mapToObj(i -> new int[] {i / side, i % side})
                .sorted(Comparator.comparingInt(f -> f[0] * f[0] + f[1] * f[1]))
                .toList();
        int bright = Math.min(frequencies.size(), 3 * filters / 4);
        float[] values = new float[filters * 3 * side * side];
        for (int filter = 0; filter < filters; filter++) {
            boolean colour = filter >= bright;
            int[] frequency = frequencies.get((colour ? (filter - bright) / 2 : filter) % frequencies.size());
            double[] axis = COLOUR_AXES[colour ? 1 + (filter - bright) % 2 : 0];
            double[] rows = cosine(frequency[0], side);
            double[] columns = cosine(frequency[1], side);
            for (int channel = 0; channel < 3; channel++) {
                for (int y = 0; y < side; y++) {
                    for (int x = 0; x < side; x++) {
                        values[((filter * 3 + channel) * side + y) * side + x] =
                                (float) (axis[channel] * rows[y] * columns[x]);
                    }
                }
            }
        }
        return Torch.floats(values, filters, 3, side, side);
    }

    /** A row of the orthonormal cosine transform (DCT-II). */
    private static double[] cosine(int frequency, int side) {
        double norm = Math.sqrt((frequency == 0 ? 1.0 : 2.0) / side);
        return IntStream.range(0, side)
                .mapToDouble(i -> norm * Math.cos(Math.PI * frequency * (i + 0.5) / side))
                .toArray();
    }

    private void resampler(String part, Resampler.Config config) {
        int hidden = config.hiddenSize();
        table(part + "query", config.queries(), hidden);
        normal(part + "kv_proj.weight", 1, hidden, config.visionSize());
        normal(part + "attn.in_proj_weight", 1, 3L * hidden, hidden);
        constant(part + "attn.in_proj_bias", 0, 3L * hidden);
        linear(part + "attn.out_proj", 1, hidden, hidden);
        layerNorm(part + "ln_q", hidden);
        layerNorm(part + "ln_kv", hidden);
        layerNorm(part + "ln_post", hidden);
        normal(part + "proj", 1, hidden, hidden);
    }

    private void llama(String part, Llama.Config config) {
        int hidden = config.hiddenSize();
        long queryWidth = (long) config.heads() * config.headSize();
        long keyWidth = (long) config.keyValueHeads() * config.headSize();
        table(part + "model.embed_tokens.weight", config.vocabularySize(), hidden);
        double ending = 1 / Math.sqrt(2.0 * config.layers());
        for (int i = 0; i < config.layers(); i++) {
            String layer = part + "model.layers." + i + ".";
            constant(layer + "input_layernorm.weight", 1, hidden);
            normal(layer + "self_attn.q_proj.weight", 1, queryWidth, hidden);
            normal(layer + "self_attn.k_proj.weight", 1, keyWidth, hidden);
            normal(layer + "self_attn.v_proj.weight", 1, keyWidth, hidden);
            normal(layer + "self_attn.o_proj.weight", ending, hidden, queryWidth);
            constant(layer + "post_attention_layernorm.weight", 1, hidden);
            normal(layer + "mlp.gate_proj.weight", 1, config.intermediateSize(), hidden);
            normal(layer + "mlp.up_proj.weight", 1, config.intermediateSize(), hidden);
            normal(layer + "mlp.down_proj.weight", ending, hidden, config.intermediateSize());
        }
        constant(part + "model.norm.weight", 1, hidden);
        table(part + "lm_head.weight", config.vocabularySize(), hidden);
    }

    private void linear(String module, double gain, long out, long in) {
        normal(module + ".weight", gain, out, in);
        constant(module + ".bias", 0, out);
    }

    private void layerNorm(String module, long width) {
        constant(module + ".weight", 1, width);
        constant(module + ".bias", 0, width);
    }

    /** Normal numbers of deviation gain / sqrt(inputs). */
    private void normal(String name, double gain, long... shape) {
        long inputs = 1;
        for (int i = 1; i < shape.length; i++) {
            inputs *= shape[i];
        }
        weights.put(name, Torch.scale(torch.randn(shape), gain / Math.sqrt((double) inputs)));
    }

    private void table(String name, long rows, long width) {
        weights.put(name, Torch.scale(torch.randn(rows, width), TABLE_DEVIATION));
    }

    private void constant(String name, double value, long width) {
        weights.put(
                name, value == 0 ? Torch.zeros(Dtype.F32, Device.CPU, width) : Torch.full(value, Device.CPU, width));
    }
}
