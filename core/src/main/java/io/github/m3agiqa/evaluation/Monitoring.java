package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Interval;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.hipparchus.distribution.continuous.TDistribution;
import org.hipparchus.stat.inference.KolmogorovSmirnovTest;
import org.jspecify.annotations.Nullable;

/**
 * How scores change from day to day: the mean of every generator and aspect, and whether the scores of a day come from
 * another distribution than those of a baseline.
 *
 * @param means one for each generator, day and aspect, in that order
 * @param drifts one for each generator, aspect and day after the baseline, in that order
 */
public record Monitoring(List<Mean> means, List<Drift> drifts) {
    private static final double CONFIDENCE = 0.95;

    /** Up to so many pairs of images the exact probability is computed. */
    private static final long EXACT_PAIRS = 10_000;

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
     * @param level how probable one false alarm in the whole report may be, such as 0.05
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
        List<Drift> drifts = new ArrayList<>();
        for (Cell cell : sorted) {
            Cell baseline = baselines.get(series(cell));
            if (baseline != null && cell.day.compareTo(last) > 0 && cell.images() > 0) {
                drifts.add(compared(cell, baseline));
            }
        }
        return new Monitoring(sorted.stream().map(Monitoring::mean).toList(), corrected(drifts, level));
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

    private static Drift compared(Cell cell, Cell baseline) {
        long images = cell.images();
        long baselineImages = baseline.images();
        double distance = distance(cell, baseline);
        return new Drift(
                cell.generator,
                cell.day,
                cell.aspect,
                baselineImages,
                images,
                baseline.sum / baselineImages,
                cell.sum / images,
                distance,
                probability(distance, Math.toIntExact(images), Math.toIntExact(baselineImages)),
                Double.NaN,
                false);
    }

    private static double probability(double distance, int images, int baselineImages) {
        KolmogorovSmirnovTest test = new KolmogorovSmirnovTest();
        return (long) images * baselineImages <= EXACT_PAIRS
                ? test.exactP(distance, images, baselineImages, false)
                : test.approximateP(distance, images, baselineImages);
    }

    private static double distance(Cell a, Cell b) {
        SortedMap<Double, Long> bins = new TreeMap<>(a.counts);
        bins.putAll(b.counts);
        double shareOfA = 0;
        double shareOfB = 0;
        double most = 0;
        for (double bin : bins.keySet()) {
            shareOfA += a.counts.getOrDefault(bin, 0L) / (double) a.images();
            shareOfB += b.counts.getOrDefault(bin, 0L) / (double) b.images();
            most = Math.max(most, Math.abs(shareOfA - shareOfB));
        }
        return Math.min(1, most);
    }

    private static List<Drift> corrected(List<Drift> drifts, double level) {
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < drifts.size(); i++) {
            order.add(i);
        }
        order.sort(Comparator.comparingDouble(i -> drifts.get(i).probability));
        List<Drift> corrected = new ArrayList<>(drifts);
        double least = 0;
        for (int rank = 0; rank < order.size(); rank++) {
            Drift drift = drifts.get(order.get(rank));
            least = Math.max(least, Math.min(1, (drifts.size() - rank) * drift.probability));
            corrected.set(
                    order.get(rank),
                    new Drift(
                            drift.generator,
                            drift.day,
                            drift.aspect,
                            drift.baselineImages,
                            drift.images,
                            drift.baselineMean,
                            drift.mean,
                            drift.distance,
                            drift.probability,
                            least,
                            least < level));
        }
        return corrected;
    }
}
