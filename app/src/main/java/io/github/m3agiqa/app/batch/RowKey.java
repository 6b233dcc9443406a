package io.github.m3agiqa.app.batch;

import java.nio.charset.StandardCharsets;

/**
 * What a results file knows of the row that it answers.
 *
 * @param image the image as the list names it
 * @param asked all that was asked about it; empty where there was nothing but the image
 */
record RowKey(String image, String asked) {
    RowKey {
        image = asWritten(image);
        asked = asWritten(asked);
    }

    /** JSON can have half a character, such as the first escape of an emoji; a file in UTF-8 has a question mark there. */
    private static String asWritten(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
    }
}
