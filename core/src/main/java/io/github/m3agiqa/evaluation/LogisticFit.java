package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.LogisticMap;
import java.util.Arrays;
import org.hipparchus.optim.InitialGuess;
import org.hipparchus.optim.MaxEval;
import org.hipparchus.optim.SimpleValueChecker;
import org.hipparchus.optim.nonlinear.scalar.GoalType;
import org.hipparchus.optim.nonlinear.scalar.ObjectiveFunction;
import org.hipparchus.optim.nonlinear.scalar.noderiv.NelderMeadSimplex;
import org.hipparchus.optim.nonlinear.scalar.noderiv.SimplexOptimizer;

/**
 * The fit of a {@link LogisticMap} by least squares. Three of its parameters are linear and have a closed solution for
 * each steepness and middle; these two are searched for, first on a grid and then by the simplex of Nelder and Mead, so
 * that no start decides what is found.
 *
 * @see <a href="https://doi.org/10.1137/0710036">Golub and Pereyra 1973</a>, variable projection
 */
public final class LogisticFit {
    /** The number of images above which five parameters say something. */
    static final int PARAMETERS = 5;

    /**
     * The logarithms of the flattest and the steepest map, whose steepness is 0.02 and 10 in units of one over the
     * standard deviation of the scores. A flatter map is a cubic curve; a steeper one is a jump between neighbouring
     * scores, which is noise and no opinion.
     */
    private static final double LOG_FLATTEST = Math.log(0.02);

    private static final double LOG_STEEPEST = Math.log(10);

    /** How many standard deviations the middle may lie outside of the scores. */
    private static final double BEYOND = 1;

    private static final int GRID = 12;

    /** The size of the first simplex, in standard deviations and in the logarithm of the steepness. */
    private static final double FIRST_STEP = 0.2;

    /** The search ends where a step changes the sum of squares by less than this share of it. */
    private static final double TOLERANCE = 1e-13;

    /** What is left of the opinions' squares by rounding alone where the map fits perfectly. */
    private static final double ROUNDING = 1e-26;

    private LogisticFit() {}

    /**
     * Fits the map that takes scores closest to opinions. It is never worse than the straight line of least squares,
     * and is that line for five images or fewer; where the scores do not vary it is level.
     *
     * @param predicted at least one computed score, on any scale; they may fall as opinions rise
     * @param mos the human scores of the same images
     * @throws IllegalArgumentException if there are none, not as many of both, or one is not finite
     */
    public static LogisticMap of(double[] predicted, double[] mos) {
        return of(predicted, mos, false);
    }

    /**
     * Fits a map that other scores can be taken to opinions by: the closest one, if it rises or falls everywhere and
     * its middle lies among the scores that it was fitted to, else the straight line.
     *
     * @param predicted at least one computed score, on any scale; they may fall as opinions rise
     * @param mos the human scores of the same images
     * @throws IllegalArgumentException if there are none, not as many of both, or one is not finite
     */
    public static LogisticMap forOtherScores(double[] predicted, double[] mos) {
        return of(predicted, mos, true);
    }

    private static LogisticMap of(double[] predicted, double[] mos, boolean forOthers) {
        Correlations.check(predicted, mos);
        if (predicted.length == 0) {
            throw new IllegalArgumentException("there is nothing to fit to");
        }
        double centre = mean(predicted);
        double meanMos = mean(mos);
        if (!Correlations.varies(predicted)) {
            return new LogisticMap(0, 1, centre, 0, meanMos);
        }
        double spread = Correlations.rmse(predicted, constant(centre, predicted.length));
        Projection projection = new Projection(
                Arrays.stream(predicted).map(score -> (score - centre) / spread).toArray(),
                Arrays.stream(mos).map(opinion -> opinion - meanMos).toArray());
        LogisticMap standard = predicted.length > PARAMETERS ? projection.best() : projection.line();
        if (forOthers && !projection.holdsBeyond(standard)) {
            standard = projection.line();
        }
        return new LogisticMap(
                standard.b1(),
                standard.b2() / spread,
                centre + standard.b3() * spread,
                standard.b4() / spread,
                meanMos + standard.b5() - standard.b4() * centre / spread);
    }

