package io.github.m3agiqa.evaluation;

import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * How well computed scores agree with people's.
 *
 * @param images the number of images
 * @param groups the number of groups that they are from, which is to say of prompts
 * @param figures each measure's
 * @param byGenerator the rank correlation among the images of each generator that has enough of them; empty for a mean
 *     over several splits
 */
public record Agreement(
        int images, int groups, Map<Measure, Estimate> figures, SortedMap<String, OfGenerator> byGenerator) {
    /**
     * The agreement among the images of one generator.
     *
     * @param images their number
     * @param srcc their rank correlation
     */
    public record OfGenerator(int images, Estimate srcc) {}

    public Agreement {
        figures = Collections.unmodifiableMap(new EnumMap<>(figures));
        byGenerator = Collections.unmodifiableSortedMap(new TreeMap<>(byGenerator));
    }

    /** A measure's figure. */
    public Estimate figure(Measure measure) {
        return figures.getOrDefault(measure, Estimate.absent("it was not computed"));
    }

    /**
     * Measures the agreement on some images.
     *
     * @param predictions at least one
     * @param onScale whether the computed scores are opinions on the scale of 0 to 5; where they are not, nothing is
     *     said of their errors before a fit
     */
    public static Agreement of(List<Prediction> predictions, boolean onScale, Bootstrap bootstrap) {
        return mean(List.of(predictions), onScale, bootstrap);
    }

    /**
     * Measures the agreement in each of several splits and takes the mean, as the field reports cross-validation. The
     * intervals are those of the mean: a draw takes whole groups from all splits together.
     *
     * @param splits at least one, each with at least one prediction
     */
    public static Agreement mean(List<List<Prediction>> splits, boolean onScale, Bootstrap bootstrap) {
        Splits data = new Splits(splits.stream()
                .map(predictions -> new Columns(predictions, onScale))
                .toList());
        Map<Measure, Estimate> figures = new EnumMap<>(Measure.class);
        Map<Measure, Statistic> statistics = new EnumMap<>(Measure.class);
        for (Measure measure : Measure.values()) {
            String whyNot = data.whyNot(measure);
            if (whyNot != null) {
                figures.put(measure, Estimate.absent(whyNot));
            } else {
                statistics.put(measure, data.statistic(measure));
            }
        }
        Map<String, Columns> generators = new LinkedHashMap<>();
        List<Statistic> all = new ArrayList<>(statistics.values());
        if (splits.size() == 1) {
            Columns only = data.columns().getFirst();
            only.generators().forEach((generator, rows) -> {
                generators.put(generator, only.part(rows));
                all.add(Recounted.part(rows, Measure.SRCC.statistic(only.part(rows))));
            });
        }
        double[][] values = bootstrap.values(data.groups(), all);
        int next = 0;
        for (Measure measure : statistics.keySet()) {
            figures.put(measure, Estimate.of(data.value(measure), Bootstrap.interval(values[next++])));
        }
        SortedMap<String, OfGenerator> byGenerator = new TreeMap<>();
        for (var generator : generators.entrySet()) {
            Columns columns = generator.getValue();
            byGenerator.put(
                    generator.getKey(),
                    new OfGenerator(
                            columns.size(), Estimate.of(Measure.SRCC.of(columns), Bootstrap.interval(values[next++]))));
        }
        return new Agreement(data.predictions().size(), new HashSet<>(data.groups()).size(), figures, byGenerator);
    }
}
