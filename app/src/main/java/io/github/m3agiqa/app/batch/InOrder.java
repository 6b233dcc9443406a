package io.github.m3agiqa.app.batch;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import java.util.function.IntSupplier;
import java.util.stream.IntStream;

/** Works on several items of a list at a time, and takes the results in the order of the list. */
final class InOrder {
    /** What becomes of a result. */
    interface Sink<T, R> {
        void take(T item, R result) throws IOException;
    }

    private InOrder() {}

    /**
     * Works on all items. Nothing runs any more when this returns or throws.
     *
     * @param workers how many items are worked on at a time; as many more may wait for one before them
     * @throws IOException from the sink
     */
    static <T, R> void forEach(List<T> items, int workers, Function<T, R> work, Sink<T, R> sink) throws IOException {
        record Begun<T, R>(T item, Future<R> result) {}
        Deque<Begun<T, R>> begun = new ArrayDeque<>();
        try (ExecutorService pool = Executors.newFixedThreadPool(workers)) {
            try {
                Iterator<T> open = items.iterator();
                while (open.hasNext() || !begun.isEmpty()) {
                    while (open.hasNext() && begun.size() < 2 * workers) {
                        T item = open.next();
                        begun.add(new Begun<>(item, pool.submit(() -> work.apply(item))));
                    }
                    Begun<T, R> first = begun.remove();
                    sink.take(first.item, result(first.result));
                }
            } finally {
                begun.forEach(rest -> rest.result.cancel(false));
            }
        }
    }

    /**
     * Works on all items, some together. Nothing runs any more when this returns or throws.
     *
     * @param workers how many groups are worked on at a time
     * @param most the most items of a group, asked if there can be several in one
     * @param work makes as many results as it is given items
     * @throws IOException from the sink, which is given one item at a time
     */
    static <T, R> void forEachTogether(
            List<T> items, int workers, IntSupplier most, Function<List<T>, List<R>> work, Sink<T, R> sink)
            throws IOException {
        int share = Math.ceilDiv(items.size(), workers);
        int size = share > 1 ? Math.min(most.getAsInt(), share) : 1;
        List<List<T>> groups = IntStream.range(0, Math.ceilDiv(items.size(), size))
                .mapToObj(i -> items.subList(i * size, Math.min(items.size(), (i + 1) * size)))
                .toList();
        InOrder.<List<T>, List<R>>forEach(groups, workers, work, (group, results) -> {
            for (int i = 0; i < group.size(); i++) {
                sink.take(group.get(i), results.get(i));
            }
        });
    }

    private static <R> R result(Future<R> future) {
        try {
            return future.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException unexpected) {
                throw unexpected;
            }
            throw new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }
}
