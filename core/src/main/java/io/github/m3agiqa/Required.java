package io.github.m3agiqa;

import org.jspecify.annotations.Nullable;

/** What has to be there. */
public final class Required {
    private Required() {}

    /**
     * A value that has to be there.
     *
     * @param name of the value, for the message
     * @throws IllegalArgumentException if it is null, naming it
     */
    public static <T> T of(String name, @Nullable T value) {
        if (value == null) {
            throw new IllegalArgumentException(name + " is missing");
        }
        return value;
    }
}
