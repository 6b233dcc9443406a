package io.github.m3agiqa.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.NamedCsvRecord;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.Calibration;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Scale;
import io.github.m3agiqa.Score;
import io.github.m3agiqa.StepListener;
import io.github.m3agiqa.dataset.DatasetReader;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.dataset.Split;
import io.github.m3agiqa.evaluation.Conformal;
import io.github.m3agiqa.evaluation.Correlations;
import io.github.m3agiqa.evaluation.Prediction;
import io.github.m3agiqa.evaluation.TestedRun;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import io.github.m3agiqa.hub.ModelManifest.Blend;
import io.github.m3agiqa.hub.ModelPack;
import io.github.m3agiqa.predictor.PromptMatcher;
import io.github.m3agiqa.scoring.Scorer;
import io.github.m3agiqa.scoring.ScoringOptions;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.DrawnDataset;
import io.github.m3agiqa.testing.TestModels;
import io.github.m3agiqa.testing.Watcher;
import io.github.m3agiqa.weights.SafetensorsFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whole predictor trainings on drawn images whose quality can be seen, with the tiny model's random hidden states. */
class PredictorTrainingTest {
    @TempDir
    private static Path shared;

    private static Path dataset;

    @TempDir
    private Path folder;

    @BeforeAll
    static void draw() {
        dataset = DrawnDataset.write(shared.resolve("drawn"), 60);
    }

    /** A recipe whose hidden states are shared by the tests that do not ask for a cache of their own. */
    private String recipe(String run) {
        return """
                name: judge
                model: %s
                output: %s
                cache: %s
                dataset: %s
                missingImages: error
                conversations:
                  quality:
                    train: %s/conversations/quality_train.json
                    test: %s/conversations/quality_test.json
                split: {protocol: authors, folds: 0, testShare: 0, validationShare: 0.2, calibrationShare: 0.3}
                descriptions: {rounds: none, train: response, test: response, teacherSawMos: true}
                head: {kind: xlstm, pooler: mean, width: 16, layers: 2, regression: 8, reads: hidden, names: bare}
                loss: {kind: mse, margin: 0, mse: 0}
                optimization:
                  learningRate: 0.01
                  betas: [0.9, 0.999]
                  epsilon: 1.0e-8
                  weightDecay: 1.0e-5
                  maxGradientNorm: 1
                  schedule: {kind: constant, warmupSteps: 0}
                epochs: 12
                batchSize: 8
                evaluateEvery: 2
                dtype: fp32
                device: cpu
                seed: 5
                """.formatted(
                        TestModels.tiny().toAbsolutePath(),
                        folder.resolve(run),
                        shared.resolve("cache"),
                        dataset,
                        dataset,
                        dataset);
    }

    private String recipeWithOwnCache(String run) {
        return recipe(run)
                .replace(
                        shared.resolve("cache").toString(),
                        folder.resolve("cache").toString());
    }

    private Path run(String recipe, StepListener listener) throws IOException {
        return PredictorTraining.run(Files.writeString(folder.resolve("recipe.yaml"), recipe), listener);
    }

    private Path run(String recipe) throws IOException {
        return run(recipe, Watcher.patient());
    }

    private static List<NamedCsvRecord> predictions(Path run) throws IOException {
        return rows(run.resolve("predictions.csv"));
    }

    private static List<NamedCsvRecord> rows(Path file) throws IOException {
        try (CsvReader<NamedCsvRecord> csv = CsvReader.builder().ofNamedCsvRecord(file)) {
            return csv.stream().toList();
        }
    }

    private static double srcc(List<NamedCsvRecord> rows) {
        return Correlations.srcc(column(rows, "predicted"), column(rows, "mos"));
    }

    private static double[] column(List<NamedCsvRecord> rows, String name) {
        return rows.stream()
                .mapToDouble(row -> Double.parseDouble(row.getField(name)))
                .toArray();
    }

    @Test
    void learnsWhatCanBeSeenAndLeavesAModelThatScoresAlike() throws IOException {
        Path run = run(recipe("run"));

        List<NamedCsvRecord> rows = predictions(run);
        assertThat(rows).hasSize(15);
        assertThat(srcc(rows)).isGreaterThan(0.8);
        ModelFolder model = ModelFolder.open(run.resolve("model"));
        assertThat(model.manifest().id()).isEqualTo("judge@1");
        ScoringOptions options =
                ScoringOptions.DEFAULT.withPrecision(Precision.FP32).withDescribe(false);
        try (Scorer scorer = Scorer.open(model, options)) {
            for (NamedCsvRecord row : rows) {
                Path image = dataset.resolve("images").resolve(row.getField("image"));
                Score score = scorer.score(ImagePrompt.of(image, row.getField("prompt")))
                        .score(Aspect.QUALITY)
                        .orElseThrow();
                // the predictor learned from bfloat16 states, and scores float32 ones
                double tolerance = 0.02;
                assertThat(score.value()).isCloseTo(Double.parseDouble(row.getField("predicted")), within(tolerance));
                assertThat(score.interval()).isNotNull();
                assertThat(score.interval().low())
                        .isCloseTo(Double.parseDouble(row.getField("interval_low")), within(tolerance));
            }
        }
        JsonNode leakage =
                new ObjectMapper().readTree(run.resolve("leakage.json").toFile());
        assertThat(leakage.path(0).path("sharedPrompts").asInt()).isEqualTo(15);
    }

