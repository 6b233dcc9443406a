package io.github.m3agiqa.benchmarks;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.Score;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.scoring.Scorer;
import io.github.m3agiqa.scoring.ScoringOptions;
import io.github.m3agiqa.tensor.Precision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** How far the scores of the lower precisions are from those of float32. */
@Command(name = "precision", description = "The drift of bf16 and int8 scores from fp32 ones.")
final class PrecisionBenchmark implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "MODEL")
    private Path model = Path.of(".");

    @Parameters(index = "1", paramLabel = "IMAGES", description = "A folder of images.")
    private Path images = Path.of(".");

    @Option(names = "--count", description = "How many of the images (default: ${DEFAULT-VALUE}).")
    private int count = 100;

    @Option(names = "--prompt", description = "The prompt of all of them (default: ${DEFAULT-VALUE}).")
    private String prompt = "a picture";

    @Override
    public Integer call() throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.list(images)) {
            files = all.filter(file -> file.toString().matches(".*\\.(jpg|jpeg|png|webp)"))
                    .sorted()
                    .toList();
        }
        // spread over the folder, as neighbours are often of one generator
        int step = Math.max(1, files.size() / count);
        List<Path> chosen = new ArrayList<>();
        for (int i = 0; i < files.size() && chosen.size() < count; i += step) {
            chosen.add(files.get(i));
        }
        System.out.printf("%d images, difference of the score from fp32%n", chosen.size());
        System.out.println("| dtype | described | mean | largest | same description |");
        System.out.println("| --- | --- | --- | --- | --- |");
        for (boolean describe : new boolean[] {false, true}) {
            List<Assessment> exact = score(chosen, Precision.FP32, describe);
            for (Precision precision : new Precision[] {Precision.BF16, Precision.FP16, Precision.INT8}) {
                compare(precision, describe, exact, score(chosen, precision, describe));
            }
        }
        return 0;
    }

    private List<Assessment> score(List<Path> files, Precision precision, boolean describe) {
        ScoringOptions options = ScoringOptions.DEFAULT.withPrecision(precision).withDescribe(describe);
        try (Scorer scorer = Scorer.open(ModelFolder.open(model), options)) {
            return files.stream()
                    .map(file -> scorer.score(ImagePrompt.of(file, prompt)))
                    .toList();
        }
    }

    private static void compare(
            Precision precision, boolean described, List<Assessment> exact, List<Assessment> rounded) {
        DoubleSummaryStatistics drift = new DoubleSummaryStatistics();
        int alike = 0;
        for (int i = 0; i < exact.size(); i++) {
            for (Aspect aspect : exact.get(i).aspects().keySet()) {
                Score a = exact.get(i).score(aspect).orElseThrow();
                Score b = rounded.get(i).score(aspect).orElseThrow();
                drift.accept(Math.abs(a.value() - b.value()));
                alike += Objects.equals(a.description(), b.description()) ? 1 : 0;
            }
        }
        System.out.printf(
                "| %s | %s | %.4f | %.4f | %s |%n",
                precision.id(),
                described ? "yes" : "no",
                drift.getAverage(),
                drift.getMax(),
                described ? "%.0f %%".formatted(100.0 * alike / drift.getCount()) : "–");
    }
}
