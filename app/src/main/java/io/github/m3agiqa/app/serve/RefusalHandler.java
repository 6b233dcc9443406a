package io.github.m3agiqa.app.serve;

import java.nio.charset.StandardCharsets;
import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells what the server refuses before any handler sees it, in the form of all other problems. */
final class RefusalHandler extends ErrorHandler {
    private static final Logger LOG = LoggerFactory.getLogger(RefusalHandler.class);

    @Override
    public boolean errorPageForMethod(String method) {
        return true;
    }

    @Override
    protected void generateResponse(
            Request request,
            Response response,
            int status,
            @Nullable String message,
            @Nullable Throwable cause,
            Callback callback) {
        Problem problem = problem(status, cause);
        Service.SECURITY_HEADERS.forEach(response.getHeaders()::put);
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, Problem.MEDIA_TYPE);
        if (problem.status() == Problem.UNAVAILABLE) {
            response.getHeaders().put(HttpHeader.RETRY_AFTER, Service.RETRY_AFTER_SECONDS);
        }
        response.write(true, BufferUtil.toBuffer(problem.json(), StandardCharsets.UTF_8), callback);
    }

    private static Problem problem(int status, @Nullable Throwable cause) {
        if (status == Problem.UNAVAILABLE) {
            return new Problem(status, "NOT_READY", "the service is ending");
        }
        String reason = cause instanceof HttpException http ? http.getReason() : null;
        if (status >= Problem.INTERNAL && status != HttpStatus.HTTP_VERSION_NOT_SUPPORTED_505) {
            LOG.error("unexpected error", cause);
            return Problem.unexpected(status);
        }
        return new Problem(
                status,
                "REQUEST_INVALID",
                "the request cannot be read: %s".formatted(reason == null ? HttpStatus.getMessage(status) : reason));
    }
}
