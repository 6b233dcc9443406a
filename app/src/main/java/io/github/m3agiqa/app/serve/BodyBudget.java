package io.github.m3agiqa.app.serve;

import java.util.concurrent.Semaphore;

/** The memory that bodies may take, from before they are read until they are answered. */
final class BodyBudget {
    private static final int KIB = 1024;

    /** The body, the text of its JSON, and the image in that. */
    private static final int COPIES = 3;

    private final int all;
    private final Semaphore left; // KiB

    /** @param bytes for all bodies at a time */
    BodyBudget(long bytes) {
        this.all = Math.toIntExact(Math.clamp(bytes / KIB, 1, Integer.MAX_VALUE));
        this.left = new Semaphore(all);
    }

    /** The memory of one body, which is given back. */
    interface Hold extends AutoCloseable {
        @Override
        void close();
    }

    /**
     * Takes memory for a body. One that is alone always finds it.
     *
     * @throws Problem.Raised with 429 if too little is left
     */
    Hold hold(long bodyBytes) {
        int needed = Math.toIntExact(Math.min(all, Math.ceilDiv(COPIES * bodyBytes, KIB)));
        if (!left.tryAcquire(needed)) {
            throw new Problem(
                            Problem.TOO_MANY_REQUESTS,
                            "OVERLOADED",
                            "the images of other requests take the memory; ask again later")
                    .raised();
        }
        return () -> left.release(needed);
    }
}
