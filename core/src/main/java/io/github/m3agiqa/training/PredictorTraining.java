package io.github.m3agiqa.training;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import de.siegmar.fastcsv.writer.CsvWriter;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Calibration;
import io.github.m3agiqa.CompleteFile;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Interval;
import io.github.m3agiqa.Scale;
import io.github.m3agiqa.StepListener;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.Fingerprint;
import io.github.m3agiqa.dataset.LeakageCheck;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.dataset.Split;
import io.github.m3agiqa.evaluation.Conformal;
import io.github.m3agiqa.evaluation.Correlations;
import io.github.m3agiqa.evaluation.Prediction;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelManifest;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import io.github.m3agiqa.hub.ModelManifest.ScoreHead;
import io.github.m3agiqa.hub.Sha256;
import io.github.m3agiqa.image.AlphaMode;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.mllm.MiniCpmVConfig;
import io.github.m3agiqa.predictor.PromptMatcher;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.training.DescriptionSettings.Rounds;
import io.github.m3agiqa.training.HeadSettings.Reads;
import io.github.m3agiqa.training.PredictorRun.Example;
import io.github.m3agiqa.weights.SafetensorsFile;
import io.github.m3agiqa.weights.SafetensorsFolder;
import io.github.m3agiqa.weights.SafetensorsWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Trains the predictors of a recipe on human scores: one for each of its variants, aspects and splits. The hidden states
 * that they read are computed once and cached. A run that was stopped goes on where it was.
 */
public final class PredictorTraining implements AutoCloseable {
    /** Where a unit is trained for the first time, again and once more, in its folder. */
    private static final List<String> TRAININGS = List.of("", "refit", "whole");

    private static final int HASH_DIGITS = 8;

    private static final String CALIBRATION = "calibration.json";
    private static final String CALIBRATION_IMAGES = "calibration.csv";
    private static final String MATCHER = "matcher.safetensors";

    private static final String PREDICTIONS = "predictions.csv";

    private static final List<String> PREDICTION_COLUMNS = List.of(
            "variant",
            "split",
            "aspect",
            "image",
            "prompt",
            "group",
            "generator",
            "predicted",
            "mos",
            "interval_low",
            "interval_high");

    /** One predictor to be trained. */
    private record Unit(String variant, TrainRecipe recipe, Aspect aspect, Split split, List<Sample> calibration) {
        Path folder(RunFolder run) {
            String name = "%s-%s-%s".formatted(variant, aspect.id(), folderName(split.name()));
            return run.resolve("units").resolve(name);
        }

        /** Two names that have the same characters left are told apart by their hashes. */
        private static String folderName(String name) {
            String plain = name.replaceAll("[^\\w.]+", "-");
            return plain.equals(name)
                    ? name
                    : plain + "-"
                            + Sha256.of(name.getBytes(StandardCharsets.UTF_8)).substring(0, HASH_DIGITS);
        }

        /** At most, as the later trainings end with the best epoch of the first one. */
        long epochs() {
            return (long) trainings().size() * recipe.epochs();
        }

        /** What is trained one after the other. */
        List<Unit> trainings() {
            List<Unit> trainings = new ArrayList<>(List.of(this));
            if (recipe.refit()) {
                trainings.add(learningFrom(List.of(split.train(), split.validation())));
            }
            if (recipe.refitCalibration()) {
                trainings.add(learningFrom(List.of(split.train(), split.validation(), calibration)));
            }
            return trainings;
        }

        /** The last of the trainings that the calibration images are new to. */
        int calibrated() {
            return recipe.refit() ? 1 : 0;
        }

        /** Only correspondence is about the prompt. */
        Optional<MatcherSettings> matcher() {
            return Optional.ofNullable(recipe.matcher()).filter(_ -> aspect == Aspect.CORRESPONDENCE);
        }

        /** The same with nothing to choose an epoch by. */
        private Unit learningFrom(List<List<Sample>> parts) {
            List<Sample> all = parts.stream().flatMap(List::stream).toList();
            return new Unit(
                    variant, recipe, aspect, new Split(split.name(), all, List.of(), split.test()), calibration);
        }
    }

