package io.github.m3agiqa.benchmarks;

import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.scoring.Scorer;
import io.github.m3agiqa.scoring.ScoringOptions;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.testing.DrawnImages;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** How long a model takes to open, and what memory it holds then, after its first image and after many. */
@Command(name = "memory", description = "Resident memory of opening a model and of scoring many images with it.")
final class MemoryBenchmark implements Callable<Integer> {
    private static final int DISTINCT_IMAGES = 20;

    @Parameters(paramLabel = "MODEL")
    private Path model = Path.of(".");

    @Option(names = "--images", description = "How many images to score (default: ${DEFAULT-VALUE}).")
    private int images = 1000;

    @Option(names = "--dtype", description = "fp32, bf16 (the default), fp16 or int8.")
    private Precision precision = Precision.BF16;

    @Override
    public Integer call() {
        report("started");
        long start = System.nanoTime();
        try (Scorer scorer = Scorer.open(ModelFolder.open(model), ScoringOptions.DEFAULT.withPrecision(precision))) {
            System.out.printf("opened in %.2f s%n", (System.nanoTime() - start) / 1e9);
            report("opened");
            byte[][] drawn = new byte[DISTINCT_IMAGES][];
            for (int i = 0; i < drawn.length; i++) {
                drawn[i] = DrawnImages.encode(DrawnImages.landscape(200 + 30 * i, 512, i), "png");
            }
            for (int i = 1; i <= images; i++) {
                byte[] png = drawn[i % drawn.length];
                if (!scorer.score(ImagePrompt.of("drawn.png", png, "a landscape"))
                        .complete()) {
                    throw new IllegalStateException("image %d was not scored".formatted(i));
                }
                if (i == 1 || i % 100 == 0 || i == images) {
                    report("scored %d".formatted(i));
                }
            }
        }
        return 0;
    }

    private static void report(String moment) {
        System.out.printf(
                "%-12s  resident %5d MiB, of it not backed by files %5d MiB, peak %5d MiB%n",
                moment,
                ResidentMemory.mebibytes(),
                ResidentMemory.anonymousMebibytes(),
                ResidentMemory.peakMebibytes());
    }
}
