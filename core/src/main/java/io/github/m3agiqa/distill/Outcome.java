package io.github.m3agiqa.distill;

/** What came of one request to a teacher. */
public enum Outcome {
    /** A description came back. */
    ANSWERED(Kind.FINAL),
    /** The teacher said that it will not describe the image. */
    REFUSED(Kind.FINAL),
    /** The description was longer than the teacher may write. */
    CUT_OFF(Kind.FINAL),
    /** The provider's filter took request or answer away. */
    BLOCKED(Kind.FINAL),
    /** What came back is not in the form that was asked for, even when it was asked for again. */
    MALFORMED(Kind.FINAL),
    /** The provider does not take this request, such as an image that is too large for it. */
    REJECTED(Kind.FINAL),
    /** The image's file could not be read, so nothing was asked. */
    UNREADABLE(Kind.FINAL),
    /** Too many requests or tokens a minute. */
    RATE_LIMITED(Kind.PASSING),
    /** The provider failed. */
    SERVER_ERROR(Kind.PASSING),
    /** No answer came in time. */
    TIMED_OUT(Kind.PASSING),
    /** The connection could not be made, or ended before the answer did. */
    CONNECTION_LOST(Kind.PASSING),
    /** The key is wrong, or may not do this. */
    UNAUTHORIZED(Kind.STOPPING),
    /** The key's money is spent. */
    OUT_OF_CREDIT(Kind.STOPPING);

    private enum Kind {
        FINAL,
        PASSING,
        STOPPING
    }

    private final Kind kind;

    Outcome(Kind kind) {
        this.kind = kind;
    }

    /** Whether asking the same again would bring the same: it is not asked again unless that is wanted. */
    public boolean isFinal() {
        return kind == Kind.FINAL;
    }

    /** Whether no request with this key can succeed. */
    public boolean stopsTheKey() {
        return kind == Kind.STOPPING;
    }
}
