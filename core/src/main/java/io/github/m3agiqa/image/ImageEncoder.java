package io.github.m3agiqa.image;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.OptionalDouble;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.ImageOutputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** Writes images as files. */
public final class ImageEncoder {
    private ImageEncoder() {}

    /** As PNG, without loss. */
    public static byte[] png(RgbImage image) {
        return encoded(image, "png", OptionalDouble.empty());
    }

    /** As JPEG of the quality that is usual. */
    public static byte[] jpeg(RgbImage image) {
        return encoded(image, "jpeg", OptionalDouble.empty());
    }

    /**
     * As JPEG.
     *
     * @param quality from 0 to 100
     */
    static byte[] jpeg(RgbImage image, double quality) {
        return encoded(image, "jpeg", OptionalDouble.of(quality));
    }

    private static byte[] encoded(RgbImage image, String format, OptionalDouble quality) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ImageWriter writer = ImageIO.getImageWritersByFormatName(format).next();
        ImageWriteParam settings = writer.getDefaultWriteParam();
        quality.ifPresent(value -> {
            settings.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
            settings.setCompressionQuality((float) (value / 100));
        });
        try (ImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
            writer.setOutput(out);
            writer.write(null, new IIOImage(buffered(image), null, null), settings);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            writer.dispose();
        }
        return bytes.toByteArray();
    }

    private static BufferedImage buffered(RgbImage image) {
        BufferedImage buffered = new BufferedImage(image.width(), image.height(), BufferedImage.TYPE_INT_RGB);
        byte[] pixels = image.pixels();
        for (int i = 0; i < image.width() * image.height(); i++) {
            int rgb = ((pixels[3 * i] & 0xff) << 16) | ((pixels[3 * i + 1] & 0xff) << 8) | (pixels[3 * i + 2] & 0xff);
            buffered.setRGB(i % image.width(), i / image.width(), rgb);
        }
        return buffered;
    }
}
