package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.Interval;
import io.github.m3agiqa.Scale;
import java.util.Arrays;
import java.util.List;

/**
 * What was learned from images that a model was not trained on: the map from its scores to opinions, and how far opinions
 * lie from them.
 *
 * @param logistic the five parameters of {@link LogisticFit}; a score's own value is not changed by it
 * @param halfWidth half the width of the 90 % prediction interval around the mapped score
 */
public record Calibration(List<Double> logistic, double halfWidth) {
    /** The share of opinions that shall lie inside their interval. */
    public static final double COVERAGE = 0.9;

    public Calibration {
        logistic = List.copyOf(logistic);
    }

    /**
     * Calibrates by split conformal prediction: the interval's half width is the ceil((n + 1) 0.9)-th smallest distance
     * between mapped score and opinion, which covers 90 % of new images that are drawn like these.
     *
     * @param predictions scores of images that were not trained on
     * @see <a href="https://arxiv.org/abs/1604.04173">Lei et al. 2018</a>, algorithm 2
     */
    public static Calibration of(List<Prediction> predictions) {
        double[] predicted = Correlations.column(predictions, Prediction::predicted);
        double[] mos = Correlations.column(predictions, Prediction::mos);
        LogisticFit fit = LogisticFit.of(predicted, mos);
        double[] distances = new double[mos.length];
        for (int i = 0; i < mos.length; i++) {
            distances[i] = Math.abs(fit.of(predicted[i]) - mos[i]);
        }
        Arrays.sort(distances);
        int rank = (int) Math.ceil((mos.length + 1) * COVERAGE);
        double halfWidth = rank > mos.length ? Double.POSITIVE_INFINITY : distances[rank - 1];
        return new Calibration(Arrays.stream(fit.parameters()).boxed().toList(), halfWidth);
    }

    /** The 90 % prediction interval of a score, cut off at the ends of the scale. */
    public Interval interval(double score, Scale scale) {
        double mapped = new LogisticFit(
                        logistic.stream().mapToDouble(Double::doubleValue).toArray())
                .of(score);
        double low = scale.clamp(mapped - Math.min(halfWidth, scale.max() - scale.min()));
        double high = scale.clamp(mapped + Math.min(halfWidth, scale.max() - scale.min()));
        return new Interval(Math.min(low, high), high);
    }

    /** The share of opinions that lie inside their interval. */
    public double coverage(List<Prediction> predictions, Scale scale) {
        long inside = predictions.stream()
                .filter(prediction -> {
                    Interval interval = interval(prediction.predicted(), scale);
                    return prediction.mos() >= interval.low() && prediction.mos() <= interval.high();
                })
                .count();
        return inside / (double) predictions.size();
    }
}
