package io.github.m3agiqa.evaluation;

import org.jspecify.annotations.Nullable;

/**
 * A score beside the one that people gave.
 *
 * @param image the image's file name
 * @param group images of one group, which is to say of one prompt, are not independent of each other
 * @param generator the model that made the image, null if that is not known
 * @param predicted the computed score, 0 to 5
 * @param mos the mean opinion score, 0 to 5
 */
public record Prediction(
        String image, String group, @Nullable String generator, double predicted, double mos) {
    public Prediction {
        if (!Double.isFinite(predicted) || !Double.isFinite(mos)) {
            throw new IllegalArgumentException("%s: %s and %s must be finite".formatted(image, predicted, mos));
        }
    }
}
