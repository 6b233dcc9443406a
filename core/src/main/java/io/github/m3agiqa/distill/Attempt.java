package io.github.m3agiqa.distill;

import org.jspecify.annotations.Nullable;

/**
 * One request to a teacher and what came of it.
 *
 * @param outcome what came of it
 * @param description what the teacher said of the image; null unless it answered
 * @param reply the reply as it came; null if none did
 * @param inputTokens as the provider counted them; 0 if it did not say
 * @param outputTokens as the provider counted them; 0 if it did not say
 * @param cost in the currency of the price list
 * @param error what failed, in words; null if nothing did
 * @param millis from the request to the end of the reply
 */
public record Attempt(
        Outcome outcome,
        @Nullable String description,
        @Nullable String reply,
        long inputTokens,
        long outputTokens,
        double cost,
        @Nullable String error,
        long millis) {
    public Attempt {
        if ((description != null) != (outcome == Outcome.ANSWERED)) {
            throw new IllegalArgumentException("%s with description %s".formatted(outcome, description));
        }
    }
}
