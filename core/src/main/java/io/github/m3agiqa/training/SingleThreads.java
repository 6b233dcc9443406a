package io.github.m3agiqa.training;

import io.github.m3agiqa.tensor.Engine;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Threads that compute small things side by side. Until they are closed an operation of the engine uses one thread, whoever
 * asks for it: threads that share a small one wait for each other more than they compute, most of all where a processor has
 * something else to do.
 */
final class SingleThreads implements Executor, AutoCloseable {
    private final int before = Engine.threads();
    private final ExecutorService threads;

    /**
     * Starts the threads.
     *
     * @param count how many; with 1 an operation uses as many as before
     */
    SingleThreads(int count) {
        if (count > 1) {
            Engine.setThreads(1);
        }
        this.threads = Executors.newFixedThreadPool(count); // which go by what is set when they begin
    }

    @Override
    public void execute(Runnable task) {
        threads.execute(task);
    }

    /** Waits for what they were given; operations use as many threads again as before. */
    @Override
    public void close() {
        threads.close();
        Engine.setThreads(before);
    }
}
