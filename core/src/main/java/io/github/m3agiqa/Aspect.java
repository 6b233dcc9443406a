package io.github.m3agiqa;

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
        return Named.id(this);
    }

    /**
     * The aspect of that name, in any case.
     *
     * @throws IllegalArgumentException naming the known aspects if there is none
     */
    public static Aspect of(String id) {
        return Named.of(Aspect.class, "aspect", id);
    }
}
