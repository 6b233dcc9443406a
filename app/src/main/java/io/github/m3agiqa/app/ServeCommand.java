package io.github.m3agiqa.app;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.app.serve.Service;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.scoring.Scorer;
import io.github.m3agiqa.scoring.ScoringOptions;
import io.javalin.util.JavalinBindException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code m3agiqa serve}: the scorer behind HTTP, and its page. */
@Command(
        name = "serve",
        description = "Serves scores over HTTP, and a page to look at images.",
        mixinStandardHelpOptions = true,
        footer = {
            "",
            "Examples:",
            "  m3agiqa serve",
            "  m3agiqa serve --host 0.0.0.0 --port 9000 --api-key \"$KEY\"",
            "  curl -F image=@cat.png -F prompt=\"a cat on a sofa\" http://localhost:8080/v1/score",
            "",
            "The page is at /, what can be asked at /openapi.yaml, figures for Prometheus at /metrics. On SIGTERM and"
                    + " Ctrl-C it takes nothing more and finishes what it has accepted."
        })
final class ServeCommand implements Callable<Integer> {
    private static final int MIB = 1 << 20;
    private static final int LAST_PORT = 65_535;
    private static final String KEY = "[!-~]([ -~]*[!-~])?";

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--host",
            description = "The address to listen on; 0.0.0.0 for all of the machine (default: ${DEFAULT-VALUE}).")
    private String host = "127.0.0.1";

    @Option(names = "--port", description = "The port; 0 for any that is free (default: ${DEFAULT-VALUE}).")
    private int port = 8080;

    @Option(
            names = "--api-key",
            description = "What requests to /v1 must show as 'Authorization: Bearer KEY' (default: M3AGIQA_API_KEY, or"
                    + " none).",
            defaultValue = "${env:M3AGIQA_API_KEY}")
    private @Nullable String apiKey;

    @Option(
            names = "--queue",
            paramLabel = "N",
            description = "How many requests may wait; more are refused with 429 (default: ${DEFAULT-VALUE}).")
    private int queue = 64;

    @Option(
            names = "--timeout",
            paramLabel = "SECONDS",
            description = "The longest time from a request to its answer (default: ${DEFAULT-VALUE}).")
    private int timeoutSeconds = 60;

    @Option(
            names = "--max-image-mib",
            paramLabel = "N",
            description = "The largest image file (default: ${DEFAULT-VALUE}).")
    private int maxMib = 32;

    @Mixin
    private ScoreOptions options;

    @Mixin
    private WorkerOptions workers;

    @Override
    public Integer call() throws InterruptedException {
        if (Math.min(queue, Math.min(timeoutSeconds, maxMib)) < 1 || maxMib > 512) {
            throw new ParameterException(
                    spec.commandLine(), "--queue and --timeout must be at least 1, and --max-image-mib 1 to 512");
        }
        if (port < 0 || port > LAST_PORT) {
            throw new ParameterException(spec.commandLine(), "--port must be 0 to " + LAST_PORT);
        }
        // a variable that is set to nothing is none; "$KEY" without a KEY is a mistake that would guard nothing
        boolean given = spec.commandLine().getParseResult().hasMatchedOption("--api-key");
        if (apiKey != null && (given || !apiKey.isBlank()) && !apiKey.matches(KEY)) {
            throw new ParameterException(
                    spec.commandLine(),
                    "the API key must not be empty, and have visible characters of ASCII only, as a header can carry");
        }
        ModelFolder folder = options.folder();
        ScoringOptions scoring = options.scoring(folder);
        Service.Settings settings = new Service.Settings(
                host,
                port,
                apiKey == null || apiKey.isBlank() ? null : apiKey,
                queue,
                workers.workers(),
                Duration.ofSeconds(timeoutSeconds),
                maxMib * MIB);
        CountDownLatch ended = new CountDownLatch(1);
        Scorer scorer = Scorer.open(folder, scoring);
        Service service = start(scorer, folder, settings);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            service.close();
            ended.countDown();
        }));
        PrintWriter err = spec.commandLine().getErr();
        err.printf(Locale.ROOT, "%s at %s%n", folder.manifest().id(), url(host, service.port()));
        err.flush();
        ended.await();
        // a thread that is still at it reads the weights; they go with the process
        if (service.idle()) {
            scorer.close();
        }
        return ExitCode.DONE;
    }

    /** Where a browser finds it. */
    static String url(String host, int port) {
        return "http://%s:%d/".formatted(host.contains(":") && !host.startsWith("[") ? "[" + host + "]" : host, port);
    }

    private static Service start(Scorer scorer, ModelFolder folder, Service.Settings settings) {
        try {
            return new Service(scorer, folder.manifest(), settings);
        } catch (JavalinBindException e) {
            scorer.close();
            throw new InputException(
                    "%s:%d cannot be listened on: it is taken, or not ours; name another --port or --host"
                            .formatted(settings.host(), settings.port()),
                    e);
        }
    }
}
