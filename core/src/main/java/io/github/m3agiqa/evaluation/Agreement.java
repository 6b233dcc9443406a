package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.Interval;
import io.github.m3agiqa.Rating;
import io.github.m3agiqa.Scale;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * How well a model's scores agree with people's.
 *
 * @param images the number of images
 * @param srcc Spearman's rank correlation, with its 95 % interval
 * @param plcc Pearson's correlation of the scores as they are, with its 95 % interval
 * @param plccFitted Pearson's correlation after a logistic map was fitted to these very images
 * @param krcc Kendall's tau-b
 * @param rmse the root of the mean squared error
 * @param mae the mean absolute error
 * @param ratingAccuracy the share of images whose rating word is the one of the human score
 * @param srccWithinGenerators the mean over generators of the rank correlation among each one's images, weighted by
 *     their number; NaN if no generator is known. Telling generators apart is not enough for it.
 * @param byGenerator the rank correlation among the images of each generator
 */
public record Agreement(
        int images,
        Estimate srcc,
        Estimate plcc,
        double plccFitted,
        double krcc,
        double rmse,
        double mae,
        double ratingAccuracy,
        double srccWithinGenerators,
        Map<String, Double> byGenerator) {
    /**
     * A figure and how sure it is.
     *
     * @param interval the 95 % interval
     */
    public record Estimate(double value, Interval interval) {}

    /** Fewer images have no rank correlation worth a mention. */
    private static final int FEWEST = 10;

    /**
     * Measures agreement.
     *
     * @param predictions at least two
     */
    public static Agreement of(List<Prediction> predictions, Bootstrap bootstrap) {
        double[] predicted = Correlations.column(predictions, Prediction::predicted);
        double[] mos = Correlations.column(predictions, Prediction::mos);
        Map<String, List<Prediction>> generators = new TreeMap<>();
        predictions.forEach(prediction -> Optional.ofNullable(prediction.generator())
                .ifPresent(generator -> generators
                        .computeIfAbsent(generator, _ -> new ArrayList<>())
                        .add(prediction)));
        Map<String, Double> byGenerator = new TreeMap<>();
        double weighted = 0;
        int weights = 0;
        for (var entry : generators.entrySet()) {
            double srcc = Correlations.apply(Correlations::srcc, entry.getValue());
            if (entry.getValue().size() >= FEWEST && Double.isFinite(srcc)) {
                byGenerator.put(entry.getKey(), srcc);
                weighted += entry.getValue().size() * srcc;
                weights += entry.getValue().size();
            }
        }
        long right = predictions.stream()
                .filter(prediction -> rating(prediction.predicted()) == rating(prediction.mos()))
                .count();
        return new Agreement(
                predictions.size(),
                estimate(Correlations::srcc, predictions, bootstrap),
                estimate(Correlations::plcc, predictions, bootstrap),
                Correlations.plcc(LogisticFit.of(predicted, mos).of(predicted), mos),
                Correlations.krcc(predicted, mos),
                Correlations.rmse(predicted, mos),
                Correlations.mae(predicted, mos),
                right / (double) predictions.size(),
                weights == 0 ? Double.NaN : weighted / weights,
                byGenerator);
    }

    private static Estimate estimate(Correlations.Measure measure, List<Prediction> predictions, Bootstrap bootstrap) {
        return new Estimate(Correlations.apply(measure, predictions), bootstrap.interval(measure, predictions));
    }

    private static Rating rating(double score) {
        return Rating.of(score, Scale.ZERO_TO_FIVE);
    }
}
