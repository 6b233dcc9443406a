package io.github.m3agiqa.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.dataset.ConversationFile;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.DatasetReader;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.dataset.Split;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelManifest;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import io.github.m3agiqa.hub.ModelManifest.ScoreHead;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.DrawnDataset;
import io.github.m3agiqa.testing.ScriptPackage;
import io.github.m3agiqa.testing.TestModels;
import io.github.m3agiqa.testing.Watcher;
import io.github.m3agiqa.weights.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.DoubleStream;
import org.assertj.core.data.Offset;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole pretraining runs of a tiny base on drawn images, with a tiny teacher. */
class PretrainingTest {
    private static final int STEPS = 12;

    @TempDir
    private Path folder;

    @BeforeEach
    void draw() throws IOException {
        DrawnDataset.write(folder.resolve("drawn"), 24, 64, 64);
        ScriptPackage teacher = new ScriptPackage(8);
        String window = "{'kernel_size':[3,3],'pool_size':[2,2],'strides':[2,2],'padding':'same','activation':'relu'}";
        teacher.layer("InputLayer", "input", "{}")
                .layer("Conv2D", "first", window, "input")
                .layer("MaxPooling2D", "second", window, "first");
        teacher.weight("first/kernel", "uint8", 3, 3, 3, 8);
        teacher.weight("first/bias", "uint8", 8);
        teacher.write(folder.resolve("teacher"));
    }

    private String recipe(String output) {
        return """
                name: base
                license: Apache-2.0
                output: %1$s/%2$s
                config:
                  hidden_size: 128
                  intermediate_size: 128
                  num_hidden_layers: 1
                  num_attention_heads: 2
                  num_key_value_heads: 1
                  max_position_embeddings: 512
                  vocab_size: 300
                  query_num: 4
                  slice_config: {scale_resolution: 32}
                  vision_config:
                    hidden_size: 32
                    intermediate_size: 64
                    num_hidden_layers: 1
                    num_attention_heads: 2
                    image_size: 32
                    patch_size: 16
                    stem: [{out_channels: 8, kernel_size: 5, stride: 4}]
                aspects:
                  quality:
                    describe: {question: "How good is '{prompt}'?", maxSlices: 4, beams: 1, repetitionPenalty: 1, maxNewTokens: 8}
                    rate: {question: "One word?", maxSlices: 4, maxLength: 256}
                dataset: %1$s/drawn
                heldOut: [%1$s/drawn/conversations/quality_test.json]
                validationShare: 0.2
                texts: [%1$s/drawn/conversations/quality_train.json]
                teachers:
                  cache: %1$s/targets
                  globalSize: 4
                  denseSize: 6
                  denseSample: 10
                  networks: [{folder: %1$s/teacher, inputSize: 64, pooled: [first, second], dense: [second]}]
                captionQuestion: What was the prompt?
                lossWeights: {dense: 1, global: 1, caption: 0.2, text: 0.2, score: 0}
                optimization:
                  learningRate: 0.01
                  betas: [0.9, 0.98]
                  epsilon: 1.0e-8
                  weightDecay: 0.05
                  maxGradientNorm: 1
                  schedule: {kind: cosine, warmupSteps: 2}
                steps: %3$d
                imagesPerStep: 6
                textsPerStep: 2
                maxLength: 128
                maxSlices: 4
                dtype: fp32
                device: cpu
                evaluateEvery: 3
                keepCheckpoints: 1
                seed: 7
                """.formatted(folder, output, STEPS);
    }

    private Path write(String recipe) throws IOException {
        return Files.writeString(folder.resolve("recipe.yaml"), recipe);
    }

    private static byte[] weights(Path model) throws IOException {
        return Files.readAllBytes(model.resolve("base/model.safetensors"));
    }