    @Test
    void aRunThatCrashedAgainAndAgainEndsWithTheSameWeights() throws IOException {
        Path whole = run(recipe("whole"));
        Random random = new Random(1);
        int crashes = 0;
        while (crashes < 30) {
            try {
                run(recipe("crashed"), Watcher.crashingAfter(2 + random.nextInt(3)));
                break;
            } catch (Watcher.Crash _) {
                crashes++;
            }
        }

        assertThat(crashes).isBetween(2, 29);
        assertThat(folder.resolve("crashed/predictions.csv")).hasSameBinaryContentAs(whole.resolve("predictions.csv"));
        assertThat(folder.resolve("crashed/model/quality.safetensors"))
                .hasSameBinaryContentAs(whole.resolve("model/quality.safetensors"));
    }

    /** Its name and its version say nothing of it; predictors must not stand beside weights that they did not learn from. */
    @Test
    void aRunGoesOnOnlyWithTheStatesThatItLearnedFrom() throws IOException {
        Path model = TestModels.tinyWith(folder.resolve("tuned"), _ -> {});
        String recipe = recipeWithOwnCache("run")
                .replace(TestModels.tiny().toAbsolutePath().toString(), model.toString())
                .replace("epochs: 12", "epochs: 1")
                .replace("evaluateEvery: 2", "evaluateEvery: 1");
        run(recipe);
        run(recipe);
        TestModels.changeWeights(model.resolve("base/model.safetensors"));

        assertThatThrownBy(() -> run(recipe))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("was started with other data, another model");
    }

    @Test
    void refusesAnotherRecipeBeforeItComputesHiddenStates() throws IOException {
        run(recipe("run").replace("epochs: 12", "epochs: 1").replace("evaluateEvery: 2", "evaluateEvery: 1"));
        Watcher watcher = Watcher.patient();

        assertThatThrownBy(() -> run(recipeWithOwnCache("run"), watcher)).hasMessageContaining("another recipe");
        assertThat(watcher.steps()).isZero();
    }

    @Test
    void aRecipeCanBeCorrectedUntilSomethingCameOfIt() throws IOException {
        String recipe = recipeWithOwnCache("run")
                .replace("epochs: 12", "epochs: 1")
                .replace("evaluateEvery: 2", "evaluateEvery: 1");
        assertThatThrownBy(() -> run(recipe, Watcher.crashingAfter(3))).isInstanceOf(Watcher.Crash.class);

        assertThat(run(recipe.replace("seed: 5", "seed: 6"))).isEqualTo(folder.resolve("run"));
        assertThatThrownBy(() -> run(recipe)).hasMessageContaining("another recipe");
    }

    @Test
    void hiddenStatesAreComputedOnceAndACutCacheLosesOnlyItsEnd() throws IOException {
        String own = recipeWithOwnCache("run");
        Path file = Files.writeString(folder.resolve("recipe.yaml"), own);
        Watcher first = Watcher.patient();
        PredictorTraining.cache(file, first);
        assertThat(first.steps()).isEqualTo(60);

        Watcher second = Watcher.patient();
        PredictorTraining.cache(file, second);
        assertThat(second.steps()).isZero();

        Path index;
        try (var caches = Files.walk(folder.resolve("cache"))) {
            index = caches.filter(path -> path.endsWith("index.csv"))
                    .findFirst()
                    .orElseThrow();
        }
        String text = Files.readString(index);
        Files.writeString(index, text.substring(0, text.length() - 100)); // within the line before the last
        Watcher third = Watcher.patient();
        PredictorTraining.cache(file, third);
        assertThat(third.steps()).isEqualTo(2);
    }

    /** Stopped or not, and through a language model's head too. */
    @Test
    void membersLearnBesideEachOther() throws IOException {
        String recipe = recipe("whole").replace("regression: 8,", "regression: 8, members: 2,");
        Path whole = run(recipe);

        assertThat(srcc(predictions(whole))).isGreaterThan(0.8);
        try (SafetensorsFile file = new SafetensorsFile(whole.resolve("model/quality.safetensors"))) {
            assertThat(file.tensors().keySet()).contains("W.weight", "members.0.fc.2.bias", "members.1.fc.2.bias");
            assertThat(file.load("members.0.fc.0.weight", Dtype.F32, Device.CPU)
                            .equal(file.load("members.1.fc.0.weight", Dtype.F32, Device.CPU)))
                    .isFalse();
        }
        assertThatThrownBy(() -> run(recipe.replace("/whole", "/stopped"), Watcher.crashingAfter(5)))
                .isInstanceOf(Watcher.Crash.class);
        assertThat(run(recipe.replace("/whole", "/stopped")).resolve("model/quality.safetensors"))
                .hasSameBinaryContentAs(whole.resolve("model/quality.safetensors"));
        Path published = run(recipe.replace("/whole", "/published").replace("reads: hidden", "reads: vocabulary"));
        assertThat(srcc(predictions(published))).isGreaterThan(0.7);
    }

