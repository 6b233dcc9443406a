package io.github.m3agiqa.distill;

import dev.failsafe.Failsafe;
import dev.failsafe.FailsafeException;
import dev.failsafe.RateLimiter;
import dev.failsafe.RetryPolicy;
import io.github.m3agiqa.M3AgiqaException;
import io.github.m3agiqa.StepListener;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
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
     * @param firstDelay the pause before the first of them, which doubles each time; above 0
     * @param longestDelay the longest pause, unless the provider asks for a longer one; longer than the first
     * @param maxRequests how many requests the store may hold in all
     * @param maxCost what they may cost in all, in the money of the prices; infinite for no limit
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
            if (!firstDelay.isPositive() || firstDelay.compareTo(longestDelay) >= 0) {
                throw new IllegalArgumentException("the first delay is above 0 and shorter than the longest");
            }
        }
    }

    /** Why a run ended. */
    public enum End {
        /** Every question was asked. */
        DONE,
        /** The next request might have gone over the budget, or nobody knows what it would have cost. */
        BUDGET,
        /** No key is left that the provider accepts. */
        KEYS,
        /** One question after the other was rejected, or failed for reasons that should have passed. */
        UNREACHABLE,
        /** It was told to stop. */
        STOPPED
    }

    /**
     * What a run did.
     *
     * @param outcomes how many questions came to each outcome; those that stay open count by what failed last, except
     *     those that would have been asked again when the run was told to stop
     * @param open how many questions stay open
     */
    public record Summary(End end, Map<Outcome, Integer> outcomes, int open) {}

    private static final double JITTER = 0.25;
    private static final Duration AS_BACKOFF_SAYS = Duration.ofNanos(-1);

    /** As many questions in a row may be rejected, or fail for passing reasons after all their retries, before a run gives up. */
    private static final int MOST_GIVEN_UP = 20;

    /** How a question ends that the teacher said something to, for which it is paid. */
    private static final Set<Outcome> SAID =
            Set.of(Outcome.ANSWERED, Outcome.REFUSED, Outcome.CUT_OFF, Outcome.MALFORMED);

    /** A provider that asks to wait longer is not waited for. */
    private static final Duration LONGEST_REST = Duration.ofDays(1);

    private static final Duration NAP = Duration.ofMillis(200);
    private static final Duration MINUTE = Duration.ofMinutes(1);

    private final AnswerStore store;
    private final Limits limits;
    private final StepListener listener;
    private final Keys keys;
    private final AtomicInteger givenUp = new AtomicInteger();
    private final @Nullable RateLimiter<Object> requests;
    private final @Nullable RateLimiter<Object> tokens;
    private final Spending spending;
    private final AtomicBoolean stopped = new AtomicBoolean();
    private final Set<Thread> waiting = new HashSet<>(); // for their turn, or for another try
    private final Map<Outcome, Integer> outcomes = new EnumMap<>(Outcome.class);
    private final Set<Outcome> explained = ConcurrentHashMap.newKeySet();

    /**
     * A run.
     *
     * @param teachers the same teacher, once with each key
     */
    public Distillation(AnswerStore store, List<? extends Teacher> teachers, Limits limits, StepListener listener) {
        this.store = store;
        this.limits = limits;
        this.listener = listener;
        this.keys = new Keys(teachers);
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
        synchronized (waiting) {
            waiting.forEach(Thread::interrupt);
        }
    }

    /** Notes whether this thread waits, when {@link #stop} may wake it up. */
    private void waits(boolean begins) {
        synchronized (waiting) {
            if (begins) {
                waiting.add(Thread.currentThread());
            } else {
                waiting.remove(Thread.currentThread());
            }
        }
    }

    /**
     * Asks.
     *
     * @param pictures reads the image of a question
     * @throws IllegalStateException if the thread is interrupted
     */
    public Summary run(List<Question> questions, Function<Question, Teacher.Picture> pictures) {
        store.add(questions);
        List<Question> open = store.open(questions);
        int all = questions.size() - store.failed(questions).size();
        listener.started(all, all - open.size());
        try (ExecutorService threads = Executors.newFixedThreadPool(limits.concurrency)) {
            List<Callable<Void>> asking = new ArrayList<>();
            for (Question question : open) {
                asking.add(() -> {
                    askIfOpen(question, pictures);
                    return null;
                });
            }
            for (Future<Void> one : threads.invokeAll(asking)) {
                one.get();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while teachers were asked", e);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException wrong ? wrong : new IllegalStateException(e.getCause());
        }
        return new Summary(end(), outcomes(), store.open(questions).size());
    }

    /** How many questions of this run have come to each outcome so far. */
    public Map<Outcome, Integer> outcomes() {
        synchronized (outcomes) {
            return new EnumMap<>(outcomes);
        }
    }

    private End end() {
        if (spending.exhausted()) {
            return End.BUDGET;
        }
        if (keys.size() == 0) {
            return End.KEYS;
        }
        if (givenUp.get() >= MOST_GIVEN_UP) {
            return End.UNREACHABLE;
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
            Outcome outcome = ask(question, pictures);
            if (outcome != null) {
                boolean taken = outcome.isFinal() && outcome != Outcome.REJECTED;
                givenUp.updateAndGet(count -> taken ? 0 : count + 1);
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
    private @Nullable Outcome ask(Question question, Function<Question, Teacher.Picture> pictures) {
        Teacher.Picture picture;
        try {
            picture = pictures.apply(question);
        } catch (M3AgiqaException e) {
            store.closed(question, Outcome.UNREADABLE);
            listener.note(String.valueOf(e.getMessage()));
            return Outcome.UNREADABLE;
        }
        Outcome first = askPatiently(question, picture, false);
        return first == Outcome.MALFORMED ? askPatiently(question, picture, true) : first;
    }

    /** Asks, and waits and asks again while what fails may pass; null if the run ended, or was stopped, before it did. */
    private @Nullable Outcome askPatiently(Question question, Teacher.Picture picture, boolean again) {
        RetryPolicy<Teacher.Reply> policy = RetryPolicy.<Teacher.Reply>builder()
                .handleResultIf(
                        reply -> reply != null && !reply.attempt().outcome().isFinal() && goesOn())
                .withMaxRetries(limits.retries)
                .withBackoff(limits.firstDelay, limits.longestDelay)
                .withJitter(JITTER)
                .withDelayFn(context -> {
                    Teacher.Reply reply = context.getLastResult();
                    // the key rests, and another may be asked at once
                    return reply == null || reply.retryAfter() == null ? AS_BACKOFF_SAYS : Duration.ZERO;
                })
                .build();
        waits(true);
        try {
            Teacher.Reply last = Failsafe.with(policy).get(() -> askOnce(question, picture, again));
            Outcome outcome = last == null ? null : last.attempt().outcome();
            return stopped.get() && outcome != null && !outcome.isFinal() ? null : outcome;
        } catch (FailsafeException e) {
            if (stopped.get() && e.getCause() instanceof InterruptedException) {
                return null;
            }
            throw e;
        } finally {
            waits(false);
        }
    }

    private Teacher.@Nullable Reply askOnce(Question question, Teacher.Picture picture, boolean again)
            throws InterruptedException {
        Teacher teacher = restedTeacher();
        if (teacher == null || !spending.begin()) {
            return null;
        }
        double paid = 0;
        try {
            if (requests != null) {
                requests.acquirePermit();
            }
            waits(false);
            if (stopped.get()) {
                return null;
            }
            long request = store.sent(question);
            Teacher.Reply reply = teacher.ask(question, picture, again);
            Attempt attempt = reply.attempt();
            paid = attempt.cost();
            if (attempt.outcome().stopsTheKey()) {
                drop(teacher, String.valueOf(attempt.error()));
            } else {
                explain(question, reply);
                rest(teacher, reply);
            }
            if (costsWhoKnowsWhat(attempt) && spending.exhaust()) {
                listener.note(
                        "the provider does not say how many tokens it read and wrote, so --max-cost cannot be kept; leave it out, and set --max-requests");
            }
            boolean end = attempt.outcome().isFinal() && (again || attempt.outcome() != Outcome.MALFORMED);
            store.arrived(request, question, attempt, end);
            waits(true);
            if (tokens != null) {
                // paid for afterwards, as nobody knows before how long an answer gets
                tokens.acquirePermits(Math.max(1, (int) (attempt.inputTokens() + attempt.outputTokens())));
            }
            return reply;
        } finally {
            spending.end(paid);
        }
    }

    /** The teacher whose turn it is, once it may be asked; null if the run has ended before. */
    private @Nullable Teacher restedTeacher() throws InterruptedException {
        while (goesOn()) {
            Optional<Keys.Turn> turn = keys.next();
            if (turn.isEmpty()) {
                return null;
            }
            if (turn.get().pause().isZero()) {
                return turn.get().teacher();
            }
            // a short sleep at a time, so that who stops the run need not wait
            Thread.sleep(Math.min(NAP.toMillis(), 1 + turn.get().pause().toMillis()));
        }
        return null;
    }

    /** Whether there is a limit of what answers cost, and nobody knows what this one did. */
    private boolean costsWhoKnowsWhat(Attempt attempt) {
        return Double.isFinite(limits.maxCost)
                && SAID.contains(attempt.outcome())
                && attempt.inputTokens() + attempt.outputTokens() == 0;
    }

    /** Says why something failed, once for each outcome. */
    private void explain(Question question, Teacher.Reply reply) {
        Attempt attempt = reply.attempt();
        if (attempt.error() != null && explained.add(attempt.outcome())) {
            listener.note("%s: %s".formatted(question.image(), error(reply)));
        }
    }

    private static String error(Teacher.Reply reply) {
        String error = String.valueOf(reply.attempt().error());
        return reply.retryAfter() == null
                ? error
                : "%s; it asks to wait %d seconds"
                        .formatted(error, reply.retryAfter().toSeconds());
    }

    /** Lets a key rest as long as the provider asks for. */
    private void rest(Teacher teacher, Teacher.Reply reply) {
        if (reply.retryAfter() == null) {
            return;
        }
        if (reply.retryAfter().compareTo(LONGEST_REST) > 0) {
            drop(teacher, "%s, which is more than a day".formatted(error(reply)));
        } else {
            keys.rest(teacher, reply.retryAfter());
        }
    }

    private void drop(Teacher teacher, String because) {
        if (keys.drop(teacher)) {
            listener.note("a key is left out: %s; %d left".formatted(because, keys.size()));
        }
    }
}
