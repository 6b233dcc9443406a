package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Interval;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How two models differ on the same images.
 *
 * @param images the number of images that both have scored
 * @param differences of each measure that both have
 */
public record Comparison(int images, Map<Measure, Difference> differences) {
    /** Human scores of one image that are read from two files may differ by their rounding. */
    private static final double SAME_MOS = 1e-3;

    /**
     * The difference of a measure.
     *
     * @param value the second model's measure less the first's
     * @param interval its 95 % confidence interval, null if there are too few images for one
     * @param p the two-sided probability of so large a difference were there none, null as the interval
     */
    public record Difference(
            double value,
            @Nullable Interval interval,
            @Nullable Double p) {}

    public Comparison {
        differences = Collections.unmodifiableMap(differences.isEmpty() ? Map.of() : new EnumMap<>(differences));
    }

    /**
     * Compares two models on the images that both have scored, by the means of their measures over the splits. Both are
     * drawn the same images in each draw of the bootstrap.
     *
     * @param first a model's predictions, split by split
     * @param second another's, in the same splits
     * @param onScale whether the scores of both are opinions on the scale of 0 to 5
     * @throws InputException if the two files do not agree about what people said
     */
    public static Comparison of(
            List<List<Prediction>> first, List<List<Prediction>> second, boolean onScale, Bootstrap bootstrap) {
        List<Columns> firstColumns = new ArrayList<>();
        List<Columns> secondColumns = new ArrayList<>();
        for (int split = 0; split < Math.min(first.size(), second.size()); split++) {
            Map<String, Prediction> byImage = new HashMap<>();
            second.get(split).forEach(prediction -> byImage.put(prediction.image(), prediction));
            List<Prediction> both = first.get(split).stream()
                    .filter(one -> byImage.containsKey(one.image()))
                    .toList();
            if (!both.isEmpty()) {
                firstColumns.add(new Columns(both, onScale));
                secondColumns.add(new Columns(
                        both.stream().map(one -> partner(one, byImage)).toList(), onScale));
            }
        }
        if (firstColumns.isEmpty()) {
            return new Comparison(0, Map.of());
        }
        return of(new Splits(firstColumns), new Splits(secondColumns), bootstrap);
    }

    private static Prediction partner(Prediction one, Map<String, Prediction> byImage) {
        Prediction other = byImage.getOrDefault(one.image(), one);
        if (Math.abs(one.mos() - other.mos()) > SAME_MOS) {
            throw new InputException("people scored %s with %s in one file and %s in another: compare on one dataset"
                    .formatted(one.image(), one.mos(), other.mos()));
        }
        return other;
    }

    private static Comparison of(Splits first, Splits second, Bootstrap bootstrap) {
        List<Measure> measures = new ArrayList<>();
        List<Statistic> statistics = new ArrayList<>();
        for (Measure measure : Measure.values()) {
            if (first.whyNot(measure) == null && second.whyNot(measure) == null) {
                Statistic one = first.statistic(measure);
                Statistic other = second.statistic(measure);
                measures.add(measure);
                statistics.add(counts -> other.of(counts) - one.of(counts));
            }
        }
        double[][] values = bootstrap.values(first.groups(), statistics);
        Map<Measure, Difference> differences = new EnumMap<>(Measure.class);
        for (int i = 0; i < measures.size(); i++) {
            Measure measure = measures.get(i);
            differences.put(
                    measure,
                    new Difference(
                            second.value(measure) - first.value(measure),
                            Bootstrap.interval(values[i]),
                            Bootstrap.p(values[i])));
        }
        return new Comparison(first.predictions().size(), differences);
    }
}
