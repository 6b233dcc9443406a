package io.github.m3agiqa;

/** One aspect of one image that could not be scored: no prompt, no room, or no finite number. */
public final class ScoringException extends M3AgiqaException {
    public ScoringException(ErrorCode code, String message) {
        super(code, message, null);
    }
}
