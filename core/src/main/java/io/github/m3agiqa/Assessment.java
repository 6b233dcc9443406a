package io.github.m3agiqa;

import java.time.Duration;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * All that was found out about one image.
 *
 * @param image the image's name as the caller gave it
 * @param prompt the prompt, null if there was none
 * @param model name and version of the model
 * @param aspects a result for every aspect asked for, in the order of {@link Aspect}; empty if the image failed
 * @param failure why the image as a whole failed, null if it did not
 * @param elapsed the wall-clock time of this image; of several that were scored together, its share
 */
public record Assessment(
        String image,
        @Nullable String prompt,
        String model,
        Map<Aspect, AspectResult> aspects,
        @Nullable Failure failure,
        Duration elapsed) {
    public Assessment {
        EnumMap<Aspect, AspectResult> ordered = new EnumMap<>(Aspect.class);
        ordered.putAll(aspects);
        aspects = Collections.unmodifiableMap(ordered);
    }

    /** The score of an aspect, if it was asked for and computed. */
    public Optional<Score> score(Aspect aspect) {
        return aspects.get(aspect) instanceof Score score ? Optional.of(score) : Optional.empty();
    }

    /** Whether the image and every aspect of it was scored. */
    public boolean complete() {
        return failure == null && aspects.values().stream().allMatch(Score.class::isInstance);
    }
}
