package io.github.m3agiqa.testing;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.SafetensorsWriter;
import io.github.m3agiqa.weights.TensorInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Writes a complete model folder of any size with random weights. Its texts are noise and its scores mean nothing, but
 * every part of the product runs on it.
 */
public final class RandomModel {
    /**
     * The sizes of a model to be written.
     *
     * @param vocabulary how many tokens there are at least
     */
    public record Sizes(
            int vocabulary,
            int hidden,
            int intermediate,
            int layers,
            int heads,
            int keyValueHeads,
            int queries,
            int visionHidden,
            int visionIntermediate,
            int visionLayers,
            int visionHeads,
            int rank,
            int headWidth,
            Dtype dtype) {
        /** A model of some hundred kilobytes. */
        public static final Sizes TINY = new Sizes(0, 128, 256, 2, 4, 2, 8, 32, 64, 2, 4, 4, 32, Dtype.F16);

        /** About 50 million parameters. */
        public static final Sizes SMALL = new Sizes(0, 512, 1408, 8, 8, 2, 16, 384, 1152, 6, 6, 8, 64, Dtype.F32);

        /** About one billion parameters, all but a tenth of them in the language model. */
        public static final Sizes MEDIUM =
                new Sizes(0, 2048, 5632, 20, 16, 4, 64, 768, 3072, 12, 12, 16, 512, Dtype.BF16);

        /** A language model of the shape of Llama-3.2-1B, with the vocabulary of the published model: 1.6 billion parameters. */
        public static final Sizes LLAMA =
                new Sizes(128_256, 2048, 8192, 16, 32, 8, 64, 768, 3072, 12, 12, 16, 512, Dtype.BF16);

        /** Files of four gigabytes in the type of the published model. */
        public static final Sizes LARGE =
                new Sizes(0, 3072, 8192, 20, 24, 6, 64, 768, 3072, 12, 12, 16, 512, Dtype.F16);
    }

    private static final int MAX_NEW_TOKENS = 24;
    private static final List<String> CONTROLS = List.of(
            "<|begin_of_text|>",
            "<|end_of_text|>",
            "<unk>",
            "<|start_header_id|>",
            "<|end_header_id|>",
            "<|eot_id|>",
            "<image>",
            "</image>",
            "<slice>",
            "</slice>");

    private final ObjectMapper json = new ObjectMapper();
    private final Path folder;
    private final Sizes sizes;
    private final TinyTokenizer tokenizer;

    private RandomModel(Path folder, Sizes sizes) {
        this.folder = folder;
        this.sizes = sizes;
        this.tokenizer = new TinyTokenizer(CONTROLS, sizes.vocabulary);
    }

    /** Writes a tiny model into the folder that is named, for the build. */
    public static void main(String[] arguments) throws IOException {
        write(Path.of(arguments[0]), Sizes.TINY);
    }

    /** Writes a model; the same sizes give the same model. */
    public static Path write(Path folder, Sizes sizes) throws IOException {
        new RandomModel(folder, sizes).write();
        return folder;
    }

    private void write() throws IOException {
        Engine.seed(1);
        Files.createDirectories(folder.resolve("base"));
        Files.createDirectories(folder.resolve("adapter"));
        json.writeValue(folder.resolve("base/config.json").toFile(), config());
        tokenizer.write(folder.resolve("base/tokenizer.json"));
        writeWeights(folder.resolve("base/model.safetensors"), base());
        json.writeValue(
                folder.resolve("adapter/adapter_config.json").toFile(),
                Map.of(
                        "peft_type", "LORA",
                        "r", sizes.rank,
                        "lora_alpha", sizes.rank,
                        "bias", "none",
                        "target_modules", "llm\\..*layers\\.\\d+\\.self_attn\\.(q_proj|k_proj|v_proj|o_proj)"));
        writeWeights(folder.resolve("adapter/adapter_model.safetensors"), adapter());
        writeWeights(folder.resolve("predictor.safetensors"), predictor());
        json.writeValue(folder.resolve("m3agiqa.json").toFile(), manifest());
    }

    private ObjectNode config() {
        ObjectNode config = json.createObjectNode();
        config.put("model_type", "minicpmv")
                .put("hidden_act", "silu")
                .put("vocab_size", tokenizer.size())
                .put("hidden_size", sizes.hidden)
                .put("intermediate_size", sizes.intermediate)
                .put("num_hidden_layers", sizes.layers)
                .put("num_attention_heads", sizes.heads)
                .put("num_key_value_heads", sizes.keyValueHeads)
                .put("max_position_embeddings", 4096)
                .put("rms_norm_eps", 1e-5)
                .put("rope_theta", 500000.0)
                .put("query_num", sizes.queries);
        config.putObject("vision_config")
                .put("hidden_size", sizes.visionHidden)
                .put("intermediate_size", sizes.visionIntermediate)
                .put("num_hidden_layers", sizes.visionLayers)
                .put("num_attention_heads", sizes.visionHeads)
                .put("image_size", 980)
                .put("patch_size", 14);
        return config;
    }

