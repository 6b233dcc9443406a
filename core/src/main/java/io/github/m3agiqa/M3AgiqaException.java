package io.github.m3agiqa;

import org.jspecify.annotations.Nullable;

/** The root of every error this library raises on purpose: a code for programs, a message for people. */
public abstract class M3AgiqaException extends RuntimeException {
    private final ErrorCode code;

    /**
     * @param code what went wrong
     * @param message what failed, on which file or row, and what to do about it
     */
    protected M3AgiqaException(ErrorCode code, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.code = code;
    }

    public ErrorCode code() {
        return code;
    }

    /** The message, never null. */
    @Override
    public String getMessage() {
        String message = super.getMessage();
        return message == null ? code.name() : message;
    }
}
