package io.github.m3agiqa.app.serve;

import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.Failure;
import io.github.m3agiqa.Score;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Set;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/** What a service did, for Prometheus. */
final class ServiceMetrics {
    private static final double NANOS = 1e9;
    private static final Set<String> ENDPOINTS = Set.of("/v1/score", "/v1/score/stream", "/v1/models");
    private static final double[] SECONDS = {0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
    private static final double[] SCORES = {0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5};

    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final Counter requests = Counter.builder()
            .name("m3agiqa_requests_total")
            .help("Requests by endpoint and HTTP status.")
            .labelNames("endpoint", "status")
            .register(registry);
    private final Histogram seconds = Histogram.builder()
            .name("m3agiqa_request_seconds")
            .help("Seconds from a request's arrival to its answer.")
            .labelNames("endpoint")
            .classicOnly()
            .classicUpperBounds(SECONDS)
            .register(registry);
    private final Histogram scores = Histogram.builder()
            .name("m3agiqa_score")
            .help("Scores by aspect: when they drift, so do the images.")
            .labelNames("aspect")
            .classicOnly()
            .classicUpperBounds(SCORES)
            .register(registry);
    private final Counter failures = Counter.builder()
            .name("m3agiqa_failures_total")
            .help("Aspects and images without a score, by code.")
            .labelNames("code")
            .register(registry);
    private final Counter cancelled = Counter.builder()
            .name("m3agiqa_cancelled_total")
            .help("Streams whose client left before the last event; they are no failures.")
            .register(registry);

    /**
     * @param waiting says how many requests wait
     */
    ServiceMetrics(IntSupplier waiting) {
        GaugeWithCallback.builder()
                .name("m3agiqa_queue")
                .help("Requests that wait.")
                .callback(gauge -> gauge.call(waiting.getAsInt()))
                .register(registry);
    }

    void answered(@Nullable String path, int status, long nanos) {
        String endpoint = path != null && ENDPOINTS.contains(path) ? path : "other";
        requests.labelValues(endpoint, String.valueOf(status)).inc();
        seconds.labelValues(endpoint).observe(nanos / NANOS);
    }

    void cancelled() {
        cancelled.inc();
    }

    void scored(Assessment assessment) {
        if (assessment.failure() != null) {
            failures.labelValues(assessment.failure().code().name()).inc();
        }
        assessment.aspects().forEach((aspect, result) -> {
            switch (result) {
                case Score score -> scores.labelValues(aspect.id()).observe(score.value());
                case Failure failure ->
                    failures.labelValues(failure.code().name()).inc();
            }
        });
    }

    /** All of it in Prometheus' text format. */
    byte[] text() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            PrometheusTextFormatWriter.create().write(out, registry.scrape());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }
}
