package io.github.m3agiqa.training;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.Adapter;
import io.github.m3agiqa.weights.HeldTensors;
import io.github.m3agiqa.weights.PeftAdapter;
import io.github.m3agiqa.weights.SafetensorsWriter;
import io.github.m3agiqa.weights.TensorInfo;
import io.github.m3agiqa.weights.TensorSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** An adapter in training: low-rank pairs and whole tensors in float32, which gradients reach. */
final class LoraAdapter implements Adapter {
    private static final Pattern ATTENTION_WEIGHT =
            Pattern.compile("(llm\\.model\\.layers\\.\\d+\\.self_attn\\.(\\w+_proj))\\.weight");

    private final LoraSettings settings;
    private final HeldTensors held;
    private final Map<String, Dtype> stored = new LinkedHashMap<>();
    private boolean training;

    /**
     * A new adapter that changes nothing yet: A is drawn from U(-1/sqrt(in), 1/sqrt(in)), B is zero, and whole tensors
     * are those of the base.
     *
     * @param base the base model
     * @throws InputException if the base has nothing that the settings name
     */
    static LoraAdapter fresh(LoraSettings settings, TensorSource base, Device device, long seed) {
        return new LoraAdapter(settings, base, device, seed);
    }

    /**
     * An adapter that is trained further.
     *
     * @throws InputException if it is of another rank or scale than the settings, or trains other tensors
     */
    static LoraAdapter continued(LoraSettings settings, PeftAdapter trained, TensorSource base, Device device) {
        LoraAdapter adapter = fresh(settings, base, device, 0);
        if (trained.rank() != adapter.rank()
                || trained.scale() != adapter.scale()
                || !trained.tensors().keySet().equals(adapter.weights().keySet())) {
            adapter.close();
            throw new InputException(
                    "%s is an adapter of other settings: lora must name its rank, alpha, targets and alsoTrain"
                            .formatted(trained.location()));
        }
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            adapter.weights().forEach((name, weight) -> weight.copy_(trained.load(name, Dtype.F32, device)));
        }
        return adapter;
    }

    private LoraAdapter(LoraSettings settings, TensorSource base, Device device, long seed) {
        this.settings = settings;
        Engine.seed(seed);
        Map<String, Tensor> weights = new LinkedHashMap<>();
        try (Scope _ = new Scope()) {
            new TreeMap<>(base.tensors()).forEach((name, info) -> {
                Matcher attention = ATTENTION_WEIGHT.matcher(name);
                if (attention.matches() && settings.targets().contains(attention.group(2))) {
                    long out = info.shape().get(0);
                    long in = info.shape().get(1);
                    Tensor uniform = Torch.plus(torch.rand(settings.rank(), in), -0.5); // (rank, in)
                    weights.put(
                            attention.group(1) + LORA_A,
                            trainable(Torch.scale(uniform, 2 / Math.sqrt((double) in)), device));
                    stored.put(attention.group(1) + LORA_A, Dtype.F32);
                    weights.put(
                            attention.group(1) + LORA_B,
                            trainable(Torch.zeros(Dtype.F32, Device.CPU, out, settings.rank()), device));
                    stored.put(attention.group(1) + LORA_B, Dtype.F32);
                } else if (settings.alsoTrain().stream().anyMatch(part -> part.holds(name))) {
                    weights.put(
                            name,
                            trainable(base.load(name, Dtype.F32, Device.CPU).clone(), device));
                    stored.put(name, info.dtype());
                }
            });
            this.held = new HeldTensors("the adapter in training", weights);
        }
        if (weights.isEmpty()) {
            throw new InputException("%s has nothing that targets %s and alsoTrain %s name"
                    .formatted(base.location(), settings.targets(), settings.alsoTrain()));
        }
    }

    private static Tensor trainable(Tensor initial, Device device) {
        return Torch.to(initial, Dtype.F32, device).requires_grad_(true);
    }

    /** The weights by the names of the base. */
    Map<String, Tensor> weights() {
        return held.held();
    }

    /** Switches dropout on or off. */
    void train(boolean on) {
        training = on;
    }

    /** Whether a weight loses a little in every step: all but biases and layer norms, as Hugging Face's trainer does. */
    static boolean decays(String name) {
        boolean layerNorm = name.contains("layer_norm") || name.contains("layernorm") || name.contains(".ln_");
        return !name.contains("bias") && !layerNorm;
    }

    /**
     * Writes the adapter as PEFT does: low-rank pairs in float32, whole tensors in the type of the base.
     *
     * @param baseName where PEFT shall look for the base
     */
    void export(Path folder, String baseName) throws IOException {
        Files.createDirectories(folder);
        ObjectMapper json = new ObjectMapper();
        ObjectNode config = json.createObjectNode();
        config.put("peft_type", "LORA").putNull("task_type").put("inference_mode", true);
        config.put("base_model_name_or_path", baseName).putNull("revision").putNull("auto_mapping");
        config.put("r", settings.rank()).put("lora_dropout", settings.dropout());
        if (settings.alpha() == Math.rint(settings.alpha())) {
            config.put("lora_alpha", (int) settings.alpha()); // as PEFT writes it
        } else {
            config.put("lora_alpha", settings.alpha());
        }
        config.put("bias", "none")
                .put("use_rslora", false)
                .put("use_dora", false)
                .put("fan_in_fan_out", false);
        config.put("init_lora_weights", true);
        config.putObject("rank_pattern");
        config.putObject("alpha_pattern");
        config.putNull("layers_to_transform").putNull("layers_pattern");
        config.put(
                "target_modules",
                settings.targets().stream()
                        .sorted()
                        .collect(Collectors.joining("|", "llm\\..*layers\\.\\d+\\.self_attn\\.(", ")")));
        if (settings.alsoTrain().isEmpty()) {
            config.putNull("modules_to_save");
        } else {
            settings.alsoTrain().stream()
                    .sorted()
                    .map(LoraSettings.Part::module)
                    .forEach(config.putArray("modules_to_save")::add);
        }
        json.writerWithDefaultPrettyPrinter()
                .writeValue(folder.resolve(PeftAdapter.CONFIG).toFile(), config);

        Map<String, Tensor> named = new LinkedHashMap<>();
        weights().forEach((name, weight) -> named.put(PeftAdapter.PREFIX + name, weight));
        SafetensorsWriter.write(
                folder.resolve(PeftAdapter.TENSORS),
                named,
                (name, _) -> stored.getOrDefault(name.substring(PeftAdapter.PREFIX.length()), Dtype.F32));
    }

    @Override
    public int rank() {
        return settings.rank();
    }

    @Override
    public double scale() {
        return settings.alpha() / settings.rank();
    }

    @Override
    public double dropout() {
        return training ? settings.dropout() : 0;
    }

    @Override
    public boolean live() {
        return true;
    }

    @Override
    public String location() {
        return held.location();
    }

    @Override
    public Map<String, TensorInfo> tensors() {
        return held.tensors();
    }

    @Override
    public Tensor load(String name, Dtype wanted, Device wantedDevice) {
        return held.load(name, wanted, wantedDevice);
    }

    @Override
    public void close() {
        held.close();
    }
}