    @Test
    void logitsCanBeReadAsPublished() throws IOException {
        String published = recipe("run").replace("reads: hidden", "reads: vocabulary");

        List<NamedCsvRecord> rows = predictions(run(published));

        assertThat(srcc(rows)).isGreaterThan(0.7);
    }

    @Test
    void variantsAndFoldsEachHaveTheirRows() throws IOException {
        String ablation = recipe("run")
                        .replace("protocol: authors, folds: 0", "protocol: prompt_folds, folds: 3")
                        .replace("epochs: 12", "epochs: 2")
                + """
                variants:
                  stack: {}
                  mean: {head: {kind: mean, pooler: max, width: 16, layers: 1, regression: 8, reads: hidden, names: bare}}
                  ranked: {loss: {kind: ranknet, margin: 0, mse: 0.8}}
                """;

        List<NamedCsvRecord> rows = predictions(run(ablation));

        assertThat(rows).hasSize(3 * 60);
        assertThat(rows.stream().collect(Collectors.groupingBy(row -> row.getField("variant"), Collectors.counting())))
                .containsOnlyKeys("stack", "mean", "ranked")
                .allSatisfy((_, count) -> assertThat(count).isEqualTo(60));
        assertThat(rows.stream().map(row -> row.getField("split")).distinct()).hasSize(3);
        assertThat(folder.resolve("run/model")).doesNotExist();
    }

    @Test
    void generatorsWhoseNamesAreAlikeHaveUnitsOfTheirOwn() throws IOException {
        Path drawn = DrawnDataset.write(folder.resolve("drawn"), 60);
        Path table = drawn.resolve("data.csv");
        Files.writeString(
                table, Files.readString(table).replace("painter0", "SD 1.5").replace("painter1", "SD-1.5"));
        String recipe = recipe("run")
                .replace(dataset.toString(), drawn.toString())
                .replace("protocol: authors", "protocol: leave_one_generator_out")
                .replace("epochs: 12", "epochs: 2");

        assertThat(predictions(run(recipe)))
                .hasSize(60)
                .extracting(row -> row.getField("image"))
                .doesNotHaveDuplicates();
    }

    /** Also in a run that was stopped when its predictions had fewer columns. */
    @Test
    void evaluationDrawsTheGroupsThatTheDatasetStates() throws IOException {
        Path grouped = DrawnDataset.write(folder.resolve("grouped"), 60);
        Path table = grouped.resolve("data.csv");
        Files.writeString(table, Files.readString(table).replace("name,prompt,", "name,group,"));
        String recipe =
                recipe("run").replace(dataset.toString(), grouped.toString()).replace("epochs: 12", "epochs: 2");
        Path run = run(recipe);
        Path unit = run.resolve("units/judge-quality-authors/predictions.csv");
        byte[] whole = Files.readAllBytes(unit);
        assertThat(groups(run)).hasSize(15).allMatch(group -> group.startsWith("hills number"));

        Files.writeString(unit, Files.readString(unit).replace("group,", "").replaceAll("hills number \\d+,", ""));
        run(recipe);

        assertThat(unit).hasBinaryContent(whole);
        assertThat(groups(run)).hasSize(15).allMatch(group -> group.startsWith("hills number"));
    }

    private static Set<String> groups(Path run) {
        return TestedRun.read("run", run, true).candidates().stream()
                .flatMap(candidate -> candidate.predictions().values().stream())
                .flatMap(List::stream)
                .map(Prediction::group)
                .collect(Collectors.toSet());
    }

    /** Images that are learned from are read once more without a description; those that are measured on are not. */
    @Test
    void learnsToReadImagesWithAndWithoutDescriptions() throws IOException {
        String own = recipeWithOwnCache("run").replace("rounds: none", "rounds: own");
        Path file = Files.writeString(folder.resolve("recipe.yaml"), own);
        PredictorTraining.cache(file, Watcher.patient());

        Watcher more = Watcher.patient();
        Files.writeString(file, own.replace("rounds: own", "rounds: own_or_none"));
        PredictorTraining.cache(file, more);

        assertThat(more.steps())
                .isBetween(15, 45); // 60 images, a fifth of them for the test, a half of the others learned

        String both = own.replace("rounds: own", "rounds: own_or_none").replace("epochs: 12", "epochs: 1");
        ModelFolder made = ModelFolder.open(run(both + "blend: {share: 0.4}\n").resolve("model"));
        assertThat(made.manifest().aspect(Aspect.QUALITY).blend()).isEqualTo(new Blend(0.4, null, false));
        assertThat(made.manifest().scoredAspects())
                .as("what was not trained scores as before")
                .containsExactly(Aspect.values());
    }

