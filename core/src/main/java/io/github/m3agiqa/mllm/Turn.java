package io.github.m3agiqa.mllm;

import java.util.Locale;

/**
 * What one side says in a conversation.
 *
 * @param text white space at its ends does not count
 */
public record Turn(Role role, String text) {
    /** The sides of a conversation. */
    public enum Role {
        USER,
        ASSISTANT;

        String id() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    public static Turn user(String text) {
        return new Turn(Role.USER, text);
    }

    public static Turn assistant(String text) {
        return new Turn(Role.ASSISTANT, text);
    }
}