    private final Path recipeFile;
    private final TrainRecipe recipe;
    private final StepListener listener;
    private final ModelFolder model;
    private final Dataset dataset;
    private final Readings readings;
    private final @Nullable WordVectors wordVectors;
    private final List<Unit> units = new ArrayList<>();
    private final int hiddenSize;
    /** One an adapter, so that images and weights are hashed once. */
    private final Map<Optional<String>, FeatureReader> readers = new LinkedHashMap<>();

    private PredictorTraining(Path recipeFile, StepListener listener) {
        this.recipeFile = recipeFile;
        this.recipe = RecipeReader.read(recipeFile, TrainRecipe.class);
        this.listener = listener;
        this.model = ModelFolder.open(recipe.model());
        this.dataset = withImages(Recipes.dataset(recipe.dataset(), recipe.scale()));
        this.readings = new Readings(model.manifest(), recipe.conversations());
        if (recipe.undescribed()) {
            recipe.conversations().keySet().forEach(this::checkDescribed);
        }
        this.wordVectors = wordVectors(recipe).map(WordVectors::read).orElse(null);
        this.hiddenSize = MiniCpmVConfig.read(
                        model.part(model.manifest().base()).resolve("config.json"))
                .llama()
                .hiddenSize();
        recipe.runs()
                .forEach((variant, run) -> recipe.conversations().keySet().forEach(aspect -> {
                    Dataset labelled = dataset.with(aspect);
                    run.split()
                            .of(labelled, readings.train(aspect), readings.test(aspect), run.seed())
                            .forEach(split -> units.add(unit(variant, run, aspect, split)));
                }));
    }

    private static Optional<Path> wordVectors(TrainRecipe recipe) {
        return Optional.ofNullable(recipe.matcher()).map(MatcherSettings::words).map(MatcherSettings.Words::vectors);
    }

    /** A predictor for images without a description needs one beside it for the others. */
    private void checkDescribed(Aspect aspect) {
        if (model.manifest().aspect(aspect).predictor() == null) {
            throw new InputException(
                    "%s has no predictor of %s for described images, beside which one for the others could stand; train that first"
                            .formatted(model.path(), aspect.id()));
        }
    }

    private Dataset withImages(Dataset all) {
        if (recipe.missingImages() == MissingImages.ERROR) {
            all.checkImages(all.samples());
            return all;
        }
        List<Sample> there = all.samples().stream().filter(all::hasImage).toList();
        if (there.size() < all.samples().size()) {
            listener.note("%s: %d of %d images are not there and are left out"
                    .formatted(
                            all.folder(),
                            all.samples().size() - there.size(),
                            all.samples().size()));
        }
        return new Dataset(all.name(), all.folder(), there);
    }

    /** Sets a part of the training images apart to calibrate on, and then whole prompts to choose an epoch by. */
    private static Unit unit(String variant, TrainRecipe run, Aspect aspect, Split split) {
        SplitSettings shares = run.split();
        List<Sample> calibration = List.of();
        Split left = split;
        if (shares.calibrationShare() > 0) {
            Map<Boolean, List<Sample>> train =
                    split.train().stream().collect(Collectors.partitioningBy(shares::calibratesOn));
            calibration = train.getOrDefault(true, List.of());
            if (calibration.isEmpty()) {
                throw new InputException("calibrationShare %s chooses none of the %d training images; raise it"
                        .formatted(shares.calibrationShare(), split.train().size()));
            }
            left = new Split(split.name(), train.getOrDefault(false, List.of()), split.validation(), split.test());
        }
        return new Unit(variant, run, aspect, left.withValidation(shares.validationShare(), run.seed()), calibration);
    }

    /**
     * Computes the hidden states that a recipe needs and that are not cached yet.
     *
     * @throws InputException if recipe or data are wrong; everything is checked before the first image is read
     */
    public static void cache(Path recipeFile, StepListener listener) {
        try (PredictorTraining job = new PredictorTraining(recipeFile, listener)) {
            job.fillCaches();
        }
    }

