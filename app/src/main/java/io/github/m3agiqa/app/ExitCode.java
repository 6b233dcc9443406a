package io.github.m3agiqa.app;

import io.github.m3agiqa.ErrorCode;

/** The exit codes of the command. */
final class ExitCode {
    static final int DONE = 0;
    static final int SOME_FAILED = 1;
    static final int USAGE = 2;
    static final int INPUT = 3;
    static final int MODEL = 4;
    /** A teacher or a download. */
    static final int REMOTE = 5;

    static final int BUG = 70;

    private ExitCode() {}

    /** The code of a run that an error ended. */
    static int of(ErrorCode error) {
        return switch (error) {
            case MODEL_INVALID -> MODEL;
            case DOWNLOAD_FAILED -> REMOTE;
            case INPUT_UNREADABLE, IMAGE_UNREADABLE, IMAGE_TOO_LARGE, IMAGE_UNSUPPORTED -> INPUT;
            case PROMPT_MISSING,
                    PROMPT_TOO_LONG,
                    CONVERSATION_TOO_LONG,
                    ASPECT_UNAVAILABLE,
                    SCORE_NOT_FINITE,
                    TIMEOUT,
                    OVERLOADED -> SOME_FAILED;
            case INTERNAL -> BUG;
        };
    }
}
