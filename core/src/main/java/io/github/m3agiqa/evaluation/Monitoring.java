package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Interval;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.hipparchus.distribution.continuous.TDistribution;
import org.hipparchus.stat.inference.KolmogorovSmirnovTest;
import org.jspecify.annotations.Nullable;

/**
 * How scores change from day to day: the mean of every generator and aspect, and whether the scores of a day come from
 * another distribution than those of a baseline.
 *
 * @param means one for each generator, day and aspect, in that order
 * @param drifts one for each generator, day after the baseline and aspect, in that order, where that day and the baseline
 *     have scores
 */
public record Monitoring(List<Mean> means, List<Drift> drifts) {
    private static final double CONFIDENCE = 0.95;

    /** Up to so many pairs of images the exact probability is computed. */
    private static final long EXACT_PAIRS = 10_000;

    /**
     * A distance, times the root of the number of pairs over that of the images, below which the probability is 1 to all
     * digits; the sum that gives it takes the more terms the smaller the distance is.
     */
    private static final double CERTAIN = 0.1;

    /**
     * The scores of a generator, a day and an aspect.
     *
     * @param day in a form that sorts by time, such as 2026-11-26
     * @param failed images without a score
     * @param counts how many scores lie in each bin, by the bin's lower end; bins are of one width
     */
    public record Cell(
            String generator,
            String day,
            String aspect,
            long failed,
            double sum,
            double sumOfSquares,
            SortedMap<Double, Long> counts) {
        long images() {
            return counts.values().stream().mapToLong(Long::longValue).sum();
        }

        Cell plus(Cell other) {
            SortedMap<Double, Long> all = new TreeMap<>(counts);
            other.counts.forEach((bin, count) -> all.merge(bin, count, Long::sum));
            return new Cell(
                    generator,
                    day,
                    aspect,
                    failed + other.failed,
                    sum + other.sum,
                    sumOfSquares + other.sumOfSquares,
                    all);
        }
    }

    /**
     * A mean score.
     *
     * @param mean NaN if no image was scored
     * @param interval of the mean by Student's distribution, 95 %; null for fewer than two images
     */
    public record Mean(
            String generator,
            String day,
            String aspect,
            long images,
            long failed,
            double mean,
            @Nullable Interval interval) {}

    /**
     * A day against the baseline of its generator and aspect.
     *
     * @param distance between the two distributions, the largest of their cumulative shares, from 0 to 1
     * @param probability of such a distance or a larger one if nothing had changed, by the two-sample
     *     Kolmogorov-Smirnov test; scores of one bin count as equal, which makes it too large rather than too small
     * @param corrected by Holm for the number of all comparisons
     * @param drifted whether that is below the level
     * @see <a href="https://www.jstor.org/stable/4615733">Holm, a simple sequentially rejective test procedure</a>
     */
    public record Drift(
            String generator,
            String day,
            String aspect,
            long baselineImages,
            long images,
            double baselineMean,
            double mean,
            double distance,
            double probability,
            double corrected,
            boolean drifted) {}

    public Monitoring {
        means = List.copyOf(means);
        drifts = List.copyOf(drifts);
    }

    /**
     * Compares days with a baseline.
     *
     * @param first of the baseline's days
     * @param last of the baseline's days
     * @param level how probable one false alarm in the whole report may be, between 0 and 1, such as 0.05
     * @throws InputException if no score lies in the baseline
     */
    public static Monitoring of(List<Cell> cells, String first, String last, double level) {
        List<Cell> sorted = cells.stream()
                .sorted(Comparator.comparing(Cell::generator)
                        .thenComparing(Cell::day)
                        .thenComparing(Cell::aspect))
                .toList();
        Map<String, Cell> baselines = new TreeMap<>();
        for (Cell cell : sorted) {
            if (cell.day.compareTo(first) >= 0 && cell.day.compareTo(last) <= 0 && cell.images() > 0) {
                baselines.merge(series(cell), cell, Cell::plus);
            }
        }
        if (baselines.isEmpty()) {
            throw new InputException(
                    "no score is of a day from %s to %s; name another baseline".formatted(first, last));
        }
        List<Compared> all = new ArrayList<>();
        for (Cell cell : sorted) {
            Cell baseline = baselines.get(series(cell));
            if (baseline != null && cell.day.compareTo(last) > 0 && cell.images() > 0) {
                all.add(Compared.of(cell, baseline));
            }
        }
        return new Monitoring(sorted.stream().map(Monitoring::mean).toList(), drifts(all, level));
    }

