package io.github.m3agiqa.distill;

import dev.failsafe.Failsafe;
import dev.failsafe.RateLimiter;
import dev.failsafe.RetryPolicy;
import io.github.m3agiqa.StepListener;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Asks teachers the open questions of a store, several at a time, no faster than the provider allows, and no more than
 * the user pays for. What passes is tried again; what ended, and what was paid, is in the store.
 */
public final class Distillation {
    /**
     * How fast, and how long.
     *
     * @param concurrency how many requests are under way at a time
     * @param requestsPerMinute how many begin in a minute; 0 for no limit
     * @param tokensPerMinute how many tokens they read and write in a minute; 0 for no limit
     * @param retries how often a request that failed for a passing reason is sent again
     * @param firstDelay the pause before the first of them, which doubles each time
     * @param longestDelay the longest pause, unless the provider asks for a longer one
     * @param maxRequests how many requests the store may hold in all
     * @param maxCost what they may cost in all
     */
    public record Limits(
            int concurrency,
            int requestsPerMinute,
            int tokensPerMinute,
            int retries,
            Duration firstDelay,
            Duration longestDelay,
            long maxRequests,
            double maxCost) {
        public Limits {
            if (concurrency < 1 || requestsPerMinute < 0 || tokensPerMinute < 0 || retries < 0) {
                throw new IllegalArgumentException("limits are at least 0, and concurrency at least 1");
            }
        }
    }

    /** Why a run ended. */
    public enum End {
        /** Every question was asked. */
        DONE,
        /** The next request might have gone over the budget. */
        BUDGET,
        /** No key is left that the provider accepts. */
        KEYS,
        /** It was told to stop. */
        STOPPED
    }

    /**
     * What a run did.
     *
     * @param outcomes how many questions came to each outcome; those that stay open count by what failed last
     */
    public record Summary(End end, Map<Outcome, Integer> outcomes) {}

    private static final double JITTER = 0.25;
    private static final Duration AS_BACKOFF_SAYS = Duration.ofNanos(-1);
    private static final Duration MINUTE = Duration.ofMinutes(1);

    private final AnswerStore store;
    private final Limits limits;
    private final StepListener listener;
    private final List<Teacher> keys; // one teacher with each key; those whose key failed leave
    private final AtomicInteger turn = new AtomicInteger();
    private final @Nullable RateLimiter<Object> requests;
    private final @Nullable RateLimiter<Object> tokens;
    private final Spending spending;
    private final AtomicBoolean stopped = new AtomicBoolean();
    private final Map<Outcome, Integer> outcomes = new EnumMap<>(Outcome.class);

    /**
     * A run.
     *
     * @param teachers the same teacher, once with each key
     */
    public Distillation(AnswerStore store, List<? extends Teacher> teachers, Limits limits, StepListener listener) {
        this.store = store;
        this.limits = limits;
        this.listener = listener;
        this.keys = new ArrayList<>(teachers);
        this.requests = limiter(limits.requestsPerMinute);
        this.tokens = limiter(limits.tokensPerMinute);
        this.spending = new Spending(store.spent(), limits.maxRequests, limits.maxCost);
    }

    private static @Nullable RateLimiter<Object> limiter(int perMinute) {
        return perMinute == 0
                ? null
                : RateLimiter.smoothBuilder(perMinute, MINUTE).build();
    }

    /** Lets what is under way finish, and begins nothing more. */
    public void stop() {
        stopped.set(true);
    }

    /**
     * Asks.
     *
     * @param pictures reads the image of a question
     */
    public Summary run(List<Question> questions, Function<Question, Teacher.Picture> pictures) {
        try (ExecutorService threads = Executors.newFixedThreadPool(limits.concurrency)) {
            List<Callable<Void>> all = new ArrayList<>();
            for (Question question : questions) {
                all.add(() -> {
                    askIfOpen(question, pictures);
                    return null;
                });
            }
            for (Future<Void> one : threads.invokeAll(all)) {
                one.get();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while teachers were asked", e);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException wrong ? wrong : new IllegalStateException(e.getCause());
        }
        return new Summary(end(), Map.copyOf(outcomes));
    }

    private End end() {
        if (spending.exhausted()) {
            return End.BUDGET;
        }
        synchronized (keys) {
            if (keys.isEmpty()) {
                return End.KEYS;
            }
        }
        return stopped.get() ? End.STOPPED : End.DONE;
    }

    private boolean goesOn() {
        return end() == End.DONE;
    }

    private void askIfOpen(Question question, Function<Question, Teacher.Picture> pictures) {
        if (!goesOn() || !store.claim(question)) {
            return;
        }
        try {
            Outcome outcome = ask(question, pictures.apply(question));
            if (outcome != null) {
                synchronized (outcomes) {
                    outcomes.merge(outcome, 1, Integer::sum);
                }
                listener.step();
            }
        } finally {
            store.release(question);
        }
    }

    /** What the question came to; null if there was no way to ask it. */
    private @Nullable Outcome ask(Question question, Teacher.Picture picture) {
        Outcome first = askPatiently(question, picture, false);
        return first == Outcome.MALFORMED ? askPatiently(question, picture, true) : first;
    }

    /** Asks, and waits and asks again while what fails may pass. */
    private @Nullable Outcome askPatiently(Question question, Teacher.Picture picture, boolean again) {
        RetryPolicy<Teacher.Reply> policy = RetryPolicy.<Teacher.Reply>builder()
                .handleResultIf(
                        reply -> reply != null && !reply.attempt().outcome().isFinal() && goesOn())
                .withMaxRetries(limits.retries)
                .withBackoff(limits.firstDelay, limits.longestDelay)
                .withJitter(JITTER)
                .withDelayFn(context -> {
                    Teacher.Reply reply = context.getLastResult();
                    return reply == null || reply.retryAfter() == null ? AS_BACKOFF_SAYS : reply.retryAfter();
                })
                .build();
        Teacher.Reply last = Failsafe.with(policy).get(() -> askOnce(question, picture, again));
        return last == null ? null : last.attempt().outcome();
    }

    private Teacher.@Nullable Reply askOnce(Question question, Teacher.Picture picture, boolean again)
            throws InterruptedException {
        Teacher teacher = nextTeacher();
        if (teacher == null || stopped.get() || !spending.begin()) {
            return null;
        }
        double paid = 0;
        try {
            if (requests != null) {
                requests.acquirePermit();
            }
            long request = store.sent(question);
            Teacher.Reply reply = teacher.ask(question, picture, again);
            Attempt attempt = reply.attempt();
            paid = attempt.cost();
            boolean end = attempt.outcome().isFinal() && (again || attempt.outcome() != Outcome.MALFORMED);
            store.arrived(request, question, attempt, end);
            if (attempt.outcome().stopsTheKey()) {
                drop(teacher, attempt);
            }
            if (tokens != null) {
                // paid for afterwards, as nobody knows before how long an answer gets
                tokens.acquirePermits(Math.max(1, (int) (attempt.inputTokens() + attempt.outputTokens())));
            }
            return reply;
        } finally {
            spending.end(paid);
        }
    }

    private @Nullable Teacher nextTeacher() {
        synchronized (keys) {
            return keys.isEmpty() ? null : keys.get(Math.floorMod(turn.getAndIncrement(), keys.size()));
        }
    }

    private void drop(Teacher teacher, Attempt attempt) {
        synchronized (keys) {
            if (keys.remove(teacher)) {
                listener.note("a key is left out: %s; %d left".formatted(attempt.error(), keys.size()));
            }
        }
    }
}
