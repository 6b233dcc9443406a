package io.github.m3agiqa;

/**
 * The five-parameter logistic map from computed scores to mean opinion scores that the field fits before it computes
 * Pearson's correlation: {@code b1 (1/2 - 1 / (1 + exp(b2 (x - b3)))) + b4 x + b5}.
 *
 * @param b1 the height of the step
 * @param b2 its steepness
 * @param b3 the score at its middle
 * @param b4 the slope of the straight part
 * @param b5 the offset
 * @see <a href="https://doi.org/10.1109/TIP.2006.881959">Sheikh, Sabir and Bovik 2006</a>, equation 9
 */
public record LogisticMap(double b1, double b2, double b3, double b4, double b5) {
    public LogisticMap {
        // a sum with an infinite or undefined term is not finite
        if (!Double.isFinite(Math.abs(b1) + Math.abs(b2) + Math.abs(b3) + Math.abs(b4) + Math.abs(b5))) {
            throw new IllegalArgumentException(
                    "the parameters must be finite, not %s, %s, %s, %s, %s".formatted(b1, b2, b3, b4, b5));
        }
    }

    /** Whether it nowhere turns from rising to falling. Its slope lies between b4, far away, and b4 + b1 b2 / 4, at the middle. */
    public boolean monotone() {
        return b4 * (b4 + b1 * b2 / 4) >= 0;
    }

    /** The opinion that a score stands for. */
    public double of(double score) {
        return b1 * (0.5 - 1 / (1 + Math.exp(b2 * (score - b3)))) + b4 * score + b5;
    }
}