    /**
     * Runs a recipe, or goes on with it.
     *
     * @return the folder of the run, for {@code evaluate}
     * @throws InputException if recipe or data are wrong; everything is checked before the first step
     */
    public static Path run(Path recipeFile, StepListener listener) {
        try (PredictorTraining job = new PredictorTraining(recipeFile, listener)) {
            job.fillCaches();
            job.run();
            return job.recipe.output();
        }
    }

    private FeatureReader reader(Aspect aspect) {
        return readers.computeIfAbsent(
                adapter(aspect),
                adapter -> new FeatureReader(
                        model,
                        adapter.orElse(null),
                        dataset,
                        Precision.of(recipe.dtype()),
                        Device.parse(recipe.device()),
                        recipe.cache(),
                        hiddenSize));
    }

    private Optional<String> adapter(Aspect aspect) {
        return Optional.ofNullable(model.manifest().aspects().get(aspect)).map(AspectManifest::adapter);
    }

    /** Aspects that share an adapter share the encoded images. */
    private void fillCaches() {
        Map<FeatureReader, Set<Reading>> needed = new LinkedHashMap<>();
        for (Unit unit : units) {
            Set<Reading> all = needed.computeIfAbsent(reader(unit.aspect), _ -> new LinkedHashSet<>());
            for (Unit trained : unit.trainings()) {
                all.addAll(learned(trained));
                all.addAll(pictures(trained, trained.split.train()));
                ranked(trained).forEach(ranking -> all.addAll(ranking.readings()));
            }
            all.addAll(measured(unit, unit.split.validation()));
            for (List<Sample> samples : List.of(unit.calibration, unit.split.test())) {
                all.addAll(measured(unit, samples));
                all.addAll(pictures(unit, samples));
            }
        }
        needed.forEach((reader, all) -> reader.read(List.copyOf(all), listener));
    }

    private List<Reading> learned(Unit unit) {
        DescriptionSettings descriptions = unit.recipe.descriptions();
        List<Sample> samples = unit.split.train();
        List<Reading> learned = readings.of(samples, unit.aspect, descriptions, descriptions.train());
        if (descriptions.rounds() == Rounds.OWN_OR_NONE) {
            learned.addAll(readings.of(samples, unit.aspect, descriptions.without(), descriptions.train()));
        }
        if (unit.recipe.augmentation().mirrored()) {
            learned.addAll(learned.stream()
                    .map(reading -> reading.altered(new Alteration.Mirrored()))
                    .toList());
        }
        return learned;
    }

    private List<Ranking> ranked(Unit unit) {
        return new Rankings(readings, unit.recipe.augmentation(), unit.recipe.seed(), unit.aspect)
                .of(unit.split.train());
    }

    private List<Reading> measured(Unit unit, List<Sample> samples) {
        DescriptionSettings descriptions = unit.recipe.descriptions();
        return readings.of(samples, unit.aspect, descriptions, descriptions.test());
    }

    /** What the matcher of a unit reads, if it has one. */
    private List<Reading> pictures(Unit unit, List<Sample> samples) {
        return unit.matcher().isPresent() ? readings.pictures(samples, unit.aspect) : List.of();
    }

    private void run() {
        try {
            train();
        } catch (IOException e) {
            throw new InputException("%s cannot be written to: %s".formatted(recipe.output(), e), e);
        }
    }

    private void train() throws IOException {
        Map<String, Path> data = new LinkedHashMap<>(readings.files());
        data.put("data.csv", recipe.dataset().resolve("data.csv"));
        wordVectors(recipe).ifPresent(file -> data.put("words", file));
        data.values().removeIf(file -> !Files.exists(file));
        try (RunFolder run = new RunFolder(recipe.output(), recipeFile, data, facts())) {
            run.write("leakage.json", leakage());
            long epochs = units.stream().mapToLong(Unit::epochs).sum();
            listener.started(epochs, done(run));
            for (Unit unit : units) {
                if (!isTested(unit.folder(run))) {
                    train(unit, run);
                }
            }
            run.write(PREDICTIONS, allPredictions(run));
            if (recipe.variants().isEmpty()
                    && units.size() == recipe.conversations().size()) {
                export(run);
            }
        }
    }

