package io.github.m3agiqa.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.ErrorCode;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.dataset.Conversation;
import io.github.m3agiqa.dataset.ConversationFile;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.testing.DrawnDataset;
import io.github.m3agiqa.testing.TestModels;
import io.github.m3agiqa.testing.Watcher;
import io.github.m3agiqa.weights.PeftAdapter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whole fine-tuning runs of the tiny model on drawn images. */
class FinetuningTest {
    private static final int STEPS = 8;

    @TempDir
    private static Path dataset;

    @TempDir
    private Path folder;

    @BeforeAll
    static void draw() {
        DrawnDataset.write(dataset, 24);
    }

    private static String recipe(Path output) {
        return """
                name: tuned
                model: %s
                output: %s
                dataset: %s
                missingImages: error
                conversations:
                  quality: {train: %s/conversations/quality_train.json}
                validationShare: 0.2
                lora: {rank: 4, alpha: 8, dropout: 0.1, targets: [q_proj, v_proj], alsoTrain: [resampler], initial: base}
                optimization:
                  learningRate: 0.003
                  betas: [0.9, 0.95]
                  epsilon: 1.0e-8
                  weightDecay: 0.1
                  maxGradientNorm: 1
                  schedule: {kind: cosine, warmupSteps: 2}
                steps: %d
                batchSize: 2
                accumulation: 2
                maxLength: 512
                maxSlices: 1
                gradientCheckpointing: false
                dtype: fp32
                device: cpu
                evaluateEvery: 2
                keepCheckpoints: 2
                seed: 7
                """.formatted(TestModels.tiny().toAbsolutePath(), output, dataset, dataset, STEPS);
    }

    private Path write(String recipe) throws IOException {
        return Files.writeString(folder.resolve("recipe.yaml"), recipe);
    }

    private byte[] run(String name, String recipe) throws IOException {
        Path output = folder.resolve(name);
        Finetuning.run(write(recipe), Watcher.patient());
        return Files.readAllBytes(output.resolve("adapter").resolve(PeftAdapter.TENSORS));
    }

    @Test
    void learnsAndLeavesAModelAndItsRecord() throws IOException {
        Path output = folder.resolve("run");
        Path made = Finetuning.run(write(recipe(output)), Watcher.patient());

        ModelFolder model = ModelFolder.open(made);
        assertThat(model.manifest().id()).isEqualTo("tuned@1");
        assertThat(model.manifest().aspects()).containsOnlyKeys(Aspect.QUALITY);
        assertThat(model.part(model.manifest().base())).isDirectory();
        try (PeftAdapter adapter = new PeftAdapter(output.resolve("adapter"))) {
            assertThat(adapter.rank()).isEqualTo(4);
            assertThat(adapter.scale()).isEqualTo(2);
            assertThat(adapter.tensors().keySet())
                    .contains("resampler.query", "llm.model.layers.1.self_attn.v_proj.lora_B.weight")
                    .noneMatch(name -> name.contains("k_proj") || name.startsWith("vpm."));
        }
        List<String> metrics = Files.readAllLines(output.resolve("metrics.csv"));
        assertThat(metrics).hasSize(1 + STEPS);
        assertThat(validationLoss(metrics.getLast())).isLessThan(validationLoss(metrics.get(2)));
        assertThat(output.resolve("curve.png")).isNotEmptyFile();
        JsonNode facts = new ObjectMapper().readTree(output.resolve("run.json").toFile());
        assertThat(facts.path("data").path("quality/quality_train.json").asText())
                .hasSize(64);
        try (Stream<Path> checkpoints = Files.list(output.resolve("checkpoints"))) {
            assertThat(checkpoints).hasSizeBetween(2, 3);
        }
    }

