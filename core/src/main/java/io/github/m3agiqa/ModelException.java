package io.github.m3agiqa;

import org.jspecify.annotations.Nullable;

/** A model whose files are missing, damaged or do not fit together. */
public final class ModelException extends M3AgiqaException {
    public ModelException(String message) {
        this(message, null);
    }

    public ModelException(String message, @Nullable Throwable cause) {
        super(ErrorCode.MODEL_INVALID, message, cause);
    }
}
