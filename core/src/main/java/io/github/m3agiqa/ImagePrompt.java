package io.github.m3agiqa;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * An image and the prompt it was generated from.
 *
 * @param image the name under which the image is reported
 * @param prompt the prompt, null if it is not known
 * @param content where the image's bytes come from; asked once, when the image is scored
 */
public record ImagePrompt(String image, @Nullable String prompt, Content content) {
    public ImagePrompt {
        Required.of("image", image);
        Required.of("content", content);
    }

    /** The encoded bytes of an image file. */
    @FunctionalInterface
    public interface Content {
        /**
         * Reads at most {@code maxBytes + 1} bytes, so that a caller sees that there are too many without holding
         * them all. What is thrown here makes the image unreadable, and no other one.
         */
        byte[] read(int maxBytes) throws IOException;
    }

    /** An image file; its name is the path as given. */
    public static ImagePrompt of(Path file, @Nullable String prompt) {
        return new ImagePrompt(file.toString(), prompt, maxBytes -> {
            try (var in = Files.newInputStream(file)) {
                return in.readNBytes(Math.min(maxBytes, Integer.MAX_VALUE - 1) + 1);
            }
        });
    }

    /** An encoded image in memory. */
    public static ImagePrompt of(String name, byte[] bytes, @Nullable String prompt) {
        return new ImagePrompt(name, prompt, _ -> bytes);
    }
}
