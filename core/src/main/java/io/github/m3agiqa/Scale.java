package io.github.m3agiqa;

/**
 * The closed range of a score.
 *
 * @param min the worst score
 * @param max the best score, above {@code min}
 */
public record Scale(double min, double max) {
    /** The scale of mean opinion scores in AGIQA-3K: 0 to 5. */
    public static final Scale ZERO_TO_FIVE = new Scale(0, 5);

    public Scale {
        if (!(min < max) || Double.isInfinite(min) || Double.isInfinite(max)) {
            throw new IllegalArgumentException("a scale needs min < max, not [%s, %s]".formatted(min, max));
        }
    }

    /** The nearest value of this scale; the value must be finite. */
    public double clamp(double value) {
        if (!Double.isFinite(value)) {
            throw new IllegalArgumentException("only a finite value can be clamped, not " + value);
        }
        return Math.clamp(value, min, max);
    }
}