    private long done(RunFolder run) {
        return units.stream()
                .mapToLong(unit -> isTested(unit.folder(run))
                        ? unit.epochs()
                        : TRAININGS.stream()
                                .mapToLong(name -> done(unit.folder(run).resolve(name)))
                                .sum())
                .sum();
    }

    /** Whether a unit's predictions are there, with all columns. */
    private static boolean isTested(Path folder) {
        Path file = folder.resolve(PREDICTIONS);
        if (!Files.exists(file)) {
            return false;
        }
        try (Stream<String> lines = Files.lines(file)) {
            return lines.findFirst().equals(Optional.of(String.join(",", PREDICTION_COLUMNS)));
        } catch (IOException e) {
            throw new InputException("%s cannot be read: %s".formatted(file, e), e);
        }
    }

    private static long done(Path folder) {
        return PredictorRun.checkpoints(folder)
                .latest()
                .map(Checkpoints.State::step)
                .orElse(0L);
    }

    private ObjectNode facts() {
        ObjectNode facts = new ObjectMapper().createObjectNode();
        facts.put("kind", "train").put("engine", Engine.version()).put("seed", recipe.seed());
        facts.put("model", model.manifest().id());
        facts.putObject("dataset")
                .put("name", dataset.name())
                .put("folder", dataset.folder().toAbsolutePath().normalize().toString());
        DescriptionSettings descriptions = recipe.descriptions();
        if (recipe.runs().values().stream().allMatch(run -> run.descriptions().rounds() == Rounds.NONE)) {
            facts.putNull("description");
        } else {
            facts.putObject("description")
                    .put("rounds", descriptions.rounds().name().toLowerCase(Locale.ROOT))
                    .put("train", descriptions.train().name().toLowerCase(Locale.ROOT))
                    .put("test", descriptions.test().name().toLowerCase(Locale.ROOT))
                    .put("testTextSawMos", false); // such recipes are refused
        }
        ArrayNode variants = facts.putArray("variants");
        recipe.runs().keySet().forEach(variants::add);
        return facts;
    }

    private byte[] leakage() throws IOException {
        ImageDecoder decoder = new ImageDecoder(ImageDecoder.Limits.DEFAULT);
        Map<String, Fingerprint> fingerprints = new HashMap<>();
        ObjectMapper json = new ObjectMapper();
        ArrayNode all = json.createArrayNode();
        Set<String> checked = new HashSet<>();
        for (Unit unit : units) {
            String place = "%s, %s".formatted(unit.split.name(), unit.aspect.id());
            if (!checked.add(place)) {
                continue; // another variant of the same split
            }
            Stream.of(unit.split.train(), unit.split.validation(), unit.calibration, unit.split.test())
                    .flatMap(List::stream)
                    .forEach(sample -> fingerprints.computeIfAbsent(sample.name(), _ -> fingerprint(decoder, sample)));
            List<Sample> seen = Stream.concat(unit.split.train().stream(), unit.calibration.stream())
                    .toList();
            LeakageCheck check = LeakageCheck.of(
                    new Split(unit.split.name(), seen, unit.split.validation(), unit.split.test()), fingerprints);
            listener.note("%s: %s".formatted(place, check.summary()));
            ObjectNode node = all.addObject()
                    .put("split", unit.split.name())
                    .put("aspect", unit.aspect.id())
                    .put("sharedPrompts", check.sharedPrompts())
                    .put("testPrompts", check.testPrompts());
            node.set("duplicates", json.valueToTree(check.duplicates()));
        }
        return json.writerWithDefaultPrettyPrinter().writeValueAsBytes(all);
    }

    private Fingerprint fingerprint(ImageDecoder decoder, Sample sample) {
        return Fingerprint.of(decoder.decode(dataset.image(sample), AlphaMode.DROP));
    }

