package io.github.m3agiqa.app.serve;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.AspectResult;
import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.Failure;
import io.github.m3agiqa.app.result.AssessmentJson;
import io.github.m3agiqa.scoring.ScoringListener;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What happens while an image is scored, for a client that watches. The scorer never waits for the client. */
final class ScoringEvents implements ScoringListener {
    private static final Logger LOG = LoggerFactory.getLogger(ScoringEvents.class);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String RESULT = "result";
    private static final String ERROR = "error";

    /** One thing that a client is told. */
    record Event(String name, String data) {
        boolean isLast() {
            return name.equals(RESULT) || name.equals(ERROR);
        }
    }

    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
    private final Deadline deadline;

    ScoringEvents(Deadline deadline) {
        this.deadline = deadline;
    }

    @Override
    public void describing(Aspect aspect, String question) {
        stage(aspect, "describe", question);
    }

    @Override
    public void rating(Aspect aspect, String question) {
        stage(aspect, "rate", question);
    }

    private void stage(Aspect aspect, String stage, String question) {
        ObjectNode data = JSON.createObjectNode().put("aspect", aspect.id());
        data.put("stage", stage).put("question", question);
        events.add(new Event("stage", data.toString()));
    }

    @Override
    public void described(Aspect aspect, String more) {
        ObjectNode data = JSON.createObjectNode().put("aspect", aspect.id()).put("text", more);
        events.add(new Event("token", data.toString()));
    }

    @Override
    public void done(Aspect aspect, AspectResult result) {
        events.add(new Event("aspect", AssessmentJson.aspect(aspect, result)));
    }

    @Override
    public boolean cancelled() {
        return deadline.cancelled();
    }

    /**
     * The next thing to tell, which is waited for until the deadline and a second more, as the scorer may just have seen it;
     * null if there is none so soon.
     */
    @Nullable
    Event next(Duration soon, Supplier<Problem> timedOut) throws InterruptedException {
        long remaining = deadline.remaining() + TimeUnit.SECONDS.toNanos(1);
        Event event = events.poll(Math.min(soon.toNanos(), remaining), TimeUnit.NANOSECONDS);
        return event == null && remaining <= soon.toNanos()
                ? new Event(ERROR, timedOut.get().json())
                : event;
    }

    /** Tells how it ended, as a completed future does. */
    void end(@Nullable Assessment assessment, @Nullable Throwable failure) {
        Failure failed = assessment == null ? null : assessment.failure();
        if (assessment != null && failed == null) {
            events.add(new Event(RESULT, AssessmentJson.line(assessment)));
        } else {
            events.add(new Event(ERROR, problem(failed, failure).json()));
        }
    }

    private static Problem problem(@Nullable Failure failed, @Nullable Throwable failure) {
        if (failed != null) {
            return Problem.of(failed);
        }
        Throwable cause = failure != null && failure.getCause() != null ? failure.getCause() : failure;
        if (cause instanceof Problem.Raised raised) {
            return raised.problem();
        }
        LOG.error("unexpected error", failure);
        return Problem.unexpected(Problem.INTERNAL);
    }
}
