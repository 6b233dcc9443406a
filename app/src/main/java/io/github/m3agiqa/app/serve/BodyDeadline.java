package io.github.m3agiqa.app.serve;

import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** Ends the reading of a body that does not arrive in time, however steadily it drips. */
final class BodyDeadline implements AutoCloseable {
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("body-deadline").factory());

    /** A thread that reads, until it is done or interrupted. */
    private static final class Reading {
        private final Thread reader = Thread.currentThread();
        private boolean over;
        private boolean late;

        synchronized void interrupt() {
            if (!over) {
                late = true;
                reader.interrupt();
            }
        }

        /** Ends it; the thread is as it was before. */
        synchronized boolean endedLate() {
            over = true;
            if (late) {
                Thread.interrupted();
            }
            return late;
        }
    }

    /**
     * Reads a body on this thread.
     *
     * @param longest how long it may take
     * @throws Problem.Raised with 408 if the body did not arrive in time
     */
    <T> T read(Duration longest, Supplier<T> body) {
        Reading reading = new Reading();
        Future<?> end = clock.schedule(reading::interrupt, longest.toNanos(), TimeUnit.NANOSECONDS);
        try {
            return body.get();
        } catch (RuntimeException e) {
            if (reading.endedLate()) {
                throw new Problem(
                                Problem.REQUEST_TIMEOUT,
                                "TIMEOUT",
                                "the body did not arrive within %d s".formatted(longest.toSeconds()))
                        .raised();
            }
            throw e;
        } finally {
            end.cancel(false);
            reading.endedLate();
        }
    }

    @Override
    public void close() {
        clock.shutdownNow();
    }
}