    private void train(Unit unit, RunFolder run) throws IOException {
        Path folder = unit.folder(run);
        List<Unit> trainings = unit.trainings();
        long epochs = unit.recipe.epochs();
        for (int i = 0; i < trainings.size(); i++) {
            Unit trained = trainings.get(i);
            try (Scope _ = new Scope();
                    PredictorRun training = training(unit, Files.createDirectories(folder.resolve(TRAININGS.get(i))))) {
                long chosen = learn(training, trained, epochs);
                if (i > 0) {
                    LongStream.range(chosen, unit.recipe.epochs())
                            .forEach(_ -> listener.step()); // that were not needed
                }
                epochs = chosen;
                if (i == unit.calibrated()) {
                    calibrate(training, trained, folder);
                }
                if (i > unit.calibrated()) {
                    refitMatcher(trained, folder);
                }
                if (i == trainings.size() - 1) {
                    finish(training, trained, folder);
                }
            }
        }
    }

    private PredictorRun training(Unit unit, Path folder) {
        return new PredictorRun(
                folder,
                String.valueOf(folder.getFileName()),
                unit.recipe,
                reader(unit.aspect).cache(),
                hiddenSize,
                languageHead(unit));
    }

    /** Trains; the epochs that the weights have learned for. */
    private long learn(PredictorRun training, Unit unit, long epochs) {
        FeatureReader reader = reader(unit.aspect);
        return training.train(
                examples(reader, unit, learned(unit)),
                ranked(unit).stream()
                        .map(ranking ->
                                ranking.readings().stream().map(reader::key).toList())
                        .toList(),
                examples(reader, unit, measured(unit, unit.split.validation())),
                epochs,
                listener);
    }

    /** Writes the matcher and what intervals are made of, both by images that nothing learned from yet. */
    private void calibrate(PredictorRun training, Unit unit, Path folder) throws IOException {
        if (unit.matcher().isPresent()) {
            fitMatcher(unit, unit.matcher().get(), folder.resolve(MATCHER));
        }
        if (!unit.calibration.isEmpty()) {
            try (PromptMatcher matcher = matcher(unit, folder)) {
                Calibration calibration = Conformal.of(predictions(training, matcher, unit, unit.calibration));
                new ObjectMapper().writeValue(folder.resolve(CALIBRATION).toFile(), calibration);
                writeList(folder, unit.calibration);
                if (matcher != null) {
                    note(matcher, unit, "calibration", unit.calibration);
                }
            }
        }
    }

    /** Writes the predictor and its predictions, these last. */
    private void finish(PredictorRun training, Unit unit, Path folder) throws IOException {
        training.export(folder.resolve("predictor.safetensors"));
        try (PromptMatcher matcher = matcher(unit, folder)) {
            Optional<Calibration> calibration = calibration(folder);
            List<Prediction> tested = predictions(training, matcher, unit, unit.split.test());
            note(unit, tested, calibration);
            if (matcher != null) {
                note(matcher, unit, "test", unit.split.test());
            }
            writePredictions(folder.resolve(PREDICTIONS), unit, tested, calibration);
        }
    }

    /** Fits a matcher to what the predictor has learned from. */
    private void fitMatcher(Unit unit, MatcherSettings settings, Path file) throws IOException {
        List<MatcherFit.Pair> learned = pairs(unit, unit.split.train());
        List<MatcherFit.Pair> others = unit.calibration.isEmpty() ? learned : pairs(unit, unit.calibration);
        SafetensorsWriter.write(file, MatcherFit.of(learned, others, settings, wordVectors));
    }

    /** Fits it once more to all that the last predictor has learned from; a match is worth as many points as before. */
    private void refitMatcher(Unit unit, Path folder) throws IOException {
        if (unit.matcher().isPresent()) {
            Path file = folder.resolve(MATCHER);
            Tensor usual;
            try (SafetensorsFile before = new SafetensorsFile(file)) {
                usual = before.load(PromptMatcher.POINTS_BIAS, Dtype.F32, Device.CPU)
                        .clone();
            }
            Map<String, Tensor> weights = MatcherFit.of(
                    pairs(unit, unit.split.train()), List.of(), unit.matcher().get(), wordVectors);
            weights.put(PromptMatcher.POINTS_BIAS, usual);
            SafetensorsWriter.write(file, weights);
        }
    }

