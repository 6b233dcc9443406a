package io.github.m3agiqa;

import org.jspecify.annotations.Nullable;

/**
 * A score of one aspect, with its word and the description that it was read from.
 *
 * @param value the predicted mean opinion score, finite and on {@code scale}
 * @param scale the range of {@code value}
 * @param interval a 90 % prediction interval, null where the model was not calibrated
 * @param description the model's own words, null if it was told not to describe
 */
public record Score(
        double value,
        Scale scale,
        @Nullable Interval interval,
        @Nullable String description) implements AspectResult {
    public Score {
        if (!(value >= scale.min() && value <= scale.max())) {
            throw new IllegalArgumentException("%s is not on the scale %s".formatted(value, scale));
        }
    }

    /** The word for the value. */
    public Rating rating() {
        return Rating.of(value, scale);
    }
}
