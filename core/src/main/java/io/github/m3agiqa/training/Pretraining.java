package io.github.m3agiqa.training;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Required;
import io.github.m3agiqa.StepListener;
import io.github.m3agiqa.dataset.Conversation;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelManifest;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.mllm.MiniCpmV;
import io.github.m3agiqa.mllm.MiniCpmVConfig;
import io.github.m3agiqa.mllm.MiniCpmVInitialization;
import io.github.m3agiqa.mllm.PretrainingPass.Heads;
import io.github.m3agiqa.mllm.Tokenizer;
import io.github.m3agiqa.mllm.TokenizerTraining;
import io.github.m3agiqa.mllm.TowerReadout;
import io.github.m3agiqa.mllm.Turn;
import io.github.m3agiqa.mllm.VisionMode;
import io.github.m3agiqa.teacher.TargetSettings;
import io.github.m3agiqa.teacher.TeacherTargets;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.training.PretrainingData.Seen;
import io.github.m3agiqa.weights.HeldTensors;
import io.github.m3agiqa.weights.ModelWeights;
import io.github.m3agiqa.weights.SafetensorsFile;
import io.github.m3agiqa.weights.SafetensorsFolder;
import io.github.m3agiqa.weights.SafetensorsWriter;
import io.github.m3agiqa.weights.WeightStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * Makes a base from nothing: a tokenizer from texts, and a vision tower, resampler and language model that learn what
 * teachers see in images, the images' prompts, and how people and models talk about images; where a recipe says so, also
 * the human scores.
 */
public final class Pretraining {
    private static final String CONFIG = "config.json";
    private static final String TOKENIZER = "tokenizer.json";

    /** The images by which the stem's first scale is set. */
    private static final int NORMALIZED_ON = 16;

    private final Path recipeFile;
    private final PretrainRecipe recipe;
    private final StepListener listener;
    private final PretrainingData data;
    /** The model whose base is trained further, if one is. */
    private final @Nullable ModelFolder before;

    private Pretraining(Path recipeFile, PretrainRecipe recipe, StepListener listener) {
        this.recipeFile = recipeFile;
        this.recipe = recipe;
        this.listener = listener;
        this.data = new PretrainingData(recipeFile, recipe);
        this.before = recipe.initial() == null ? null : ModelFolder.open(recipe.initial());
    }

    /**
     * Runs a recipe, or goes on with it.
     *
     * @return the folder of the model that was made
     * @throws InputException if recipe or data are wrong; everything is checked before the first step
     * @throws io.github.m3agiqa.ModelException if the model that it starts from is missing or damaged, or no such device answers
     */
    public static Path run(Path recipeFile, StepListener listener) {
        PretrainRecipe recipe = RecipeReader.read(recipeFile, PretrainRecipe.class);
        Pretraining job = new Pretraining(recipeFile, recipe, listener);
        try {
            return job.run();
        } catch (IOException e) {
            throw new InputException("%s cannot be written to: %s".formatted(recipe.output(), e), e);
        }
    }

    private Path run() throws IOException {
        try (RunFolder run = new RunFolder(recipe.output(), recipeFile, data.files(), facts())) {
            Path made = run.resolve("model");
            Path base = made.resolve("base");
            Files.createDirectories(base);
            if (before == null) {
                begin(base);
            } else {
                for (String file : List.of(CONFIG, TOKENIZER)) {
                    Files.copy(
                            initialBase(before).resolve(file), base.resolve(file), StandardCopyOption.REPLACE_EXISTING);
                }
            }
            MiniCpmVConfig config = MiniCpmVConfig.read(base.resolve(CONFIG));
            train(run, config, base, stem(run, config));
            ModelFolder.write(
                    made,
                    new ModelManifest(
                            recipe.name(),
                            1,
                            ModelManifest.ARCHITECTURE,
                            recipe.license(),
                            "base",
                            "white",
                            "corrected",
                            aspects(),
                            Map.of()));
            return made;
        }
    }

