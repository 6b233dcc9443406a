package io.github.m3agiqa.app.batch;

import io.github.m3agiqa.AspectResult;
import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.ErrorCode;
import io.github.m3agiqa.Failure;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.app.Progress;
import io.github.m3agiqa.scoring.Scorer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Scores a list of images into a results file. Rows that the file already answers are skipped, so a run that was killed
 * goes on where it was.
 *
 * @param input a CSV or JSONL file or a folder
 * @param imageRoot where relative paths of a list start; null for the folder of the list
 * @param output a file that ends in {@code .csv} or {@code .jsonl}
 * @param retryFailed whether rows that failed before are scored again
 * @param workers how many images are scored at a time
 */
public record BatchJob(Path input, @Nullable Path imageRoot, Path output, boolean retryFailed, int workers) {
    /**
     * What came of a run.
     *
     * @param rows the rows of the list
     * @param skipped the rows that were answered before
     * @param failedBefore how many of these have no score, or lack one
     * @param failed how many of the rows scored now have no score, or lack one
     * @param failures how many of the rows scored now failed, by their errors
     */
    public record Summary(int rows, int skipped, int failedBefore, int failed, Map<ErrorCode, Integer> failures) {}

    /** Gives the scorer once the list is known to be readable. */
    public interface ScorerSource {
        Scorer open();
    }

    /**
     * Runs the job.
     *
     * @param settings all that a score depends on; a results file of other settings is refused
     * @param aspects the number of aspects in every answer
     * @throws InputException if the list cannot be read or the results file cannot be written to
     */
    public Summary run(ScorerSource scorers, Map<String, String> settings, int aspects, Progress progress) {
        ResultsFormat format = format();
        List<Row> rows = InputRows.read(input, imageRoot);
        if (rows.isEmpty()) {
            throw new InputException("%s holds no image".formatted(input));
        }
        try (JobFile _ = new JobFile(output, settings);
                ResultsFile results = new ResultsFile(output, format, aspects, retryFailed)) {
            List<Row> open = results.unanswered(rows, Row::key);
            Summary summary = open.isEmpty()
                    ? new Summary(rows.size(), rows.size(), results.failedBefore(), 0, Map.of())
                    : score(rows.size(), open, results, scorers, progress);
            results.sort(rows.stream().map(Row::key).toList());
            return summary;
        } catch (IOException e) {
            throw new InputException("%s cannot be written: %s".formatted(output, e), e);
        }
    }

    private ResultsFormat format() {
        return ResultsFormat.of(output)
                .orElseThrow(() -> new InputException("%s must end in .csv or .jsonl".formatted(output)));
    }

    private Summary score(int rows, List<Row> open, ResultsFile results, ScorerSource scorers, Progress progress)
            throws IOException {
        Map<ErrorCode, Integer> failures = new TreeMap<>();
        AtomicInteger failed = new AtomicInteger();
        try (Scorer scorer = scorers.open()) {
            progress.start(rows, rows - open.size());
            InOrder.forEachTogether(
                    open,
                    workers,
                    scorer::together,
                    some -> scorer.scoreTogether(
                            some.stream().map(Row::input).map(scorer::request).toList()),
                    (row, assessment) -> {
                        results.append(row.key(), format().text(assessment));
                        failures(assessment).forEach(failure -> failures.merge(failure.code(), 1, Integer::sum));
                        failed.addAndGet(assessment.complete() ? 0 : 1);
                        progress.step(assessment.complete());
                    });
        }
        return new Summary(rows, rows - open.size(), results.failedBefore(), failed.get(), failures);
    }

    private static Stream<Failure> failures(Assessment assessment) {
        Stream<AspectResult> results =
                assessment.failure() == null ? assessment.aspects().values().stream() : Stream.of(assessment.failure());
        return results.filter(Failure.class::isInstance).map(Failure.class::cast);
    }
}