    /** Described images are scored as the model did before, the others by what was trained, also once packed. */
    @Test
    void aPredictorForImagesWithoutADescriptionStandsBesideTheModelsOwn() throws IOException {
        String recipe =
                recipe("run").replace("epochs: 12", "epochs: 2") + "undescribed: true\nblend: {aboveFrom: -9}\n";
        Path run = run(recipe);

        ModelFolder before = ModelFolder.open(TestModels.tiny());
        ModelFolder made = ModelFolder.open(run.resolve("model"));
        ModelFolder packed = ModelPack.pack(made, folder.resolve("packed"), 1);
        assertThat(packed.manifest().aspects()).containsOnlyKeys(Aspect.values());
        assertThat(packed.manifest().sha256()).containsKey("predictor-undescribed-quality.safetensors");
        NamedCsvRecord row = predictions(run).getFirst();
        ImagePrompt image =
                ImagePrompt.of(dataset.resolve("images").resolve(row.getField("image")), row.getField("prompt"));
        for (ModelFolder model : List.of(made, packed)) {
            assertThat(model.manifest().aspect(Aspect.QUALITY).blend()).isEqualTo(new Blend(0.0, -9.0, false));
            assertThat(score(model, image, true).aspects())
                    .isEqualTo(score(before, image, true).aspects());
            Assessment undescribed = score(model, image, false);
            Score quality = undescribed.score(Aspect.QUALITY).orElseThrow();
            // the predictor learned from bfloat16 states, and scores float32 ones
            assertThat(quality.value()).isCloseTo(Double.parseDouble(row.getField("predicted")), within(0.02));
            assertThat(quality.interval()).isNotNull();
            assertThat(undescribed.score(Aspect.CORRESPONDENCE))
                    .isEqualTo(score(before, image, false).score(Aspect.CORRESPONDENCE));
        }

        assertThatThrownBy(() -> run(recipe.replace("rounds: none", "rounds: own")))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("reads no description");
        assertThatThrownBy(() -> run(recipe + "variants: {one: {}}\n"))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("variants make none");
        Path alone = TestModels.tinyWith(
                folder.resolve("alone"),
                manifest -> manifest.path("aspects").forEach(aspect -> ((ObjectNode) aspect).remove("predictor")));
        String tiny = "model: " + TestModels.tiny().toAbsolutePath();
        assertThatThrownBy(() -> run(recipe.replace(tiny, "model: " + alone)))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("train that first");
    }

    /** What it learned, spoilt pictures included, is what a score without a description is made of, and a blend has its say. */
    @Test
    void aPredictorForImagesWithoutADescriptionCanReadWhatTheTowerSees() throws IOException {
        String recipe = recipe("run").replace("kind: xlstm", "kind: mean").replace("reads: hidden", "reads: tower")
                + "undescribed: true\nblend: {share: 0.25, always: true}\n"
                + "augmentation: {mirrored: false, spoilt: 8, margin: 0.1, weight: 0.1, batchSize: 1}\n";
        Path run = run(recipe);

        List<NamedCsvRecord> rows = predictions(run);
        assertThat(srcc(rows)).isGreaterThan(0.8);
        ModelFolder before = ModelFolder.open(TestModels.tiny());
        ModelFolder packed = ModelPack.pack(ModelFolder.open(run.resolve("model")), folder.resolve("packed"), 1);
        AspectManifest quality = packed.manifest().aspect(Aspect.QUALITY);
        assertThat(Objects.requireNonNull(quality.undescribed()).reads()).isEqualTo("tower");
        for (NamedCsvRecord row : rows.subList(0, 3)) {
            ImagePrompt image =
                    ImagePrompt.of(dataset.resolve("images").resolve(row.getField("image")), row.getField("prompt"));
            for (boolean described : List.of(true, false)) {
                double byTower =
                        4 * value(score(packed, image, described)) - 3 * value(score(before, image, described));
                // the predictor learned from views in bfloat16, and scores float32 ones
                assertThat(byTower).isCloseTo(Double.parseDouble(row.getField("predicted")), within(0.02));
            }
        }
    }

