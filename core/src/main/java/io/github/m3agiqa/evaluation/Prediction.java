package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.Interval;
import org.jspecify.annotations.Nullable;

/**
 * A computed score beside the one that people gave.
 *
 * @param image the image's file name
 * @param prompt the prompt, null if it is not known
 * @param group images of one group, which is to say of one prompt, are not independent of each other
 * @param generator the model that made the image, null if that is not known
 * @param predicted the computed score, 0 to 5; another model's may be on any scale
 * @param mos the mean opinion score, 0 to 5
 * @param interval the 90 % prediction interval, null where the model was not calibrated
 */
public record Prediction(
        String image,
        @Nullable String prompt,
        String group,
        @Nullable String generator,
        double predicted,
        double mos,
        @Nullable Interval interval) {
    public Prediction {
        if (!Double.isFinite(predicted) || !Double.isFinite(mos)) {
            throw new IllegalArgumentException("%s: %s and %s must be finite".formatted(image, predicted, mos));
        }
    }

    /** Another score of the same image, without an interval. */
    public Prediction withPredicted(double other) {
        return new Prediction(image, prompt, group, generator, other, mos, null);
    }
}
