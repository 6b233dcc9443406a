package io.github.m3agiqa.evaluation;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;

/**
 * The measures of {@link Correlations} for images that count several times or not at all, as the bootstrap draws them.
 * What the counts do not change, such as the order of the scores, is computed once, so that a thousand draws of 3,000
 * images take a fraction of a second.
 */
final class Recounted {
    private Recounted() {}

    /** Pearson's linear correlation. */
    static Statistic plcc(double[] predicted, double[] mos) {
        double[] x = Correlations.scaled(predicted);
        double[] y = Correlations.scaled(mos);
        return counts -> pearson(x, y, counts);
    }

    /** Spearman's rank correlation. */
    static Statistic srcc(double[] predicted, double[] mos) {
        Ranks x = new Ranks(predicted);
        Ranks y = new Ranks(mos);
        return counts -> pearson(x.of(counts), y.of(counts), counts);
    }

    /** The mean of a term of each image. */
    static Statistic mean(double[] terms) {
        return counts -> {
            double sum = 0;
            long images = 0;
            for (int i = 0; i < counts.length; i++) {
                sum += counts[i] * terms[i];
                images += counts[i];
            }
            return sum / images;
        };
    }

    /** The root of the mean squared difference. */
    static Statistic rmse(double[] predicted, double[] mos) {
        Statistic square = mean(terms(predicted, mos, difference -> difference * difference));
        return counts -> Math.sqrt(square.of(counts));
    }

    /** The mean absolute difference. */
    static Statistic mae(double[] predicted, double[] mos) {
        return mean(terms(predicted, mos, Math::abs));
    }

    private static double[] terms(double[] predicted, double[] mos, DoubleUnaryOperator ofDifference) {
        return IntStream.range(0, mos.length)
                .mapToDouble(i -> ofDifference.applyAsDouble(predicted[i] - mos[i]))
                .toArray();
    }

    /** A statistic of some of the images. */
    static Statistic part(int[] images, Statistic statistic) {
        int[] own = new int[images.length];
        return counts -> {
            for (int i = 0; i < images.length; i++) {
                own[i] = counts[images[i]];
            }
            return statistic.of(own);
        };
    }

    /** The mean of statistics, undefined if one of them is. */
    static Statistic mean(List<Statistic> statistics) {
        return counts -> statistics.stream()
                .mapToDouble(statistic -> statistic.of(counts))
                .average()
                .orElse(Double.NaN);
    }

    /**
     * The mean of a statistic over parts, weighted by their images; parts where it is undefined do not count.
     *
     * @param parts the images of each part
     * @param statistics what is computed of each part
     */
    static Statistic weightedMean(List<int[]> parts, List<Statistic> statistics) {
        List<Statistic> ofParts = IntStream.range(0, parts.size())
                .mapToObj(i -> part(parts.get(i), statistics.get(i)))
                .toList();
        return counts -> {
            double sum = 0;
            long images = 0;
            for (int i = 0; i < ofParts.size(); i++) {
                double value = ofParts.get(i).of(counts);
                if (Double.isFinite(value)) {
                    long size = 0;
                    for (int image : parts.get(i)) {
                        size += counts[image];
                    }
                    sum += size * value;
                    images += size;
                }
            }
            return sum / images;
        };
    }

