package io.github.m3agiqa;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** One of the three questions that people answered about an image. */
public enum Aspect {
    /** How good the image looks: sharpness, composition, colour, artefacts. */
    QUALITY,
    /** How well the image shows what its prompt asked for. */
    CORRESPONDENCE,
    /** How much the image looks like a real photograph or artwork. */
    AUTHENTICITY;

    /** The lower-case name used in files, options and JSON. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * The aspect of that name, in any case.
     *
     * @throws IllegalArgumentException naming the known aspects if there is none
     */
    public static Aspect of(String id) {
        return Arrays.stream(values())
                .filter(aspect -> aspect.id().equalsIgnoreCase(id.strip()))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("unknown aspect '%s': known are %s"
                        .formatted(id, Arrays.stream(values()).map(Aspect::id).collect(Collectors.joining(", ")))));
    }
}
