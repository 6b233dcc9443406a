package io.github.m3agiqa.scoring;

import io.github.m3agiqa.ErrorCode;
import io.github.m3agiqa.Failure;
import io.github.m3agiqa.M3AgiqaException;
import io.github.m3agiqa.mllm.Generation;
import io.github.m3agiqa.mllm.Session;
import java.util.List;
import java.util.Optional;
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
            LOG.debug("{}: {}", image, e.code(), e);
            return Failure.of(e);
        } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
            LOG.error("{}: unexpected error", image, e);
            return new Failure(ErrorCode.INTERNAL, "%s: unexpected error: %s".formatted(image, e));
        }
    }

    /**
     * Continues conversations in passes that they share.
     *
     * @return the texts that were generated; empty if each is to be continued alone, as there is one only or together it failed
     */
    static Optional<List<String>> generate(List<Session> sessions, Generation generation) {
        if (sessions.size() < 2) {
            return Optional.empty();
        }
        try {
            return Optional.of(Session.generate(sessions, generation));
        } catch (RuntimeException e) {
            LOG.warn("generating one by one, as together it failed", e);
            return Optional.empty();
        }
    }

    /**
     * Checks what is to be worked on.
     *
     * @throws IllegalArgumentException naming the place of an image that is null
     */
    static void checkGiven(List<?> images) {
        int place = 0;
        for (Object image : images) {
            if (image == null) {
                throw new IllegalArgumentException(
                        "the image at index %d of %d is null".formatted(place, images.size()));
            }
            place++;
        }
    }
}
