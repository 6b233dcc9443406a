package io.github.m3agiqa;

/** What went wrong, in the words that users and programs rely on. */
public enum ErrorCode {
    /** The bytes are no image, or a damaged or truncated one. */
    IMAGE_UNREADABLE,
    /** The image has more pixels or bytes than the limit allows. */
    IMAGE_TOO_LARGE,
    /** The image has a format that is known but not decoded, such as AVIF. */
    IMAGE_UNSUPPORTED,
    /** The aspect needs the prompt and none was given. */
    PROMPT_MISSING,
    /** The prompt alone is longer than the model's context. */
    PROMPT_TOO_LONG,
    /** Image and questions leave no room in the model's context. */
    CONVERSATION_TOO_LONG,
    /** The model has no such aspect. */
    ASPECT_UNAVAILABLE,
    /** The model's files are missing, damaged or do not fit together. */
    MODEL_INVALID,
    /** The model computed NaN or infinity. */
    SCORE_NOT_FINITE,
    /** A deadline passed. */
    TIMEOUT,
    /** A queue is full. */
    OVERLOADED,
    /** A list of images, a results file or another input cannot be read. */
    INPUT_UNREADABLE,
    /** A hub does not give a model. */
    DOWNLOAD_FAILED,
    /** A bug. */
    INTERNAL
}
