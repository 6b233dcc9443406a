package io.github.m3agiqa.evaluation;

import java.util.Arrays;
import org.hipparchus.analysis.ParametricUnivariateFunction;
import org.hipparchus.exception.MathRuntimeException;
import org.hipparchus.linear.DiagonalMatrix;
import org.hipparchus.linear.MatrixUtils;
import org.hipparchus.linear.RealMatrix;
import org.hipparchus.linear.RealVector;
import org.hipparchus.optim.nonlinear.vector.leastsquares.LeastSquaresBuilder;
import org.hipparchus.optim.nonlinear.vector.leastsquares.LevenbergMarquardtOptimizer;
import org.hipparchus.stat.descriptive.moment.StandardDeviation;
import org.hipparchus.util.Pair;

/**
 * The five-parameter logistic map from predictions to opinions that the field fits before it computes PLCC:
 * {@code b1 (1/2 - 1 / (1 + exp(b2 (x - b3)))) + b4 x + b5}.
 *
 * @see <a href="https://doi.org/10.1109/TIP.2006.881959">Sheikh, Sabir and Bovik 2006</a>, equation 9
 */
public final class LogisticFit {
    private static final int PARAMETERS = 5;
    private static final int MAX_STEPS = 2000;

    private final double[] parameters;

    /**
     * The map with these parameters.
     *
     * @param parameters b1 to b5
     */
    public LogisticFit(double... parameters) {
        if (parameters.length != PARAMETERS) {
            throw new IllegalArgumentException("the map has 5 parameters, not " + parameters.length);
        }
        this.parameters = parameters.clone();
    }

    /**
     * Fits the map by least squares, with the Levenberg-Marquardt algorithm. Where that finds nothing, as on constant
     * predictions, the map is the straight line of least squares.
     */
    public static LogisticFit of(double[] predicted, double[] mos) {
        double spread = new StandardDeviation().evaluate(predicted);
        double meanX = Arrays.stream(predicted).average().orElseThrow();
        double meanY = Arrays.stream(mos).average().orElseThrow();
        double range = Arrays.stream(mos).max().orElseThrow()
                - Arrays.stream(mos).min().orElseThrow();
        double sign = Correlations.plcc(predicted, mos) < 0 ? -1 : 1;
        double[] start = {sign * range, 1 / Math.max(spread, 1e-9), meanX, 0, meanY};
        try {
            double[] fitted = new LevenbergMarquardtOptimizer()
                    .optimize(new LeastSquaresBuilder()
                            .start(start)
                            .model(point -> model(point.toArray(), predicted))
                            .target(mos)
                            .weight(new DiagonalMatrix(ones(mos.length)))
                            .lazyEvaluation(false)
                            .maxEvaluations(MAX_STEPS)
                            .maxIterations(MAX_STEPS)
                            .build())
                    .getPoint()
                    .toArray();
            return new LogisticFit(fitted);
        } catch (MathRuntimeException _) {
            return line(predicted, mos, meanX, meanY);
        }
    }

    private static double[] ones(int length) {
        double[] ones = new double[length];
        Arrays.fill(ones, 1);
        return ones;
    }

    private static LogisticFit line(double[] predicted, double[] mos, double meanX, double meanY) {
        double xy = 0;
        double xx = 0;
        for (int i = 0; i < predicted.length; i++) {
            xy += (predicted[i] - meanX) * (mos[i] - meanY);
            xx += (predicted[i] - meanX) * (predicted[i] - meanX);
        }
        double slope = xx == 0 ? 0 : xy / xx;
        return new LogisticFit(0, 1, meanX, slope, meanY - slope * meanX);
    }

    private static Pair<RealVector, RealMatrix> model(double[] b, double[] predicted) {
        double[] values = new double[predicted.length];
        double[][] gradients = new double[predicted.length][];
        for (int i = 0; i < predicted.length; i++) {
            values[i] = FUNCTION.value(predicted[i], b);
            gradients[i] = FUNCTION.gradient(predicted[i], b);
        }
        return new Pair<>(MatrixUtils.createRealVector(values), MatrixUtils.createRealMatrix(gradients));
    }

    private static final ParametricUnivariateFunction FUNCTION = new ParametricUnivariateFunction() {
        @Override
        public double value(double x, double... b) {
            return b[0] * (0.5 - 1 / (1 + Math.exp(b[1] * (x - b[2])))) + b[3] * x + b[4];
        }

        @Override
        public double[] gradient(double x, double... b) {
            double logistic = 1 / (1 + Math.exp(b[1] * (x - b[2])));
            double slope = logistic * (1 - logistic);
            return new double[] {
                0.5 - logistic, b[0] * slope * (x - b[2]), -b[0] * slope * b[1], x, 1,
            };
        }
    };

    /** b1 to b5. */
    public double[] parameters() {
        return parameters.clone();
    }

    /** The opinion that a prediction stands for. */
    public double of(double predicted) {
        return FUNCTION.value(predicted, parameters);
    }

    /** The opinions that predictions stand for. */
    public double[] of(double[] predicted) {
        return Arrays.stream(predicted).map(this::of).toArray();
    }
}
