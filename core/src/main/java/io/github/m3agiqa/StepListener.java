package io.github.m3agiqa;

/** Is told how far a long job is. */
public interface StepListener {
    /**
     * The job begins, or goes on.
     *
     * @param steps all steps
     * @param done the steps that were taken before
     */
    void started(long steps, long done);

    /** A step was taken. */
    void step();

    /** Something that people who watch would like to know, such as a validation score. */
    void note(String line);
}
