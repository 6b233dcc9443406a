package io.github.m3agiqa.app.serve;

import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.scoring.ScoringRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.IntSupplier;
import java.util.stream.IntStream;

/**
 * Scores requests one after the other on a few threads, and together those that wait and want to be described, where that
 * takes less time. What does not fit into the queue is refused at once, so that who waits does not wait in vain; what was
 * accepted is finished, also when the service ends.
 */
final class ScoringQueue implements AutoCloseable {
    private final BlockingQueue<Job> jobs;
    private final IntSupplier together;
    private final Function<List<ScoringRequest>, List<Assessment>> scoring;
    private final Object taking = new Object();
    private final List<Thread> workers = new ArrayList<>();
    private boolean closed;

    /**
     * A request and where its answer goes.
     *
     * @param company whether others may be scored together with it
     */
    private record Job(ScoringRequest request, boolean company, CompletableFuture<Assessment> answer) {}

    /**
     * @param capacity how many requests may wait
     * @param threads how many are scored at a time, or groups of them
     * @param together the most requests that are scored together; asked when there are several
     * @param scoring scores requests together
     */
    ScoringQueue(
            int capacity, int threads, IntSupplier together, Function<List<ScoringRequest>, List<Assessment>> scoring) {
        this.jobs = new ArrayBlockingQueue<>(capacity);
        this.together = together;
        this.scoring = scoring;
        for (int i = 0; i < threads; i++) {
            workers.add(Thread.ofPlatform().name("scorer-" + i).start(this::work));
        }
    }

    /**
     * Has a request scored.
     *
     * @param watched whether its description is to be heard of while it grows, and so not be generated beside others
     * @throws Problem.Raised if the queue is full, or the service ends
     */
    synchronized CompletableFuture<Assessment> submit(ScoringRequest request, boolean watched) {
        if (closed) {
            throw new Problem(Problem.UNAVAILABLE, "OVERLOADED", "the service is ending; ask another one").raised();
        }
        CompletableFuture<Assessment> answer = new CompletableFuture<>();
        if (!jobs.offer(new Job(request, request.describe() && !watched, answer))) {
            throw new Problem(Problem.TOO_MANY_REQUESTS, "OVERLOADED", "the queue is full; ask again later").raised();
        }
        return answer;
    }

    /** How many requests wait. */
    int waiting() {
        return jobs.size();
    }

    private void work() {
        while (!done()) {
            try {
                run(take());
            } catch (InterruptedException _) {
                return;
            }
        }
    }

    /** What is to be scored together next; nothing if nothing comes for a while. */
    private List<Job> take() throws InterruptedException {
        synchronized (taking) {
            Job first = jobs.poll(100, TimeUnit.MILLISECONDS);
            if (first == null) {
                return List.of();
            }
            try {
                return withCompany(first);
            } catch (RuntimeException | Error e) {
                first.answer.completeExceptionally(e);
                return List.of();
            }
        }
    }

    private List<Job> withCompany(Job first) {
        List<Job> taken = new ArrayList<>(List.of(first));
        if (first.company && hasCompany()) {
            // as much for every thread
            int most = Math.min(together.getAsInt(), Math.ceilDiv(1 + jobs.size(), workers.size()));
            while (taken.size() < most && hasCompany()) {
                taken.add(jobs.remove());
            }
        }
        return taken;
    }

    private boolean hasCompany() {
        Job next = jobs.peek();
        return next != null && next.company;
    }

    private void run(List<Job> some) {
        if (some.isEmpty()) {
            return;
        }
        try {
            List<Assessment> answers =
                    scoring.apply(some.stream().map(Job::request).toList());
            IntStream.range(0, some.size()).forEach(i -> some.get(i).answer.complete(answers.get(i)));
        } catch (RuntimeException | Error e) {
            some.forEach(job -> job.answer.completeExceptionally(e));
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
        return idle();
    }

    /** Whether no thread scores any more. */
    boolean idle() {
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
