package io.github.m3agiqa.dataset;

import io.github.m3agiqa.Aspect;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One image of a dataset.
 *
 * @param name the image's file name, unique in its dataset
 * @param prompt the prompt, null if the dataset has none
 * @param generator the model that made the image, null if that is not known
 * @param group images of one group stay together when a split is by group; the prompt where nothing else is stated
 * @param part the part of the dataset that its authors put it in, null if they did not
 * @param labels what people said
 */
public record Sample(
        String name,
        @Nullable String prompt,
        @Nullable String generator,
        String group,
        @Nullable Part part,
        Map<Aspect, Label> labels) {
    /** The parts of a dataset. */
    public enum Part {
        TRAIN,
        VALIDATION,
        TEST
    }

    /**
     * What people said of one aspect, on the scale of 0 to 5.
     *
     * @param mos the mean opinion score
     * @param deviation the standard deviation of the opinions, NaN if it is not known
     */
    public record Label(double mos, double deviation) {}

    public Sample {
        labels = labels.isEmpty() ? Map.of() : Collections.unmodifiableMap(new EnumMap<>(labels));
    }

    /** The mean opinion score of an aspect, NaN if there is none. */
    public double mos(Aspect aspect) {
        Label label = labels.get(aspect);
        return label == null ? Double.NaN : label.mos;
    }
}