    /** Aspects that nothing was said about are asked with the new adapter, too, if the recipe says so. */
    @Test
    void anAdapterCanBeForOtherAspects() throws IOException {
        String recipe = recipe(folder.resolve("run")).replace("steps: " + STEPS, "steps: 2");

        ModelFolder made =
                ModelFolder.open(Finetuning.run(write(recipe + "alsoFor: [authenticity]\n"), Watcher.patient()));
        assertThat(made.manifest().aspects()).containsOnlyKeys(Aspect.QUALITY, Aspect.AUTHENTICITY);
        assertThat(made.manifest().aspect(Aspect.AUTHENTICITY).adapter())
                .isEqualTo(made.manifest().aspect(Aspect.QUALITY).adapter());
        assertThat(made.manifest().scoredAspects()).isEmpty();
    }

    private static double validationLoss(String row) {
        return Double.parseDouble(row.substring(row.lastIndexOf(',') + 1));
    }

    @Test
    void aRunThatCrashedAgainAndAgainEndsWithTheSameWeights() throws IOException {
        byte[] whole = run("whole", recipe(folder.resolve("whole")));
        Path output = folder.resolve("crashed");
        Path recipe = write(recipe(output));
        Random random = new Random(3);
        int crashes = 0;
        while (crashes < 20) {
            try {
                Finetuning.run(recipe, Watcher.crashingAfter(1 + random.nextInt(3)));
                break;
            } catch (Watcher.Crash _) {
                crashes++;
            }
        }
        assertThat(crashes).isBetween(2, 19);
        assertThat(Files.readAllBytes(output.resolve("adapter").resolve(PeftAdapter.TENSORS)))
                .isEqualTo(whole);
        assertThat(output.resolve("metrics.csv"))
                .hasSameTextualContentAs(folder.resolve("whole").resolve("metrics.csv"));
    }

    @Test
    void aCrashBesideTheLastCheckpointLosesNoFigures() throws IOException {
        run("whole", recipe(folder.resolve("whole")));
        Path recipe = write(recipe(folder.resolve("crashed")));
        Watcher watcher = Watcher.crashingAt("step %d of".formatted(STEPS));

        assertThatThrownBy(() -> Finetuning.run(recipe, watcher)).isInstanceOf(Watcher.Crash.class);
        Finetuning.run(recipe, Watcher.patient());

        assertThat(folder.resolve("crashed/metrics.csv")).hasSameTextualContentAs(folder.resolve("whole/metrics.csv"));
    }

