package io.github.m3agiqa;

/**
 * Where a number lies with a stated probability: a score's 90 % prediction interval, or a measure's 95 % confidence
 * interval.
 *
 * @param low the lower end
 * @param high the upper end, not below {@code low}
 */
public record Interval(double low, double high) {
    public Interval {
        if (!(low <= high)) {
            throw new IllegalArgumentException("an interval needs low <= high, not [%s, %s]".formatted(low, high));
        }
    }
}