    /** Intervals are of the scores that are given: two halves that err alike err less together. */
    @Test
    void intervalsCanBeMadeOfBlendedScores() throws IOException {
        String described = recipe("described").replace("epochs: 12", "epochs: 2");
        String calibrated = run(described) + "/units/judge-quality-authors/calibration.csv";
        String beside = described.replace("/described\n", "/beside\n").replace("seed: 5", "seed: 6")
                + "undescribed: true\nblend: {share: 0.5, always: true}\n";
        String blended =
                beside.replace("/beside\n", "/blended\n") + "blendedWith: {quality: %s}\n".formatted(calibrated);

        Path without = run(beside);
        Path with = run(blended);

        String unit = "units/judge-quality-authors/calibration.csv";
        List<NamedCsvRecord> first = rows(Path.of(calibrated));
        List<NamedCsvRecord> second = rows(with.resolve(unit));
        Map<String, Sample> samples = DatasetReader.read(dataset).byName();
        List<Prediction> halves = IntStream.range(0, first.size())
                .mapToObj(i -> {
                    String image = Path.of(first.get(i).getField("image_path"))
                            .getFileName()
                            .toString();
                    assertThat(second.get(i).getField("image_path")).endsWith(image);
                    Sample sample = Objects.requireNonNull(samples.get(image));
                    double mean = (Double.parseDouble(first.get(i).getField("score"))
                                    + Double.parseDouble(second.get(i).getField("score")))
                            / 2;
                    return new Prediction(image, null, sample.group(), null, mean, sample.mos(Aspect.QUALITY), null);
                })
                .toList();
        Calibration expected = Conformal.of(halves, Scale.ZERO_TO_FIVE);
        for (boolean kind : List.of(true, false)) {
            Calibration found = Objects.requireNonNull(quality(with).calibration(kind));
            assertThat(found.halfWidth(2.5, Scale.ZERO_TO_FIVE))
                    .isCloseTo(expected.halfWidth(2.5, Scale.ZERO_TO_FIVE), within(1e-3));
            assertThat(found).isNotEqualTo(quality(without).calibration(kind));
        }
        Path sometimes = run(blended.replace("/blended\n", "/sometimes\n").replace("always: true", "always: false"));
        assertThat(quality(sometimes).calibration(true)).isEqualTo(quality(with).calibration(true));
        assertThat(quality(sometimes).calibration(false))
                .isEqualTo(quality(without).calibration(false));

        Files.write(Path.of(calibrated), Files.readAllLines(Path.of(calibrated)).subList(0, 5));
        assertThatThrownBy(() -> run(blended.replace("/blended\n", "/few\n")))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("scores 4 of the images that intervals of quality are made of");
        assertThatThrownBy(() -> run(described + "blendedWith: {quality: %s}\n".formatted(calibrated)))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("blendedWith goes with undescribed: true");
    }

    private static double value(Assessment assessment) {
        return assessment.score(Aspect.QUALITY).orElseThrow().value();
    }

    /** Correspondence gains points where the picture is one of its prompt, in the run's figures as in a score, also once packed. */
    @Test
    void aMatcherMakesCorrespondenceDependOnThePrompt() throws IOException {
        Path drawn = DrawnDataset.write(folder.resolve("drawn"), 60);
        Path table = drawn.resolve("data.csv");
        Files.writeString(
                table,
                Files.readString(table).replace("mos_quality,std_quality", "mos_correspondence,std_correspondence"));
        String plain = recipeWithOwnCache("plain")
                .replace(dataset.toString(), drawn.toString())
                .replace("  quality:", "  correspondence:")
                .replace("epochs: 12", "epochs: 2");
        Path words = Files.writeString(folder.resolve("words.txt"), "hills 1 0\nnumber 0 1\nvalleys 0.9 0.1\n");
        String matching = plain.replace("/plain", "/matching")
                + "refit: true\nmatcher: {rank: 8, penalty: 0.1, points: 0.5, words: {vectors: %s, share: 0.5}}\n"
                        .formatted(words);

        run(plain + "refit: true\n");
        assertThatThrownBy(() -> run(matching.replace("words.txt", "none.txt")))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("none.txt");
        Path run = run(matching);
        NamedCsvRecord with = predictions(run).getFirst();

        ModelFolder made = ModelFolder.open(run.resolve("model"));
        ModelFolder packed = ModelPack.pack(made, folder.resolve("packed"), 1);
        assertThat(packed.manifest().sha256()).containsKey("matcher-correspondence.safetensors");
        Path image = drawn.resolve("images").resolve(with.getField("image"));
        ModelFolder unmatched = ModelFolder.open(folder.resolve("plain/model"));
        for (ModelFolder model : List.of(made, packed)) {
            double own = correspondence(model, image, with.getField("prompt"));
            assertThat(own).isCloseTo(Double.parseDouble(with.getField("predicted")), within(0.02));
            double points = own - correspondence(unmatched, image, with.getField("prompt"));
            String unknown = "an unheard-of thing";
            double usual = correspondence(model, image, unknown) - correspondence(unmatched, image, unknown);
            assertThat(Math.abs(points - usual)).isBetween(0.001, 0.5);
        }

        Path again = run(matching.replace("/matching", "/again") + "refitCalibration: true\n");
        try (SafetensorsFile once = matcher(run);
                SafetensorsFile twice = matcher(again)) {
            assertThat(words(twice)).hasSizeGreaterThan(words(once).size()).containsAll(words(once));
            assertThat(points(twice)).isEqualTo(points(once));
        }

        Path folds = run(matching.replace("/matching", "/folds")
                .replace("calibrationShare: 0.3", "calibrationShare: 0.5, calibrateOn: folds"));
        try (SafetensorsFile all = matcher(folds);
                SafetensorsFile first = new SafetensorsFile(
                        folds.resolve("units/judge-correspondence-authors/fold-1/matcher.safetensors"))) {
            assertThat(words(all)).hasSizeGreaterThan(words(first).size()).containsAll(words(first));
        }

        assertThatThrownBy(() -> run(recipe("run") + "matcher: {rank: 8, penalty: 3, points: 0.5}\n"))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("goes with correspondence");
    }

