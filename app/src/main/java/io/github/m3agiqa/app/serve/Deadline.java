package io.github.m3agiqa.app.serve;

import io.github.m3agiqa.scoring.ScoringListener;
import java.time.Duration;

/** Whether the answer to one request is no longer wanted. */
final class Deadline implements ScoringListener {
    private final long end;
    private volatile boolean left;

    /** Begins now. */
    Deadline(Duration timeout) {
        this.end = System.nanoTime() + timeout.toNanos();
    }

    /** In nanoseconds, 0 when it is over. */
    long remaining() {
        return Math.max(0, end - System.nanoTime());
    }

    /** Whoever asked is gone. */
    void leave() {
        left = true;
    }

    /** Whether whoever asked is gone. */
    boolean left() {
        return left;
    }

    @Override
    public boolean cancelled() {
        return left || remaining() == 0;
    }
}
