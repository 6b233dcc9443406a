package io.github.m3agiqa;

/**
 * What was learned from images that a model was not trained on: which opinion a score stands for, and how far opinions
 * lie from that. The score itself is not changed by it.
 *
 * @param map from scores to opinions
 * @param halfWidth half the width of the 90 % prediction interval around the mapped score, at least 0
 */
public record Calibration(LogisticMap map, double halfWidth) {
    public Calibration {
        Required.of("map", map);
        if (!(halfWidth >= 0 && Double.isFinite(halfWidth))) {
            throw new IllegalArgumentException("half a width must be finite and not negative, not " + halfWidth);
        }
    }

    /**
     * The 90 % prediction interval of a score, cut off at the ends of the scale.
     *
     * @param score a finite score on {@code scale}
     */
    public Interval interval(double score, Scale scale) {
        double opinion = map.of(score);
        return new Interval(scale.clamp(opinion - halfWidth), scale.clamp(opinion + halfWidth));
    }
}
