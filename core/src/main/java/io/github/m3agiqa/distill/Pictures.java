package io.github.m3agiqa.distill;

import io.github.m3agiqa.ImageException;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.image.AlphaMode;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.ImageEncoder;
import io.github.m3agiqa.image.RgbImage;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.Function;

/**
 * The images of a dataset as teachers get them: PNG, JPEG and WebP files as they are, unless they are told to be smaller; all
 * else as PNG, on white where it is transparent.
 */
public final class Pictures implements Function<Question, Teacher.Picture> {
    /** What providers read, by how such files begin. */
    private static final Map<String, String> TYPES =
            Map.of("\u0089PNG", "image/png", "\u00ff\u00d8\u00ff", "image/jpeg");

    private static final String WEBP_CONTAINER = "RIFF";
    private static final int HEAD = 12;

    private final Dataset dataset;
    private final OptionalInt maxSide;
    private final ImageDecoder decoder = new ImageDecoder(ImageDecoder.Limits.DEFAULT);

    /**
     * @param maxSide the longest side of what is sent, in pixels; larger images are sent smaller, as PNG; empty for
     *     no bound
     */
    public Pictures(Dataset dataset, OptionalInt maxSide) {
        this.dataset = dataset;
        this.maxSide = maxSide;
    }

    /**
     * Reads an image.
     *
     * @throws ImageException if it cannot be read
     * @throws java.util.NoSuchElementException if the dataset has no such image
     */
    @Override
    public Teacher.Picture apply(Question question) {
        Path file = dataset.image(dataset.sample(question.image()).orElseThrow());
        byte[] bytes = decoder.read(file);
        String type = type(bytes);
        if (maxSide.isEmpty() && !type.isEmpty()) {
            return Teacher.Picture.of(bytes, type);
        }
        RgbImage image = decoder.decode(question.image(), bytes, AlphaMode.WHITE);
        RgbImage small = maxSide.isPresent() ? image.within(maxSide.getAsInt()) : image;
        return small == image && !type.isEmpty()
                ? Teacher.Picture.of(bytes, type)
                : Teacher.Picture.of(ImageEncoder.png(small), "image/png");
    }

    /** The type of a file that every provider reads; empty for others. */
    private static String type(byte[] bytes) {
        String head = new String(bytes, 0, Math.min(HEAD, bytes.length), StandardCharsets.ISO_8859_1);
        if (head.startsWith(WEBP_CONTAINER) && head.endsWith("WEBP")) {
            return "image/webp";
        }
        return TYPES.entrySet().stream()
                .filter(type -> head.startsWith(type.getKey()))
                .map(Map.Entry::getValue)
                .findFirst()
                .orElse("");
    }
}
