package io.github.m3agiqa.app.serve;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.app.result.AssessmentJson;
import io.github.m3agiqa.hub.ModelManifest;
import io.github.m3agiqa.scoring.Scorer;
import io.github.m3agiqa.scoring.ScoringRequest;
import io.javalin.Javalin;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import io.javalin.http.Handler;
import io.javalin.http.HttpResponseException;
import io.javalin.http.MethodNotAllowedResponse;
import io.javalin.http.sse.SseClient;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.IntSupplier;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.handler.GracefulHandler;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A scorer behind HTTP: scores, streams, says how it is, and serves a page. */
public final class Service implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Service.class);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String PROBLEM = "problem";
    static final String RETRY_AFTER_SECONDS = "2";

    /** After it a stream says that it goes on, or what lies between takes it for dead; and it hears whether its client is there. */
    private static final Duration LONGEST_SILENCE = Duration.ofSeconds(5);

    /** How long what is left of a refused body is read. */
    private static final Duration LONGEST_REST = Duration.ofSeconds(5);

    private static final Duration LAST_BYTES = Duration.ofSeconds(10);

    /** What the page may do: only what comes from this service, and pictures that the user has dropped. */
    private static final String CONTENT_SECURITY_POLICY =
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self';"
                    + " base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    static final Map<String, String> SECURITY_HEADERS = Map.of(
            "Content-Security-Policy",
            CONTENT_SECURITY_POLICY,
            "X-Content-Type-Options",
            "nosniff",
            "Referrer-Policy",
            "no-referrer");

    private static final String BEARER = "Bearer ";

    /**
     * How a service works.
     *
     * @param host the address that it listens on
     * @param port 0 for any that is free
     * @param apiKey what requests to {@code /v1} must show; null for nothing
     * @param queue how many requests may wait
     * @param workers how many are scored at a time
     * @param timeout the longest time from a request to its answer
     * @param maxBytes of an image
     */
    public record Settings(
            String host, int port, @Nullable String apiKey, int queue, int workers, Duration timeout, int maxBytes) {}

    /**
     * What a service has.
     *
     * @param model its name and version
     * @param aspects those that it scores
     */
    record Offer(String model, String license, Set<Aspect> aspects) {
        Offer {
            aspects = Collections.unmodifiableSet(EnumSet.copyOf(aspects));
        }

        static Offer of(Scorer scorer, ModelManifest model) {
            return new Offer(model.id(), model.license(), scorer.aspects());
        }
    }

    private enum State {
        STARTING("the model is being read"),
        READY(""),
        BROKEN("the first image could not be scored; the log says why"),
        ENDING("the service is ending");

        private final String whyNot;

        State(String whyNot) {
            this.whyNot = whyNot;
        }
    }

    private final Offer offer;
    private final Settings settings;
    private final ScoringQueue queue;
    private final BodyDeadline bodies = new BodyDeadline();
    private final BodyBudget memory = new BodyBudget(Runtime.getRuntime().maxMemory() / 4);
    private final ServiceMetrics metrics;
    private volatile State state = State.STARTING;
    private final Javalin server;

    /**
     * Starts a service. It is ready once a first image was scored.
     *
     * @param scorer scores at least one aspect, and stays open as long as the service runs
     * @param model what the scorer was opened from
     * @throws io.javalin.util.JavalinBindException if it cannot listen there
     */
    public Service(Scorer scorer, ModelManifest model, Settings settings) {
        this(
                Offer.of(scorer, model),
                settings,
                scorer.request(WarmUp.image()).withAspects(scorer.aspects()),
                scorer::together,
                scorer::scoreTogether);
    }

    /**
     * Starts a service whose requests are scored in some way, {@code first} before all others, and together at most as many as
     * {@code together} says.
     */
    Service(
            Offer offer,
            Settings settings,
            ScoringRequest first,
            IntSupplier together,
            Function<List<ScoringRequest>, List<Assessment>> scoring) {
        this.offer = offer;
        this.settings = settings;
        this.queue = new ScoringQueue(settings.queue, settings.workers, together, scoring);
        this.metrics = new ServiceMetrics(queue::waiting);
        try {
            this.server = Javalin.create(this::configure).start(settings.host, settings.port);
        } catch (RuntimeException e) {
            queue.close();
            bodies.close();
            throw e;
        }
        warmUp(first);
    }

    private void warmUp(ScoringRequest first) {
        var _ = queue.submit(first, false).whenComplete((assessment, failure) -> {
            boolean scored = assessment != null && assessment.complete();
            if (!scored) {
                LOG.error("the first image cannot be scored: {}", assessment, failure);
            }
            become(scored ? State.READY : State.BROKEN);
        });
    }

    /** It ends once, whatever comes of its first image then. */
    private synchronized void become(State next) {
        if (state != State.ENDING) {
            state = next;
        }
    }

    private void configure(JavalinConfig config) {
        config.startup.showJavalinBanner = false;
        config.concurrency.useVirtualThreads = true;
        config.jetty.modifyHttpConfiguration(http -> http.setSendServerVersion(false));
        config.http.prefer405over404 = true;
        config.jetty.modifyServletContextHandler(handler -> handler.setErrorHandler(new RefusalHandler()));
        config.jetty.modifyServer(jetty -> {
            jetty.setErrorHandler(new RefusalHandler());
            jetty.setRequestLog((request, response) -> metrics.answered(
                    Request.getPathInContext(request),
                    response.getStatus(),
                    System.nanoTime() - request.getBeginNanoTime()));
            // what was answered is still sent when it ends
            jetty.setHandler(new GracefulHandler());
            jetty.setStopTimeout(LAST_BYTES.toMillis());
        });
        config.routes.before(context -> SECURITY_HEADERS.forEach(context::header));
        config.routes.before("/v1/*", this::authorize);
        config.routes.post("/v1/score", this::score);
        config.routes.post("/v1/score/stream", this::stream);
        get(config, "/v1/models", this::models);
        get(config, "/health/live", context -> context.json("{\"status\": \"live\"}"));
        get(config, "/health/ready", this::ready);
        get(config, "/metrics", this::metrics);
        file(config, "/openapi.yaml", "openapi.yaml", "application/yaml");
        file(config, "/", "/page/index.html", "text/html");
        file(config, "/page.css", "/page/page.css", "text/css");
        file(config, "/page.js", "/page/page.js", "text/javascript");
        config.routes.after(this::hearOut);
        config.routes.exception(Problem.Raised.class, (raised, context) -> answer(context, raised.problem()));
        config.routes.exception(MethodNotAllowedResponse.class, Service::otherMethod);
        config.routes.exception(Exception.class, this::unexpected);
        config.routes.error(Problem.NOT_FOUND, context -> {
            if (context.attribute(PROBLEM) == null) {
                answer(context, new Problem(Problem.NOT_FOUND, "NOT_FOUND", "there is nothing at this path"));
            }
        });
    }

    private static void get(JavalinConfig config, String path, Handler handler) {
        config.routes.get(path, handler);
        config.routes.head(path, handler);
    }

    private static void file(JavalinConfig config, String path, String resource, String type) {
        String content = resource(resource);
        get(
                config,
                path,
                context -> context.contentType(type + "; charset=utf-8")
                        .header("Cache-Control", "no-cache")
                        .result(content));
    }

    private static String resource(String name) {
        try (InputStream in = Service.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException(name + " is not on the class path");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void authorize(Context context) {
        if (settings.apiKey == null) {
            return;
        }
        String shown = context.header("Authorization");
        String key = shown != null && shown.regionMatches(true, 0, BEARER, 0, BEARER.length())
                ? shown.substring(BEARER.length())
                : "";
        if (!MessageDigest.isEqual(
                key.getBytes(StandardCharsets.UTF_8), settings.apiKey.getBytes(StandardCharsets.UTF_8))) {
            context.header("WWW-Authenticate", "Bearer");
            throw new Problem(Problem.UNAUTHORIZED, "UNAUTHORIZED", "send the API key: Authorization: Bearer KEY")
                    .raised();
        }
    }

    private void score(Context context) throws InterruptedException {
        try (BodyBudget.Hold _ = hold(context)) {
            ScoringRequest request = read(context);
            Deadline deadline = new Deadline(settings.timeout);
            Assessment assessment = wait(submit(request.withListener(deadline), deadline, false), deadline);
            if (assessment.failure() != null) {
                throw Problem.of(assessment.failure()).raised();
            }
            context.contentType("application/json; charset=utf-8").result(AssessmentJson.line(assessment));
        }
    }

    private BodyBudget.Hold hold(Context context) {
        int most = RequestReader.mostBytes(settings.maxBytes);
        long length = context.req().getContentLengthLong();
        if (length > most) {
            throw RequestReader.tooLarge(settings.maxBytes).raised();
        }
        return memory.hold(length < 0 ? most : length);
    }

    private ScoringRequest read(Context context) {
        return bodies.read(settings.timeout, () -> RequestReader.read(context, settings.maxBytes));
    }

    private CompletableFuture<Assessment> submit(ScoringRequest request, Deadline deadline, boolean watched) {
        return queue.submit(request, watched).thenApply(assessment -> {
            if (!deadline.left()) {
                metrics.scored(assessment);
            }
            return assessment;
        });
    }

    private Problem timedOut() {
        return new Problem(Problem.TIMEOUT, "TIMEOUT", "no answer within %d s".formatted(settings.timeout.toSeconds()));
    }

    private Assessment wait(CompletableFuture<Assessment> answer, Deadline deadline) throws InterruptedException {
        try {
            return answer.get(deadline.remaining(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            throw timedOut().raised();
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException failed ? failed : new IllegalStateException(e.getCause());
        }
    }

    private void stream(Context context) throws InterruptedException {
        try (BodyBudget.Hold _ = hold(context)) {
            stream(context, read(context));
        }
    }

    private void stream(Context context, ScoringRequest request) throws InterruptedException {
        Deadline deadline = new Deadline(settings.timeout);
        ScoringEvents events = new ScoringEvents(deadline);
        var _ = submit(request.withListener(events), deadline, true).whenComplete(events::end);
        context.contentType("text/event-stream; charset=utf-8");
        context.header("Cache-Control", "no-store");
        context.header("X-Accel-Buffering", "no");
        SseClient client = new SseClient(context);
        while (true) {
            ScoringEvents.Event event = events.next(LONGEST_SILENCE, this::timedOut);
            if (event == null) {
                client.sendComment("still at it");
            } else {
                client.sendEvent(event.name(), event.data());
            }
            if (client.terminated()) {
                deadline.leave();
                metrics.cancelled();
                return;
            }
            if (event != null && event.isLast()) {
                return;
            }
        }
    }

    private void models(Context context) {
        ObjectNode node = JSON.createObjectNode();
        ObjectNode only = node.putArray("models").addObject();
        only.put("id", offer.model);
        only.put("license", offer.license);
        var aspects = only.putArray("aspects");
        offer.aspects.forEach(aspect -> aspects.add(aspect.id()));
        context.contentType("application/json; charset=utf-8").result(node.toString());
    }

    private void ready(Context context) {
        State now = state;
        if (now != State.READY) {
            throw new Problem(Problem.UNAVAILABLE, "NOT_READY", now.whyNot).raised();
        }
        context.json("{\"status\": \"ready\"}");
    }

    private void metrics(Context context) {
        context.contentType("text/plain; version=0.0.4; charset=utf-8").result(metrics.text());
    }

    private static void answer(Context context, Problem problem) {
        if (problem.status() == Problem.TOO_MANY_REQUESTS || problem.status() == Problem.UNAVAILABLE) {
            context.header("Retry-After", RETRY_AFTER_SECONDS);
        }
        context.attribute(PROBLEM, problem);
        context.status(problem.status()).contentType(Problem.MEDIA_TYPE).result(problem.json());
    }

    /**
     * Reads what is left of a body that was refused, as who still sends it does not hear why. One that does not arrive, or
     * whose sender waits to be told to send it, ends the connection instead.
     */
    private void hearOut(Context context) {
        int status = context.statusCode();
        if (context.attribute(PROBLEM) == null || status == Problem.BAD_REQUEST) {
            return; // it was read, or broke off
        }
        boolean heard = status != Problem.REQUEST_TIMEOUT && context.header("Expect") == null;
        if (heard) {
            try {
                bodies.read(LONGEST_REST, () -> RequestReader.discard(context));
            } catch (Problem.Raised _) {
                heard = false;
            }
        }
        if (!heard) {
            context.header("Connection", "close");
        }
    }

    private static void otherMethod(MethodNotAllowedResponse refused, Context context) {
        String allowed = String.join(", ", refused.getDetails().values());
        context.header("Allow", allowed);
        answer(
                context,
                new Problem(
                        Problem.METHOD_NOT_ALLOWED,
                        "METHOD_NOT_ALLOWED",
                        "this path answers %s only".formatted(allowed)));
    }

    private void unexpected(Exception failure, Context context) {
        if (failure instanceof HttpResponseException http) {
            answer(context, new Problem(http.getStatus(), "REQUEST_INVALID", String.valueOf(http.getMessage())));
            return;
        }
        LOG.error("{} {}: unexpected error", context.method(), context.path(), failure);
        answer(context, Problem.unexpected(Problem.INTERNAL));
    }

    /** The port that it listens on. */
    public int port() {
        return server.port();
    }

    /** Whether the model has been read and answers. */
    public boolean ready() {
        return state == State.READY;
    }

    /** Whether nothing is scored any more, so that the scorer can be closed. */
    public boolean idle() {
        return queue.idle();
    }

    /** Takes nothing more, finishes what was accepted, and ends. */
    @Override
    public void close() {
        become(State.ENDING);
        try {
            if (!queue.drain(settings.timeout.plusSeconds(1))) {
                LOG.warn("some requests were not finished in time");
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
        server.stop();
        queue.close();
        bodies.close();
    }
}
