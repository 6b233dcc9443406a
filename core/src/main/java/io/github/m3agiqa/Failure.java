package io.github.m3agiqa;

/**
 * The reason why there is no score.
 *
 * @param code for programs
 * @param message for people: what failed and what to do
 */
public record Failure(ErrorCode code, String message) implements AspectResult {
    /** What an exception says. */
    public static Failure of(M3AgiqaException exception) {
        return new Failure(exception.code(), exception.getMessage());
    }
}
