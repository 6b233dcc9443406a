package io.github.m3agiqa.teacher;

/** Is told how far the preparation of targets is. */
public interface TeacherListener {
    /**
     * The work begins, or goes on.
     *
     * @param steps all steps, one an image that is looked at
     * @param done the steps that were taken before
     */
    void started(long steps, long done);

    /** A step was taken. */
    void step();

    /** Something that people who watch would like to know. */
    void note(String line);
}