    private ObjectNode manifest() {
        ObjectNode manifest = json.createObjectNode();
        manifest.put("name", "random")
                .put("version", 1)
                .put("architecture", "minicpm-llama3-v-2.5")
                .put("license", "Apache-2.0")
                .put("base", "base");
        ObjectNode aspects = manifest.putObject("aspects");
        for (String aspect : List.of("quality", "correspondence", "authenticity")) {
            String about = aspect.equals("correspondence") ? "correspondence to '{prompt}'" : aspect;
            ObjectNode node =
                    aspects.putObject(aspect).put("adapter", "adapter").put("predictor", "predictor.safetensors");
            node.putObject("describe")
                    .put("question", "Please describe the %s of this image.".formatted(about))
                    .put("maxSlices", 9)
                    .put("maxNewTokens", MAX_NEW_TOKENS);
            node.putObject("rate")
                    .put("question", "Please rate the %s of this image in one word.".formatted(aspect))
                    .put("maxSlices", 9)
                    .put("maxLength", 768);
        }
        return manifest;
    }

    private Map<String, List<Long>> base() {
        Shapes shapes = new Shapes();
        long hidden = sizes.hidden;
        long keyWidth = hidden / sizes.heads * sizes.keyValueHeads;
        shapes.add("llm.model.embed_tokens.weight", tokenizer.size(), hidden);
        shapes.add("llm.lm_head.weight", tokenizer.size(), hidden);
        shapes.add("llm.model.norm.weight", hidden);
        for (int i = 0; i < sizes.layers; i++) {
            String layer = "llm.model.layers." + i + ".";
            shapes.add(layer + "input_layernorm.weight", hidden);
            shapes.add(layer + "post_attention_layernorm.weight", hidden);
            shapes.add(layer + "self_attn.q_proj.weight", hidden, hidden);
            shapes.add(layer + "self_attn.k_proj.weight", keyWidth, hidden);
            shapes.add(layer + "self_attn.v_proj.weight", keyWidth, hidden);
            shapes.add(layer + "self_attn.o_proj.weight", hidden, hidden);
            shapes.add(layer + "mlp.gate_proj.weight", sizes.intermediate, hidden);
            shapes.add(layer + "mlp.up_proj.weight", sizes.intermediate, hidden);
            shapes.add(layer + "mlp.down_proj.weight", hidden, sizes.intermediate);
        }
        long vision = sizes.visionHidden;
        shapes.add("vpm.embeddings.patch_embedding.weight", vision, 3, 14, 14);
        shapes.add("vpm.embeddings.patch_embedding.bias", vision);
        shapes.add("vpm.embeddings.position_embedding.weight", 4900, vision);
        shapes.addNorm("vpm.post_layernorm", vision);
        for (int i = 0; i < sizes.visionLayers; i++) {
            String layer = "vpm.encoder.layers." + i + ".";
            for (String projection : List.of("q_proj", "k_proj", "v_proj", "out_proj")) {
                shapes.addLinear(layer + "self_attn." + projection, vision, vision);
            }
            shapes.addNorm(layer + "layer_norm1", vision);
            shapes.addNorm(layer + "layer_norm2", vision);
            shapes.addLinear(layer + "mlp.fc1", sizes.visionIntermediate, vision);
            shapes.addLinear(layer + "mlp.fc2", vision, sizes.visionIntermediate);
        }
        shapes.add("resampler.query", sizes.queries, hidden);
        shapes.add("resampler.kv_proj.weight", hidden, vision);
        shapes.add("resampler.attn.in_proj_weight", 3 * hidden, hidden);
        shapes.add("resampler.attn.in_proj_bias", 3 * hidden);
        shapes.addLinear("resampler.attn.out_proj", hidden, hidden);
        for (String norm : List.of("ln_q", "ln_kv", "ln_post")) {
            shapes.addNorm("resampler." + norm, hidden);
        }
        shapes.add("resampler.proj", hidden, hidden);
        return shapes.byName;
    }

    private Map<String, List<Long>> adapter() {
        Shapes shapes = new Shapes();
        long hidden = sizes.hidden;
        long keyWidth = hidden / sizes.heads * sizes.keyValueHeads;
        for (int i = 0; i < sizes.layers; i++) {
            for (String projection : List.of("q_proj", "k_proj", "v_proj", "o_proj")) {
                String module = "base_model.model.llm.model.layers.%d.self_attn.%s.".formatted(i, projection);
                boolean narrow = projection.equals("k_proj") || projection.equals("v_proj");
                shapes.add(module + "lora_A.weight", sizes.rank, hidden);
                shapes.add(module + "lora_B.weight", narrow ? keyWidth : hidden, sizes.rank);
            }
        }
        return shapes.byName;
    }

