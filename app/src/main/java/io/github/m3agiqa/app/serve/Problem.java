package io.github.m3agiqa.app.serve;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.ErrorCode;
import io.github.m3agiqa.Failure;
import java.util.Locale;

/**
 * Why a request has no answer, as RFC 9457 has it.
 *
 * @param status of HTTP
 * @param code for programs: one of {@link ErrorCode}, or of the requests themselves
 * @param detail for people
 */
record Problem(int status, String code, String detail) {
    static final String MEDIA_TYPE = "application/problem+json";

    static final int BAD_REQUEST = 400;
    static final int UNAUTHORIZED = 401;
    static final int NOT_FOUND = 404;
    static final int METHOD_NOT_ALLOWED = 405;
    static final int REQUEST_TIMEOUT = 408;
    static final int TOO_LARGE = 413;
    static final int UNSUPPORTED = 415;
    static final int UNPROCESSABLE = 422;
    static final int TOO_MANY_REQUESTS = 429;
    static final int INTERNAL = 500;
    static final int UNAVAILABLE = 503;
    static final int TIMEOUT = 504;

    private static final ObjectMapper JSON = new ObjectMapper();

    /** A request that is not as it must be. */
    static Problem invalid(String detail) {
        return new Problem(BAD_REQUEST, "REQUEST_INVALID", detail);
    }

    /** A bug, of which nothing is told. */
    static Problem unexpected(int status) {
        return new Problem(status, ErrorCode.INTERNAL.name(), "an unexpected error; the log has it");
    }

    /** A failure of scoring. What a bug says stays in the log. */
    static Problem of(Failure failure) {
        int status = switch (failure.code()) {
            case IMAGE_TOO_LARGE -> TOO_LARGE;
            case IMAGE_UNSUPPORTED -> UNSUPPORTED;
            case IMAGE_UNREADABLE,
                    PROMPT_MISSING,
                    PROMPT_TOO_LONG,
                    CONVERSATION_TOO_LONG,
                    ASPECT_UNAVAILABLE,
                    INPUT_UNREADABLE -> UNPROCESSABLE;
            case TIMEOUT -> TIMEOUT;
            case OVERLOADED -> TOO_MANY_REQUESTS;
            case MODEL_INVALID, SCORE_NOT_FINITE, DOWNLOAD_FAILED, INTERNAL -> INTERNAL;
        };
        return failure.code() == ErrorCode.INTERNAL
                ? unexpected(status)
                : new Problem(status, failure.code().name(), failure.message());
    }

    String json() {
        ObjectNode node = JSON.createObjectNode();
        node.put("type", "about:blank");
        node.put("title", code.toLowerCase(Locale.ROOT).replace('_', ' '));
        node.put("status", status);
        node.put("code", code);
        node.put("detail", detail);
        return node.toString();
    }

    /** Ends the handling of a request with a problem. */
    static final class Raised extends RuntimeException {
        private static final long serialVersionUID = 1;
        private final transient Problem problem;

        Raised(Problem problem) {
            super(problem.detail, null, false, false);
            this.problem = problem;
        }

        Problem problem() {
            return problem;
        }
    }

    Raised raised() {
        return new Raised(this);
    }
}