    private static SafetensorsFile matcher(Path run) {
        return new SafetensorsFile(run.resolve("model/correspondence.matcher.safetensors"));
    }

    private static List<String> words(SafetensorsFile matcher) {
        Tensor text = matcher.load(PromptMatcher.WORDS_TEXT, Dtype.U8, Device.CPU);
        byte[] bytes = new byte[(int) text.numel()];
        Torch.bytes(text, 0, bytes.length).get(bytes);
        return new String(bytes, StandardCharsets.UTF_8).lines().toList();
    }

    private static List<Float> points(SafetensorsFile matcher) {
        return Stream.of(PromptMatcher.POINTS_WEIGHT, PromptMatcher.POINTS_BIAS)
                .map(name -> Torch.toFloats(matcher.load(name, Dtype.F32, Device.CPU))[0])
                .toList();
    }

    private static double correspondence(ModelFolder model, Path image, String prompt) {
        return score(model, ImagePrompt.of(image, prompt), false)
                .score(Aspect.CORRESPONDENCE)
                .orElseThrow()
                .value();
    }

    private static Assessment score(ModelFolder model, ImagePrompt image, boolean describe) {
        ScoringOptions options =
                ScoringOptions.DEFAULT.withPrecision(Precision.FP32).withDescribe(describe);
        try (Scorer scorer = Scorer.open(model, options)) {
            return scorer.score(image);
        }
    }

    /** What else is learned from is read as often as it should, and a run with all of it ends alike after crashes. */
    @Test
    void learnsFromMirroredAndSpoiltImagesAndAveragesWeights() throws IOException {
        String own = recipeWithOwnCache("run").replace("epochs: 12", "epochs: 3\naveraging: 0.9");
        Path file = Files.writeString(folder.resolve("recipe.yaml"), own);
        PredictorTraining.cache(file, Watcher.patient());
        String more = own
                + "augmentation: {mirrored: true, spoilt: 2, ways: {jpeg: 3}, margin: 0.3, weight: 1, batchSize: 3}\n";
        Watcher watcher = Watcher.patient();
        Files.writeString(file, more);
        PredictorTraining.cache(file, watcher);
        int mirrored = watcher.steps() - 2 * 5;
        assertThat(mirrored).isBetween(15, 45); // 60 images, a fifth of them for the test, a half of the others learned

        Path whole = run(more.replace("judge", "whole").replace("/run\n", "/whole\n"));
        try {
            run(more, Watcher.crashingAfter(2));
        } catch (Watcher.Crash _) {
            // goes on below
        }
        Path again = run(more);

        assertThat(again.resolve("model/quality.safetensors"))
                .hasSameBinaryContentAs(whole.resolve("model/quality.safetensors"));
        Path last = run(more.replace("averaging: 0.9", "averaging: 0").replace("/run\n", "/last\n"));
        assertThat(column(predictions(last), "predicted")).isNotEqualTo(column(predictions(again), "predicted"));
    }

    @Test
    void intervalsCanBeMadeOfImagesWhosePromptsAreKnown() throws IOException {
        String prompts = recipe("prompts").replace("epochs: 12", "epochs: 2");
        List<NamedCsvRecord> ofPrompts = predictions(run(prompts));
        List<NamedCsvRecord> ofImages = predictions(run(prompts.replace("/prompts\n", "/images\n")
                .replace("calibrationShare: 0.3", "calibrationShare: 0.3, calibrateOn: images")));

        assertThat(column(ofImages, "interval_low")).isNotEqualTo(column(ofPrompts, "interval_low"));
        assertThat(column(ofImages, "mos")).isEqualTo(column(ofPrompts, "mos"));
    }

    /** The epochs that were best on the validation images are learned again with them, also after a crash. */
    @Test
    void learnsAgainWithTheValidationImages() throws IOException {
        String refit = recipe("run").replace("epochs: 12", "epochs: 6\nrefit: true");
        Path whole = run(refit.replace("judge", "whole").replace("/run\n", "/whole\n"));
        Watcher watcher = Watcher.crashingAfter(8);
        assertThatThrownBy(() -> run(refit, watcher)).isInstanceOf(Watcher.Crash.class);
        Path again = run(refit);

        assertThat(again.resolve("model/quality.safetensors"))
                .hasSameBinaryContentAs(whole.resolve("model/quality.safetensors"));
        Path unit = again.resolve("units/judge-quality-authors");
        List<NamedCsvRecord> first = rows(unit.resolve("metrics.csv"));
        List<NamedCsvRecord> second = rows(unit.resolve("refit/metrics.csv"));
        NamedCsvRecord best = first.stream()
                .filter(row -> !row.getField("validation_srcc").isEmpty())
                .max(Comparator.comparingDouble(row -> Double.parseDouble(row.getField("validation_srcc"))))
                .orElseThrow();
        assertThat(second).hasSize(Integer.parseInt(best.getField("epoch")));
        assertThat(second).allMatch(row -> row.getField("validation_srcc").isEmpty());
        assertThat(second.getFirst().getField("loss"))
                .isNotEqualTo(first.getFirst().getField("loss"));
    }

