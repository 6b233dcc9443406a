package io.github.m3agiqa.distill;

/**
 * What a provider takes.
 *
 * @param input for a million tokens that are read
 * @param output for a million tokens that are written
 */
public record Prices(double input, double output) {
    private static final double MILLION = 1e6;

    public Prices {
        if (!(input >= 0 && output >= 0)) {
            throw new IllegalArgumentException("prices are at least 0, not %s and %s".formatted(input, output));
        }
    }

    /** What so many tokens cost. */
    public double of(long inputTokens, long outputTokens) {
        return (inputTokens * input + outputTokens * output) / MILLION;
    }
}
