package io.github.m3agiqa.weights;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.JsonProblem;
import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/**
 * A PEFT LoRA adapter folder: {@code adapter_config.json} and {@code adapter_model.safetensors}, whose whole tensors are
 * those of {@code modules_to_save}.
 */
public final class PeftAdapter implements Adapter {
    /** The file of the settings. */
    public static final String CONFIG = "adapter_config.json";
    /** The file of the tensors. */
    public static final String TENSORS = "adapter_model.safetensors";
    /** What PEFT puts before the names of the base. */
    public static final String PREFIX = "base_model.model.";

    /** Variants of LoRA that compute something else; each is refused when it is switched on. */
    private static final List<String> REFUSED = List.of(
            "use_dora",
            "fan_in_fan_out",
            "lora_bias",
            "use_qalora",
            "use_bdlora",
            "alora_invocation_tokens",
            "arrow_config",
            "layer_replication",
            "megatron_config");

    /** Beginnings that leave the base as it is; others, such as PiSSA's, take from it what the adapter begins with. */
    private static final Set<String> BEGINNINGS = Set.of("true", "false", "gaussian", "eva", "orthogonal");

    private final SafetensorsFile file;
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();
    private final int rank;
    private final double scale;

    /**
     * Opens an adapter.
     *
     * @throws ModelException if a file is missing or damaged, or the adapter is no plain LoRA
     */
    public PeftAdapter(Path folder) {
        Path configFile = folder.resolve(CONFIG);
        JsonNode config;
        try {
            config = new ObjectMapper().readTree(Files.readAllBytes(configFile));
        } catch (JacksonException e) {
            throw new ModelException("%s cannot be read: %s".formatted(configFile, JsonProblem.of(e)), e);
        } catch (IOException e) {
            throw new ModelException("%s cannot be read: %s".formatted(configFile, e), e);
        }
        if (!config.path("peft_type").asText().equals("LORA")) {
            throw new ModelException(
                    "%s: peft_type is %s, only LORA is read".formatted(configFile, shown(config, "peft_type")));
        }
        for (String option : REFUSED) {
            JsonNode value = config.path(option);
            if (!value.isMissingNode() && !value.isNull() && !(value.isBoolean() && !value.booleanValue())) {
                throw new ModelException("%s: %s is %s, which is not supported".formatted(configFile, option, value));
            }
        }
        if (!config.path("bias").asText("none").equals("none")
                || !config.path("rank_pattern").isEmpty()
                || !config.path("alpha_pattern").isEmpty()) {
            throw new ModelException(
                    "%s: bias, rank_pattern and alpha_pattern are not supported".formatted(configFile));
        }
        String beginning = config.path("init_lora_weights").asText("true");
        if (!BEGINNINGS.contains(beginning.toLowerCase(Locale.ROOT))) {
            throw new ModelException(
                    "%s: init_lora_weights is %s, which changes the base; let PEFT save the adapter as plain LoRA (path_initial_model_for_weight_conversion)"
                            .formatted(configFile, beginning));
        }
        this.rank = config.path("r").isInt() ? config.path("r").intValue() : 0;
        double alpha =
                config.path("lora_alpha").isNumber() ? config.path("lora_alpha").doubleValue() : 0;
        if (rank < 1 || !(alpha > 0)) {
            throw new ModelException("%s: r is %s and lora_alpha %s; both must be positive numbers, and r a whole one"
                    .formatted(configFile, shown(config, "r"), shown(config, "lora_alpha")));
        }
        JsonNode stabilized = config.path("use_rslora");
        if (config.hasNonNull("use_rslora") && !stabilized.isBoolean()) {
            throw new ModelException("%s: use_rslora is %s, not true or false".formatted(configFile, stabilized));
        }
        this.scale = alpha / (stabilized.booleanValue() ? Math.sqrt(rank) : rank);
        this.file = new SafetensorsFile(folder.resolve(TENSORS));
        file.tensors().forEach((name, info) -> {
            if (!name.startsWith(PREFIX)) {
                close();
                throw new ModelException(
                        "%s: tensor %s does not start with %s".formatted(file.location(), name, PREFIX));
            }
            tensors.put(name.substring(PREFIX.length()), info);
        });
    }

    private static String shown(JsonNode config, String field) {
        return config.path(field).isMissingNode()
                ? "missing"
                : config.path(field).toString();
    }

    @Override
    public int rank() {
        return rank;
    }

    @Override
    public double scale() {
        return scale;
    }

    @Override
    public double dropout() {
        return 0;
    }

    @Override
    public String location() {
        return file.location();
    }

    @Override
    public Map<String, TensorInfo> tensors() {
        return Collections.unmodifiableMap(tensors);
    }

    @Override
    public Tensor load(String name, Dtype wanted, Device device) {
        return file.load(PREFIX + name, wanted, device);
    }

    @Override
    public void close() {
        file.close();
    }
}