    /** The questions; what was trained for another base is of no use. */
    private Map<Aspect, AspectManifest> aspects() {
        if (before == null) {
            return Required.of("aspects", recipe.aspects());
        }
        Map<Aspect, AspectManifest> aspects = new EnumMap<>(before.manifest().aspects());
        aspects.replaceAll((_, settings) -> settings.withAdapter(null));
        return aspects;
    }

    /** Writes what a new base is configured by, and trains its tokenizer. */
    private void begin(Path base) throws IOException {
        ObjectNode config = Required.of("config", recipe.config()).deepCopy();
        config.put("model_type", "minicpmv").put("hidden_act", "silu");
        Files.write(
                base.resolve(CONFIG),
                new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsBytes(config));
        if (!Files.exists(base.resolve(TOKENIZER))) {
            List<String> words =
                    data.texts().stream().flatMap(Pretraining::words).toList();
            try {
                TokenizerTraining.write(
                        base.resolve(TOKENIZER),
                        words,
                        config.path("vocab_size").asInt());
            } catch (IllegalArgumentException e) {
                throw new InputException("%s: config.vocab_size: %s".formatted(recipeFile, e.getMessage()), e);
            }
        }
    }

    private static Path initialBase(ModelFolder initial) {
        return initial.part(initial.manifest().base());
    }

    private static Stream<String> words(Conversation text) {
        return Finetuning.turns(text).stream().map(Turn::text);
    }

    private ObjectNode facts() {
        ObjectNode facts = new ObjectMapper().createObjectNode();
        facts.put("kind", "pretrain").put("engine", Engine.version()).put("seed", recipe.seed());
        facts.put("initial", String.valueOf(recipe.initial()));
        if (before != null) {
            facts.put("weights", new ModelFingerprint(recipe.output()).of(List.of(initialBase(before)), ""));
        }
        facts.put("dataset", data.dataset().name())
                .put("train", data.train().size())
                .put("validation", data.validation().size());
        return facts.put("texts", data.texts().size());
    }

    /** Trains the stem where the recipe says so; the file of its weights. */
    private @Nullable Path stem(RunFolder run, MiniCpmVConfig config) throws IOException {
        PretrainRecipe.StemStage stage = recipe.stem();
        if (stage == null) {
            return null;
        }
        List<Seen> learned = data.originals();
        StemTraining training = new StemTraining(
                recipe,
                stage,
                config,
                data.readers(learned),
                PretrainingData.names(learned),
                PretrainingData.names(data.validation()),
                listener);
        try (RunFolder part = new RunFolder(run.resolve("stem"), recipeFile, data.files(), facts())) {
            return training.run(part);
        }
    }

    private void train(RunFolder run, MiniCpmVConfig config, Path base, @Nullable Path stem) throws IOException {
        Device device = Device.parse(recipe.device());
        List<Seen> taught = data.train().stream().filter(seen -> !seen.spoilt()).toList();
        try (TeacherTargets targets = targets(config, data.readers(taught), device);
                HeldTensors heads = heads(config, device);
                HeldTensors weights = initial(config, stem, device);
                WeightStore store = new WeightStore(weights, Precision.of(recipe.dtype()), device);
                Tokenizer tokenizer = new Tokenizer(base.resolve(TOKENIZER));
                MiniCpmV model = new MiniCpmV(config, VisionMode.CORRECTED, ModelWeights.of(store), tokenizer)) {
            if (before == null) {
                model.normalizeStem(
                        data.originals().stream()
                                .limit(NORMALIZED_ON)
                                .map(data::decode)
                                .toList(),
                        recipe.maxSlices(),
                        stem == null);
            }
            Map<String, Tensor> all = new LinkedHashMap<>(weights.held());
            all.putAll(heads.held());
            try (TowerReadout readout = readout(model)) {
                if (readout != null) {
                    all.putAll(readout.weights());
                }
                new StepLoop(
                                run,
                                recipe.name(),
                                recipe.steps(),
                                recipe.evaluateEvery(),
                                recipe.keepCheckpoints(),
                                listener)
                        .run(
                                new PretrainingBatches(recipe, data, model, new Heads(heads.held()), readout, targets),
                                all,
                                LoraAdapter::decays,
                                recipe.optimization());
            }
            write(base.resolve("model.safetensors"), weights.held());
        }
    }

