package io.github.m3agiqa.scoring;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.AspectResult;

/**
 * Watches how an image is scored; called by the thread that scores it. What it throws ends the scoring of its image, and of
 * no other, with {@link io.github.m3agiqa.ErrorCode#INTERNAL}, or with its own code if it is an {@link
 * io.github.m3agiqa.M3AgiqaException}.
 */
public interface ScoringListener {
    /** Does not watch. */
    ScoringListener NONE = new ScoringListener() {};

    /** The model is asked to describe an aspect. */
    default void describing(Aspect aspect, String question) {}

    /**
     * The description grows. A model that weighs several beams knows it only when it is whole.
     *
     * @param more what comes after the words before
     */
    default void described(Aspect aspect, String more) {}

    /** The model is asked to rate an aspect. */
    default void rating(Aspect aspect, String question) {}

    /** An aspect is done. */
    default void done(Aspect aspect, AspectResult result) {}

    /** Whether the answer is no longer wanted; then it ends soon with {@link io.github.m3agiqa.ErrorCode#TIMEOUT}. */
    default boolean cancelled() {
        return false;
    }
}
