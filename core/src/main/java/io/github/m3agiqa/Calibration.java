package io.github.m3agiqa;

import com.fasterxml.jackson.annotation.JsonAlias;
import com.fasterxml.jackson.annotation.JsonFormat;
import java.util.List;

/**
 * What was learned from images that a model was not trained on: which opinion a score stands for, and how far opinions
 * lie from that. The score itself is not changed by it.
 *
 * @param map from scores to opinions
 * @param halfWidths half the widths of the 90 % prediction intervals around mapped scores, each at least 0: at scores that
 *     lie evenly from one end of the scale to the other, and between two of them in proportion; a single one is that of all
 *     scores
 */
public record Calibration(
        LogisticMap map,

        @JsonAlias("halfWidth") @JsonFormat(with = JsonFormat.Feature.ACCEPT_SINGLE_VALUE_AS_ARRAY)
        List<Double> halfWidths) {
    public Calibration {
        Required.of("map", map);
        halfWidths = List.copyOf(Required.of("halfWidths", halfWidths));
        if (halfWidths.isEmpty() || !halfWidths.stream().allMatch(half -> half >= 0 && Double.isFinite(half))) {
            throw new IllegalArgumentException(
                    "half widths must be finite and not negative, and one at least, not " + halfWidths);
        }
    }

    /**
     * The 90 % prediction interval of a score, cut off at the ends of the scale.
     *
     * @param score a finite score on {@code scale}
     */
    public Interval interval(double score, Scale scale) {
        double opinion = map.of(score);
        double half = halfWidth(score, scale);
        return new Interval(scale.clamp(opinion - half), scale.clamp(opinion + half));
    }

    /**
     * Half the width of a score's interval before it is cut off.
     *
     * @param score a finite score; beyond {@code scale} it has that of the nearer end
     */
    public double halfWidth(double score, Scale scale) {
        int last = halfWidths.size() - 1;
        double place = last * (scale.clamp(score) - scale.min()) / (scale.max() - scale.min());
        int below = (int) place;
        double beyond = place - below;
        return (1 - beyond) * halfWidths.get(below) + beyond * halfWidths.get(Math.min(below + 1, last));
    }
}
