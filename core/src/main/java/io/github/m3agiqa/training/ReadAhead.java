package io.github.m3agiqa.training;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.LongFunction;
import java.util.function.Supplier;

/** What the steps of a training read, each begun with while the engine is busy with the one before it. */
final class ReadAhead<T> {
    private final LongFunction<Supplier<T>> choice;
    private CompletableFuture<T> ahead;
    private long stepAhead = -1;

    /**
     * Reads for the steps of one thread.
     *
     * @param choice decides in that thread what a step reads; what it gives reads it in another
     */
    ReadAhead(LongFunction<Supplier<T>> choice) {
        this.choice = choice;
        this.ahead = CompletableFuture.failedFuture(new IllegalStateException("nothing was asked for"));
    }

    /** What a step reads; that of the next one is begun with. */
    T of(long step) {
        T found;
        try {
            found = step == stepAhead ? ahead.join() : choice.apply(step).get();
        } catch (CompletionException e) {
            throw e.getCause() instanceof RuntimeException wrong ? wrong : e;
        }
        stepAhead = step + 1;
        ahead = CompletableFuture.supplyAsync(choice.apply(step + 1));
        return found;
    }
}
