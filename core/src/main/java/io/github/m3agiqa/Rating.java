package io.github.m3agiqa;

import java.util.Locale;

/** The word for a score: five equal bins of the scale, from low to high. */
public enum Rating {
    BAD,
    POOR,
    FAIR,
    GOOD,
    EXCELLENT;

    /** The lower-case word. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * The word for a score. On 0..5: below 1 bad, below 2 poor, below 3 fair, below 4 good, else excellent.
     *
     * @param score a finite value of {@code scale}
     */
    public static Rating of(double score, Scale scale) {
        double bins = (scale.clamp(score) - scale.min()) / (scale.max() - scale.min()) * values().length;
        return values()[Math.min((int) bins, values().length - 1)];
    }
}