    @Test
    void learnsAllFourThings() throws IOException {
        Path made = Pretraining.run(write(recipe("run")), Watcher.patient());

        assertThat(ModelFolder.open(made).manifest().aspects()).containsOnlyKeys(Aspect.QUALITY);
        List<String> rows = Files.readAllLines(folder.resolve("run/metrics.csv"));
        assertThat(rows.getFirst()).contains("dense_loss,global_loss,caption_loss,text_loss");
        double[] first = numbers(rows.get(1));
        double[] last = numbers(rows.getLast());
        for (int loss = 4; loss < 8; loss++) {
            assertThat(last[loss]).as(rows.getFirst().split(",", -1)[loss]).isLessThan(first[loss]);
        }
        for (String loss : List.of("score_loss", "tower_loss", "validation_text_loss", "validation_score_loss")) {
            assertThat(column(rows, loss)).as(loss + ", which nothing measures").containsOnly(Double.NaN);
        }
        assertThat(column(rows, "validation_dense_loss").filter(Double::isFinite))
                .hasSize(STEPS / 3);
    }

    /** A validation that reads a few pictures at a time may find some of which nobody scored one. */
    @Test
    void whatSomeHaveNothingToMeasureByIsTheMeanOfTheOthers() {
        double[][] found = {{1, Double.NaN, 2}, {3, 5, 4}};

        assertThat(Losses.mean(List.of(0, 0, 1), 2, some -> found[some.getFirst()]))
                .containsExactly(5.0 / 3, 5, 8.0 / 3);
        assertThat(Losses.mean(List.of(0), 1, _ -> new double[] {Double.NaN, Double.NaN, 2}))
                .containsExactly(Double.NaN, Double.NaN, 2);
    }

    private static double[] numbers(String row) {
        return List.of(row.split(",", -1)).stream()
                .mapToDouble(field -> field.isEmpty() ? Double.NaN : Double.parseDouble(field))
                .toArray();
    }