    private static String series(Cell cell) {
        return cell.generator + '\n' + cell.aspect;
    }

    private static Mean mean(Cell cell) {
        long images = cell.images();
        double mean = cell.sum / images;
        Interval interval = null;
        if (images > 1) {
            double variance = Math.max(0, (cell.sumOfSquares - images * mean * mean) / (images - 1));
            double reach = new TDistribution(images - 1).inverseCumulativeProbability((1 + CONFIDENCE) / 2)
                    * Math.sqrt(variance / images);
            interval = new Interval(mean - reach, mean + reach);
        }
        return new Mean(cell.generator, cell.day, cell.aspect, images, cell.failed, mean, interval);
    }

    /** A day, its baseline, and how far apart they are. */
    private record Compared(Cell cell, Cell baseline, double distance, double probability) {
        static Compared of(Cell cell, Cell baseline) {
            int images = Math.toIntExact(cell.images());
            int baselineImages = Math.toIntExact(baseline.images());
            double distance = distance(cell, baseline, images, baselineImages);
            KolmogorovSmirnovTest test = new KolmogorovSmirnovTest();
            double pairs = (double) images * baselineImages;
            double probability;
            if (pairs <= EXACT_PAIRS) {
                probability = test.exactP(distance, images, baselineImages, false);
            } else if (distance * Math.sqrt(pairs / (images + (double) baselineImages)) < CERTAIN) {
                probability = 1;
            } else {
                probability = test.approximateP(distance, images, baselineImages);
            }
            return new Compared(cell, baseline, distance, probability);
        }

        private static double distance(Cell a, Cell b, double imagesOfA, double imagesOfB) {
            SortedMap<Double, Long> bins = new TreeMap<>(a.counts);
            bins.putAll(b.counts);
            double shareOfA = 0;
            double shareOfB = 0;
            double most = 0;
            for (double bin : bins.keySet()) {
                shareOfA += a.counts.getOrDefault(bin, 0L) / imagesOfA;
                shareOfB += b.counts.getOrDefault(bin, 0L) / imagesOfB;
                most = Math.max(most, Math.abs(shareOfA - shareOfB));
            }
            return Math.min(1, most);
        }

        Drift drift(double corrected, double level) {
            long images = cell.images();
            long baselineImages = baseline.images();
            return new Drift(
                    cell.generator,
                    cell.day,
                    cell.aspect,
                    baselineImages,
                    images,
                    baseline.sum / baselineImages,
                    cell.sum / images,
                    distance,
                    probability,
                    corrected,
                    corrected < level);
        }
    }

    private static List<Drift> drifts(List<Compared> all, double level) {
        double[] corrected =
                holm(all.stream().mapToDouble(Compared::probability).toArray());
        return IntStream.range(0, all.size())
                .mapToObj(i -> all.get(i).drift(corrected[i], level))
                .toList();
    }

    private static double[] holm(double... probabilities) {
        int[] ascending = IntStream.range(0, probabilities.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> probabilities[i]))
                .mapToInt(Integer::intValue)
                .toArray();
        double[] corrected = new double[probabilities.length];
        double least = 0;
        for (int rank = 0; rank < ascending.length; rank++) {
            int at = ascending[rank];
            least = Math.max(least, Math.min(1, (ascending.length - rank) * probabilities[at]));
            corrected[at] = least;
        }
        return corrected;
    }
}
