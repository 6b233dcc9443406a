package io.github.m3agiqa.dataset;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Rating;
import io.github.m3agiqa.Scale;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One image of a dataset.
 *
 * @param name the image's file name, unique in its dataset
 * @param prompt the prompt, null if the dataset has none
 * @param generator the model that made the image, null if that is not known
 * @param group images of one group stay together when a split is by group: {@link #groupOf(String)} of the prompt where
 *     nothing else is stated
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
    public record Label(double mos, double deviation) {
        public Label {
            if (!(mos >= Scale.ZERO_TO_FIVE.min() && mos <= Scale.ZERO_TO_FIVE.max())) {
                throw new IllegalArgumentException("a mean opinion score is 0 to 5, not " + mos);
            }
            if (deviation < 0) {
                throw new IllegalArgumentException(
                        "a standard deviation is not negative, as %s is".formatted(deviation));
            }
        }

        /** The word that the score stands for. */
        public String ratingWord() {
            return Rating.of(mos, Scale.ZERO_TO_FIVE).word();
        }
    }

    public Sample {
        if (name.isBlank()) {
            throw new IllegalArgumentException("a sample needs a name");
        }
        labels = labels.isEmpty() ? Map.of() : Collections.unmodifiableMap(new EnumMap<>(labels));
    }

    /** The mean opinion score of an aspect, NaN if there is none. */
    public double mos(Aspect aspect) {
        return label(aspect).map(Label::mos).orElse(Double.NaN);
    }

    /** What people said of an aspect, if they were asked. */
    public Optional<Label> label(Aspect aspect) {
        return Optional.ofNullable(labels.get(aspect));
    }

    /** What prompts have in common that say the same: they may differ in case and in white space. */
    public static String groupOf(String prompt) {
        return prompt.strip().toLowerCase(Locale.ROOT).replaceAll("\\s+", " ");
    }
}
