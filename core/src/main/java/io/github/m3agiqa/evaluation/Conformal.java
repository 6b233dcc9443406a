package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.Calibration;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Interval;
import io.github.m3agiqa.LogisticMap;
import io.github.m3agiqa.Scale;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Conformal calibration on images that the model was not trained on. Opinions lie further from some scores than from
 * others, so an interval is as many times as wide as what is usual at its score. How far they lie from their map is measured for
 * each image with a map and with usual distances that were fitted without its group, so that the fit's own flattery does not
 * narrow the interval.
 *
 * @see <a href="https://arxiv.org/abs/1604.04173">Lei et al. 2018</a>, algorithm 2, for the split, and section 5.2 for widths
 *     that differ
 * @see <a href="https://arxiv.org/abs/1905.02928">Barber et al. 2021</a>, section 3, for the folds
 */
public final class Conformal {
    /** The share of opinions that shall lie inside their interval. */
    public static final double COVERAGE = 0.9;

    /** With fewer images the largest distance of all still promises less than {@link #COVERAGE}. */
    public static final int FEWEST = 9;

    /** Images of a single prompt say nothing of another prompt's images. */
    public static final int FEWEST_GROUPS = 2;

    private static final int FOLDS = 10;

    /** Where widths are given: with a scale of 0 to 5 every quarter of a point. */
    private static final int PLACES = 21;

    /** The standard deviation of the weights by which images near a score say what is usual there, as part of the scale. */
    private static final double NEAR = 0.05;

    /** As many images as are taken to lie at every score, as far from their map as all are on average. */
    private static final double ANYWHERE = 10;

    /** What is usual is never less, so that it can be divided by. */
    private static final double LEAST = 1e-9;

    /** Widths are rounded up to parts of a point. */
    private static final double PARTS = 1e4;

    private Conformal() {}

    /**
     * Calibrates. Half an interval's width is what is usual at its score times the ceil((n + 1) 0.9)-th smallest of the n
     * ratios of the distance between mapped score and opinion to what is usual, each by the folds that its image is not in. That
     * aims at 90 % of new images that are drawn like these; what is promised is less, as the interval is laid around the map
     * of all folds. Where an interval would fall as scores rise its neighbours are widened.
     *
     * @param predictions scores of images that the model was not trained on
     * @param scale of the scores
     * @throws InputException if they are fewer than {@link #FEWEST}, or all of one group
     */
    public static Calibration of(List<Prediction> predictions, Scale scale) {
        if (predictions.size() < FEWEST) {
            throw new InputException(
                    "%d images are too few to calibrate on: a 90 %% interval needs at least %d, a narrow one hundreds"
                            .formatted(predictions.size(), FEWEST));
        }
        Map<String, Integer> foldOfGroup = new HashMap<>();
        predictions.forEach(prediction -> foldOfGroup.putIfAbsent(prediction.group(), foldOfGroup.size() % FOLDS));
        if (foldOfGroup.size() < FEWEST_GROUPS) {
            throw new InputException(
                    "all images to calibrate on are of one prompt: they say nothing of another prompt's images");
        }
        Map<Integer, Calibration> withoutFold = new HashMap<>();
        double[] ratios = predictions.stream()
                .mapToDouble(prediction -> {
                    Calibration usual = withoutFold.computeIfAbsent(
                            foldOfGroup.get(prediction.group()),
                            fold -> usual(
                                    predictions.stream()
                                            .filter(other -> !fold.equals(foldOfGroup.get(other.group())))
                                            .toList(),
                                    scale));
                    return distance(usual.map(), prediction) / usual.halfWidth(prediction.predicted(), scale);
                })
                .sorted()
                .toArray();
        double ratio = ratios[(int) Math.ceil((ratios.length + 1) * COVERAGE) - 1];
        Calibration usual = usual(predictions, scale);
        double[] widths = usual.halfWidths().stream()
                .mapToDouble(distance -> roundedUp(ratio * distance))
                .toArray();
        widen(widths, usual.map(), scale);
        return new Calibration(usual.map(), Arrays.stream(widths).boxed().toList());
    }

    /** The map of scores to opinions, and how far these usually lie from it. */
    private static Calibration usual(List<Prediction> predictions, Scale scale) {
        LogisticMap map = LogisticFit.forOtherScores(
                Columns.column(predictions, Prediction::predicted), Columns.column(predictions, Prediction::mos));
        double[] distances = predictions.stream()
                .mapToDouble(prediction -> distance(map, prediction))
                .toArray();
        double mean = Arrays.stream(distances).average().orElseThrow();
        double near = NEAR * (scale.max() - scale.min());
        List<Double> usual = IntStream.range(0, PLACES)
                .mapToObj(place -> {
                    double sum = ANYWHERE * mean;
                    double weights = ANYWHERE;
                    for (int i = 0; i < distances.length; i++) {
                        double away = (predictions.get(i).predicted() - score(place, scale)) / near;
                        double weight = Math.exp(-away * away / 2);
                        sum += weight * distances[i];
                        weights += weight;
                    }
                    return Math.max(sum / weights, LEAST);
                })
                .toList();
        return new Calibration(map, usual);
    }

    private static double distance(LogisticMap map, Prediction prediction) {
        return Math.abs(map.of(prediction.predicted()) - prediction.mos());
    }

    /** Widens intervals until neither end falls where the map rises: from place to place widths change by no more than it does. */
    private static void widen(double[] widths, LogisticMap map, Scale scale) {
        for (int place = 1; place < widths.length; place++) {
            widths[place] = Math.max(widths[place], roundedUp(widths[place - 1] - change(map, place, scale)));
        }
        for (int place = widths.length - 2; place >= 0; place--) {
            widths[place] = Math.max(widths[place], roundedUp(widths[place + 1] - change(map, place + 1, scale)));
        }
    }

    private static double roundedUp(double width) {
        return Math.ceil(width * PARTS) / PARTS;
    }

    /** By how much the map changes at least from the place before, were it as steep as where it is flattest in between. */
    private static double change(LogisticMap map, int place, Scale scale) {
        int parts = 10;
        return IntStream.range(0, parts)
                .mapToDouble(part -> {
                    double from = place - 1 + (double) part / parts;
                    return parts * Math.abs(map.of(score(from + 1.0 / parts, scale)) - map.of(score(from, scale)));
                })
                .min()
                .orElseThrow();
    }

    private static double score(double place, Scale scale) {
        return scale.min() + (scale.max() - scale.min()) * place / (PLACES - 1);
    }

    /**
     * The share of opinions that lie inside their interval.
     *
     * @param predictions at least one, of images that were not calibrated on
     */
    public static double coverage(Calibration calibration, List<Prediction> predictions, Scale scale) {
        return predictions.stream()
                .mapToInt(prediction -> {
                    Interval interval = calibration.interval(prediction.predicted(), scale);
                    return prediction.mos() >= interval.low() && prediction.mos() <= interval.high() ? 1 : 0;
                })
                .average()
                .orElseThrow(() -> new IllegalArgumentException("nothing is covered or not without predictions"));
    }
}
