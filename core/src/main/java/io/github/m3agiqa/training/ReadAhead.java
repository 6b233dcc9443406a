package io.github.m3agiqa.training;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.LongFunction;
import java.util.function.Supplier;

/**
 * What the steps of a training read, several things at a time; those of a step are begun with while the engine is busy
 * with the step before it. What they are read with, such as a tokenizer, may be closed after this and not before.
 */
final class ReadAhead<T> implements AutoCloseable {
    private final LongFunction<List<Supplier<T>>> choice;
    private final ExecutorService threads =
            Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());
    private List<CompletableFuture<T>> ahead = List.of();
    private long stepAhead = -1;

    /**
     * Reads for the steps of one thread.
     *
     * @param choice decides in that thread what a step reads; what it gives reads it in others
     */
    ReadAhead(LongFunction<List<Supplier<T>>> choice) {
        this.choice = choice;
    }

    /** What a step reads; that of the next one is begun with. */
    List<T> of(long step) {
        List<T> found = await(step == stepAhead ? ahead : begin(choice.apply(step)));
        stepAhead = step + 1;
        ahead = begin(choice.apply(stepAhead));
        return found;
    }

    /** Reads what belongs to no step. */
    List<T> read(List<Supplier<T>> wanted) {
        return await(begin(wanted));
    }

    private List<CompletableFuture<T>> begin(List<Supplier<T>> wanted) {
        return wanted.stream()
                .map(one -> CompletableFuture.supplyAsync(one, threads))
                .toList();
    }

    private static <T> List<T> await(List<CompletableFuture<T>> begun) {
        return begun.stream().map(Futures::await).toList();
    }

    /** Waits for what has been begun with, which nobody will ask for. */
    @Override
    public void close() {
        threads.close();
    }
}
