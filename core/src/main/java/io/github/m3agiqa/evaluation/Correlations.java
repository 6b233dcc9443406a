package io.github.m3agiqa.evaluation;

import java.util.Arrays;
import org.hipparchus.stat.correlation.KendallsCorrelation;
import org.hipparchus.stat.correlation.PearsonsCorrelation;
import org.hipparchus.stat.correlation.SpearmansCorrelation;

/**
 * Measures of agreement between computed and human scores. All take two columns of the same length, an image a row, and
 * refuse what is not finite. A correlation of fewer than two images, or with a column that does not vary, is NaN.
 */
public final class Correlations {
    /** A column whose values differ by less than this share of them varies by rounding alone. */
    private static final double ROUNDING = 1e-13;

    private Correlations() {}

    /** Spearman's rank correlation; ties have their average rank. */
    public static double srcc(double[] predicted, double[] mos) {
        check(predicted, mos);
        return varies(predicted) && varies(mos)
                ? clamp(new SpearmansCorrelation().correlation(scaled(predicted), scaled(mos)))
                : Double.NaN;
    }

    /** Pearson's linear correlation. */
    public static double plcc(double[] predicted, double[] mos) {
        check(predicted, mos);
        return varies(predicted) && varies(mos)
                ? clamp(new PearsonsCorrelation().correlation(scaled(predicted), scaled(mos)))
                : Double.NaN;
    }

    /** Kendall's rank correlation, tau-b. */
    public static double krcc(double[] predicted, double[] mos) {
        check(predicted, mos);
        return varies(predicted) && varies(mos)
                ? clamp(new KendallsCorrelation().correlation(scaled(predicted), scaled(mos)))
                : Double.NaN;
    }

    /** The root of the mean squared difference; NaN without images. */
    public static double rmse(double[] predicted, double[] mos) {
        check(predicted, mos);
        double sum = 0;
        for (int i = 0; i < predicted.length; i++) {
            sum += (predicted[i] - mos[i]) * (predicted[i] - mos[i]);
        }
        return Math.sqrt(sum / predicted.length);
    }

    /** The mean absolute difference; NaN without images. */
    public static double mae(double[] predicted, double[] mos) {
        check(predicted, mos);
        double sum = 0;
        for (int i = 0; i < predicted.length; i++) {
            sum += Math.abs(predicted[i] - mos[i]);
        }
        return sum / predicted.length;
    }

    /** Whether a column says anything: it has two values that differ by more than rounding. */
    static boolean varies(double[] values) {
        double min = Double.POSITIVE_INFINITY;
        double max = Double.NEGATIVE_INFINITY;
        for (double value : values) {
            min = Math.min(min, value);
            max = Math.max(max, value);
        }
        return varies(min, max);
    }

    /** Whether a column with that least and greatest value says anything. */
    static boolean varies(double min, double max) {
        return max - min > ROUNDING * Math.max(Math.abs(min), Math.abs(max));
    }

    static void check(double[] predicted, double[] mos) {
        if (predicted.length != mos.length) {
            throw new IllegalArgumentException(
                    "%d computed and %d human scores".formatted(predicted.length, mos.length));
        }
        for (int i = 0; i < predicted.length; i++) {
            if (!Double.isFinite(predicted[i]) || !Double.isFinite(mos[i])) {
                throw new IllegalArgumentException(
                        "row %d: %s and %s must be finite".formatted(i, predicted[i], mos[i]));
            }
        }
    }

    /**
     * The column divided by a power of two, which no correlation minds: squares of scores on any scale can be computed.
     * And 0.0 and -0.0 become the same, which the ranking of Hipparchus would tell apart.
     */
    static double[] scaled(double[] values) {
        int exponent = Arrays.stream(values).mapToInt(Math::getExponent).max().orElse(0);
        return Arrays.stream(values)
                .map(value -> Math.scalb(value, -exponent) + 0.0)
                .toArray();
    }

    /** Rounding must not make more than perfect agreement. */
    private static double clamp(double correlation) {
        return Math.clamp(correlation, -1, 1);
    }
}