    /** The matcher of a unit; null if there shall be none. */
    private @Nullable PromptMatcher matcher(Unit unit, Path folder) {
        return unit.matcher().isEmpty()
                ? null
                : new PromptMatcher(new SafetensorsFile(folder.resolve(MATCHER)), hiddenSize, Device.CPU);
    }

    /** What the intervals of a unit are made of. */
    private static Optional<Calibration> calibration(Path folder) throws IOException {
        Path file = folder.resolve(CALIBRATION);
        return Files.exists(file)
                ? Optional.of(new ObjectMapper().readValue(file.toFile(), Calibration.class))
                : Optional.empty();
    }

    private List<MatcherFit.Pair> pairs(Unit unit, List<Sample> samples) {
        FeatureReader reader = reader(unit.aspect);
        return pictures(unit, samples).stream()
                .map(reading -> new MatcherFit.Pair(
                        Torch.to(reader.cache().get(reader.key(reading)).squeeze(0), Dtype.F32),
                        Objects.requireNonNull(reading.sample().prompt())))
                .toList();
    }

    private void note(Unit unit, List<Prediction> tested, Optional<Calibration> calibration) {
        double srcc = Correlations.srcc(column(tested, true), column(tested, false));
        double plcc = Correlations.plcc(column(tested, true), column(tested, false));
        String coverage = calibration
                .map(found -> String.format(
                        Locale.ROOT,
                        ", %.1f %% inside the 90 %% interval",
                        100 * Conformal.coverage(found, tested, Scale.ZERO_TO_FIVE)))
                .orElse("");
        note(
                unit,
                String.format(
                        Locale.ROOT, "SRCC %.4f, PLCC %.4f on %d test images%s", srcc, plcc, tested.size(), coverage));
    }

    private void note(PromptMatcher matcher, Unit unit, String part, List<Sample> samples) {
        double share = MatcherFit.ownIsHigher(matcher, pairs(unit, samples));
        if (!Double.isNaN(share)) {
            note(
                    unit,
                    String.format(
                            Locale.ROOT,
                            "%d %s images match their own prompt better than %.1f %% of the others'",
                            samples.size(),
                            part,
                            100 * share));
        }
    }

    private void note(Unit unit, String text) {
        listener.note("%s, %s, %s: %s".formatted(unit.variant, unit.aspect.id(), unit.split.name(), text));
    }

    private static double[] column(List<Prediction> predictions, boolean predicted) {
        return predictions.stream()
                .mapToDouble(predicted ? Prediction::predicted : Prediction::mos)
                .toArray();
    }

    private @Nullable Tensor languageHead(Unit unit) {
        if (unit.recipe.head().reads() == Reads.HIDDEN) {
            return null;
        }
        try (SafetensorsFolder base =
                new SafetensorsFolder(model.part(model.manifest().base()))) {
            return base.load("llm.lm_head.weight", Dtype.F32, Device.parse(recipe.device()))
                    .clone();
        }
    }

    private List<Example> examples(FeatureReader reader, Unit unit, List<Reading> all) {
        return all.stream()
                .map(reading ->
                        new Example(reader.key(reading), reading.sample().mos(unit.aspect)))
                .toList();
    }

    private List<Prediction> predictions(
            PredictorRun training, @Nullable PromptMatcher matcher, Unit unit, List<Sample> samples) {
        double[] points = matcher == null
                ? new double[samples.size()]
                : pairs(unit, samples).stream()
                        .mapToDouble(pair -> matcher.points(pair.picture(), pair.prompt()))
                        .toArray();
        double[] predicted = training.predict(examples(reader(unit.aspect), unit, measured(unit, samples)), points);
        return IntStream.range(0, predicted.length)
                .mapToObj(i -> prediction(samples.get(i), unit.aspect, predicted[i]))
                .toList();
    }