    /** A third predictor learns with the calibration images, too; the intervals stay those of the second one. */
    @Test
    void learnsOnceMoreWithTheCalibrationImages() throws IOException {
        String refit = recipe("refit").replace("epochs: 12", "epochs: 4\nrefit: true");
        Path calibrated = run(refit);
        String whole =
                refit.replace("/refit\n", "/whole\n").replace("refit: true", "refit: true\nrefitCalibration: true");
        Watcher watcher = Watcher.crashingAfter(9);
        assertThatThrownBy(() -> run(whole, watcher)).isInstanceOf(Watcher.Crash.class);
        Path again = run(whole);

        String unit = "units/judge-quality-authors/";
        assertThat(again.resolve(unit + "refit/metrics.csv"))
                .hasSameTextualContentAs(calibrated.resolve(unit + "refit/metrics.csv"));
        assertThat(rows(again.resolve(unit + "whole/metrics.csv")))
                .hasSameSizeAs(rows(again.resolve(unit + "refit/metrics.csv")));
        assertThat(again.resolve(unit + "calibration.json"))
                .hasSameTextualContentAs(calibrated.resolve(unit + "calibration.json"));
        assertThat(column(predictions(again), "predicted")).isNotEqualTo(column(predictions(calibrated), "predicted"));
        assertThat(quality(again).calibration()).isEqualTo(quality(calibrated).calibration());
    }

    /** Nothing is set apart, and no image has a say in what is measured of it; a run ends alike after a crash. */
    @Test
    void intervalsCanBeMadeOfAllImagesByPredictorsThatDidNotLearnFromTheirPrompts() throws IOException {
        String whole = recipe("whole")
                .replace("epochs: 12", "epochs: 2\nrefit: true")
                .replace("calibrationShare: 0.3", "calibrationShare: 0");
        String folds = whole.replace("/whole\n", "/folds\n")
                .replace("calibrationShare: 0", "calibrationShare: 0.33, calibrateOn: folds");
        Watcher watcher = Watcher.crashingAfter(7);
        assertThatThrownBy(() -> run(folds, watcher)).isInstanceOf(Watcher.Crash.class);
        Path run = run(folds);

        assertThat(quality(run).calibration()).isNotNull();
        assertThat(run.resolve("model/quality.safetensors"))
                .hasSameBinaryContentAs(run(whole).resolve("model/quality.safetensors"));
        Path unit = run.resolve("units/judge-quality-authors");
        assertThat(rows(unit.resolve("calibration.csv")))
                .hasSize(60 - predictions(run).size());
        assertThat(unit.resolve("fold-3/metrics.csv")).exists();
        assertThat(unit.resolve("fold-4")).doesNotExist();
        assertThat(run(folds.replace("/folds\n", "/twin\n")).resolve("units/judge-quality-authors/calibration.json"))
                .hasSameTextualContentAs(unit.resolve("calibration.json"));

        TrainRecipe recipe =
                RecipeReader.read(Files.writeString(folder.resolve("recipe.yaml"), folds), TrainRecipe.class);
        List<Sample> samples = DatasetReader.read(dataset).samples();
        List<PredictorUnit.Training> trainings = PredictorUnit.of(
                        "judge",
                        recipe,
                        Aspect.QUALITY,
                        new Split("all", samples.subList(4, 60), List.of(), samples.subList(0, 4)))
                .trainings();
        List<Split> left = trainings.stream()
                .filter(training -> training.purpose() == PredictorUnit.Purpose.FOLD)
                .map(training -> training.unit().split())
                .toList();
        assertThat(left).hasSize(3).allSatisfy(split -> {
            assertThat(split.train()).hasSize(56 - split.test().size());
            assertThat(split.train())
                    .extracting(Sample::group)
                    .doesNotContainAnyElementsOf(
                            split.test().stream().map(Sample::group).toList());
        });
        assertThat(left.stream().flatMap(split -> split.test().stream()))
                .containsExactlyInAnyOrderElementsOf(samples.subList(4, 60));
    }

    /** So that the images can be scored by the whole model, and its intervals made of what it says. */
    @Test
    void listsTheImagesThatIntervalsAreMadeOf() throws IOException {
        Path run = run(
                recipe("listed").replace("epochs: 12", "epochs: 1").replace("evaluateEvery: 2", "evaluateEvery: 1"));

        Path unit = run.resolve("units/judge-quality-authors");
        List<NamedCsvRecord> images = rows(unit.resolve("calibration.csv"));
        assertThat(images).isNotEmpty();
        assertThat(images)
                .allSatisfy(image ->
                        assertThat(unit.resolve(image.getField("image_path"))).isRegularFile())
                .allSatisfy(image -> assertThat(image.getField("prompt")).isNotBlank());
        assertThat(images)
                .extracting(image ->
                        Path.of(image.getField("image_path")).getFileName().toString())
                .doesNotHaveDuplicates()
                .doesNotContainAnyElementsOf(predictions(run).stream()
                        .map(row -> row.getField("image"))
                        .toList());
    }

