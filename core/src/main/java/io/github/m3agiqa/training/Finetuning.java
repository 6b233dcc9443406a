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
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelManifest;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.mllm.MiniCpmV;
import io.github.m3agiqa.mllm.TokenizedConversation;
import io.github.m3agiqa.mllm.TokenizedConversation.Span;
import io.github.m3agiqa.mllm.TowerReadout;
import io.github.m3agiqa.mllm.TrainingPass;
import io.github.m3agiqa.mllm.TrainingPass.Example;
import io.github.m3agiqa.mllm.Turn;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.training.LoraSettings.Initial;
import io.github.m3agiqa.training.LoraSettings.Part;
import io.github.m3agiqa.weights.PeftAdapter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * LoRA fine-tuning: the model learns to describe and rate images as the conversations do. A run that was stopped goes on
 * from its last checkpoint, and ends with the weights that it would have had without the stop.
 */
public final class Finetuning {
    /** A conversation and its image. */
    private record Item(Sample sample, Conversation conversation) {}

    private final Path recipeFile;
    private final FinetuneRecipe recipe;
    private final StepListener listener;
    private final Dataset dataset;
    private final List<Item> train = new ArrayList<>();
    private final List<Item> validation = new ArrayList<>();
    private final Map<String, Path> data = new LinkedHashMap<>();

    private Finetuning(Path recipeFile, FinetuneRecipe recipe, StepListener listener) {
        this.recipeFile = recipeFile;
        this.recipe = recipe;
        this.listener = listener;
        this.dataset = Recipes.dataset(recipe.dataset(), recipe.scale());
    }

    /**
     * Runs a recipe, or goes on with it.
     *
     * @return the folder of the model that was made
     * @throws InputException if recipe or data are wrong; everything is checked before the first step
     * @throws io.github.m3agiqa.ModelException if the model that it starts from is missing or damaged, or no such device answers
     */
    public static Path run(Path recipeFile, StepListener listener) {
        FinetuneRecipe recipe = RecipeReader.read(recipeFile, FinetuneRecipe.class);
        Finetuning job = new Finetuning(recipeFile, recipe, listener);
        try {
            return job.run();
        } catch (IOException e) {
            throw new InputException("%s cannot be written to: %s".formatted(recipe.output(), e), e);
        }
    }

    /**
     * What is learned of a conversation: both requests, the teacher's description and the rating word.
     *
     * @throws InputException if an answer is missing
     */
    public static List<Turn> turns(Conversation said) {
        return List.of(
                Turn.user(said.describeRequest()),
                Turn.assistant(said.teacherDescription()),
                Turn.user(said.rateRequest()),
                Turn.assistant(said.ratingWord()));
    }

    /**
     * As many tokens of a conversation as are read.
     *
     * @throws InputException naming the image, if its picture takes them all
     */
    static TokenizedConversation within(int maxLength, TokenizedConversation whole, Path image) {
        int picture = whole.images().stream().mapToInt(Span::end).max().orElse(0);
        if (picture >= maxLength) {
            throw new InputException(
                    "%s: its image alone takes %d tokens, maxLength is %d; raise it, or lower maxSlices"
                            .formatted(image, picture, maxLength));
        }
        return whole.first(maxLength);
    }

    private Path run() throws IOException {
        ModelFolder source = ModelFolder.open(recipe.model());
        recipe.alsoFor().forEach(source.manifest()::aspect);
        readConversations();
        Device device = Device.parse(recipe.device());
        try (RunFolder run = new RunFolder(recipe.output(), recipeFile, data, facts(source));
                TrainableModel model = new TrainableModel(source, Precision.of(recipe.dtype()), device);
                LoraAdapter adapter = adapter(source, model, device);
                MiniCpmV mllm = model.with(adapter);
                TowerReadout readout = readout(model, mllm)) {
            Map<String, Tensor> trained = new LinkedHashMap<>(adapter.weights());
            if (readout != null) {
                trained.putAll(readout.weights());
            }
            new StepLoop(run, recipe.name(), recipe.steps(), recipe.evaluateEvery(), recipe.keepCheckpoints(), listener)
                    .run(
                            new Batches(model, mllm, adapter, readout),
                            trained,
                            LoraAdapter::decays,
                            recipe.optimization());
            adapter.export(run.resolve("adapter"), source.manifest().base());
            Path made = run.resolve("model");
            ModelFolder.write(made, manifest(source, made, model.basePath(), run.resolve("adapter")));
            return made;
        }
    }

    private @Nullable TowerReadout readout(TrainableModel model, MiniCpmV mllm) {
        return recipe.tower() == null
                ? null
                : new TowerReadout(
                        mllm, train.stream().map(item -> model.decode(dataset.image(item.sample))), recipe.maxSlices());
    }

    private LoraAdapter adapter(ModelFolder source, TrainableModel model, Device device) {
        if (recipe.lora().initial() == Initial.BASE) {
            return LoraAdapter.fresh(recipe.lora(), model.base(), device, recipe.seed());
        }
        try (PeftAdapter trained = new PeftAdapter(source.part(initialAdapter(source)))) {
            return LoraAdapter.continued(recipe.lora(), trained, model.base(), device);
        }
    }