    private static Prediction prediction(Sample sample, Aspect aspect, double predicted) {
        return new Prediction(
                sample.name(),
                sample.prompt(),
                sample.group(),
                sample.generator(),
                predicted,
                sample.mos(aspect),
                null);
    }

    private static void writePredictions(
            Path file, Unit unit, List<Prediction> predictions, Optional<Calibration> calibration) throws IOException {
        CompleteFile.write(file, partial -> {
            try (CsvWriter csv = CsvWriter.builder().build(partial)) {
                csv.writeRecord(PREDICTION_COLUMNS);
                for (Prediction prediction : predictions) {
                    Optional<Interval> interval =
                            calibration.map(found -> found.interval(prediction.predicted(), Scale.ZERO_TO_FIVE));
                    csv.writeRecord(
                            unit.variant,
                            unit.split.name(),
                            unit.aspect.id(),
                            prediction.image(),
                            prediction.prompt(),
                            prediction.group(),
                            prediction.generator(),
                            String.valueOf(prediction.predicted()),
                            String.valueOf(prediction.mos()),
                            interval.map(found -> String.valueOf(found.low())).orElse(""),
                            interval.map(found -> String.valueOf(found.high())).orElse(""));
                }
            }
        });
    }

    /** Writes a list of images that {@code score --input} takes. */
    private void writeList(Path folder, List<Sample> samples) throws IOException {
        CompleteFile.write(folder.resolve(CALIBRATION_IMAGES), partial -> {
            try (CsvWriter csv = CsvWriter.builder().build(partial)) {
                csv.writeRecord("image_path", "prompt");
                samples.forEach(
                        sample -> csv.writeRecord(RunFolder.relative(folder, dataset.image(sample)), sample.prompt()));
            }
        });
    }

    private byte[] allPredictions(RunFolder run) throws IOException {
        StringBuilder all = new StringBuilder();
        for (Unit unit : units) {
            String text = Files.readString(unit.folder(run).resolve(PREDICTIONS));
            all.append(all.isEmpty() ? text : text.substring(text.indexOf('\n') + 1));
        }
        return all.toString().getBytes(StandardCharsets.UTF_8);
    }

    /** A model folder that scores with the predictors of this run. */
    private void export(RunFolder run) throws IOException {
        Path made = Files.createDirectories(run.resolve("model"));
        ModelManifest before = model.manifest();
        Map<Aspect, AspectManifest> aspects = new EnumMap<>(Aspect.class);
        before.aspects().forEach((aspect, settings) -> {
            if (recipe.undescribed() || recipe.conversations().containsKey(aspect)) {
                aspects.put(aspect, settings.moved((_, path) -> RunFolder.relative(made, model.part(path))));
            }
        });
        for (Unit unit : units) {
            String file = unit.aspect.id() + ".safetensors";
            Path folder = unit.folder(run);
            Files.copy(
                    folder.resolve("predictor.safetensors"), made.resolve(file), StandardCopyOption.REPLACE_EXISTING);
            String matcher = null;
            if (unit.matcher().isPresent()) {
                matcher = "%s.%s".formatted(unit.aspect.id(), MATCHER);
                Files.copy(folder.resolve(MATCHER), made.resolve(matcher), StandardCopyOption.REPLACE_EXISTING);
            }
            HeadSettings network = unit.recipe.head();
            ScoreHead head = new ScoreHead(
                    file,
                    network.kind().id(),
                    network.pooler().id(),
                    matcher,
                    calibration(folder).orElse(null));
            aspects.computeIfPresent(
                    unit.aspect,
                    (_, settings) -> recipe.undescribed()
                            ? settings.withUndescribed(head, recipe.blend())
                            : settings.withPredictor(head, recipe.blend()));
        }
        ModelFolder.write(
                made, before.derived(recipe.name(), RunFolder.relative(made, model.part(before.base())), aspects));
    }

    @Override
    public void close() {
        readers.values().forEach(FeatureReader::close);
    }
}
