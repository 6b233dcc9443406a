package io.github.m3agiqa.evaluation;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The images of one split, or of several whose figures are averaged.
 *
 * @param columns those of each split, at least one
 */
record Splits(List<Columns> columns) {
    Splits {
        if (columns.isEmpty()) {
            throw new IllegalArgumentException("there is no split");
        }
        columns = List.copyOf(columns);
    }

    /** All predictions, split by split. */
    List<Prediction> predictions() {
        return columns.stream().flatMap(split -> split.predictions().stream()).toList();
    }

    /** The group of each prediction. */
    List<String> groups() {
        return columns.stream().flatMap(split -> split.groups().stream()).toList();
    }

    /** Why there is no such figure; null if there is one. */
    @Nullable
    String whyNot(Measure measure) {
        return columns.stream()
                .map(measure::whyNot)
                .filter(Objects::nonNull)
                .findFirst()
                .orElse(null);
    }

    /** The mean figure; only where {@link #whyNot} finds nothing against it. */
    double value(Measure measure) {
        return columns.stream().mapToDouble(measure::of).average().orElseThrow();
    }

    /** The mean figure as the bootstrap computes it, for the counts of {@link #predictions}. */
    Statistic statistic(Measure measure) {
        if (columns.size() == 1) {
            return measure.statistic(columns.getFirst());
        }
        List<Statistic> statistics = new ArrayList<>();
        int start = 0;
        for (Columns split : columns) {
            int end = start + split.size();
            statistics.add(Recounted.part(IntStream.range(start, end).toArray(), measure.statistic(split)));
            start = end;
        }
        return Recounted.mean(statistics);
    }
}