    /** The adapter that is trained further, as the manifest names it. */
    private String initialAdapter(ModelFolder source) {
        Set<String> adapters = new HashSet<>();
        recipe.conversations()
                .keySet()
                .forEach(aspect -> Optional.ofNullable(
                                source.manifest().aspects().get(aspect))
                        .map(AspectManifest::adapter)
                        .ifPresent(adapters::add));
        if (adapters.size() != 1) {
            throw new InputException("%s: initial: adapter needs one adapter for all of %s, the model has %s"
                    .formatted(recipeFile, recipe.conversations().keySet(), adapters));
        }
        return adapters.iterator().next();
    }

    private ObjectNode facts(ModelFolder source) {
        ObjectNode facts = new ObjectMapper().createObjectNode();
        facts.put("kind", "finetune").put("engine", Engine.version()).put("seed", recipe.seed());
        facts.put("model", source.manifest().id()).put("weights", weights(source));
        facts.put("dataset", dataset.name());
        facts.put("train", train.size()).put("validation", validation.size());
        return facts;
    }

    /** A hash of what is trained further. */
    private String weights(ModelFolder source) {
        List<Path> parts = new ArrayList<>(List.of(source.part(source.manifest().base())));
        if (recipe.lora().initial() == Initial.ADAPTER) {
            parts.add(source.part(initialAdapter(source)));
        }
        String settings =
                "%s %s".formatted(source.manifest().vision(), source.manifest().alpha());
        return new ModelFingerprint(recipe.output()).of(parts, settings);
    }

    /** Reads all conversations, checks that their images are there, and sets some apart for validation. */
    private void readConversations() {
        Map<String, Sample> samples = dataset.byName();
        List<String> missing = new ArrayList<>();
        Set<String> heldOut = Recipes.imagesOf(recipe.heldOut(), data);
        Recipes.noteScores(data, recipe.dataset());
        recipe.conversations().forEach((aspect, files) -> {
            List<Item> items = read(aspect, files.train(), samples, heldOut, missing);
            if (files.validation() != null) {
                train.addAll(items);
                validation.addAll(read(aspect, files.validation(), samples, heldOut, missing));
            } else {
                setApart(items);
            }
        });
        if (!missing.isEmpty() && recipe.missingImages() == MissingImages.ERROR) {
            throw new InputException("%s: %d images are not there, such as %s; get them, or set missingImages: skip"
                    .formatted(dataset.folder(), missing.size(), missing.getFirst()));
        }
        if (!missing.isEmpty()) {
            listener.note("%d conversations are left out as their images are not there".formatted(missing.size()));
        }
        if (train.isEmpty()) {
            throw new InputException("%s: no conversation is left to learn from".formatted(recipeFile));
        }
    }

    private List<Item> read(
            Aspect aspect, Path file, Map<String, Sample> samples, Set<String> heldOut, List<String> missing) {
        Recipes.note(data, aspect.id(), file);
        List<Item> items = new ArrayList<>();
        for (Conversation conversation : ConversationFile.read(file)) {
            if (heldOut.contains(conversation.imageName())) {
                continue;
            }
            Sample sample = samples.get(conversation.imageName());
            if (sample == null || !dataset.hasImage(sample)) {
                missing.add(conversation.imageName());
            } else if (!Prompts.calibrateOn(sample, recipe.calibrationShare())) {
                Conversation rightly = Double.isNaN(sample.mos(aspect))
                        ? conversation
                        : ConversationFile.withRatingWords(List.of(conversation), dataset, aspect)
                                .getFirst();
                items.add(new Item(sample, rightly));
            }
        }
        return items;
    }

    /** Whole prompts go to validation, so that it tells how new prompts will fare. */
    private void setApart(List<Item> items) {
        Set<String> chosen =
                Prompts.validateOn(items.stream().map(Item::sample).toList(), recipe.validationShare(), recipe.seed());
        items.forEach(item -> (chosen.contains(item.sample.group()) ? validation : train).add(item));
    }

    /** Conversations as the model reads them. */
    private final class Batches implements StepLoop.Job {
        private final TrainableModel model;
        private final MiniCpmV mllm;
        private final LoraAdapter adapter;
        private final @Nullable TowerReadout readout;
        private final int spoilt;
        private final double towerWeight;
        private final TrainingPass.Settings settings;
        private final Epochs order = new Epochs(train.size(), recipe.seed());
        private final ReadAhead<Example> ahead = new ReadAhead<>(step -> LongStream.range(0, recipe.accumulation())
                .map(pass -> step * recipe.accumulation() + pass)
                .mapToObj(this::readings)
                .flatMap(List::stream)
                .toList());