    private Map<String, List<Long>> predictor() {
        Shapes shapes = new Shapes();
        long width = sizes.headWidth;
        long inner = roundUp(2.0 * width);
        long feedForward = roundUp(1.3 * width);
        shapes.addLinear("W", width, tokenizer.size());
        shapes.addLinear("fc.0", width / 4, width);
        shapes.addLinear("fc.2", 1, width / 4);
        String stack = "xlstm_pooler.xlstm_stack.";
        for (int i = 0; i < 4; i++) {
            String block = stack + "blocks." + i + ".";
            String layer = block + "xlstm.";
            shapes.add(block + "xlstm_norm.weight", width);
            if (i == 1) {
                shapes.add(layer + "conv1d.conv.weight", width, 1, 4);
                shapes.add(layer + "conv1d.conv.bias", width);
                for (String gate : List.of("fgate", "igate", "zgate", "ogate")) {
                    shapes.add(layer + gate + ".weight", 4, width / 4, width / 4);
                }
                shapes.add(layer + "slstm_cell._recurrent_kernel_", 4, width / 4, width);
                shapes.add(layer + "slstm_cell._bias_", 4 * width);
                shapes.add(layer + "group_norm.weight", width);
                shapes.add(block + "ffn_norm.weight", width);
                shapes.add(block + "ffn.proj_up.weight", 2 * feedForward, width);
                shapes.add(block + "ffn.proj_down.weight", width, feedForward);
            } else {
                shapes.add(layer + "learnable_skip", inner);
                shapes.add(layer + "proj_up.weight", 2 * inner, width);
                shapes.add(layer + "proj_down.weight", width, inner);
                shapes.add(layer + "conv1d.conv.weight", inner, 1, 4);
                shapes.add(layer + "conv1d.conv.bias", inner);
                for (String projection : List.of("q_proj", "k_proj", "v_proj")) {
                    shapes.add(layer + projection + ".weight", inner / 4, 4, 4);
                }
                shapes.addLinear(layer + "mlstm_cell.igate", 4, 3 * inner);
                shapes.addLinear(layer + "mlstm_cell.fgate", 4, 3 * inner);
                shapes.add(layer + "mlstm_cell.outnorm.weight", inner);
            }
        }
        shapes.add(stack + "post_blocks_norm.weight", width);
        return shapes.byName;
    }

    private static long roundUp(double size) {
        return (long) Math.ceil(size / 64) * 64;
    }

    private static final class Shapes {
        final Map<String, List<Long>> byName = new LinkedHashMap<>();

        void add(String name, long... shape) {
            byName.put(name, Arrays.stream(shape).boxed().toList());
        }

        void addLinear(String module, long out, long in) {
            add(module + ".weight", out, in);
            add(module + ".bias", out);
        }

        void addNorm(String module, long width) {
            add(module + ".weight", width);
            add(module + ".bias", width);
        }
    }

    private void writeWeights(Path file, Map<String, List<Long>> shapes) throws IOException {
        Map<String, TensorInfo> header = new LinkedHashMap<>();
        boolean adapted = file.getFileName().toString().startsWith("adapter")
                || file.toString().contains("predictor");
        shapes.forEach((name, shape) -> header.put(name, new TensorInfo(adapted ? Dtype.F32 : sizes.dtype, shape)));
        try (SafetensorsWriter writer = new SafetensorsWriter(file, header, Map.of("format", "pt"))) {
            for (var entry : shapes.entrySet()) {
                try (Scope _ = new Scope()) {
                    writer.write(entry.getKey(), randomWeight(entry.getKey(), entry.getValue()));
                }
            }
            writer.finish();
        }
    }

    /** Weights that keep activations near unit scale, so that no precision is put at an advantage. */
    private static Tensor randomWeight(String name, List<Long> shape) {
        long[] sides = Torch.sides(shape);
        Tensor normal = torch.randn(sides);
        if (name.equals("fc.2.bias")) {
            return Torch.plus(normal, 2.5); // in the middle of the scale, so that no score is clamped
        }
        boolean norm = name.contains("norm") || name.contains(".ln_");
        if (norm && name.endsWith("weight")) {
            double gain = name.contains("xlstm") || name.contains("ffn_norm") ? 0 : 1;
            return Torch.plus(Torch.scale(normal, 0.1), gain);
        }
        if (shape.size() == 1) {
            return Torch.scale(normal, 0.1);
        }
        long fanIn = shape.stream().skip(1).mapToLong(Long::longValue).reduce(1, Math::multiplyExact);
        boolean table = name.contains("embed_tokens") || name.contains("position_embedding") || name.endsWith("query");
        return Torch.scale(normal, table ? 0.5 : 1 / Math.sqrt((double) fanIn));
    }
}
