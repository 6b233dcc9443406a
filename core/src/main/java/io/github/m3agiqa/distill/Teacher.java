package io.github.m3agiqa.distill;

import java.time.Duration;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/** Someone who describes images: an online MLLM, or a model of ours. Several threads may ask at once. */
public interface Teacher {
    /** Provider, model and all settings that an answer depends on, in one line. */
    String id();

    /**
     * Asks once, and tries nothing again.
     *
     * @param again whether the same was asked before and what came back had not the form that was asked for
     */
    Reply ask(Question question, Picture picture, boolean again);

    /**
     * An image as it is sent.
     *
     * @param base64 the file's bytes
     * @param mimeType such as {@code image/png}
     */
    record Picture(String base64, String mimeType) {
        static Picture of(byte[] bytes, String mimeType) {
            return new Picture(Base64.getEncoder().encodeToString(bytes), mimeType);
        }

        byte[] bytes() {
            return Base64.getDecoder().decode(base64);
        }
    }

    /**
     * What came of asking.
     *
     * @param retryAfter how long the provider asks to wait; null if it does not say
     */
    record Reply(Attempt attempt, @Nullable Duration retryAfter) {}
}
