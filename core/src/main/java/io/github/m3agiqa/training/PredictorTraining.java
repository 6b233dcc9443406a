package io.github.m3agiqa.training;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Calibration;
import io.github.m3agiqa.InputException;
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
import io.github.m3agiqa.evaluation.ScoreFile;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import io.github.m3agiqa.hub.ModelManifest.Blend;
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
import io.github.m3agiqa.training.PredictorUnit.Purpose;
import io.github.m3agiqa.training.PredictorUnit.Training;
import io.github.m3agiqa.weights.SafetensorsFile;
import io.github.m3agiqa.weights.SafetensorsFolder;
import io.github.m3agiqa.weights.SafetensorsWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
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
    private final Path recipeFile;
    private final TrainRecipe recipe;
    private final StepListener listener;
    private final ModelFolder model;
    private final Dataset dataset;
    private final Readings readings;
    private final @Nullable WordVectors wordVectors;
    /** Scores by the model's own predictors, of images that they did not learn from, by the images' names. */
    private final Map<Aspect, Map<String, Double>> blendedWith = new EnumMap<>(Aspect.class);

    private final List<PredictorUnit> units = new ArrayList<>();

    /** All that predictors of an aspect learn from and are measured by. */
    private final Map<Aspect, Set<Reading>> needed = new EnumMap<>(Aspect.class);

    private final MiniCpmVConfig config;
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
        recipe.blendedWith().forEach((aspect, file) -> blendedWith.put(aspect, scores(file, aspect)));
        this.wordVectors = wordVectors(recipe).map(WordVectors::read).orElse(null);
        this.config = MiniCpmVConfig.read(model.part(model.manifest().base()).resolve("config.json"));
        recipe.runs()
                .forEach((variant, run) -> recipe.conversations().keySet().forEach(aspect -> {
                    Dataset labelled = dataset.with(aspect);
                    run.split()
                            .of(labelled, readings.train(aspect), readings.test(aspect), run.seed())
                            .forEach(split -> units.add(PredictorUnit.of(variant, run, aspect, split)));
                }));
        for (PredictorUnit unit : units) {
            needed.computeIfAbsent(unit.aspect(), _ -> new LinkedHashSet<>()).addAll(needed(unit));
            checkBlended(unit);
        }
    }

    private void checkBlended(PredictorUnit unit) {
        Map<String, Double> others = blendedWith.get(unit.aspect());
        if (others != null) {
            long both = unit.calibrated().stream()
                    .filter(sample -> others.containsKey(sample.name()))
                    .count();
            if (both < Conformal.FEWEST) {
                throw new InputException(
                        "%s scores %d of the images that intervals of %s are made of, and they need %d; take the calibration.csv of a run with the same split"
                                .formatted(
                                        recipe.blendedWith().get(unit.aspect()),
                                        both,
                                        unit.aspect().id(),
                                        Conformal.FEWEST));
            }
        }
    }

    private Map<String, Double> scores(Path file, Aspect aspect) {
        return ScoreFile.read(file.toString(), file, dataset, Set.of(aspect), List.of()).predictions().values().stream()
                .flatMap(List::stream)
                .collect(Collectors.toMap(Prediction::image, Prediction::predicted));
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

    /**
     * Computes the hidden states that a recipe needs and that are not cached yet.
     *
     * @throws InputException if recipe or data are wrong; everything is checked before the first image is read
     * @throws io.github.m3agiqa.ModelException if the model is missing or damaged, or no such device answers
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
     * @throws io.github.m3agiqa.ModelException if the model is missing or damaged, or no such device answers
     */
    public static Path run(Path recipeFile, StepListener listener) {
        try (PredictorTraining job = new PredictorTraining(recipeFile, listener)) {
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
                        recipe.head().reads().input(),
                        dataset,
                        Precision.of(recipe.dtype()),
                        Device.parse(recipe.device()),
                        recipe.cache(),
                        width()));
    }

    /** Of what predictors read. */
    private int width() {
        return switch (recipe.head().reads().input()) {
            case HIDDEN -> config.llama().hiddenSize();
            case TOWER -> config.vision().viewSize();
        };
    }

    private Optional<String> adapter(Aspect aspect) {
        return Optional.ofNullable(model.manifest().aspects().get(aspect)).map(AspectManifest::adapter);
    }

    /** Aspects that share an adapter share the encoded images. */
    private void fillCaches() {
        Map<FeatureReader, Set<Reading>> ofReaders = new LinkedHashMap<>();
        needed.forEach((aspect, readings) -> ofReaders
                .computeIfAbsent(reader(aspect), _ -> new LinkedHashSet<>())
                .addAll(readings));
        ofReaders.forEach((reader, all) -> reader.read(List.copyOf(all), listener));
    }

    /** All that a unit learns from and is measured by. */
    private Set<Reading> needed(PredictorUnit unit) {
        Set<Reading> all = new LinkedHashSet<>();
        for (Training training : unit.trainings()) {
            PredictorUnit trained = training.unit();
            all.addAll(learned(trained));
            all.addAll(pictures(trained, trained.split().train()));
            ranked(trained).forEach(ranking -> all.addAll(ranking.readings()));
            all.addAll(scored(trained, trained.split().test()));
        }
        all.addAll(measured(unit, unit.split().validation()));
        all.addAll(scored(unit, unit.calibration()));
        return all;
    }

    private List<Reading> scored(PredictorUnit unit, List<Sample> samples) {
        List<Reading> all = measured(unit, samples);
        if (unit.blend().isPresent()) {
            all.addAll(withoutDescriptions(unit, samples));
        }
        all.addAll(pictures(unit, samples));
        return all;
    }

    private List<Reading> withoutDescriptions(PredictorUnit unit, List<Sample> samples) {
        DescriptionSettings descriptions = unit.recipe().descriptions().without();
        return readings.of(samples, unit.aspect(), descriptions, descriptions.test());
    }

    private List<Reading> learned(PredictorUnit unit) {
        DescriptionSettings descriptions = unit.recipe().descriptions();
        List<Sample> samples = unit.split().train();
        List<Reading> learned = readings.of(samples, unit.aspect(), descriptions, descriptions.train());
        if (descriptions.rounds() == Rounds.OWN_OR_NONE) {
            learned.addAll(withoutDescriptions(unit, samples));
        }
        if (unit.recipe().augmentation().mirrored()) {
            learned.addAll(learned.stream()
                    .map(reading -> reading.altered(new Alteration.Mirrored()))
                    .toList());
        }
        return learned;
    }

    private List<Ranking> ranked(PredictorUnit unit) {
        return new Rankings(
                        readings, unit.recipe().augmentation(), unit.recipe().seed(), unit.aspect())
                .of(unit.split().train());
    }

    private List<Reading> measured(PredictorUnit unit, List<Sample> samples) {
        DescriptionSettings descriptions = unit.recipe().descriptions();
        return readings.of(samples, unit.aspect(), descriptions, descriptions.test());
    }

    /** What the matcher of a unit reads, if it has one. */
    private List<Reading> pictures(PredictorUnit unit, List<Sample> samples) {
        return unit.matcher().isPresent() ? readings.pictures(samples, unit.aspect()) : List.of();
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
        Recipes.noteScores(data, recipe.dataset());
        wordVectors(recipe).ifPresent(file -> data.put("words", file));
        recipe.blendedWith().forEach((aspect, file) -> data.put("blendedWith." + aspect.id(), file));
        try (RunFolder run = new RunFolder(recipe.output(), recipeFile, data, facts())) {
            fillCaches();
            run.write("leakage.json", leakage());
            long epochs = units.stream().mapToLong(PredictorUnit::epochs).sum();
            listener.started(epochs, done(run));
            for (PredictorUnit unit : units) {
                UnitFolder folder = UnitFolder.of(run, unit);
                if (!folder.isTested()) {
                    train(unit, folder);
                }
            }
            run.write("predictions.csv", allPredictions(run));
            if (recipe.variants().isEmpty()
                    && units.size() == recipe.conversations().size()) {
                if (readsSeveralDescriptions()) {
                    listener.note(
                            "no model is made: the predictors read the descriptions of all aspects, and score has those of one; rounds: own makes one");
                } else {
                    TrainedModel.write(run, recipe, model, units);
                }
            }
        }
    }

    private boolean readsSeveralDescriptions() {
        return recipe.descriptions().rounds() == Rounds.ALL
                && recipe.conversations().size() > 1;
    }

    private long done(RunFolder run) {
        return units.stream()
                .mapToLong(unit -> {
                    UnitFolder folder = UnitFolder.of(run, unit);
                    return folder.isTested() ? unit.epochs() : folder.epochs(unit.trainings());
                })
                .sum();
    }

    private ObjectNode facts() {
        ObjectNode facts = new ObjectMapper().createObjectNode();
        facts.put("kind", "train").put("engine", Engine.version()).put("seed", recipe.seed());
        facts.put("model", model.manifest().id());
        ObjectNode states = facts.putObject("states");
        needed.forEach(
                (aspect, readings) -> states.put(aspect.id(), reader(aspect).hash(readings)));
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
        for (PredictorUnit unit : units) {
            String place = "%s, %s".formatted(unit.split().name(), unit.aspect().id());
            if (!checked.add(place)) {
                continue; // another variant of the same split
            }
            Stream.of(
                            unit.split().train(),
                            unit.split().validation(),
                            unit.calibration(),
                            unit.split().test())
                    .flatMap(List::stream)
                    .forEach(sample -> fingerprints.computeIfAbsent(sample.name(), _ -> fingerprint(decoder, sample)));
            List<Sample> seen = Stream.concat(unit.split().train().stream(), unit.calibration().stream())
                    .toList();
            LeakageCheck check = LeakageCheck.of(
                    new Split(
                            unit.split().name(),
                            seen,
                            unit.split().validation(),
                            unit.split().test()),
                    fingerprints);
            listener.note("%s: %s".formatted(place, check.summary()));
            ObjectNode node = all.addObject()
                    .put("split", unit.split().name())
                    .put("aspect", unit.aspect().id())
                    .put("sharedPrompts", check.sharedPrompts())
                    .put("testPrompts", check.testPrompts());
            node.set("duplicates", json.valueToTree(check.duplicates()));
        }
        return json.writerWithDefaultPrettyPrinter().writeValueAsBytes(all);
    }

    private Fingerprint fingerprint(ImageDecoder decoder, Sample sample) {
        return Fingerprint.of(decoder.decode(dataset.image(sample), AlphaMode.DROP));
    }

    private void train(PredictorUnit unit, UnitFolder folder) throws IOException {
        List<Training> trainings = unit.trainings();
        List<Prediction> ofFolds = new ArrayList<>();
        long epochs = unit.recipe().epochs();
        for (Training training : trainings) {
            PredictorUnit trained = training.unit();
            Path place = folder.training(training);
            try (Scope _ = new Scope();
                    PredictorRun run = training(unit, place)) {
                long chosen = learn(run, trained, epochs);
                if (training.purpose() != Purpose.CHOICE) {
                    LongStream.range(chosen, unit.recipe().epochs())
                            .forEach(_ -> listener.step()); // that were not needed
                }
                epochs = chosen;
                if (training.purpose() == Purpose.FOLD) {
                    ofFolds.addAll(ofFold(run, trained, UnitFolder.matcher(place)));
                }
                if (training.purpose() == unit.calibrating()) {
                    calibrate(run, trained, folder, ofFolds);
                }
                if (training.purpose() == Purpose.WHOLE) {
                    refitMatcher(trained, folder);
                }
                if (training.equals(trainings.getLast())) {
                    finish(run, trained, folder);
                }
            }
        }
    }

    private PredictorRun training(PredictorUnit unit, Path folder) {
        return new PredictorRun(
                folder,
                String.valueOf(folder.getFileName()),
                unit.recipe(),
                reader(unit.aspect()).cache(),
                width(),
                languageHead(unit));
    }

    /** Trains; the epochs that the weights have learned for. */
    private long learn(PredictorRun training, PredictorUnit unit, long epochs) {
        FeatureReader reader = reader(unit.aspect());
        return training.train(
                examples(reader, unit, learned(unit)),
                ranked(unit).stream()
                        .map(ranking ->
                                ranking.readings().stream().map(reader::key).toList())
                        .toList(),
                examples(reader, unit, measured(unit, unit.split().validation())),
                epochs,
                listener);
    }

    /** What a predictor that did not learn from a fold says of it, with a matcher that did not, either. */
    private List<Prediction> ofFold(PredictorRun training, PredictorUnit unit, Path matcherFile) throws IOException {
        if (unit.matcher().isPresent()) {
            fitMatcher(unit, unit.matcher().get(), matcherFile);
        }
        try (PromptMatcher matcher = matcher(unit, matcherFile)) {
            return predictions(training, matcher, unit, unit.split().test());
        }
    }

    /**
     * Writes the matcher, and what intervals are made of: images that nothing learned from yet, or all, by predictors that
     * did not learn from them.
     */
    private void calibrate(PredictorRun training, PredictorUnit unit, UnitFolder folder, List<Prediction> ofFolds)
            throws IOException {
        if (unit.matcher().isPresent()) {
            fitMatcher(unit, unit.matcher().get(), folder.matcher());
        }
        if (!unit.calibration().isEmpty()) {
            try (PromptMatcher matcher = matcher(unit, folder.matcher())) {
                calibrate(folder, unit, predictions(training, matcher, unit, unit.calibration()));
                if (matcher != null) {
                    note(matcher, unit, "calibration", unit.calibration());
                }
            }
        } else if (!ofFolds.isEmpty()) {
            calibrate(folder, unit, ofFolds);
        }
    }

    private void calibrate(UnitFolder folder, PredictorUnit unit, List<Prediction> predictions) throws IOException {
        folder.writeCalibration(Conformal.of(predictions, Scale.ZERO_TO_FIVE));
        folder.writeCalibrated(unit.aspect(), predictions, dataset);
        Blend blend = unit.recipe().blend();
        Map<String, Double> others = blendedWith.get(unit.aspect());
        if (blend != null && others != null) {
            List<Prediction> blended = predictions.stream()
                    .flatMap(prediction -> Optional.ofNullable(others.get(prediction.image()))
                            .map(other -> prediction.withPredicted(blend.of(other, prediction.predicted())))
                            .stream())
                    .toList();
            folder.writeBlendedCalibration(Conformal.of(blended, Scale.ZERO_TO_FIVE));
        }
    }

    /** Writes the predictor and its predictions, these last. */
    private void finish(PredictorRun training, PredictorUnit unit, UnitFolder folder) throws IOException {
        training.export(folder.predictor());
        try (PromptMatcher matcher = matcher(unit, folder.matcher())) {
            Optional<Calibration> calibration = folder.calibration();
            List<Prediction> tested =
                    predictions(training, matcher, unit, unit.split().test());
            note(unit, tested, calibration);
            if (matcher != null) {
                note(matcher, unit, "test", unit.split().test());
            }
            folder.writePredictions(unit, tested, calibration);
        }
    }

    /** Fits a matcher to what the predictor has learned from. */
    private void fitMatcher(PredictorUnit unit, MatcherSettings settings, Path file) throws IOException {
        List<MatcherFit.Pair> learned = pairs(unit, unit.split().train());
        List<MatcherFit.Pair> others = unit.calibration().isEmpty() ? learned : pairs(unit, unit.calibration());
        SafetensorsWriter.write(file, MatcherFit.of(learned, others, settings, wordVectors));
    }

    /** Fits it once more to all that the last predictor has learned from; a match is worth as many points as before. */
    private void refitMatcher(PredictorUnit unit, UnitFolder folder) throws IOException {
        if (unit.matcher().isPresent()) {
            Path file = folder.matcher();
            Tensor usual;
            try (SafetensorsFile before = new SafetensorsFile(file)) {
                usual = before.load(PromptMatcher.POINTS_BIAS, Dtype.F32, Device.CPU)
                        .clone();
            }
            Map<String, Tensor> weights = MatcherFit.of(
                    pairs(unit, unit.split().train()), List.of(), unit.matcher().get(), wordVectors);
            weights.put(PromptMatcher.POINTS_BIAS, usual);
            SafetensorsWriter.write(file, weights);
        }
    }

    /** The matcher of a unit; null if there shall be none. */
    private @Nullable PromptMatcher matcher(PredictorUnit unit, Path file) {
        return unit.matcher().isEmpty()
                ? null
                : new PromptMatcher(new SafetensorsFile(file), config.llama().hiddenSize(), Device.CPU);
    }

    private List<MatcherFit.Pair> pairs(PredictorUnit unit, List<Sample> samples) {
        FeatureReader reader = reader(unit.aspect());
        return pictures(unit, samples).stream()
                .map(reading -> new MatcherFit.Pair(
                        Torch.to(reader.cache().get(reader.key(reading)).squeeze(0), Dtype.F32),
                        Objects.requireNonNull(reading.sample().prompt())))
                .toList();
    }

    private void note(PredictorUnit unit, List<Prediction> tested, Optional<Calibration> calibration) {
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

    private void note(PromptMatcher matcher, PredictorUnit unit, String part, List<Sample> samples) {
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

    private void note(PredictorUnit unit, String text) {
        listener.note("%s, %s, %s: %s"
                .formatted(unit.variant(), unit.aspect().id(), unit.split().name(), text));
    }

    private static double[] column(List<Prediction> predictions, boolean predicted) {
        return predictions.stream()
                .mapToDouble(predicted ? Prediction::predicted : Prediction::mos)
                .toArray();
    }

    private @Nullable Tensor languageHead(PredictorUnit unit) {
        if (unit.recipe().head().reads() != Reads.VOCABULARY) {
            return null;
        }
        try (SafetensorsFolder base =
                new SafetensorsFolder(model.part(model.manifest().base()))) {
            return base.load("llm.lm_head.weight", Dtype.F32, Device.parse(recipe.device()))
                    .clone();
        }
    }

    private List<Example> examples(FeatureReader reader, PredictorUnit unit, List<Reading> all) {
        return all.stream()
                .map(reading ->
                        new Example(reader.key(reading), reading.sample().mos(unit.aspect())))
                .toList();
    }

    private List<Prediction> predictions(
            PredictorRun training, @Nullable PromptMatcher matcher, PredictorUnit unit, List<Sample> samples) {
        double[] points = matcher == null
                ? new double[samples.size()]
                : pairs(unit, samples).stream()
                        .mapToDouble(pair -> matcher.points(pair.picture(), pair.prompt()))
                        .toArray();
        FeatureReader reader = reader(unit.aspect());
        double[] predicted = training.predict(examples(reader, unit, measured(unit, samples)), points);
        unit.blend().ifPresent(blend -> {
            double[] without = training.predict(examples(reader, unit, withoutDescriptions(unit, samples)), points);
            Arrays.setAll(predicted, i -> blend.of(predicted[i], without[i]));
        });
        return IntStream.range(0, predicted.length)
                .mapToObj(i -> prediction(samples.get(i), unit.aspect(), predicted[i]))
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

    private byte[] allPredictions(RunFolder run) throws IOException {
        StringBuilder all = new StringBuilder();
        for (PredictorUnit unit : units) {
            String text = UnitFolder.of(run, unit).predictions();
            all.append(all.isEmpty() ? text : text.substring(text.indexOf('\n') + 1));
        }
        return all.toString().getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        readers.values().forEach(FeatureReader::close);
    }
}
