package io.github.m3agiqa.training;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.StepListener;
import io.github.m3agiqa.dataset.Conversation;
import io.github.m3agiqa.dataset.ConversationFile;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.Prompts;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.dataset.Split;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelManifest;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import io.github.m3agiqa.image.AlphaMode;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.RandomView;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.mllm.MiniCpmV;
import io.github.m3agiqa.mllm.MiniCpmVConfig;
import io.github.m3agiqa.mllm.MiniCpmVInitialization;
import io.github.m3agiqa.mllm.PretrainingPass;
import io.github.m3agiqa.mllm.PretrainingPass.Heads;
import io.github.m3agiqa.mllm.PretrainingPass.Picture;
import io.github.m3agiqa.mllm.TokenizedConversation;
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
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * Makes a base from nothing: a tokenizer from texts, and a vision tower, resampler and language model that learn what
 * teachers see in images, the images' prompts, and how people and models talk about images; where a recipe says so, also
 * the human scores.
 */
public final class Pretraining {
    private static final AlphaMode ALPHA = AlphaMode.WHITE;
    private static final String CONFIG = "config.json";
    private static final String TOKENIZER = "tokenizer.json";

    /** The images by which the stem's first scale is set. */
    private static final int NORMALIZED_ON = 16;

    private final ImageDecoder decoder = new ImageDecoder(ImageDecoder.Limits.DEFAULT);
    private final Path recipeFile;
    private final PretrainRecipe recipe;
    private final StepListener listener;
    private final Dataset dataset;
    /** The model whose base is trained further, if one is. */
    private final @Nullable ModelFolder before;

    private final Map<String, Path> data = new LinkedHashMap<>();
    private final List<Seen> train = new ArrayList<>();
    private final List<Seen> validation = new ArrayList<>();
    private final List<Conversation> texts = new ArrayList<>();
    /** What was said about an image, by its name. */
    private final Map<String, List<Conversation>> descriptions = new HashMap<>();

    /**
     * An image, or another picture that is made of it.
     *
     * @param view 0 for the image itself, {@link #SPOILT} for one that is spoilt, in another way each time
     */
    private record Seen(Sample sample, int view) {
        static final int SPOILT = -1;

        boolean spoilt() {
            return view == SPOILT;
        }

        String name() {
            return view == 0 ? sample.name() : sample.name() + " view " + view;
        }
    }

    private Pretraining(Path recipeFile, PretrainRecipe recipe, StepListener listener) {
        this.recipeFile = recipeFile;
        this.recipe = recipe;
        this.listener = listener;
        this.dataset = Recipes.dataset(recipe.dataset(), null);
        this.before = recipe.initial() == null ? null : ModelFolder.open(recipe.initial());
    }