    private static double mean(double[] values) {
        return Arrays.stream(values).average().orElseThrow();
    }

    private static double[] constant(double value, int length) {
        double[] constant = new double[length];
        Arrays.fill(constant, value);
        return constant;
    }

    /** The best linear parameters for a steepness and a middle. */
    private static final class Projection {
        private final double[] x;
        private final double[] y;
        private final double lowest;
        private final double highest;
        private final double[] step;

        /**
         * @param x scores of mean 0 and standard deviation 1
         * @param y opinions of mean 0
         */
        Projection(double[] x, double[] y) {
            this.x = x;
            this.y = y;
            this.lowest = Arrays.stream(x).min().orElseThrow() - BEYOND;
            this.highest = Arrays.stream(x).max().orElseThrow() + BEYOND;
            this.step = new double[x.length];
        }

        /** A middle outside of the scores is the foot of a slope that no score has shown. */
        boolean holdsBeyond(LogisticMap map) {
            return map.monotone() && map.b3() >= lowest + BEYOND && map.b3() <= highest - BEYOND;
        }

        LogisticMap line() {
            return new LogisticMap(0, 1, 0, product(x, y) / x.length, 0);
        }

        LogisticMap best() {
            double fewest = Double.POSITIVE_INFINITY;
            double[] start = {0, 0};
            for (int i = 0; i < GRID; i++) {
                for (int j = 0; j < GRID; j++) {
                    double[] point = {
                        LOG_FLATTEST + i * (LOG_STEEPEST - LOG_FLATTEST) / (GRID - 1),
                        lowest + j * (highest - lowest) / (GRID - 1)
                    };
                    double squares = squares(point[0], point[1]);
                    if (squares < fewest) {
                        fewest = squares;
                        start = point;
                    }
                }
            }
            double[] found = new SimplexOptimizer(new SimpleValueChecker(TOLERANCE, ROUNDING * product(y, y)))
                    .optimize(
                            new ObjectiveFunction(point -> squares(point[0], point[1])),
                            GoalType.MINIMIZE,
                            new InitialGuess(start),
                            new NelderMeadSimplex(new double[] {FIRST_STEP, FIRST_STEP}),
                            MaxEval.unlimited())
                    .getPoint();
            return solve(found[0], found[1]);
        }

        /** The sum of squares that the best linear parameters leave. */
        private double squares(double logSteepness, double middle) {
            LogisticMap map = solve(logSteepness, middle);
            double sum = 0;
            for (int i = 0; i < x.length; i++) {
                double error = map.b1() * step[i] + map.b4() * x[i] + map.b5() - y[i];
                sum += error * error;
            }
            return sum;
        }

        /** The nearest map within the bounds; leaves the step of each score in {@link #step}. */
        private LogisticMap solve(double logSteepness, double anyMiddle) {
            double steepness = Math.exp(Math.clamp(logSteepness, LOG_FLATTEST, LOG_STEEPEST));
            double middle = Math.clamp(anyMiddle, lowest, highest);
            double mean = 0;
            for (int i = 0; i < x.length; i++) {
                step[i] = 0.5 - 1 / (1 + Math.exp(steepness * (x[i] - middle)));
                mean += step[i] / x.length;
            }
            double stepStep = product(step, step) - x.length * mean * mean;
            double stepX = product(step, x);
            double stepY = product(step, y);
            double xx = product(x, x);
            double xy = product(x, y);
            double determinant = stepStep * xx - stepX * stepX;
            // a step that hardly bends within the scores leaves the line as it is
            double height = determinant > 1e-12 * stepStep * xx ? (stepY * xx - xy * stepX) / determinant : 0;
            double slope = (xy - height * stepX) / xx;
            return new LogisticMap(height, steepness, middle, slope, -height * mean);
        }

        private static double product(double[] a, double[] b) {
            double sum = 0;
            for (int i = 0; i < a.length; i++) {
                sum += a[i] * b[i];
            }
            return sum;
        }
    }
}
