package io.github.m3agiqa;

import org.jspecify.annotations.Nullable;

/** A list of images, a results file or another input that cannot be read. */
public final class InputException extends M3AgiqaException {
    public InputException(String message) {
        this(message, null);
    }

    public InputException(String message, @Nullable Throwable cause) {
        super(ErrorCode.INPUT_UNREADABLE, message, cause);
    }
}
