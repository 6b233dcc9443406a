package io.github.m3agiqa.training;

/**
 * How the learning rate changes over the steps of a run.
 *
 * @param kind the curve
 * @param warmupSteps the steps over which the rate rises from 0
 */
public record Schedule(Kind kind, long warmupSteps) {
    /** The curves. */
    public enum Kind {
        /** A linear rise, then the full rate. */
        CONSTANT,
        /** A linear rise, then half a cosine down to 0, as Hugging Face's {@code cosine}. */
        COSINE,
        /** A linear rise, then a straight line down to 0, as Hugging Face's {@code linear}. */
        LINEAR,
        /** A logarithmic rise, then the full rate: DeepSpeed's {@code WarmupLR}, which the published runs were made by. */
        WARMUP_LOG
    }

    public Schedule {
        if (kind == null || warmupSteps < 0) {
            throw new IllegalArgumentException("a schedule needs a kind, and warmupSteps must not be negative");
        }
        if (kind == Kind.WARMUP_LOG && warmupSteps < 2) {
            throw new IllegalArgumentException("warmup_log needs at least 2 warmupSteps");
        }
    }

    /**
     * The learning rate of a step over the largest one.
     *
     * @param step counted from 0
     * @param steps the steps of the whole run
     * @return from 0 to 1
     */
    public double factor(long step, long steps) {
        if (step < warmupSteps) {
            return kind == Kind.WARMUP_LOG
                    ? Math.log(step + 1.0) / Math.log((double) warmupSteps)
                    : step / (double) warmupSteps;
        }
        double progress = Math.min(1, (step - warmupSteps) / (double) Math.max(1, steps - warmupSteps));
        return switch (kind) {
            case CONSTANT, WARMUP_LOG -> 1;
            case COSINE -> 0.5 * (1 + Math.cos(Math.PI * progress));
            case LINEAR -> 1 - progress;
        };
    }
}