        Batches(TrainableModel model, MiniCpmV mllm, LoraAdapter adapter, @Nullable TowerReadout readout) {
            this.model = model;
            this.mllm = mllm;
            this.adapter = adapter;
            this.readout = readout;
            this.spoilt = recipe.tower() == null ? 0 : recipe.tower().spoilt();
            this.towerWeight = recipe.tower() == null ? 0 : recipe.tower().weight();
            this.settings = new TrainingPass.Settings(
                    recipe.lora().alsoTrain().contains(Part.VISION), recipe.gradientCheckpointing());
        }

        private long perStep() {
            return (long) recipe.batchSize() * recipe.accumulation();
        }

        /** What a pass reads: conversations, and the pictures of the first ones spoilt. */
        private List<Supplier<Example>> readings(long pass) {
            List<Item> items = LongStream.range(pass * recipe.batchSize(), (pass + 1) * recipe.batchSize())
                    .mapToObj(i -> train.get(order.at(i)))
                    .toList();
            SplittableRandom random = new SplittableRandom(recipe.seed() * 1_000_003 + pass);
            List<Supplier<Example>> readings = new ArrayList<>();
            items.forEach(item -> readings.add(reading(item)));
            for (Item item : items.subList(0, spoilt)) {
                Alteration spoiling = Alteration.Spoilt.random(random);
                readings.add(() -> spoilt(item, spoiling));
            }
            return readings;
        }

        @Override
        public List<String> losses() {
            return readout == null ? List.of("loss") : List.of("loss", "tower_loss");
        }

        @Override
        public double epoch(long step) {
            return (step + 1.0) * perStep() / train.size();
        }

        @Override
        public void close() {
            ahead.close();
        }

        /** The mean loss of a label, and the mean error of what is read of what the tower sees. */
        @Override
        public double[] learn(long step) {
            adapter.train(true);
            List<Example> examples = ahead.of(step);
            long targets =
                    Math.max(1, examples.stream().mapToLong(Batches::targets).sum());
            int perPass = recipe.batchSize() + spoilt;
            double sum = 0;
            double error = 0;
            for (int i = 0; i < recipe.accumulation(); i++) {
                long seed = recipe.seed() + step * perStep() + (long) i * recipe.batchSize();
                try (Scope _ = new Scope()) {
                    TrainingPass pass = new TrainingPass(
                            mllm, examples.subList(i * perPass, (i + 1) * perPass), settings, readout, seed);
                    sum += pass.lossSum();
                    error += pass.towerError() / recipe.accumulation();
                    pass.backward(1.0 / targets, towerWeight / recipe.accumulation());
                }
            }
            return losses(sum / targets, error);
        }

        private double[] losses(double loss, double towerError) {
            return readout == null ? new double[] {loss} : new double[] {loss, towerError};
        }

        /** The same over all conversations that are not learned from, without spoilt pictures. */
        @Override
        public double[] validate() {
            adapter.train(false);
            double sum = 0;
            double error = 0;
            long targets = 0;
            for (int first = 0; first < validation.size(); first += recipe.batchSize()) {
                try (Scope _ = new Scope();
                        NoGradGuard _ = new NoGradGuard()) {
                    List<Item> items =
                            validation.subList(first, Math.min(validation.size(), first + recipe.batchSize()));
                    TrainingPass pass = new TrainingPass(
                            mllm,
                            ahead.read(items.stream().map(this::reading).toList()),
                            new TrainingPass.Settings(false, false),
                            readout,
                            0);
                    sum += pass.lossSum();
                    targets += pass.targets();
                    error += pass.towerError() * items.size() / validation.size();
                }
            }
            return targets == 0 ? new double[0] : losses(sum / targets, error);
        }

        private static long targets(Example example) {
            return IntStream.of(example.conversation().labels())
                    .filter(label -> label != TokenizedConversation.IGNORED)
                    .count();
        }

        private Supplier<Example> reading(Item item) {
            return () -> example(item);
        }

        /** The picture without what was said about it. */
        private Example spoilt(Item item, Alteration spoiling) {
            RgbImage image = spoiling.of(model.decode(dataset.image(item.sample)));
            SlicePlan plan = mllm.plan(image, recipe.maxSlices());
            return new Example(image, plan, mllm.template().picture(plan));
        }

        private Example example(Item item) {
            Path file = dataset.image(item.sample);
            RgbImage image = model.decode(file);
            SlicePlan plan = mllm.plan(image, recipe.maxSlices());
            TokenizedConversation whole = mllm.template().tokenize(plan, turns(item.conversation), false);
            return new Example(image, plan, within(recipe.maxLength(), whole, file));
        }
    }

    /** The model with the new adapter; a predictor that read another one is of no use any more. */
    private ModelManifest manifest(ModelFolder source, Path made, Path base, Path adapter) {
        ModelManifest before = source.manifest();
        Map<Aspect, AspectManifest> aspects = new EnumMap<>(Aspect.class);
        before.aspects().forEach((aspect, settings) -> {
            if (recipe.conversations().containsKey(aspect) || recipe.alsoFor().contains(aspect)) {
                aspects.put(aspect, settings.withAdapter(RunFolder.relative(made, adapter)));
            }
        });
        return before.derived(recipe.name(), RunFolder.relative(made, base), aspects);
    }
}
