package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.Interval;
import io.github.m3agiqa.evaluation.Correlations.Measure;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Confidence intervals by drawing whole groups again: images of one prompt are alike, so drawing images one by one would
 * promise too much.
 */
public final class Bootstrap {
    /** The seed of all intervals, so that a report can be made again. */
    private static final long SEED = 20250220;

    private static final double LEVEL = 0.95;

    private final int draws;

    /**
     * A bootstrap.
     *
     * @param draws how often the groups are drawn again; 1000 is usual
     */
    public Bootstrap(int draws) {
        this.draws = draws;
    }

    /** The 95 % interval of a measure. */
    public Interval interval(Measure measure, List<Prediction> predictions) {
        List<List<Integer>> groups = groups(predictions);
        Random random = new Random(SEED);
        double[] values = new double[draws];
        for (int draw = 0; draw < draws; draw++) {
            List<Prediction> drawn = new ArrayList<>();
            for (int index : draw(groups, random)) {
                drawn.add(predictions.get(index));
            }
            values[draw] = Correlations.apply(measure, drawn);
        }
        return percentiles(values);
    }

    /**
     * The difference of two models on the same images.
     *
     * @param difference the first model's measure less the second's
     * @param interval its 95 % interval
     * @param p the two-sided probability of so large a difference, were there none
     */
    public record Comparison(double difference, Interval interval, double p) {}

    /**
     * Compares two models, image by image.
     *
     * @param first predictions of one model
     * @param second predictions of another, of the same images in the same order
     */
    public Comparison compare(Measure measure, List<Prediction> first, List<Prediction> second) {
        for (int i = 0; i < first.size(); i++) {
            if (second.size() != first.size()
                    || !first.get(i).image().equals(second.get(i).image())) {
                throw new IllegalArgumentException("the two models must have scored the same images");
            }
        }
        List<List<Integer>> groups = groups(first);
        Random random = new Random(SEED);
        double[] values = new double[draws];
        for (int draw = 0; draw < draws; draw++) {
            List<Prediction> drawnFirst = new ArrayList<>();
            List<Prediction> drawnSecond = new ArrayList<>();
            for (int index : draw(groups, random)) {
                drawnFirst.add(first.get(index));
                drawnSecond.add(second.get(index));
            }
            values[draw] = Correlations.apply(measure, drawnFirst) - Correlations.apply(measure, drawnSecond);
        }
        double below = Arrays.stream(values).filter(value -> value <= 0).count() / (double) draws;
        double p = Math.min(1, 2 * Math.max(1.0 / draws, Math.min(below, 1 - below)));
        double difference = Correlations.apply(measure, first) - Correlations.apply(measure, second);
        return new Comparison(difference, percentiles(values), p);
    }

    private static List<List<Integer>> groups(List<Prediction> predictions) {
        Map<String, List<Integer>> groups = new LinkedHashMap<>();
        for (int i = 0; i < predictions.size(); i++) {
            groups.computeIfAbsent(predictions.get(i).group(), _ -> new ArrayList<>())
                    .add(i);
        }
        return new ArrayList<>(groups.values());
    }

    private static List<Integer> draw(List<List<Integer>> groups, Random random) {
        List<Integer> drawn = new ArrayList<>();
        for (int i = 0; i < groups.size(); i++) {
            drawn.addAll(groups.get(random.nextInt(groups.size())));
        }
        return drawn;
    }

    private static Interval percentiles(double[] values) {
        double[] sorted =
                Arrays.stream(values).filter(Double::isFinite).sorted().toArray();
        if (sorted.length == 0) {
            return new Interval(-1, 1);
        }
        int low = (int) Math.floor((1 - LEVEL) / 2 * (sorted.length - 1));
        return new Interval(sorted[low], sorted[sorted.length - 1 - low]);
    }
}
