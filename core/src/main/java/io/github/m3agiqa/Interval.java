package io.github.m3agiqa;

/**
 * A prediction interval: where the mean opinion score lies with the stated probability.
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
