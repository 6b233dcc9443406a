package io.github.m3agiqa.scoring;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.ErrorCode;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.Required;
import io.github.m3agiqa.ScoringException;
import java.util.Set;

/**
 * What is wanted of one image.
 *
 * @param input the image and its prompt
 * @param aspects the aspects to score, of those that the scorer was opened for; empty for all of them
 * @param describe whether the model describes the image first
 * @param listener watches
 */
public record ScoringRequest(ImagePrompt input, Set<Aspect> aspects, boolean describe, ScoringListener listener) {
    public ScoringRequest {
        Required.of("input", input);
        Required.of("listener", listener);
        aspects = Set.copyOf(aspects);
    }

    /** The same, watched by another listener. */
    public ScoringRequest withListener(ScoringListener other) {
        return new ScoringRequest(input, aspects, describe, other);
    }

    /** The same, of other aspects. */
    public ScoringRequest withAspects(Set<Aspect> others) {
        return new ScoringRequest(input, others, describe, listener);
    }

    boolean wants(Aspect aspect) {
        return aspects.isEmpty() || aspects.contains(aspect);
    }

    boolean wanted() {
        return !listener.cancelled();
    }

    void checkWanted() {
        if (!wanted()) {
            throw new ScoringException(ErrorCode.TIMEOUT, "the answer was not there in time");
        }
    }
}
