package io.github.m3agiqa.app.serve;

import io.github.m3agiqa.scoring.ScoringListener;
import java.time.Duration;

/** Whether the answer to one request is no longer wanted. */
final class Deadline implements ScoringListener {
    private final long end;
    private volatile boolean gone;

    /** Begins now. */
    Deadline(Duration timeout) {
        this.end = System.nanoTime() + timeout.toNanos();
    }

    /** In nanoseconds, 0 when it is over. */
    long left() {
        return Math.max(0, end - System.nanoTime());
    }

    /** Whoever asked is gone. */
    void leave() {
        gone = true;
    }

    @Override
    public boolean cancelled() {
        return gone || left() == 0;
    }
}
