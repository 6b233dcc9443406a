package io.github.m3agiqa.scoring;

import io.github.m3agiqa.ErrorCode;
import io.github.m3agiqa.Failure;
import io.github.m3agiqa.M3AgiqaException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Work on one image of several: what goes wrong with it is told, and stops no other. */
final class Guarded {
    private static final Logger LOG = LoggerFactory.getLogger(Guarded.class);

    private Guarded() {}

    /**
     * Does some work.
     *
     * @param image its name
     * @return what went wrong; null if nothing did
     */
    static @Nullable Failure run(String image, Runnable work) {
        try {
            work.run();
            return null;
        } catch (M3AgiqaException e) {
            return Failure.of(e);
        } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
            LOG.error("{}: unexpected error", image, e);
            return new Failure(ErrorCode.INTERNAL, "%s: unexpected error: %s".formatted(image, e));
        }
    }
}
