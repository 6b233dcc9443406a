package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.Interval;
import org.jspecify.annotations.Nullable;

/**
 * A figure and how sure it is, or the reason why there is none.
 *
 * @param value a finite number, null if it is undefined
 * @param interval the 95 % confidence interval, null if there are too few images for one
 * @param reason why there is no value, null if there is one
 */
public record Estimate(
        @Nullable Double value,
        @Nullable Interval interval,
        @Nullable String reason) {
    public Estimate {
        if (value == null ? reason == null || interval != null : reason != null || !Double.isFinite(value)) {
            throw new IllegalArgumentException(
                    "either a finite value or a reason, not %s and %s".formatted(value, reason));
        }
    }

    /** A figure that could be computed. */
    static Estimate of(double value, @Nullable Interval interval) {
        return new Estimate(value, interval, null);
    }

    /** A figure that could not. */
    static Estimate absent(String reason) {
        return new Estimate(null, null, reason);
    }
}