    /** Stopped or not, and with activations that are computed again. */
    @Test
    void statesKeepWhatTheTowerSees() throws IOException {
        Path output = folder.resolve("whole");
        String recipe = recipe(output).replace("maxLength: 512", "maxLength: 512\ntower: {weight: 1, spoilt: 2}");
        byte[] whole = run("whole", recipe);

        List<String> metrics = Files.readAllLines(output.resolve("metrics.csv"));
        assertThat(metrics.getFirst()).endsWith("loss,tower_loss,gradient_norm,validation_loss,validation_tower_loss");
        assertThat(validationLoss(metrics.getLast())).isPositive().isLessThan(validationLoss(metrics.get(2)));
        assertThat(whole).isNotEqualTo(run("without", recipe(folder.resolve("without"))));
        try (PeftAdapter adapter = new PeftAdapter(output.resolve("adapter"))) {
            assertThat(adapter.tensors().keySet()).noneMatch(name -> name.startsWith("tower"));
        }

        String again = recipe.replace(
                        output.toString(), folder.resolve("stopped").toString())
                .replace("gradientCheckpointing: false", "gradientCheckpointing: true");
        assertThatThrownBy(() -> Finetuning.run(write(again), Watcher.crashingAfter(5)))
                .isInstanceOf(Watcher.Crash.class);
        assertThat(run("stopped", again)).isEqualTo(whole);
        Path moving = write(recipe.replace("[resampler]", "[resampler, vision]"));
        assertThatThrownBy(() -> Finetuning.run(moving, Watcher.patient()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("leave vision out");
    }

    @Test
    void recomputedActivationsGiveTheSameWeights() throws IOException {
        byte[] kept = run("kept", recipe(folder.resolve("kept")));
        byte[] recomputed = run(
                "recomputed",
                recipe(folder.resolve("recomputed"))
                        .replace("gradientCheckpointing: false", "gradientCheckpointing: true"));

        assertThat(recomputed).isEqualTo(kept);
    }

    @Test
    void theAdapterCanBeTrainedFurther() throws IOException {
        run("first", recipe(folder.resolve("first")));
        String further = recipe(folder.resolve("second"))
                .replace(
                        TestModels.tiny().toAbsolutePath().toString(),
                        folder.resolve("first/model").toString())
                .replace("initial: base", "initial: adapter");
        run("second", further);

        List<String> before = Files.readAllLines(folder.resolve("first/metrics.csv"));
        List<String> after = Files.readAllLines(folder.resolve("second/metrics.csv"));
        assertThat(validationLoss(after.get(2))).isLessThan(validationLoss(before.get(2)));
        assertThatThrownBy(
                        () -> run("third", further.replace("rank: 4", "rank: 8").replace("/second", "/third")))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("adapter of other settings");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "learningRate:|learningRte:|learningRate: the key is missing; what is there is learningRte, betas",
                "train:|training:|quality: train is missing; what is there is training",
                "kind: cosine|kind: cosin|schedule.kind: 'cosin' is none of [constant, cosine, linear, warmup_log]",
                "betas: [0.9, 0.95]|betas: [0.9]|betas must be two numbers",
                "steps: 8|steps: 0|steps must be at least 1",
                "dtype: fp32|dtype: int8|dtype must be bf16 or fp32",
                "batchSize: 2|batchSize: many|batchSize",
                "evaluateEvery: 2||evaluateEvery",
                "initial: base|initial: adapter|is an adapter of other settings",
                "validationShare: 0.2|validationShare: 0.99|no conversation is left to learn from",
                "maxLength: 512|maxLength: 5|its image alone takes",
            })
    void sayWhatIsWrongWithARecipe(String right, String wrong, String message) {
        String recipe = recipe(folder.resolve("run")).replace(right, wrong == null ? "" : wrong);

        assertThatThrownBy(() -> Finetuning.run(write(recipe), Watcher.patient()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining(message);
    }

    @Test
    void keysThatAreThereTwiceOrAreNotKnownAreErrors() {
        assertThatThrownBy(() -> Finetuning.run(write(recipe(folder.resolve("run")) + "sead: 8\n"), Watcher.patient()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("unknown key 'sead'; known here are accumulation, alsoFor, batchSize");

        String recipe = recipe(folder.resolve("run")) + "seed: 8\n";

        assertThatThrownBy(() -> Finetuning.run(write(recipe), Watcher.patient()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("Duplicate field 'seed'");
    }

    @Test
    void sayWhichImagesAreMissingBeforeTheFirstStep() throws IOException {
        Path broken = folder.resolve("dataset");
        DrawnDataset.write(broken, 8);
        Files.delete(broken.resolve("images/image_002.png"));
        String recipe = recipe(folder.resolve("run")).replace(dataset.toString(), broken.toString());

        assertThatThrownBy(() -> Finetuning.run(write(recipe), Watcher.patient()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("1 images are not there, such as image_002.png");
        assertThat(folder.resolve("run/metrics.csv")).doesNotExist();
    }

    @Test
    void aRunGoesOnOnlyWithItsOwnRecipeAndData() throws IOException {
        Path output = folder.resolve("run");
        run("run", recipe(output));

        assertThatThrownBy(() -> run("run", recipe(output).replace("seed: 7", "seed: 8")))
                .hasMessageContaining("was started with another recipe");
    }

    /** The rating words follow from them. */
    @Test
    void otherScoresAreOtherData() throws IOException {
        Path rated = folder.resolve("dataset");
        DrawnDataset.write(rated, 8);
        String recipe = recipe(folder.resolve("run"))
                .replace(dataset.toString(), rated.toString())
                .replace("steps: " + STEPS, "steps: 1");
        Finetuning.run(write(recipe), Watcher.patient());
        Path scores = rated.resolve("data.csv");
        Files.writeString(scores, Files.readString(scores).replaceFirst("[.]\\d+", ".125"));

        assertThatThrownBy(() -> Finetuning.run(write(recipe), Watcher.patient()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("was started with other data");
    }

    /** It has the name and the version that it had. */
    @Test
    void aModelThatWasTrainedAnewIsAnotherModel() throws IOException {
        Path model = TestModels.tinyWith(folder.resolve("model"), _ -> {});
        String recipe = recipe(folder.resolve("run"))
                .replace(TestModels.tiny().toAbsolutePath().toString(), model.toString())
                .replace("steps: " + STEPS, "steps: 1");
        Finetuning.run(write(recipe), Watcher.patient());
        TestModels.changeWeights(model.resolve("base/model.safetensors"));

        assertThatThrownBy(() -> Finetuning.run(write(recipe), Watcher.patient()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("was started with other data, another model");
    }

    /** A run depends on both files, also where they are of one name. */
    @Test
    void filesOfOneNameAreBothNoted() throws IOException {
        Path conversations = dataset.resolve("conversations/quality_train.json");
        Path train = Files.createDirectories(folder.resolve("other")).resolve("quality_train.json");
        List<Conversation> all = ConversationFile.read(conversations);
        ConversationFile.write(train, all.subList(0, 4));
        String recipe = recipe(folder.resolve("run"))
                .replace("train: " + conversations, "train: %s, validation: %s".formatted(train, conversations))
                .replace("steps: " + STEPS, "steps: 1");
        Finetuning.run(write(recipe), Watcher.patient());
        ConversationFile.write(train, all.subList(1, 5)); // as many as before

        assertThatThrownBy(() -> Finetuning.run(write(recipe), Watcher.patient()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("was started with other data");
    }

    /** Its answers lie beyond the longest conversation, so there is nothing to learn, and the others are learned from. */
    @Test
    void aConversationWhoseRequestFillsItTeachesNothing() throws IOException {
        List<Conversation> all = ConversationFile.read(dataset.resolve("conversations/quality_train.json"));
        List<Conversation> changed = new ArrayList<>();
        for (Conversation conversation : all) {
            String request = conversation.describeRequest() + (changed.isEmpty() ? "" : " and so on".repeat(200));
            changed.add(Conversation.told(
                    conversation.id(),
                    conversation.image(),
                    request,
                    conversation.teacherDescription(),
                    conversation.rateRequest(),
                    conversation.ratingWord(),
                    false));
        }
        Path file = folder.resolve("long.json");
        ConversationFile.write(file, changed);
        String recipe = recipe(folder.resolve("run"))
                .replace(dataset + "/conversations/quality_train.json", file.toString())
                .replace("batchSize: 2", "batchSize: 1");

        Finetuning.run(write(recipe), Watcher.patient());

        assertThat(Files.readAllLines(folder.resolve("run/metrics.csv")))
                .hasSize(1 + STEPS)
                .noneMatch(line -> line.contains("NaN"));
    }

    @Test
    void aLossThatIsNoNumberEndsTheRun() throws IOException {
        String recipe = recipe(folder.resolve("run"))
                .replace("learningRate: 0.003", "learningRate: 1.0e+30")
                .replace("maxGradientNorm: 1", "maxGradientNorm: 0")
                .replace("warmupSteps: 2", "warmupSteps: 0");

        assertThatThrownBy(() -> Finetuning.run(write(recipe), Watcher.patient()))
                .isInstanceOfSatisfying(
                        InputException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INPUT_UNREADABLE))
                .hasMessageContaining("lower the learningRate");
    }
}
