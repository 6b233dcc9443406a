package io.github.m3agiqa.teacher;

import io.github.m3agiqa.InputException;
import java.util.List;

/**
 * What hints are made of.
 *
 * @param inputSize height and width to which images are resized for all teachers, in pixels
 * @param sample images of which the layers' components are computed
 * @param seed which images these are
 */
public record HintSettings(List<Hint> hints, int inputSize, int sample, long seed) {
    public HintSettings {
        hints = List.copyOf(hints);
        if (hints.isEmpty() || inputSize < 1 || sample < 1) {
            throw new InputException("%d hints, inputSize %d and sample %d; all must be at least 1"
                    .formatted(hints.size(), inputSize, sample));
        }
    }
}
