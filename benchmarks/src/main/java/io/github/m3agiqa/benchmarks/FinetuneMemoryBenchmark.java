package io.github.m3agiqa.benchmarks;

import io.github.m3agiqa.StepListener;
import java.io.IOException;
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
        try (LoraSteps training =
                LoraSteps.prepare(model, SIDE, "bf16", "cpu", batchSize, gradientCheckpointing, STEPS)) {
            training.run(new Clock());
        }
        return 0;
    }
}
