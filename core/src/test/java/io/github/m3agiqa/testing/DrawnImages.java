package io.github.m3agiqa.testing;

import io.github.m3agiqa.image.RgbImage;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.GradientPaint;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Path2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Random;
import javax.imageio.ImageIO;

/** Images that the project draws itself: a landscape with sun, hills and leaves, another one for every seed. */
public final class DrawnImages {
    private DrawnImages() {}

    /** A picture of that size. */
    public static BufferedImage landscape(int width, int height, long seed) {
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_3BYTE_BGR);
        Graphics2D pen = image.createGraphics();
        pen.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        Random random = new Random(seed);
        pen.setPaint(
                new GradientPaint(0, 0, colour(random, 0.55f, 0.6f, 0.9f), 0, height, colour(random, 0.1f, 0.3f, 1)));
        pen.fillRect(0, 0, width, height);
        double sun = height * (0.1 + 0.1 * random.nextDouble());
        pen.setPaint(new Color(255, 236, 170));
        pen.fill(new Ellipse2D.Double(width * random.nextDouble(), height * 0.1, sun, sun));
        for (int layer = 0; layer < 4; layer++) {
            pen.setPaint(colour(random, 0.25f + 0.05f * layer, 0.5f, 0.75f - 0.15f * layer));
            pen.fill(hill(random, width, height, 0.45 + 0.14 * layer));
        }
        pen.setStroke(new BasicStroke(Math.max(1f, width / 400f)));
        for (int leaf = 0; leaf < 120; leaf++) {
            pen.setPaint(colour(random, random.nextFloat(), 0.8f, 0.9f));
            double size = width * (0.005 + 0.02 * random.nextDouble());
            pen.draw(new Ellipse2D.Double(
                    width * random.nextDouble(), height * (0.6 + 0.4 * random.nextDouble()), size, size / 2));
        }
        pen.dispose();
        return image;
    }

    private static Path2D hill(Random random, int width, int height, double top) {
        Path2D hill = new Path2D.Double();
        double phase = 7 * random.nextDouble();
        hill.moveTo(0, height);
        for (int x = 0; x <= width; x++) {
            double t = 6.0 * x / width + phase;
            hill.lineTo(x, height * (top + 0.06 * Math.sin(t) + 0.03 * Math.sin(2.7 * t)));
        }
        hill.lineTo(width, height);
        hill.closePath();
        return hill;
    }

    private static Color colour(Random random, float hue, float saturation, float brightness) {
        return Color.getHSBColor(hue + 0.05f * random.nextFloat(), saturation, brightness);
    }

    /** The same pixels as the JDK holds them. */
    public static BufferedImage buffered(RgbImage image) {
        BufferedImage buffered = new BufferedImage(image.width(), image.height(), BufferedImage.TYPE_3BYTE_BGR);
        byte[] pixels = image.pixels();
        for (int i = 0; i < pixels.length / 3; i++) {
            Color colour = new Color(pixels[3 * i] & 0xff, pixels[3 * i + 1] & 0xff, pixels[3 * i + 2] & 0xff);
            buffered.setRGB(i % image.width(), i / image.width(), colour.getRGB());
        }
        return buffered;
    }

    /** The image in a format of the JDK, such as {@code png}. */
    public static byte[] encode(BufferedImage image, String format) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            if (!ImageIO.write(image, format, bytes)) {
                throw new IllegalArgumentException("no writer for " + format);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }
}