    /** What keeps the states from losing what the tower sees, where the recipe says so. */
    private @Nullable TowerReadout readout(MiniCpmV model) {
        return recipe.lossWeights().tower() == 0
                ? null
                : new TowerReadout(model, data.originals().stream().map(data::decode), recipe.maxSlices());
    }

    private @Nullable TeacherTargets targets(
            MiniCpmVConfig config, Map<String, Supplier<RgbImage>> images, Device device) {
        PretrainRecipe.Teachers teachers = recipe.teachers();
        if (teachers == null) {
            return null;
        }
        TargetSettings settings = new TargetSettings(
                teachers.networks(),
                teachers.globalSize(),
                teachers.denseSize(),
                config.vision().patchSize(),
                teachers.denseSample(),
                recipe.seed());
        return TeacherTargets.prepare(teachers.cache(), settings, images, images.keySet(), device, listener);
    }

    private HeldTensors initial(MiniCpmVConfig config, @Nullable Path stem, Device device) {
        try (Scope _ = new Scope()) {
            Map<String, Tensor> weights = MiniCpmVInitialization.weights(config, recipe.seed());
            if (before != null) {
                try (SafetensorsFolder trained = new SafetensorsFolder(initialBase(before))) {
                    weights.replaceAll((name, _) ->
                            trained.load(name, Dtype.F32, Device.CPU).clone());
                }
            }
            if (stem == null) {
                Set<String> kept = weights.keySet().stream()
                        .filter(name -> recipe.frozen().stream().anyMatch(part -> part.has(name)))
                        .collect(Collectors.toSet());
                return trained("the base in training", weights, kept, device);
            }
            try (SafetensorsFile trained = new SafetensorsFile(stem)) {
                Set<String> kept = trained.tensors().keySet();
                kept.forEach(name -> weights.put(
                        name, trained.load(name, Dtype.F32, Device.CPU).clone()));
                return trained("the base in training", weights, kept, device);
            }
        }
    }

    private HeldTensors heads(MiniCpmVConfig config, Device device) {
        Engine.seed(recipe.seed());
        try (Scope _ = new Scope()) {
            Map<String, Tensor> heads = new LinkedHashMap<>();
            PretrainRecipe.Teachers teachers = recipe.teachers();
            if (teachers != null) {
                head(heads, "dense", teachers.denseSize(), config.vision().hiddenSize());
                head(heads, "global", teachers.globalSize(), config.llama().hiddenSize());
            }
            if (!recipe.scores().isEmpty()) {
                head(heads, "score", recipe.scores().size(), config.llama().hiddenSize());
            }
            return trained("the heads in training", heads, Set.of(), device);
        }
    }

    private static void head(Map<String, Tensor> heads, String name, int out, int in) {
        heads.put("heads." + name + ".weight", Torch.scale(torch.randn(out, in), 0.1 / Math.sqrt((double) in)));
        heads.put("heads." + name + ".bias", Torch.zeros(Dtype.F32, Device.CPU, out));
    }

    /** Weights in training, except those that are kept as they are. */
    private static HeldTensors trained(String what, Map<String, Tensor> initial, Set<String> kept, Device device) {
        Map<String, Tensor> weights = new LinkedHashMap<>();
        initial.forEach(
                (name, weight) -> weights.put(name, Torch.to(weight, device).requires_grad_(!kept.contains(name))));
        return new HeldTensors(what, weights);
    }

    /** Matrices and tables in bfloat16, biases and norms in float32. */
    private static void write(Path file, Map<String, Tensor> weights) throws IOException {
        SafetensorsWriter.write(file, weights, (_, weight) -> weight.dim() > 1 ? Dtype.BF16 : Dtype.F32);
    }
}
