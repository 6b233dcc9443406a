package io.github.m3agiqa.testing;

import io.github.m3agiqa.image.Degradation;
import io.github.m3agiqa.image.RgbImage;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** The pictures in the folder {@code examples}. */
public final class DrawnExamples {
    private static final int SIDE = 512;

    private DrawnExamples() {}

    /** The pictures by their file names. */
    public static Map<String, BufferedImage> draw() {
        Map<String, BufferedImage> pictures = new LinkedHashMap<>();
        pictures.put("landscape.png", DrawnImages.landscape(768, 512, 3));
        RgbImage lighthouse = Lighthouse.draw(SIDE);
        pictures.put("lighthouse.png", DrawnImages.buffered(lighthouse));
        pictures.put("lighthouse-degraded.png", DrawnImages.buffered(degraded(lighthouse)));
        return pictures;
    }

    /** Out of focus, then grainy, then stored as a far too small file. */
    private static RgbImage degraded(RgbImage image) {
        RgbImage blurred = Degradation.BLUR.apply(image, 3, 1);
        RgbImage noisy = Degradation.NOISE.apply(blurred, 28, 1);
        return Degradation.JPEG.apply(noisy, 6, 1);
    }

    /** Draws all of them into a folder. */
    public static void write(Path folder) throws IOException {
        Files.createDirectories(folder);
        for (Map.Entry<String, BufferedImage> picture : draw().entrySet()) {
            Files.write(folder.resolve(picture.getKey()), DrawnImages.encode(picture.getValue(), "png"));
        }
    }
}
