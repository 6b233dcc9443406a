package io.github.m3agiqa.app;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.testing.DrawnDataset;
import io.github.m3agiqa.testing.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Fine-tuning in a process of its own, which is killed, and which runs out of disk. */
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class FinetuneCommandTest {
    private static final int STEPS = 40;
    private static final int KILLS = 3;

    @TempDir
    private static Path dataset;

    @TempDir
    private Path folder;

    @BeforeAll
    static void draw() {
        DrawnDataset.write(dataset, 12);
    }

    private Path recipe(String run) throws IOException {
        String text = """
                name: tuned
                model: %s
                output: %s
                dataset: %s
                missingImages: error
                conversations:
                  quality: {train: %s/conversations/quality_train.json}
                validationShare: 0.3
                lora: {rank: 4, alpha: 4, dropout: 0.1, targets: [q_proj, v_proj], alsoTrain: [resampler], initial: base}
                optimization:
                  learningRate: 0.001
                  betas: [0.9, 0.95]
                  epsilon: 1.0e-8
                  weightDecay: 0.1
                  maxGradientNorm: 1
                  schedule: {kind: constant, warmupSteps: 0}
                steps: %d
                batchSize: 2
                accumulation: 1
                maxLength: 512
                maxSlices: 1
                gradientCheckpointing: false
                dtype: fp32
                device: cpu
                evaluateEvery: 4
                keepCheckpoints: 1
                seed: 7
                """.formatted(TestModels.tiny().toAbsolutePath(), folder.resolve(run), dataset, dataset, STEPS);
        return Files.writeString(folder.resolve(run + ".yaml"), text);
    }

    private Process start(Path recipe, String before) throws IOException {
        List<String> java = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-XX:-UsePerfData",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "finetune",
                recipe.toString()));
        List<String> shell = new ArrayList<>(List.of("bash", "-c", before + "exec \"$0\" \"$@\""));
        shell.addAll(java);
        return new ProcessBuilder(shell)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log.txt").toFile())
                .start();
    }

    private List<Path> checkpoints(String run) throws IOException {
        Path all = folder.resolve(run).resolve("checkpoints");
        if (!Files.isDirectory(all)) {
            return List.of();
        }
        try (Stream<Path> children = Files.list(all)) {
            return children.filter(child -> child.toString().matches(".*step-\\d+"))
                    .sorted()
                    .toList();
        }
    }

    /** Kills a run once it has written another checkpoint than those that are there. */
    private void killAfterACheckpoint(String run, Random random) throws Exception {
        List<Path> before = checkpoints(run);
        Process process = start(recipe(run), "");
        while (process.isAlive() && checkpoints(run).equals(before)) {
            TimeUnit.MILLISECONDS.sleep(5);
        }
        TimeUnit.MICROSECONDS.sleep(random.nextInt(200_000));
        assertThat(process.isAlive()).as("the run outlived its kill").isTrue();
        process.destroyForcibly().waitFor();
    }

    /** Ctrl-C, or a job scheduler: at a random moment, most of which are spent in the engine. */
    @Test
    void endsAtOnceWhenItIsToldTo() throws Exception {
        Random random = new Random(3);
        for (int i = 0; i < KILLS; i++) {
            String run = "ended-" + i;
            Process process = start(recipe(run), "cd '%s' && ".formatted(folder));
            while (process.isAlive() && checkpoints(run).isEmpty()) {
                TimeUnit.MILLISECONDS.sleep(5);
            }
            TimeUnit.MICROSECONDS.sleep(random.nextInt(100_000));
            process.destroy();

            assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).isEqualTo(143);
            assertThat(Files.readString(folder.resolve("log.txt"))).contains("goes on from the last checkpoint");
        }
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.map(Path::toString)).noneMatch(name -> name.contains("hs_err"));
        }
    }

    private byte[] weights(String run) throws IOException {
        return Files.readAllBytes(folder.resolve(run).resolve("adapter/adapter_model.safetensors"));
    }

    @Test
    void aKilledRunEndsWithTheWeightsOfOneThatWasNot() throws Exception {
        Random random = new Random(42);
        for (int kill = 0; kill < KILLS; kill++) {
            killAfterACheckpoint("killed", random);
        }
        assertThat(start(recipe("killed"), "").waitFor()).isZero();
        assertThat(start(recipe("whole"), "").waitFor()).isZero();

        assertThat(weights("killed")).isEqualTo(weights("whole"));
        assertThat(folder.resolve("killed/metrics.csv")).hasSameTextualContentAs(folder.resolve("whole/metrics.csv"));
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void aFullDiskEndsTheRunAndItGoesOnWhenThereIsRoom() throws Exception {
        killAfterACheckpoint("full", new Random(1));
        List<Path> good = checkpoints("full");

        // no file may grow beyond 100 KiB, so that a checkpoint fails in its middle as on a full disk
        int exitCode = start(recipe("full"), "ulimit -f 100; ").waitFor();

        assertThat(exitCode).isEqualTo(ExitCode.INPUT);
        assertThat(folder.resolve("log.txt"))
                .content()
                .contains("cannot be written")
                .contains("the last good one is " + good.getLast());
        assertThat(checkpoints("full")).isEqualTo(good);
        assertThat(start(recipe("full"), "").waitFor()).isZero();
        assertThat(weights("full")).isNotEmpty();
    }

    @Test
    void saysWhatIsWrongWithARecipe() throws IOException {
        Path recipe = recipe("run");
        Files.writeString(recipe, Files.readString(recipe).replace("steps:", "stepps:"));

        Command command = Command.run("finetune", recipe.toString());

        assertThat(command.exitCode()).isEqualTo(ExitCode.INPUT);
        assertThat(command.err()).contains(recipe.toString(), "steps: the key is missing; what is there is", "stepps");
    }
}