    @Test
    void trainsABaseFurther() throws IOException {
        Path first = Pretraining.run(write(recipe("first")), Watcher.patient());
        String initial = "initial: %s%nlicense:".formatted(first);
        String further = recipe("second")
                .replaceFirst("(?s)config:.*?dataset:", "dataset:")
                .replace("license:", initial);

        ModelManifest untrained = ModelFolder.open(first).manifest();
        ScoreHead head = new ScoreHead("quality.safetensors", "xlstm", "mean", "hidden", "matcher.safetensors", null);
        AspectManifest trained = untrained
                .aspect(Aspect.QUALITY)
                .withAdapter("adapter")
                .withPredictor(head, null)
                .withUndescribed(head, new ModelManifest.Blend(0.2, 0.5, true));
        ModelFolder.write(first, untrained.derived("trained", "base", Map.of(Aspect.QUALITY, trained)));

        Path second = Pretraining.run(write(further), Watcher.patient());

        double end =
                numbers(Files.readAllLines(folder.resolve("first/metrics.csv")).getLast())[6];
        double begin =
                numbers(Files.readAllLines(folder.resolve("second/metrics.csv")).get(1))[6];
        assertThat(second.resolve("base/config.json")).hasSameBinaryContentAs(first.resolve("base/config.json"));
        assertThat(ModelFolder.open(second).manifest().aspects()).isEqualTo(untrained.aspects());
        Path twice = write(recipe("third").replace("license:", initial));
        assertThatThrownBy(() -> Pretraining.run(twice, Watcher.patient()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("leave out config, aspects and stem");
        assertThat(begin).as("loss of captions").isCloseTo(end, Offset.offset(0.5));
        assertThat(second.resolve("base/tokenizer.json")).hasSameBinaryContentAs(first.resolve("base/tokenizer.json"));
        TestModels.changeWeights(first.resolve("base/model.safetensors"));
        Path again = write(further);
        assertThatThrownBy(() -> Pretraining.run(again, Watcher.patient()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("was started with other data, another model");
    }

    @Test
    void learnsDescriptionsWithoutPrompts() throws IOException {
        String described = recipe("run")
                .replace(
                        "captionQuestion: What was the prompt?",
                        "descriptions: [%s/drawn/conversations/quality_train.json]%ncaptionQuestion: null"
                                .formatted(folder));

        Pretraining.run(write(described), Watcher.patient());

        double[] first =
                numbers(Files.readAllLines(folder.resolve("run/metrics.csv")).get(1));
        double[] last =
                numbers(Files.readAllLines(folder.resolve("run/metrics.csv")).getLast());
        assertThat(last[6]).as("loss of descriptions").isLessThan(first[6]);
        Path nothing = write(recipe("none").replace("captionQuestion: What was the prompt?", "captionQuestion: null"));
        assertThatThrownBy(() -> Pretraining.run(nothing, Watcher.patient()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("one of them is needed");
    }

    @Test
    void whatIsFrozenStaysAsItIs() throws IOException {
        Path first = Pretraining.run(write(recipe("first")), Watcher.patient());
        String further = recipe("second")
                .replaceFirst("(?s)config:.*?dataset:", "frozen: [tower]\ndataset:")
                .replace("license:", "initial: %s%nlicense:".formatted(first));

        Path second = Pretraining.run(write(further), Watcher.patient());

        try (Scope _ = new Scope();
                SafetensorsFile before = new SafetensorsFile(first.resolve("base/model.safetensors"));
                SafetensorsFile after = new SafetensorsFile(second.resolve("base/model.safetensors"))) {
            for (String name : before.tensors().keySet()) {
                boolean same = before.load(name, Dtype.F32, Device.CPU).equal(after.load(name, Dtype.F32, Device.CPU));
                if (name.startsWith("vpm.") || name.equals("llm.model.embed_tokens.weight")) {
                    assertThat(same).as(name).isEqualTo(name.startsWith("vpm."));
                }
            }
        }
        Path nothing = write(recipe("third").replace("dataset:", "frozen: [tower]\ndataset:"));
        assertThatThrownBy(() -> Pretraining.run(nothing, Watcher.patient()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("frozen is for what initial has learned");
    }

    /** Needs no teacher, and says on new prompts of the drawn images what their colour is scored. */
    @Test
    void learnsScores() throws IOException {
        String recipe = recipe("scores")
                .replaceFirst("(?s)teachers:.*?captionQ", "scores: [quality]\ncalibrationShare: 0.2\ncaptionQ")
                .replace(
                        "{dense: 1, global: 1, caption: 0.2, text: 0.2, score: 0}",
                        "{dense: 0, global: 0, caption: 0, text: 0, score: 1}")
                .replace("steps: 12", "maxShift: 2\nsteps: 60");

        Pretraining.run(write(recipe), Watcher.patient());

        List<String> rows = Files.readAllLines(folder.resolve("scores/metrics.csv"));
        double[] validated =
                column(rows, "validation_score_loss").filter(Double::isFinite).toArray();
        assertThat(DoubleStream.of(validated).min().orElseThrow()).isLessThan(0.5 * validated[0]);
    }

    /** Of pictures as they are and spoilt, stopped or not; nothing else is learned. */
    @Test
    void statesKeepWhatAFrozenTowerSees() throws IOException {
        Path first = Pretraining.run(write(recipe("first")), Watcher.patient());
        String further = recipe("whole")
                .replaceFirst("(?s)config:.*?dataset:", "frozen: [tower]\nspoilt: 1\ndataset:")
                .replaceFirst("(?s)teachers:.*?captionQ", "captionQ")
                .replace("license:", "initial: %s%nlicense:".formatted(first))
                .replace(
                        "{dense: 1, global: 1, caption: 0.2, text: 0.2, score: 0}",
                        "{dense: 0, global: 0, caption: 0, text: 0, score: 0, tower: 1}")
                .replace("steps: 12", "steps: 60");

        byte[] whole = weights(Pretraining.run(write(further), Watcher.patient()));

        List<String> rows = Files.readAllLines(folder.resolve("whole/metrics.csv"));
        double[] validated =
                column(rows, "validation_tower_loss").filter(Double::isFinite).toArray();
        assertThat(validated[validated.length - 1])
                .as("validation, 1 for one that knows nothing")
                .isLessThan(0.7 * validated[0]);
        String stopped = further.replace("/whole", "/stopped");
        assertThatThrownBy(() -> Pretraining.run(write(stopped), Watcher.crashingAfter(7)))
                .isInstanceOf(Watcher.Crash.class);
        assertThat(weights(Pretraining.run(write(stopped), Watcher.patient()))).isEqualTo(whole);
        Path moving = write(further.replace("frozen: [tower]\n", ""));
        assertThatThrownBy(() -> Pretraining.run(moving, Watcher.patient()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("what is aimed at must not move");
        Path uncounted = write(further.replace("tower: 1", "tower: 0"));
        assertThatThrownBy(() -> Pretraining.run(uncounted, Watcher.patient()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("spoilt is 1");
    }

    private static DoubleStream column(List<String> rows, String name) {
        int column = List.of(rows.getFirst().split(",", -1)).indexOf(name);
        return rows.stream().skip(1).mapToDouble(row -> numbers(row)[column]);
    }

    /** Teachers have not seen spoilt images, which a pass has beside others. */
    @Test
    void teachersAreNotAskedAboutSpoiltImages() throws IOException {
        Path first = Pretraining.run(write(recipe("first")), Watcher.patient());
        Path recipe = write(recipe("further")
                .replaceFirst("(?s)config:.*?dataset:", "frozen: [tower]\nspoilt: 2\ndataset:")
                .replace("license:", "initial: %s%nlicense:".formatted(first))
                .replace("score: 0}", "score: 0, tower: 1}"));

        Pretraining.run(recipe, Watcher.patient());

        List<String> rows = Files.readAllLines(folder.resolve("further/metrics.csv"));
        assertThat(column(rows, "global_loss").average().orElseThrow()).isPositive();
        assertThat(column(rows, "tower_loss").average().orElseThrow()).isPositive();
        assertThat(Files.readString(folder.resolve("targets/images.json"))).doesNotContain("spoilt");
    }

    @Test
    void learnsDescriptionsInTurnWithPrompts() throws IOException {
        String recipe = recipe("run")
                .replace(
                        "captionQuestion:",
                        "descriptions: [%s/drawn/conversations/quality_train.json]%ncaptionQuestion:"
                                .formatted(folder));

        Pretraining.run(write(recipe("prompts")), Watcher.patient());
        Pretraining.run(write(recipe), Watcher.patient());

        double[] prompts = numbers(
                Files.readAllLines(folder.resolve("prompts/metrics.csv")).get(1));
        double[] both =
                numbers(Files.readAllLines(folder.resolve("run/metrics.csv")).get(1));
        assertThat(both[5]).as("loss of the same images, seen alike").isCloseTo(prompts[5], Offset.offset(1e-4));
        assertThat(both[6]).as("loss of other texts").isNotEqualTo(prompts[6]);
    }

    /** Teachers look at views too, and a crash does not change them. */
    @Test
    void learnsFromViewsOfImages() throws IOException {
        String views = "views: 2\nvalidationShare:";
        Path whole = Pretraining.run(write(recipe("whole").replace("validationShare:", views)), Watcher.patient());
        Path recipe = write(recipe("broken").replace("validationShare:", views));
        assertThatThrownBy(() -> Pretraining.run(recipe, Watcher.crashingAfter(5)))
                .isInstanceOf(Watcher.Crash.class);

        assertThat(weights(Pretraining.run(recipe, Watcher.patient()))).isEqualTo(weights(whole));
        assertThat(Files.readString(folder.resolve("targets/images.json"))).contains("image_000.png view 2");
    }

    @Test
    void looksAtNoImageOfAHeldOutFold() throws IOException {
        Dataset drawn = DatasetReader.read(folder.resolve("drawn"));
        for (Sample sample : Split.groupFolds(drawn, 3, 5).get(1).test()) {
            Files.delete(drawn.image(sample));
        }
        String recipe = recipe("run")
                .replace("validationShare:", "heldOutFold: {folds: 3, fold: 2, seed: 5}\nvalidationShare:");

        assertThat(Pretraining.run(write(recipe), Watcher.patient())).isDirectory();
    }

    private String withStem(String output) {
        return recipe(output)
                .replace("stem: [{out_channels: 8, kernel_size: 5, stride: 4}]", """
                        stem: [{out_channels: 8, kernel_size: 3, stride: 2}, {out_channels: 8, kernel_size: 3, stride: 2}]""")
                .replace("teachers:\n", """
                        stem:
                          cache: %1$s/maps
                          inputSize: 64
                          sample: 6
                          hints:
                            - {stemLayer: 0, folder: %1$s/teacher, layer: first, size: 6}
                            - {stemLayer: 1, folder: %1$s/teacher, layer: second, size: 6}
                          optimization:
                            learningRate: 0.02
                            betas: [0.9, 0.98]
                            epsilon: 1.0e-8
                            weightDecay: 0
                            maxGradientNorm: 1
                            schedule: {kind: cosine, warmupSteps: 2}
                          steps: 80
                          imagesPerStep: 4
                          evaluateEvery: 10
                        teachers:
                        """.formatted(folder));
    }

    @Test
    void learnsTheStemFirstAndKeepsIt() throws IOException {
        Path made = Pretraining.run(write(withStem("run")), Watcher.patient());

        List<String> rows = Files.readAllLines(folder.resolve("run/stem/metrics.csv"));
        assertThat(rows.getFirst()).contains("loss,hint_1_loss,hint_2_loss");
        double[] first = numbers(rows.get(1));
        double[] last = numbers(rows.getLast());
        int validated = List.of(rows.getFirst().split(",", -1)).indexOf("validation_hint_1_loss");
        for (int hint = 0; hint < 2; hint++) {
            assertThat(first[4 + hint]).isGreaterThan(0.9);
            assertThat(last[validated + hint]).as("on new prompts").isLessThan(0.85);
        }
        try (Scope _ = new Scope();
                SafetensorsFile stem = new SafetensorsFile(folder.resolve("run/stem/stem.safetensors"));
                SafetensorsFile base = new SafetensorsFile(made.resolve("base/model.safetensors"))) {
            for (String name : stem.tensors().keySet()) {
                Tensor stored = base.load(name, Dtype.F32, Device.CPU);
                // matrices are stored as bfloat16
                assertThat(Torch.toFloats(stored))
                        .containsExactly(Torch.toFloats(stem.load(name, Dtype.F32, Device.CPU)), Offset.offset(0.02f));
            }
        }
    }

    @Test
    void goesOnAfterCrashesInTheStemToo() throws IOException {
        byte[] whole = weights(Pretraining.run(write(withStem("whole")), Watcher.patient()));

        Path recipe = write(withStem("broken"));
        Path made = null;
        int crashes = 0;
        while (made == null) {
            try {
                made = Pretraining.run(recipe, Watcher.crashingAfter(17));
            } catch (Watcher.Crash _) {
                crashes++;
            }
        }

        assertThat(crashes).isGreaterThan(2);
        assertThat(weights(made)).isEqualTo(whole);
    }

    /** What was made is a model that the next stage takes. */
    @Test
    void isTunedFurther() throws IOException {
        Path made = Pretraining.run(write(recipe("run")), Watcher.patient());
        String tuning = """
                name: tuned
                model: %1$s
                output: %2$s/tuned
                dataset: %2$s/drawn
                missingImages: error
                conversations: {quality: {train: %2$s/drawn/conversations/quality_train.json}}
                heldOut: [%2$s/drawn/conversations/quality_test.json]
                validationShare: 0.2
                lora: {rank: 4, alpha: 8, dropout: 0.1, targets: [q_proj], alsoTrain: [embedding], initial: base}
                optimization:
                  learningRate: 0.003
                  betas: [0.9, 0.95]
                  epsilon: 1.0e-8
                  weightDecay: 0.1
                  maxGradientNorm: 1
                  schedule: {kind: constant, warmupSteps: 0}
                steps: 2
                batchSize: 2
                accumulation: 1
                maxLength: 256
                maxSlices: 4
                gradientCheckpointing: false
                dtype: fp32
                device: cpu
                evaluateEvery: 2
                keepCheckpoints: 1
                seed: 7
                """.formatted(made, folder);

        Path tuned = Finetuning.run(write(tuning), Watcher.patient());

        assertThat(ModelFolder.open(tuned).manifest().aspect(Aspect.QUALITY).adapter())
                .isNotNull();
    }

    @Test
    void goesOnAfterCrashesAsIfNothingHadHappened() throws IOException {
        byte[] whole = weights(Pretraining.run(write(recipe("whole")), Watcher.patient()));

        Path recipe = write(recipe("broken"));
        Random random = new Random(1);
        Path made = null;
        int crashes = 0;
        while (made == null) {
            try {
                made = Pretraining.run(recipe, Watcher.crashingAfter(3 + random.nextInt(3)));
            } catch (Watcher.Crash _) {
                crashes++;
            }
        }

        assertThat(crashes).isPositive();
        assertThat(weights(made)).isEqualTo(whole);
    }

    @Test
    void neverOpensWhatIsHeldOut() throws IOException {
        for (var conversation : ConversationFile.read(folder.resolve("drawn/conversations/quality_test.json"))) {
            Files.delete(folder.resolve("drawn/images").resolve(conversation.imageName()));
        }

        assertThat(Pretraining.run(write(recipe("run")), Watcher.patient())).isDirectory();
    }

    @Test
    void namesWhatIsWrong() throws IOException {
        Path noTeacher = write(recipe("run").replace(folder + "/teacher", folder + "/nowhere"));
        assertThatThrownBy(() -> Pretraining.run(noTeacher, Watcher.crashingAfter(1)))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("nowhere");

        Path badStem = write(recipe("other").replace("stride: 4}", "stride: 5}"));
        assertThatThrownBy(() -> Pretraining.run(badStem, Watcher.crashingAfter(1)))
                .hasMessageContaining("patch size 16");

        Path noLayer = write(withStem("stem").replace("stemLayer: 1", "stemLayer: 2"));
        assertThatThrownBy(() -> Pretraining.run(noLayer, Watcher.crashingAfter(1)))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("second is for stemLayer 2, and config's stem has 2");

        Path unscored = write(recipe("third").replace("score: 0}", "score: 1}"));
        assertThatThrownBy(() -> Pretraining.run(unscored, Watcher.crashingAfter(1)))
                .hasMessageContaining("scores names 0 aspects, and lossWeights has score: 1");

        Path rewarded = write(recipe("fourth").replace("text: 0.2", "text: -0.2"));
        assertThatThrownBy(() -> Pretraining.run(rewarded, Watcher.crashingAfter(1)))
                .hasMessageContaining("lossWeights: weights of losses must be at least 0");

        Path wordless = write(recipe("fifth").replace("vocab_size: 300", "vocab_size: 30"));
        assertThatThrownBy(() -> Pretraining.run(wordless, Watcher.crashingAfter(1)))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("config.vocab_size: a vocabulary has at least 256 bytes");

        Path brief = write(recipe("sixth").replace("maxLength: 128", "maxLength: 20"));
        assertThatThrownBy(() -> Pretraining.run(brief, Watcher.patient()))
                .isInstanceOf(InputException.class)
                .hasMessageContainingAll("drawn/images", "its image alone takes", "maxLength is 20");
    }
}
