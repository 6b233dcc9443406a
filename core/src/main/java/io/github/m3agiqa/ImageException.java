package io.github.m3agiqa;

import org.jspecify.annotations.Nullable;

/** An image that cannot be read, is too large, or has an unsupported format. */
public final class ImageException extends M3AgiqaException {
    public ImageException(ErrorCode code, String message) {
        this(code, message, null);
    }

    public ImageException(ErrorCode code, String message, @Nullable Throwable cause) {
        super(code, message, cause);
    }
}