    /** Kendall's tau-b: Knight's algorithm, with a Fenwick tree in the place of his merge sort. */
    static Statistic krcc(double[] predicted, double[] mos) {
        int[] x = levels(predicted);
        int[] y = levels(mos);
        int[] xTies = new int[x.length];
        int[] yTies = new int[y.length];
        int[] tree = new int[y.length + 1];
        int[] order = IntStream.range(0, x.length)
                .boxed()
                .sorted(Comparator.<Integer>comparingInt(i -> x[i]).thenComparingInt(i -> y[i]))
                .mapToInt(Integer::intValue)
                .toArray();
        return counts -> {
            Arrays.fill(xTies, 0);
            Arrays.fill(yTies, 0);
            Arrays.fill(tree, 0);
            long images = 0;
            long discordant = 0;
            long tiedInBoth = 0;
            int same = 0; // images that equal the last one in both columns
            for (int k = 0; k < order.length; k++) {
                int i = order[k];
                boolean equal = k > 0 && x[order[k - 1]] == x[i] && y[order[k - 1]] == y[i];
                if (!equal) {
                    tiedInBoth += pairs(same);
                    same = 0;
                }
                int count = counts[i];
                if (count > 0) {
                    same += count;
                    discordant += count * (images - sumUpTo(tree, y[i]));
                    images += count;
                    add(tree, y[i], count);
                    xTies[x[i]] += count;
                    yTies[y[i]] += count;
                }
            }
            tiedInBoth += pairs(same);
            double xTied = Arrays.stream(xTies).mapToLong(Recounted::pairs).sum();
            double yTied = Arrays.stream(yTies).mapToLong(Recounted::pairs).sum();
            double all = pairs(images);
            double concordantLessDiscordant = all - xTied - yTied + tiedInBoth - 2.0 * discordant;
            return Math.clamp(concordantLessDiscordant / (Math.sqrt(all - xTied) * Math.sqrt(all - yTied)), -1, 1);
        };
    }

    private static long pairs(long count) {
        return count * (count - 1) / 2;
    }

    /** How many were added at a level or below. */
    private static int sumUpTo(int[] tree, int level) {
        int sum = 0;
        for (int at = level + 1; at > 0; at -= at & -at) {
            sum += tree[at];
        }
        return sum;
    }

    private static void add(int[] tree, int level, int count) {
        for (int at = level + 1; at < tree.length; at += at & -at) {
            tree[at] += count;
        }
    }

    /** For each value the number of distinct values below it. */
    private static int[] levels(double[] values) {
        double[] scaled = Correlations.scaled(values);
        double[] distinct = Arrays.stream(scaled).sorted().distinct().toArray();
        return Arrays.stream(scaled)
                .mapToInt(value -> Arrays.binarySearch(distinct, value))
                .toArray();
    }

    /** Ranks from 1, ties with their average. */
    private static final class Ranks {
        private final int[] levels;
        private final int[] images;
        private final double[] ofLevel;
        private final double[] ranks;

        Ranks(double[] values) {
            levels = levels(values);
            images = new int[Arrays.stream(levels).max().orElse(-1) + 1];
            ofLevel = new double[images.length];
            ranks = new double[levels.length];
        }

        /** The rank of each image; the array is overwritten by the next call. */
        double[] of(int[] counts) {
            Arrays.fill(images, 0);
            for (int i = 0; i < levels.length; i++) {
                images[levels[i]] += counts[i];
            }
            int below = 0;
            for (int level = 0; level < images.length; level++) {
                ofLevel[level] = below + (images[level] + 1) / 2.0;
                below += images[level];
            }
            for (int i = 0; i < levels.length; i++) {
                ranks[i] = ofLevel[levels[i]];
            }
            return ranks;
        }
    }

    private static double pearson(double[] x, double[] y, int[] counts) {
        double sumX = 0;
        double sumY = 0;
        double minX = Double.POSITIVE_INFINITY;
        double maxX = Double.NEGATIVE_INFINITY;
        double minY = Double.POSITIVE_INFINITY;
        double maxY = Double.NEGATIVE_INFINITY;
        long images = 0;
        for (int i = 0; i < counts.length; i++) {
            if (counts[i] > 0) {
                images += counts[i];
                sumX += counts[i] * x[i];
                sumY += counts[i] * y[i];
                minX = Math.min(minX, x[i]);
                maxX = Math.max(maxX, x[i]);
                minY = Math.min(minY, y[i]);
                maxY = Math.max(maxY, y[i]);
            }
        }
        if (!Correlations.varies(minX, maxX) || !Correlations.varies(minY, maxY)) {
            return Double.NaN;
        }
        double meanX = sumX / images;
        double meanY = sumY / images;
        double xx = 0;
        double yy = 0;
        double xy = 0;
        for (int i = 0; i < counts.length; i++) {
            double dx = x[i] - meanX;
            double dy = y[i] - meanY;
            xx += counts[i] * dx * dx;
            yy += counts[i] * dy * dy;
            xy += counts[i] * dx * dy;
        }
        return Math.clamp(xy / (Math.sqrt(xx) * Math.sqrt(yy)), -1, 1);
    }
}
