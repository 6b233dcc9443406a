package io.github.m3agiqa.app;

import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.app.batch.BatchJob;
import io.github.m3agiqa.app.result.AssessmentCsv;
import io.github.m3agiqa.app.result.AssessmentJson;
import io.github.m3agiqa.app.result.Card;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.scoring.Scorer;
import io.github.m3agiqa.scoring.ScoringOptions;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code m3agiqa score}: some images of one prompt, or a whole list into a file. */
@Command(
        name = "score",
        description = "Scores images of one prompt, or a list of images into a results file.",
        mixinStandardHelpOptions = true,
        footer = {
            "",
            "Examples:",
            "  m3agiqa score cat.png --prompt \"a cat on a sofa\"",
            "  m3agiqa score a.png b.png --prompt \"a cat\" --format jsonl",
            "  m3agiqa score --input images.csv --output scores.csv --model aigciqa2023",
            "",
            "A list has the columns (or JSON fields) image_path and prompt; relative paths start at its folder. A"
                    + " folder takes its prompts from a prompts.csv or data.csv in it, and its images from images/ if it"
                    + " has none itself. A run that was stopped goes on"
                    + " where it was when it is started again."
        })
final class ScoreCommand implements Callable<Integer> {
    /** How scores of single images are printed. */
    enum Format {
        CARD,
        JSON,
        JSONL,
        CSV
    }

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "IMAGE", arity = "0..*", description = "Image files.")
    private List<Path> images = List.of();

    @Option(names = "--prompt", description = "The prompt that the images were generated from.")
    private @Nullable String prompt;

    @Option(names = "--format", description = "How single images are printed: card (the default), json, jsonl or csv.")
    private @Nullable Format format;

    @Option(names = "--input", paramLabel = "FILE|FOLDER", description = "A list: CSV, JSONL or a folder of images.")
    private @Nullable Path input;

    @Option(names = "--output", paramLabel = "FILE", description = "Where a list's scores go: .csv or .jsonl.")
    private @Nullable Path output;

    @Option(
            names = "--image-root",
            paramLabel = "FOLDER",
            description = "Where a list's relative paths start (default: the list's folder).")
    private @Nullable Path imageRoot;

    @Option(names = "--retry-failed", description = "Score rows again that failed before.")
    private boolean retryFailed;

    @Mixin
    private ScoreOptions options;

    @Mixin
    private WorkerOptions workers;

    @Override
    public Integer call() {
        if (input == null && output == null) {
            if (images.isEmpty()) {
                throw usage("give images, or a list with --input and --output");
            }
            if (retryFailed || imageRoot != null) {
                throw usage("--retry-failed and --image-root are for a list, with --input and --output");
            }
            return scoreImages(format == null ? Format.CARD : format);
        }
        if (input == null || output == null || !images.isEmpty()) {
            throw usage("a list needs --input and --output, and no images beside it");
        }
        if (prompt != null || format != null) {
            throw usage("a list has its prompts in its rows, and its format from the name of --output:"
                    + " leave --prompt and --format out");
        }
        return scoreList(input, output);
    }

    private ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    private int scoreImages(Format as) {
        ModelFolder folder = options.folder();
        PrintWriter out = spec.commandLine().getOut();
        List<Assessment> assessments = new ArrayList<>();
        try (Scorer scorer = Scorer.open(folder, options.scoring(folder))) {
            if (as == Format.CSV) {
                out.print(AssessmentCsv.header());
            }
            for (Path image : images) {
                Assessment assessment = scorer.score(ImagePrompt.of(image, prompt));
                assessments.add(assessment);
                switch (as) {
                    case CARD -> out.println(Card.of(assessment));
                    case JSONL -> out.println(AssessmentJson.line(assessment));
                    case CSV -> out.print(AssessmentCsv.rows(assessment));
                    case JSON -> {
                        // one document, when all are there
                    }
                }
                if (Main.isLost(out)) {
                    break;
                }
            }
        }
        if (as == Format.JSON) {
            out.println(AssessmentJson.pretty(assessments));
            out.flush();
        }
        return exitCode(assessments);
    }

    private static int exitCode(List<Assessment> assessments) {
        if (assessments.stream().allMatch(Assessment::complete)) {
            return ExitCode.DONE;
        }
        // a single image's own error says more than "some failed"
        Assessment first = assessments.getFirst();
        return assessments.size() == 1 && first.failure() != null
                ? ExitCode.of(first.failure().code())
                : ExitCode.SOME_FAILED;
    }

    private int scoreList(Path list, Path results) {
        ModelFolder folder = options.folder();
        // what is wrong with the options must show before the results file is begun
        ScoringOptions scoring = options.scoring(folder);
        BatchJob job = new BatchJob(list, imageRoot, results, retryFailed, workers.workers());
        BatchJob.Summary summary;
        try (Progress progress = Progress.onStandardError("images")) {
            summary = job.run(
                    () -> Scorer.open(folder, scoring),
                    settings(folder),
                    options.aspectsOf(folder).size(),
                    progress);
        }
        String failures = summary.failures().entrySet().stream()
                .map(entry -> "%s %d".formatted(entry.getKey(), entry.getValue()))
                .collect(Collectors.joining(", ", summary.failed() == 0 ? "" : " (", summary.failed() == 0 ? "" : ")"));
        PrintWriter err = spec.commandLine().getErr();
        err.printf(
                "%d rows: %d answered before%s, %d scored, %d failed%s; results in %s%n",
                summary.rows(),
                summary.skipped(),
                summary.failedBefore() == 0
                        ? ""
                        : ", of which %d failed (--retry-failed scores them again)".formatted(summary.failedBefore()),
                summary.rows() - summary.skipped() - summary.failed(),
                summary.failed(),
                failures,
                job.output());
        err.flush();
        return summary.failed() + summary.failedBefore() == 0 ? ExitCode.DONE : ExitCode.SOME_FAILED;
    }

    private Map<String, String> settings(ModelFolder folder) {
        Map<String, String> settings = options.settings(folder);
        settings.put(
                "imageRoot",
                imageRoot == null
                        ? "the list's folder"
                        : imageRoot.toAbsolutePath().normalize().toString());
        return settings;
    }
}
