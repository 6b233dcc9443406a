package io.github.m3agiqa.testing;

import io.github.m3agiqa.StepListener;

/** Counts the steps of a run, and may end it after some of them as a crash would. */
public final class Watcher implements StepListener {
    /** Ends a run as a crash would: whatever was not written is lost. */
    public static final class Crash extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    private final int last;
    private int steps;

    private Watcher(int last) {
        this.last = last;
    }

    /** One that lets a run end by itself. */
    public static Watcher patient() {
        return new Watcher(Integer.MAX_VALUE);
    }

    /** One that lets a run live for some steps, and ends it in the one after. */
    public static Watcher crashingAfter(int steps) {
        return new Watcher(steps);
    }

    /** The steps that were taken. */
    public int steps() {
        return steps;
    }

    @Override
    public void started(long all, long done) {}

    @Override
    public void step() {
        if (steps++ == last) {
            throw new Crash();
        }
    }

    @Override
    public void note(String line) {}
}
