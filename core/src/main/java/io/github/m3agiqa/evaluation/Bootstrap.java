package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.Interval;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.hipparchus.stat.descriptive.rank.Percentile;
import org.jspecify.annotations.Nullable;

/**
 * Confidence intervals by drawing whole groups of images again, with replacement: images of one prompt are alike, so
 * drawing images one by one would promise too much.
 *
 * @param draws how often the groups are drawn, at least 100; 1000 is usual
 * @param seed makes a report repeatable
 * @see <a href="https://doi.org/10.1017/CBO9780511802843">Davison and Hinkley 1997</a>, sections 3.8 and 5.3
 */
public record Bootstrap(int draws, long seed) {
    /** The confidence of all intervals. */
    public static final double LEVEL = 0.95;

    /** Fewer draws say nothing of an interval. */
    public static final int FEWEST_DRAWS = 100;

    /** What is undefined in more than this share of the draws has no interval: what is left of them is no sample. */
    private static final double MOST_UNDEFINED = 0.05;

    public Bootstrap {
        if (draws < FEWEST_DRAWS) {
            throw new IllegalArgumentException(
                    "%d draws say nothing of an interval: %d are the least".formatted(draws, FEWEST_DRAWS));
        }
    }

    /**
     * Computes statistics of the same draws of images.
     *
     * @param groups the group of each image
     * @return for each statistic its value in each draw, NaN where it is undefined
     */
    double[][] values(List<String> groups, List<Statistic> statistics) {
        int[][] members = members(groups);
        double[][] values = new double[statistics.size()][draws];
        if (members.length < 2) {
            // one group only: there is nothing to draw from
            Arrays.stream(values).forEach(row -> Arrays.fill(row, Double.NaN));
            return values;
        }
        SplittableRandom random = new SplittableRandom(seed);
        int[] counts = new int[groups.size()];
        for (int draw = 0; draw < draws; draw++) {
            Arrays.fill(counts, 0);
            for (int i = 0; i < members.length; i++) {
                for (int image : members[random.nextInt(members.length)]) {
                    counts[image]++;
                }
            }
            for (int i = 0; i < values.length; i++) {
                values[i][draw] = statistics.get(i).of(counts);
            }
        }
        return values;
    }

    private static int[][] members(List<String> groups) {
        Map<String, List<Integer>> members = new LinkedHashMap<>();
        for (int i = 0; i < groups.size(); i++) {
            members.computeIfAbsent(groups.get(i), _ -> new ArrayList<>()).add(i);
        }
        return members.values().stream()
                .map(images -> images.stream().mapToInt(Integer::intValue).toArray())
                .toArray(int[][]::new);
    }

    /** The 95 % percentile interval of a statistic's values; null if it was undefined too often. */
    static @Nullable Interval interval(double[] values) {
        double[] defined = defined(values);
        if (defined.length < (1 - MOST_UNDEFINED) * values.length) {
            return null;
        }
        Percentile percentile = new Percentile().withEstimationType(Percentile.EstimationType.R_7);
        percentile.setData(defined);
        double tail = 50 * (1 - LEVEL);
        return new Interval(percentile.evaluate(tail), percentile.evaluate(100 - tail));
    }

    /**
     * The two-sided probability of a difference as far from 0 as the one found, were there none; null if the difference
     * was undefined too often. It is never 0: it can be no less than the draws can tell.
     *
     * @param differences the difference in each draw
     */
    static @Nullable Double p(double[] differences) {
        double[] defined = defined(differences);
        if (defined.length < (1 - MOST_UNDEFINED) * differences.length) {
            return null;
        }
        long notAbove = Arrays.stream(defined).filter(value -> value <= 0).count();
        long notBelow = Arrays.stream(defined).filter(value -> value >= 0).count();
        return Math.min(1, 2.0 * (Math.min(notAbove, notBelow) + 1) / (defined.length + 1));
    }

    private static double[] defined(double[] values) {
        return Arrays.stream(values).filter(Double::isFinite).toArray();
    }
}
