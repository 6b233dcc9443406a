package io.github.m3agiqa.hub;

import io.github.m3agiqa.ErrorCode;
import io.github.m3agiqa.M3AgiqaException;
import org.jspecify.annotations.Nullable;

/** A hub does not give what was asked of it, for good. */
public final class HubException extends M3AgiqaException {
    public HubException(String message) {
        this(message, null);
    }

    public HubException(String message, @Nullable Throwable cause) {
        super(ErrorCode.DOWNLOAD_FAILED, message, cause);
    }
}
