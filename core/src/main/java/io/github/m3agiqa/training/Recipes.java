package io.github.m3agiqa.training;

import org.jspecify.annotations.Nullable;

/** The checks that recipes have in common; a failure says which key is wrong. */
final class Recipes {
    private Recipes() {}

    static <T> T given(String key, @Nullable T value) {
        if (value == null) {
            throw new IllegalArgumentException(key + " is missing");
        }
        return value;
    }

    static void positive(String key, long value) {
        if (value < 1) {
            throw new IllegalArgumentException("%s must be at least 1, not %d".formatted(key, value));
        }
    }

    static void name(@Nullable String name) {
        if (!given("name", name).matches("[\\w.-]+")) {
            throw new IllegalArgumentException("name is '%s', not letters, digits, '.', '_' and '-'".formatted(name));
        }
    }
}
