package io.github.m3agiqa.training;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** What other threads are busy with. */
final class Futures {
    private Futures() {}

    /** Waits for a result; what its thread threw is thrown here as it is. */
    static <T> T await(CompletableFuture<T> begun) {
        try {
            return begun.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof Error wrong) {
                throw wrong;
            }
            throw e.getCause() instanceof RuntimeException wrong ? wrong : e;
        }
    }
}