    private static AspectManifest quality(Path run) {
        return ModelFolder.open(run.resolve("model")).manifest().aspect(Aspect.QUALITY);
    }

    @Test
    void descriptionsChangeWhatIsRead() throws IOException {
        List<NamedCsvRecord> without = predictions(run(recipe("without").replace("epochs: 12", "epochs: 2")));
        List<NamedCsvRecord> with = predictions(
                run(recipe("with").replace("epochs: 12", "epochs: 2").replace("rounds: none", "rounds: own")));

        assertThat(column(with, "predicted")).isNotEqualTo(column(without, "predicted"));
        assertThat(column(with, "mos")).isEqualTo(column(without, "mos"));
    }

    /** A score has the description of one aspect, which such predictors would misread. */
    @Test
    void makesNoModelOfPredictorsThatReadSeveralDescriptions() throws IOException {
        Path drawn = DrawnDataset.write(folder.resolve("drawn"), 24);
        Path table = drawn.resolve("data.csv");
        Files.writeString(table, Files.readString(table).replace("std_quality", "mos_correspondence"));
        String quality = recipeWithOwnCache("one")
                .replace(dataset.toString(), drawn.toString())
                .replace("calibrationShare: 0.3", "calibrationShare: 0")
                .replace("epochs: 12", "epochs: 1")
                .replace("rounds: none", "rounds: all");
        String files = quality.substring(quality.indexOf("  quality:"), quality.indexOf("split:"));
        String both = quality.replace(files, files + files.replace("quality:", "correspondence:"))
                .replace("/one", "/both");

        assertThat(run(quality).resolve("model")).isDirectory();
        Path run = run(both);
        assertThat(run.resolve("model")).doesNotExist();
        assertThat(predictions(run)).hasSize(12);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "rounds: none, train: response, test: response|rounds: own, train: teacher, test: teacher|by someone who knew the score",
                "protocol: authors|protocol: leave_one_out|split.protocol: ",
                "kind: xlstm|kind: rnn|head.kind: ",
                "pooler: mean|pooler: median|head.pooler: ",
                "validationShare: 0.2|validationShare: 0|validationShare must be above 0",
                "protocol: authors, folds: 0|protocol: prompt_folds, folds: 1|folds must be at least 2",
                "protocol: authors, folds: 0|protocol: prompt_folds, folds: 99|99",
                "protocol: authors|protocol: stated|states no split",
                "'    test:'|'    # test:'|conversations.quality.test, which is not given",
                "calibrationShare: 0.3|calibrationShare: 0.3, calibrateOn: words|split.calibrateOn: ",
                "calibrationShare: 0.3|calibrationShare: 0.7, calibrateOn: folds|at most 0.5, as 0.2 for five folds, not 0.7",
                "calibrationShare: 0.3|calibrationShare: 0.3, calibrateOn: folds|goes with refit: true",
                "'calibrationShare: 0.3}'|'calibrationShare: 0.01, calibrateOn: folds}\nrefit: true'|and intervals need 9 images of 100 prompts",
                "calibrationShare: 0.3|calibrationShare: 1.0e-9|chooses none of the",
                "calibrationShare: 0.3|calibrationShare: 0.05|chooses 7 images of 3 prompts, and intervals need 9",
                "seed: 5|seed: 5.5|seed: '5.5' is no whole number",
                "seed: 5|seed: five|seed: what stands here is no whole number",
                "seed: 5|seed: [5]|seed: what stands here is no whole number",
                "missingImages: error|'missingImages: error\nrefit: maybe'|refit: what stands here is neither true nor false",
                "betas: [0.9, 0.999]|betas: {first: 0.9}|optimization.betas: what stands here is no list",
                "quality_test.json|quality_tests.json|quality_tests.json cannot be read",
                "width: 16|width: 15|multiple of 4",
                "dtype: fp32|dtype: fp16|dtype must be bf16 or fp32",
                "dtype: fp32|'dtype: fp32\nrefitCalibration: true'|goes with refit: true",
                "dtype: fp32|'dtype: fp32\nblend: {share: 0.5}'|blend goes with descriptions",
                "reads: hidden|reads: tower|goes with undescribed: true",
                "dtype: fp32|'dtype: fp32\nblendedWith: {quality: }'|blendedWith.quality: what belongs here is missing",
                "dtype: fp32|'dtype: fp32\nvariants: {one: }'|variants.one: what belongs here is missing",
                "dtype: fp32|'dtype: fp32\nvariants: {one: {head: {kind: mean, pooler: mean, width: 8, layers: 1, regression: 8, reads: tower, names: bare}}}'|goes with undescribed: true",
            })
    void sayWhatIsWrongBeforeAnythingIsComputed(String right, String wrong, String message) {
        String recipe = recipe("run").replace(right, wrong);

        assertThatThrownBy(() -> run(recipe))
                .isInstanceOf(InputException.class)
                .hasMessageContaining(message)
                .message()
                .doesNotEndWith("there is ");
        assertThat(folder.resolve("run/units")).doesNotExist();
    }
}