    /**
     * Runs a recipe, or goes on with it.
     *
     * @return the folder of the model that was made
     * @throws InputException if recipe or data are wrong; everything is checked before the first step
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
        chooseImages();
        for (Path file : recipe.texts()) {
            data.put("texts/" + file, file);
            texts.addAll(ConversationFile.read(file));
        }
        for (Path file : recipe.descriptions()) {
            data.put("descriptions/" + file, file);
            ConversationFile.read(file)
                    .forEach(conversation -> descriptions
                            .computeIfAbsent(conversation.imageName(), _ -> new ArrayList<>())
                            .add(conversation));
        }
        if (recipe.captionQuestion() == null) {
            train.removeIf(seen -> !seen.spoilt() && descriptionsOf(seen).isEmpty());
            validation.removeIf(seen -> descriptionsOf(seen).isEmpty());
        }
        if (train.isEmpty()) {
            throw new InputException(
                    "%s: no image of %s is left to learn from".formatted(recipeFile, dataset.folder()));
        }
        try (RunFolder run = new RunFolder(recipe.output(), recipeFile, data, facts())) {
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
            return Recipes.given("aspects", recipe.aspects());
        }
        Map<Aspect, AspectManifest> aspects = new EnumMap<>(before.manifest().aspects());
        aspects.replaceAll((_, settings) -> settings.withAdapter(null));
        return aspects;
    }

    /** Writes what a new base is configured by, and trains its tokenizer. */
    private void begin(Path base) throws IOException {
        ObjectNode config = Recipes.given("config", recipe.config()).deepCopy();
        config.put("model_type", "minicpmv").put("hidden_act", "silu");
        Files.write(
                base.resolve(CONFIG),
                new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsBytes(config));
        if (!Files.exists(base.resolve(TOKENIZER))) {
            TokenizerTraining.write(
                    base.resolve(TOKENIZER),
                    texts.stream().flatMap(Pretraining::words).toList(),
                    config.path("vocab_size").asInt());
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
        facts.put("dataset", dataset.name()).put("train", train.size()).put("validation", validation.size());
        return facts.put("texts", texts.size());
    }

    /** Leaves out what is held out, and sets whole prompts apart for validation. */
    private void chooseImages() {
        Set<String> heldOut = Recipes.imagesOf(recipe.heldOut(), data);
        PretrainRecipe.HeldOutFold fold = recipe.heldOutFold();
        if (fold != null) {
            Split.groupFolds(dataset, fold.folds(), fold.seed())
                    .get(fold.fold() - 1)
                    .test()
                    .forEach(sample -> heldOut.add(sample.name()));
        }
        List<Sample> samples = dataset.samples().stream()
                .filter(sample -> !heldOut.contains(sample.name()) && sample.prompt() != null)
                .toList();
        dataset.checkImages(samples);
        List<Sample> learnable = samples.stream()
                .filter(sample -> !Prompts.calibrateOn(sample, recipe.calibrationShare()))
                .toList();
        Set<String> chosen = Prompts.validateOn(learnable, recipe.validationShare(), recipe.seed());
        for (Sample sample : samples) {
            if (chosen.contains(sample.group())) {
                validation.add(new Seen(sample, 0));
            } else {
                IntStream.rangeClosed(0, recipe.views()).forEach(view -> train.add(new Seen(sample, view)));
                train.addAll(Collections.nCopies(recipe.spoilt(), new Seen(sample, Seen.SPOILT)));
            }
        }
    }

    /** Whether what people, or a teacher who knew it, thought of an image holds here and is not left to calibrate on. */
    private boolean opinionsAreLearned(Seen seen) {
        return seen.view == 0 && !Prompts.calibrateOn(seen.sample, recipe.calibrationShare());
    }

    /** The descriptions of an image that are learned. */
    private List<Conversation> descriptionsOf(Seen seen) {
        return opinionsAreLearned(seen) ? descriptions.getOrDefault(seen.sample.name(), List.of()) : List.of();
    }

    /** Trains the stem where the recipe says so; the file of its weights. */
    private @Nullable Path stem(RunFolder run, MiniCpmVConfig config) throws IOException {
        PretrainRecipe.StemStage stage = recipe.stem();
        if (stage == null) {
            return null;
        }
        List<Seen> learned = originals();
        StemTraining training =
                new StemTraining(recipe, stage, config, readers(learned), names(learned), names(validation), listener);
        try (RunFolder part = new RunFolder(run.resolve("stem"), recipeFile, data, facts())) {
            return training.run(part);
        }
    }

    private List<Seen> originals() {
        return train.stream().filter(seen -> seen.view == 0).toList();
    }

    private static List<String> names(List<Seen> images) {
        return images.stream().map(Seen::name).toList();
    }

    /** What reads each of these images, and those for validation. */
    private Map<String, Supplier<RgbImage>> readers(List<Seen> learned) {
        Map<String, Supplier<RgbImage>> images = new LinkedHashMap<>();
        Stream.concat(learned.stream(), validation.stream())
                .forEach(seen -> images.put(seen.name(), () -> decode(seen)));
        return images;
    }

    private void train(RunFolder run, MiniCpmVConfig config, Path base, @Nullable Path stem) throws IOException {
        Device device = Device.parse(recipe.device());
        List<Seen> taught = train.stream().filter(seen -> !seen.spoilt()).toList();
        try (TeacherTargets targets = targets(config, readers(taught), device);
                HeldTensors heads = heads(config, device);
                HeldTensors weights = initial(config, stem, device);
                WeightStore store = new WeightStore(weights, Precision.of(recipe.dtype()), device);
                Tokenizer tokenizer = new Tokenizer(base.resolve(TOKENIZER));
                MiniCpmV model = new MiniCpmV(config, VisionMode.CORRECTED, ModelWeights.of(store), tokenizer)) {
            if (before == null) {
                model.normalizeStem(
                        originals().stream()
                                .limit(NORMALIZED_ON)
                                .map(this::decode)
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
                                new Batches(model, new Heads(heads.held()), readout, targets),
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
                : new TowerReadout(model, originals().stream().map(this::decode), recipe.maxSlices());
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

    private RgbImage decode(Seen seen) {
        RgbImage image = decoder.decode(dataset.image(seen.sample), ALPHA);
        return seen.view <= 0
                ? image
                : RandomView.of(image, 31 * recipe.seed() + seen.name().hashCode());
    }

    /**
     * An image as the model reads it.
     *
     * @param topic which of the things is learned that were said about it, counted round and round
     */
    private record Cut(SlicePlan plan, List<RgbImage> pieces, boolean mirrored, int topic) {}

    /** Images and texts as the model reads them. */
    private final class Batches implements StepLoop.Job {
        private final MiniCpmV model;
        private final Heads heads;
        private final @Nullable TowerReadout readout;
        private final @Nullable TeacherTargets targets;
        private final PretrainingPass.Weights weights;
        private final Epochs imageOrder = new Epochs(train.size(), recipe.seed());
        private final Epochs textOrder = new Epochs(Math.max(1, texts.size()), recipe.seed());
        private final ReadAhead<Cut> ahead = new ReadAhead<>(step -> cuts(samples(step), changes(step)));

        Batches(MiniCpmV model, Heads heads, @Nullable TowerReadout readout, @Nullable TeacherTargets targets) {
            this.model = model;
            this.heads = heads;
            this.readout = readout;
            this.targets = targets;
            PretrainRecipe.LossWeights wanted = recipe.lossWeights();
            this.weights = new PretrainingPass.Weights(
                    wanted.dense(), wanted.global(), wanted.caption(), wanted.text(), wanted.score(), wanted.tower());
        }

        @Override
        public List<String> losses() {
            return List.of(
                    "loss", "dense_loss", "global_loss", "caption_loss", "text_loss", "score_loss", "tower_loss");
        }

        @Override
        public double epoch(long step) {
            return (step + 1.0) * recipe.imagesPerStep() / train.size();
        }

        @Override
        public void close() {
            ahead.close();
        }

        @Override
        public double[] learn(long step) {
            try (Scope _ = new Scope()) {
                List<Cut> cuts = ahead.of(step);
                List<TokenizedConversation> read = IntStream.range(0, recipe.textsPerStep())
                        .mapToObj(i -> text(texts.get(textOrder.at(step * recipe.textsPerStep() + i))))
                        .toList();
                PretrainingPass pass = new PretrainingPass(model, heads, readout, pictures(samples(step), cuts), read);
                pass.backward(weights);
                return withSum(pass.losses());
            }
        }

        @Override
        public double[] validate() {
            double[] sum = new double[0];
            for (int first = 0; first < validation.size(); first += recipe.imagesPerStep()) {
                try (Scope _ = new Scope();
                        NoGradGuard _ = new NoGradGuard()) {
                    List<Seen> samples =
                            validation.subList(first, Math.min(validation.size(), first + recipe.imagesPerStep()));
                    double[] losses = withSum(new PretrainingPass(
                                    model,
                                    heads,
                                    readout,
                                    pictures(samples, ahead.read(cuts(samples, null))),
                                    List.of())
                            .losses());
                    sum = sum.length == 0 ? new double[losses.length] : sum;
                    for (int i = 0; i < losses.length; i++) {
                        sum[i] += losses[i] * samples.size() / validation.size();
                    }
                }
            }
            return sum;
        }

        /** The weighted sum of the losses, then the losses. */
        private double[] withSum(float... losses) {
            double[] each = weights.inOrder();
            double[] all = new double[losses.length + 1];
            for (int i = 0; i < losses.length; i++) {
                all[i + 1] = losses[i];
                all[0] += each[i] * losses[i];
            }
            return all;
        }

        private List<Seen> samples(long step) {
            return IntStream.range(0, recipe.imagesPerStep())
                    .mapToObj(i -> train.get(imageOrder.at(step * recipe.imagesPerStep() + i)))
                    .toList();
        }

        /** What decides how the images of a step are changed. */
        private SplittableRandom changes(long step) {
            return new SplittableRandom(recipe.seed() * 1_000_003 + step);
        }

        /** Cuts images into tiles, as they are or changed in ways that people's scores do not depend on. */
        private List<Supplier<Cut>> cuts(List<Seen> samples, @Nullable SplittableRandom changes) {
            List<Supplier<Cut>> cuts = new ArrayList<>();
            for (Seen sample : samples) {
                SplittableRandom own = changes == null ? null : changes.split();
                cuts.add(() -> cut(sample, own));
            }
            return cuts;
        }

        private Cut cut(Seen sample, @Nullable SplittableRandom changes) {
            boolean mirrored = changes != null && changes.nextBoolean();
            RgbImage image = mirrored ? decode(sample).mirrored() : decode(sample);
            if (changes != null && recipe.maxShift() > 0) {
                image = image.shifted(shift(changes, image.width()), shift(changes, image.height()));
            }
            if (changes != null && sample.spoilt()) {
                image = Alteration.Spoilt.random(changes).of(image);
            }
            SlicePlan plan = model.plan(image, recipe.maxSlices());
            int topic = changes == null ? 0 : changes.nextInt(Short.MAX_VALUE);
            return new Cut(plan, plan.cut(image), mirrored, topic);
        }

        private int shift(SplittableRandom changes, int size) {
            int most = Math.min(recipe.maxShift(), size - 1);
            return changes.nextInt(-most, most + 1);
        }

        /** Teachers have seen all pictures but the spoilt ones. */
        private List<Picture> pictures(List<Seen> samples, List<Cut> cuts) {
            List<String> taught =
                    names(samples.stream().filter(seen -> !seen.spoilt()).toList());
            Tensor dense = targets == null || taught.isEmpty() ? null : targets.dense(taught);
            Tensor global = targets == null || taught.isEmpty() ? null : targets.global(taught);
            List<Picture> pictures = new ArrayList<>();
            int next = 0;
            for (int i = 0; i < samples.size(); i++) {
                if (samples.get(i).spoilt()) {
                    pictures.add(spoilt(cuts.get(i)));
                } else {
                    pictures.add(picture(
                            samples.get(i),
                            cuts.get(i),
                            dense == null ? null : dense.select(0, next),
                            global == null ? null : global.select(0, next)));
                    next++;
                }
            }
            return pictures;
        }

        /** A picture of which nothing was said. */
        private Picture spoilt(Cut cut) {
            List<Double> unknown = Collections.nCopies(recipe.scores().size(), Double.NaN);
            return new Picture(cut.pieces(), cut.plan(), model.template().picture(cut.plan()), null, null, unknown);
        }

        private Picture picture(Seen seen, Cut cut, @Nullable Tensor dense, @Nullable Tensor global) {
            List<List<Turn>> topics = topics(seen);
            TokenizedConversation caption =
                    model.template().tokenize(cut.plan(), topics.get(cut.topic() % topics.size()), false);
            // teachers see nearly the same in a mirrored image, in mirrored places
            return new Picture(
                    cut.pieces(),
                    cut.plan(),
                    caption.first(recipe.maxLength()),
                    cut.mirrored() && dense != null ? TeacherTargets.mirrored(dense) : dense,
                    global,
                    scores(seen));
        }

        /** The prompt of an image, and each description of it. */
        private List<List<Turn>> topics(Seen seen) {
            List<List<Turn>> topics = new ArrayList<>();
            String question = recipe.captionQuestion();
            if (question != null) {
                topics.add(List.of(Turn.user(question), Turn.assistant(String.valueOf(seen.sample.prompt()))));
            }
            descriptionsOf(seen)
                    .forEach(conversation ->
                            topics.add(Finetuning.turns(conversation).subList(0, 2)));
            return topics;
        }

        /** What people thought of an image; NaN where that is not learned, or they were not asked. */
        private List<Double> scores(Seen seen) {
            boolean known = opinionsAreLearned(seen);
            return recipe.scores().stream()
                    .map(aspect -> known ? seen.sample.mos(aspect) : Double.NaN)
                    .toList();
        }

        private TokenizedConversation text(Conversation conversation) {
            return model.template().tokenize(Finetuning.turns(conversation)).first(recipe.maxLength());
        }
    }
}
