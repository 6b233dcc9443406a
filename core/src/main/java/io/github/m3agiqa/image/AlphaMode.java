package io.github.m3agiqa.image;

import io.github.m3agiqa.Named;

/** What becomes of the transparency of an image. */
public enum AlphaMode {
    /** Colours are taken as they are stored, as the published models do. */
    DROP,
    /** The image is laid on white, as a viewer shows it. */
    WHITE;

    /**
     * Reads the lower-case name used in manifests.
     *
     * @throws IllegalArgumentException naming the known ones if there is none
     */
    public static AlphaMode of(String id) {
        return Named.of(AlphaMode.class, "alpha", id);
    }
}
