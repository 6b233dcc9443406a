package io.github.m3agiqa.benchmarks;

import io.github.m3agiqa.StepListener;
import io.github.m3agiqa.testing.DrawnDataset;
import io.github.m3agiqa.training.Finetuning;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The most memory that LoRA training holds; a process of its own for each setting. */
@Command(name = "finetune-memory", description = "Peak resident memory of a few LoRA steps.")
final class FinetuneMemoryBenchmark implements Callable<Integer> {
    private static final int SIDE = 512;
    private static final int STEPS = 3;

    @Parameters(paramLabel = "MODEL")
    private Path model = Path.of(".");

    @Option(names = "--gradient-checkpointing", description = "Compute activations again in the backward pass.")
    private boolean gradientCheckpointing;

    @Option(names = "--batch-size", description = "Conversations a pass (default: ${DEFAULT-VALUE}).")
    private int batchSize = 4;

    private static final class Clock implements StepListener {
        private long started;
        private int steps;

        @Override
        public void started(long all, long done) {
            started = System.nanoTime();
        }

        @Override
        public void step() {
            steps++;
            System.out.printf(
                    "step %d after %.1f s: peak %d MiB%n",
                    steps, (System.nanoTime() - started) / 1e9, ResidentMemory.peakMebibytes());
        }

        @Override
        public void note(String line) {}
    }

    @Override
    public Integer call() throws IOException {
        Path folder = Files.createTempDirectory("finetune");
        Path dataset = DrawnDataset.write(folder.resolve("dataset"), 8, SIDE, SIDE);
        Path recipe = Files.writeString(folder.resolve("recipe.yaml"), """
                name: benchmark
                model: %s
                output: %s
                dataset: %s
                missingImages: error
                conversations: {quality: {train: %s/conversations/quality_train.json}}
                validationShare: 0
                lora: {rank: 16, alpha: 16, dropout: 0.05, targets: [q_proj, k_proj, v_proj, o_proj], alsoTrain: [], initial: base}
                optimization:
                  learningRate: 1.0e-4
                  betas: [0.9, 0.95]
                  epsilon: 1.0e-8
                  weightDecay: 0.1
                  maxGradientNorm: 1
                  schedule: {kind: constant, warmupSteps: 0}
                steps: %d
                batchSize: %d
                accumulation: 1
                maxLength: 1024
                maxSlices: 9
                gradientCheckpointing: %s
                dtype: bf16
                device: cpu
                evaluateEvery: %d
                keepCheckpoints: 1
                seed: 1
                """.formatted(
                model, folder.resolve("run"), dataset, dataset, STEPS, batchSize, gradientCheckpointing, STEPS));
        Finetuning.run(recipe, new Clock());
        return 0;
    }
}
