package io.github.m3agiqa;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import org.jspecify.annotations.Nullable;

/** An image that cannot be read, is too large, or has an unsupported format. */
public final class ImageException extends M3AgiqaException {
    public ImageException(ErrorCode code, String message) {
        this(code, message, null);
    }

    public ImageException(ErrorCode code, String message, @Nullable Throwable cause) {
        super(code, message, cause);
    }

    /**
     * An image whose bytes are not to be had.
     *
     * @param image its name
     */
    public static ImageException unreadable(String image, Exception cause) {
        boolean plain = cause.getClass().equals(IOException.class) && cause.getMessage() != null;
        String why = cause instanceof NoSuchFileException
                ? "no such file"
                : "cannot be read: " + (plain ? cause.getMessage() : cause);
        return new ImageException(ErrorCode.IMAGE_UNREADABLE, "%s: %s".formatted(image, why), cause);
    }
}
