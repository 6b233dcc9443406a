package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.Calibration;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Interval;
import io.github.m3agiqa.LogisticMap;
import io.github.m3agiqa.Scale;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Split-conformal calibration on images that the model was not trained on. How far opinions lie from their map is
 * measured for each image with a map that was fitted without its group, so that the fit's own flattery does not narrow
 * the interval.
 *
 * @see <a href="https://arxiv.org/abs/1604.04173">Lei et al. 2018</a>, algorithm 2, for the split
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

    private Conformal() {}

    /**
     * Calibrates. Half the interval's width is the ceil((n + 1) 0.9)-th smallest of the n distances between mapped
     * score and opinion, each by the map of the folds that its image is not in. That aims at 90 % of new images that are drawn
     * like these; what is promised is less, as the interval is laid around the map of all folds.
     *
     * @param predictions scores of images that the model was not trained on
     * @throws InputException if they are fewer than {@link #FEWEST}, or all of one group
     */
    public static Calibration of(List<Prediction> predictions) {
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
        Map<Integer, LogisticMap> withoutFold = new HashMap<>();
        double[] distances = predictions.stream()
                .mapToDouble(prediction -> {
                    LogisticMap map = withoutFold.computeIfAbsent(
                            foldOfGroup.get(prediction.group()),
                            fold -> fit(predictions.stream()
                                    .filter(other -> !fold.equals(foldOfGroup.get(other.group())))
                                    .toList()));
                    return Math.abs(map.of(prediction.predicted()) - prediction.mos());
                })
                .sorted()
                .toArray();
        int rank = (int) Math.ceil((distances.length + 1) * COVERAGE);
        return new Calibration(fit(predictions), distances[rank - 1]);
    }

    private static LogisticMap fit(List<Prediction> predictions) {
        return LogisticFit.forOtherScores(
                Columns.column(predictions, Prediction::predicted), Columns.column(predictions, Prediction::mos));
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
