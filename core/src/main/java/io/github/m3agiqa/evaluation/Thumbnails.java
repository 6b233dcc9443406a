package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.M3AgiqaException;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.image.AlphaMode;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.RgbImage;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import javax.imageio.ImageIO;
import org.jspecify.annotations.Nullable;

/** Small copies of a dataset's images that an HTML page holds within itself. */
final class Thumbnails {
    private static final int SIDE = 176;

    private final @Nullable Dataset dataset;
    private final Map<String, Sample> samples;
    private final ImageDecoder decoder = new ImageDecoder(ImageDecoder.Limits.DEFAULT);
    private final Map<String, Thumbnail> made = new HashMap<>();

    /**
     * A small copy, or the reason why there is none.
     *
     * @param dataUri a JPEG as a data URI, null if there is none
     * @param whyNot why there is none, empty if there is one
     */
    record Thumbnail(@Nullable String dataUri, String whyNot) {}

    /**
     * @param dataset where the images are, null if that is not known
     */
    Thumbnails(@Nullable Dataset dataset) {
        this.dataset = dataset;
        this.samples = dataset == null ? Map.of() : dataset.byName();
    }

    Thumbnail of(String image) {
        return made.computeIfAbsent(image, this::make);
    }

    private Thumbnail make(String image) {
        Sample sample = samples.get(image);
        if (dataset == null || sample == null) {
            return new Thumbnail(null, "not in the dataset folder");
        }
        try {
            Path file = dataset.image(sample);
            RgbImage whole = decoder.decode(image, Files.readAllBytes(file), AlphaMode.WHITE);
            double factor = Math.min(1, (double) SIDE / Math.max(whole.width(), whole.height()));
            RgbImage small = whole.resized(Math.max(1, (int) Math.round(factor * whole.width())), Math.max(1, (int)
                    Math.round(factor * whole.height())));
            return new Thumbnail("data:image/jpeg;base64," + Base64.getEncoder().encodeToString(jpeg(small)), "");
        } catch (M3AgiqaException | IOException e) {
            return new Thumbnail(null, String.valueOf(e.getMessage()));
        }
    }

    private static byte[] jpeg(RgbImage image) throws IOException {
        BufferedImage buffered = new BufferedImage(image.width(), image.height(), BufferedImage.TYPE_INT_RGB);
        byte[] pixels = image.pixels();
        for (int i = 0; i < image.width() * image.height(); i++) {
            int rgb = ((pixels[3 * i] & 0xff) << 16) | ((pixels[3 * i + 1] & 0xff) << 8) | (pixels[3 * i + 2] & 0xff);
            buffered.setRGB(i % image.width(), i / image.width(), rgb);
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ImageIO.write(buffered, "jpg", bytes);
        return bytes.toByteArray();
    }
}
