package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.Interval;
import io.github.m3agiqa.LogisticMap;
import io.github.m3agiqa.Rating;
import io.github.m3agiqa.Scale;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** The predictions for some images as columns of numbers, with what the measures need to know of them. */
final class Columns {
    /** Fewer images of a generator have no rank correlation worth a mention. */
    static final int FEWEST = 10;

    private final List<Prediction> predictions;
    private final boolean onScale;
    private final double[] predicted;
    private final double[] mos;
    private @Nullable LogisticMap map;

    /**
     * @param predictions at least one
     * @param onScale whether the computed scores are opinions on the scale of 0 to 5
     */
    Columns(List<Prediction> predictions, boolean onScale) {
        this.predictions = List.copyOf(predictions);
        this.onScale = onScale;
        this.predicted = column(predictions, Prediction::predicted);
        this.mos = column(predictions, Prediction::mos);
    }

    static double[] column(List<Prediction> predictions, ToDoubleFunction<Prediction> column) {
        return predictions.stream().mapToDouble(column).toArray();
    }

    List<Prediction> predictions() {
        return predictions;
    }

    int size() {
        return predictions.size();
    }

    /** Whether the computed scores are opinions on the scale of 0 to 5. */
    boolean onScale() {
        return onScale;
    }

    /** The computed scores; not to be written to, as all arrays of this class. */
    double[] predicted() {
        return predicted;
    }

    /** The human scores. */
    double[] mos() {
        return mos;
    }

    /** The logistic map fitted to these images. */
    LogisticMap map() {
        LogisticMap fitted = map;
        if (fitted == null) {
            fitted = LogisticFit.of(predicted, mos);
            map = fitted;
        }
        return fitted;
    }

    /** The computed scores after the logistic map. */
    double[] fitted() {
        return Arrays.stream(predicted).map(map()::of).toArray();
    }

    /** 1 for each image with the rating word of its human score, 0 for the others. */
    double[] rightWords() {
        return flags(prediction -> word(prediction.predicted()) == word(prediction.mos()));
    }

    private static Rating word(double score) {
        return Rating.of(score, Scale.ZERO_TO_FIVE);
    }

    /** 1 for each image whose human score lies in its prediction interval, 0 for others; empty without intervals. */
    Optional<double[]> covered() {
        return predictions.stream().allMatch(prediction -> prediction.interval() != null)
                ? Optional.of(flags(prediction -> contains(prediction.interval(), prediction.mos())))
                : Optional.empty();
    }

    private static boolean contains(@Nullable Interval interval, double value) {
        return interval != null && value >= interval.low() && value <= interval.high();
    }

    private double[] flags(Predicate<Prediction> question) {
        return column(predictions, prediction -> question.test(prediction) ? 1 : 0);
    }

    /** The group of each image. */
    List<String> groups() {
        return predictions.stream().map(Prediction::group).toList();
    }

    /** The rows of each generator whose images are enough, and different enough, for a rank correlation. */
    SortedMap<String, int[]> generators() {
        SortedMap<String, List<Integer>> all = new TreeMap<>();
        for (int i = 0; i < predictions.size(); i++) {
            String generator = predictions.get(i).generator();
            if (generator != null) {
                all.computeIfAbsent(generator, _ -> new ArrayList<>()).add(i);
            }
        }
        SortedMap<String, int[]> usable = new TreeMap<>();
        all.forEach((generator, images) -> {
            int[] rows = images.stream().mapToInt(Integer::intValue).toArray();
            if (rows.length >= FEWEST && Measure.SRCC.whyNot(part(rows)) == null) {
                usable.put(generator, rows);
            }
        });
        return usable;
    }

    /** Some of these images. */
    Columns part(int[] rows) {
        return new Columns(Arrays.stream(rows).mapToObj(predictions::get).toList(), onScale);
    }

    /** Each image counted once. */
    int[] once() {
        int[] counts = new int[size()];
        Arrays.fill(counts, 1);
        return counts;
    }
}
