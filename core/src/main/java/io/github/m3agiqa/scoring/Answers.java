package io.github.m3agiqa.scoring;

import io.github.m3agiqa.Failure;
import org.jspecify.annotations.Nullable;

/**
 * What a model itself answered in the two rounds about an image, or why it did not.
 *
 * @param description its answer to the request for a description, null if it failed; empty if it said nothing
 * @param rating its answer to the request for a rating, null if it failed or was not asked for one; any text, although one word was asked for
 * @param failure why there are no answers, null if there are
 */
public record Answers(
        @Nullable String description,
        @Nullable String rating,
        @Nullable Failure failure) {
    public Answers {
        boolean silent = description == null && rating == null;
        if (failure == null ? description == null : !silent) {
            throw new IllegalArgumentException("there are answers, or a failure");
        }
    }
}
