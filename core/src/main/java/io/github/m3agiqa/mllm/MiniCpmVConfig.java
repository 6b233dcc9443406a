package io.github.m3agiqa.mllm;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.JsonProblem;
import io.github.m3agiqa.ModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The configuration of a base model, as its {@code config.json} has it.
 *
 * @param tileResolution the side of a square with the area of one tile, in pixels
 */
public record MiniCpmVConfig(
        Llama.Config llama, SiglipVision.Config vision, Resampler.Config resampler, int tileResolution) {
    /** The resolution of the published model, whose configuration leaves it out. */
    private static final int DEFAULT_RESOLUTION = 448;

    /**
     * Reads a configuration.
     *
     * @throws ModelException if the file is missing or damaged, or describes a model that this is not
     */
    public static MiniCpmVConfig read(Path file) {
        try {
            JsonNode json = new ObjectMapper().readTree(Files.readAllBytes(file));
            return read(file, json);
        } catch (JacksonException e) {
            throw new ModelException("%s cannot be read: %s".formatted(file, JsonProblem.of(e)), e);
        } catch (IOException e) {
            throw new ModelException("%s cannot be read: %s".formatted(file, e), e);
        } catch (IllegalArgumentException e) {
            throw new ModelException("%s: %s".formatted(file, e.getMessage()), e);
        }
    }

    private static MiniCpmVConfig read(Path file, JsonNode json) {
        require(file, json, "model_type", "minicpmv");
        require(file, json, "hidden_act", "silu");
        require(file, json, "attention_bias", "false");
        require(file, json, "tie_word_embeddings", "false");
        require(file, json, "drop_vision_last_layer", "false");
        require(file, json, "slice_mode", "true");
        require(file, json, "mm_use_im_start_end", "true");
        for (String unknown : List.of("rope_scaling", "rope_parameters")) {
            if (json.hasNonNull(unknown)) {
                throw new ModelException("%s: %s is not supported".formatted(file, unknown));
            }
        }
        int hidden = positive(file, json, "hidden_size");
        int heads = positive(file, json, "num_attention_heads");
        Llama.Config llama = new Llama.Config(
                positive(file, json, "vocab_size"),
                hidden,
                positive(file, json, "intermediate_size"),
                positive(file, json, "num_hidden_layers"),
                heads,
                positive(file, json, "num_key_value_heads"),
                json.has("head_dim") ? positive(file, json, "head_dim") : hidden / heads,
                positive(file, json, "rms_norm_eps", 1e-5),
                positive(file, json, "rope_theta", 500_000),
                positive(file, json, "max_position_embeddings"));
        JsonNode tower = json.path("vision_config");
        SiglipVision.Config vision = new SiglipVision.Config(
                positive(file, tower, "hidden_size"),
                positive(file, tower, "intermediate_size"),
                positive(file, tower, "num_hidden_layers"),
                positive(file, tower, "num_attention_heads"),
                positive(file, tower, "image_size"),
                positive(file, tower, "patch_size"),
                stem(file, tower.path("stem")));
        Resampler.Config resampler =
                new Resampler.Config(positive(file, json, "query_num"), hidden, vision.hiddenSize());
        return new MiniCpmVConfig(llama, vision, resampler, resolution(file, json, vision));
    }

    private static int resolution(Path file, JsonNode json, SiglipVision.Config vision) {
        JsonNode slices = json.path("slice_config");
        if (json.hasNonNull("slice_config") && !slices.isObject()) {
            throw new ModelException("%s: slice_config is %s, no object".formatted(file, slices));
        }
        int resolution =
                slices.hasNonNull("scale_resolution") ? positive(file, slices, "scale_resolution") : DEFAULT_RESOLUTION;
        if (resolution < vision.patchSize()) {
            throw new ModelException(
                    "%s: tiles of %d pixels hold no patch of %d".formatted(file, resolution, vision.patchSize()));
        }
        return resolution;
    }

    private static List<SiglipVision.Convolution> stem(Path file, JsonNode stem) {
        return stem.valueStream()
                .map(layer -> new SiglipVision.Convolution(
                        positive(file, layer, "out_channels"),
                        positive(file, layer, "kernel_size"),
                        positive(file, layer, "stride")))
                .toList();
    }

    private static void require(Path file, JsonNode json, String field, String wanted) {
        String value = json.path(field).asText(wanted);
        if (!value.equals(wanted)) {
            throw new ModelException("%s: %s is %s, only %s is supported".formatted(file, field, value, wanted));
        }
    }

    private static double positive(Path file, JsonNode json, String field, double otherwise) {
        if (!json.hasNonNull(field)) {
            return otherwise;
        }
        JsonNode value = json.path(field);
        double number = value.isNumber() ? value.doubleValue() : Double.NaN;
        if (!(number > 0 && number < Double.POSITIVE_INFINITY)) {
            throw new ModelException("%s: %s must be a positive number, not %s".formatted(file, field, value));
        }
        return number;
    }

    private static int positive(Path file, JsonNode json, String field) {
        JsonNode value = json.path(field);
        if (!value.isInt() || value.intValue() < 1) {
            throw new ModelException("%s: %s must be a positive integer, not %s"
                    .formatted(file, field, value.isMissingNode() ? "missing" : value));
        }
        return value.intValue();
    }
}
