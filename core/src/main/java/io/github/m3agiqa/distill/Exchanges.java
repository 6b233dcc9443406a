package io.github.m3agiqa.distill;

import dev.langchain4j.exception.HttpException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.http.client.HttpClient;
import dev.langchain4j.http.client.HttpClientBuilder;
import dev.langchain4j.http.client.HttpRequest;
import dev.langchain4j.http.client.SuccessfulHttpResponse;
import dev.langchain4j.http.client.sse.ServerSentEventListener;
import dev.langchain4j.http.client.sse.ServerSentEventParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The HTTP client of all teachers: the JDK's, which besides hands on how long a provider asks to wait, and keeps the reply
 * as it came.
 */
final class Exchanges implements HttpClientBuilder {
    private static final int LARGEST_SUCCESS = 299;
    private static final Duration CONNECT = Duration.ofSeconds(20);

    private static final ThreadLocal<@Nullable Came> LAST = new ThreadLocal<>();
    private Duration readTimeout = Duration.ofMinutes(2);
    private Duration connectTimeout = CONNECT;

    /**
     * A reply as it came.
     *
     * @param retryAfter how long the provider asks to wait; null if it does not say
     */
    record Came(int status, String body, @Nullable Duration retryAfter) {}

    /** What came back when this thread asked the last time; null if nothing did. */
    @Nullable
    static Came came() {
        return LAST.get();
    }

    @Override
    public Duration connectTimeout() {
        return connectTimeout;
    }

    @Override
    public HttpClientBuilder connectTimeout(@Nullable Duration timeout) {
        connectTimeout = timeout == null ? connectTimeout : timeout;
        return this;
    }

    @Override
    public Duration readTimeout() {
        return readTimeout;
    }

    @Override
    public HttpClientBuilder readTimeout(@Nullable Duration timeout) {
        readTimeout = timeout == null ? readTimeout : timeout;
        return this;
    }

    @Override
    public HttpClient build() {
        java.net.http.HttpClient client = java.net.http.HttpClient.newBuilder()
                .connectTimeout(connectTimeout)
                .build();
        Duration timeout = readTimeout;
        return new HttpClient() {
            @Override
            public SuccessfulHttpResponse execute(HttpRequest request) {
                return send(client, request, timeout);
            }

            @Override
            public void execute(HttpRequest request, ServerSentEventParser parser, ServerSentEventListener listener) {
                throw new UnsupportedOperationException("teachers answer at once");
            }
        };
    }

    private SuccessfulHttpResponse send(java.net.http.HttpClient client, HttpRequest request, Duration timeout) {
        LAST.remove();
        var outgoing = java.net.http.HttpRequest.newBuilder(URI.create(request.url()))
                .method(
                        request.method().name(),
                        request.body() == null
                                ? java.net.http.HttpRequest.BodyPublishers.noBody()
                                : java.net.http.HttpRequest.BodyPublishers.ofString(request.body()));
        request.headers().forEach((name, values) -> values.forEach(value -> outgoing.header(name, value)));
        // the request's own timeout ends with the headers, and a reply may come drop by drop
        CompletableFuture<HttpResponse<String>> coming =
                client.sendAsync(outgoing.build(), HttpResponse.BodyHandlers.ofString());
        try {
            HttpResponse<String> response = coming.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
            String wait = response.headers().firstValue("Retry-After").orElse(null);
            LAST.set(new Came(response.statusCode(), response.body(), wait(wait, Instant.now())));
            if (response.statusCode() > LARGEST_SUCCESS) {
                throw new HttpException(response.statusCode(), response.body());
            }
            return SuccessfulHttpResponse.builder()
                    .statusCode(response.statusCode())
                    .headers(response.headers().map())
                    .body(response.body())
                    .build();
        } catch (java.util.concurrent.TimeoutException e) {
            coming.cancel(true);
            throw new TimeoutException(e);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof IOException io
                    ? new UncheckedIOException(io)
                    : new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            coming.cancel(true);
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while a teacher was asked", e);
        }
    }

    /** What {@code Retry-After} says, in seconds or as a date (RFC 9110, 10.2.3); null if it says nothing. */
    static @Nullable Duration wait(@Nullable String header, Instant now) {
        if (header == null) {
            return null;
        }
        String value = header.strip();
        if (value.matches("\\d{1,9}(\\.\\d+)?")) {
            return Duration.ofMillis(Math.round(1000 * Double.parseDouble(value)));
        }
        try {
            Instant date = ZonedDateTime.parse(value, DateTimeFormatter.RFC_1123_DATE_TIME)
                    .toInstant();
            return date.isAfter(now) ? Duration.between(now, date) : Duration.ZERO;
        } catch (DateTimeParseException _) {
            return null;
        }
    }
}
