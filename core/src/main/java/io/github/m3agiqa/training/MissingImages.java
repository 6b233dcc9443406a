package io.github.m3agiqa.training;

/** What becomes of samples whose image is not there. */
public enum MissingImages {
    /** The job does not begin. */
    ERROR,
    /** They are left out, and their number is noted. */
    SKIP
}
