package io.github.m3agiqa.app.batch;

import io.github.m3agiqa.ImagePrompt;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * One image of a list.
 *
 * @param imagePath the path as the list has it
 * @param prompt the prompt, null if the list has none
 * @param file where the image is
 */
record Row(String imagePath, @Nullable String prompt, Path file) {
    /** What makes two rows ask for the same thing. */
    RowKey key() {
        return new RowKey(imagePath, prompt == null ? "" : prompt);
    }

    ImagePrompt input() {
        ImagePrompt input = ImagePrompt.of(file, prompt);
        return new ImagePrompt(imagePath, prompt, input.content());
    }
}
