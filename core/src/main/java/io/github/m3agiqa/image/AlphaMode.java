package io.github.m3agiqa.image;

/** What becomes of the transparency of an image. */
public enum AlphaMode {
    /** Colours are taken as they are stored, as the published models do. */
    DROP,
    /** The image is laid on white, as a viewer shows it. */
    WHITE
}
