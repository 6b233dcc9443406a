package io.github.m3agiqa.scoring;

/** Counts who is using something, so that what is closed meanwhile is freed when the last of them is done. */
final class Uses {
    private final String name;
    private final Runnable free;
    private int running;
    private boolean closed;

    /**
     * Something that is not used yet.
     *
     * @param name what it is, for messages
     * @param free gives its memory back; called once
     */
    Uses(String name, Runnable free) {
        this.name = name;
        this.free = free;
    }

    /** One use, until it is closed. */
    interface Use extends AutoCloseable {
        @Override
        void close();
    }

    /**
     * Begins a use.
     *
     * @throws IllegalStateException if it is closed
     */
    synchronized Use begin() {
        if (closed) {
            throw new IllegalStateException("%s is closed".formatted(name));
        }
        running++;
        return this::end;
    }

    private void end() {
        boolean last;
        synchronized (this) {
            running--;
            last = closed && running == 0;
        }
        if (last) {
            free.run();
        }
    }

    /** Lets no further use begin. Does not wait for those that have; closing again does nothing. */
    void close() {
        boolean last;
        synchronized (this) {
            last = !closed && running == 0;
            closed = true;
        }
        if (last) {
            free.run();
        }
    }
}
