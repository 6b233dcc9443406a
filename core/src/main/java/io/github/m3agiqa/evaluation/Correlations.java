package io.github.m3agiqa.evaluation;

import java.util.List;
import java.util.function.ToDoubleFunction;
import org.hipparchus.stat.correlation.KendallsCorrelation;
import org.hipparchus.stat.correlation.PearsonsCorrelation;
import org.hipparchus.stat.correlation.SpearmansCorrelation;

/** Measures of agreement. Where one of the two sides is constant, a correlation is NaN. */
public final class Correlations {
    private Correlations() {}

    /** A measure of agreement between predictions and opinions. */
    @FunctionalInterface
    public interface Measure {
        double of(double[] predicted, double[] mos);
    }

    /** Spearman's rank correlation, ties with their average rank. */
    public static double srcc(double[] predicted, double[] mos) {
        return constant(predicted) || constant(mos)
                ? Double.NaN
                : new SpearmansCorrelation().correlation(predicted, mos);
    }

    /** Pearson's correlation. */
    public static double plcc(double[] predicted, double[] mos) {
        return constant(predicted) || constant(mos)
                ? Double.NaN
                : new PearsonsCorrelation().correlation(predicted, mos);
    }

    /** Kendall's rank correlation, tau-b. */
    public static double krcc(double[] predicted, double[] mos) {
        return constant(predicted) || constant(mos)
                ? Double.NaN
                : new KendallsCorrelation().correlation(predicted, mos);
    }

    /** The root of the mean squared difference. */
    public static double rmse(double[] predicted, double[] mos) {
        double sum = 0;
        for (int i = 0; i < predicted.length; i++) {
            sum += (predicted[i] - mos[i]) * (predicted[i] - mos[i]);
        }
        return Math.sqrt(sum / predicted.length);
    }

    /** The mean absolute difference. */
    public static double mae(double[] predicted, double[] mos) {
        double sum = 0;
        for (int i = 0; i < predicted.length; i++) {
            sum += Math.abs(predicted[i] - mos[i]);
        }
        return sum / predicted.length;
    }

    private static boolean constant(double[] values) {
        for (double value : values) {
            if (value != values[0]) {
                return false;
            }
        }
        return true;
    }

    static double apply(Measure measure, List<Prediction> predictions) {
        return measure.of(column(predictions, Prediction::predicted), column(predictions, Prediction::mos));
    }

    static double[] column(List<Prediction> predictions, ToDoubleFunction<Prediction> column) {
        return predictions.stream().mapToDouble(column).toArray();
    }
}
