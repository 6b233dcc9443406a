package io.github.m3agiqa.testing;

import io.github.m3agiqa.StepListener;

/** Counts the steps of a run, and may end it after some of them as a crash would. */
public final class Watcher implements StepListener {
    /** Ends a run as a crash would: whatever was not written is lost. */
    public static final class Crash extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    private final int last;
    private final String lastNote;
    private int steps;

    private Watcher(int last, String lastNote) {
        this.last = last;
        this.lastNote = lastNote;
    }

    /** One that lets a run end by itself. */
    public static Watcher patient() {
        return crashingAfter(Integer.MAX_VALUE);
    }

    /** One that lets a run live for some steps, and ends it in the one after. */
    public static Watcher crashingAfter(int steps) {
        return new Watcher(steps, "no note");
    }

    /** One that ends a run when it notes something that begins so. */
    public static Watcher crashingAt(String note) {
        return new Watcher(Integer.MAX_VALUE, note);
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
    public void note(String line) {
        if (line.startsWith(lastNote)) {
            throw new Crash();
        }
    }
}
