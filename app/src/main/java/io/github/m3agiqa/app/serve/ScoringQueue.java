package io.github.m3agiqa.app.serve;

import io.github.m3agiqa.Assessment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Scores requests one after the other on a few threads. What does not fit into the queue is refused at once, so that who
 * waits does not wait in vain; what was accepted is finished, also when the service ends.
 */
final class ScoringQueue implements AutoCloseable {
    private final BlockingQueue<Job> jobs;
    private final List<Thread> workers = new ArrayList<>();
    private boolean closed;

    /** Work and where its result goes. */
    private record Job(Supplier<Assessment> work, CompletableFuture<Assessment> result) {
        void run() {
            try {
                result.complete(work.get());
            } catch (RuntimeException e) {
                result.completeExceptionally(e);
            }
        }
    }

    /**
     * @param capacity how many requests may wait
     * @param threads how many are scored at a time
     */
    ScoringQueue(int capacity, int threads) {
        this.jobs = new ArrayBlockingQueue<>(capacity);
        for (int i = 0; i < threads; i++) {
            workers.add(Thread.ofPlatform().name("scorer-" + i).start(this::work));
        }
    }

    /**
     * Lets work be done.
     *
     * @throws Problem.Raised if the queue is full, or the service ends
     */
    synchronized CompletableFuture<Assessment> submit(Supplier<Assessment> work) {
        if (closed) {
            throw new Problem(Problem.UNAVAILABLE, "OVERLOADED", "the service is ending; ask another one").raised();
        }
        CompletableFuture<Assessment> result = new CompletableFuture<>();
        if (!jobs.offer(new Job(work, result))) {
            throw new Problem(Problem.TOO_MANY_REQUESTS, "OVERLOADED", "the queue is full; ask again later").raised();
        }
        return result;
    }

    /** How many requests wait. */
    int waiting() {
        return jobs.size();
    }

    private void work() {
        while (!done()) {
            try {
                Job job = jobs.poll(100, TimeUnit.MILLISECONDS);
                if (job != null) {
                    job.run();
                }
            } catch (InterruptedException _) {
                return;
            }
        }
    }

    private synchronized boolean done() {
        return closed && jobs.isEmpty();
    }

    /** Takes nothing more, and waits until what was accepted is finished. */
    boolean drain(Duration longest) throws InterruptedException {
        synchronized (this) {
            closed = true;
        }
        long deadline = System.nanoTime() + longest.toNanos();
        for (Thread worker : workers) {
            worker.join(Duration.ofNanos(Math.max(1, deadline - System.nanoTime())));
        }
        return workers.stream().noneMatch(Thread::isAlive);
    }

    @Override
    public void close() {
        synchronized (this) {
            closed = true;
        }
        workers.forEach(Thread::interrupt);
    }
}
