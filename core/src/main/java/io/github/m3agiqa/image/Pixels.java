package io.github.m3agiqa.image;

import io.github.m3agiqa.ErrorCode;
import io.github.m3agiqa.ImageException;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.util.Arrays;

/**
 * From a decoded image of any layout to RGB bytes, sample by sample: {@link BufferedImage#getRGB} would convert grey
 * and profiled images to another colour space.
 */
final class Pixels {
    private Pixels() {}

    /** Reads one pixel's samples into red, green, blue and alpha, each 0 to 255. */
    @FunctionalInterface
    private interface Layout {
        void read(int[] samples, int at, int[] rgba);
    }

    static RgbImage toRgb(String name, BufferedImage image, AlphaMode alpha) {
        Raster raster = image.getRaster();
        ColorModel colours = image.getColorModel();
        Layout layout = layout(name, raster, colours);
        boolean onWhite = alpha == AlphaMode.WHITE && colours.hasAlpha();
        boolean premultiplied = colours.isAlphaPremultiplied();
        int width = image.getWidth();
        int height = image.getHeight();
        int bands = raster.getNumBands();
        byte[] rgb = new byte[Math.multiplyExact(3, Math.multiplyExact(width, height))];
        int[] row = new int[width * bands];
        int[] rgba = new int[4];
        int to = 0;
        for (int y = 0; y < height; y++) {
            raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
            for (int x = 0; x < width; x++) {
                layout.read(row, x * bands, rgba);
                for (int channel = 0; channel < 3; channel++) {
                    int value = rgba[channel];
                    if (onWhite) {
                        int colour = premultiplied ? value * 255 : value * rgba[3];
                        value = Math.min(255, (colour + (255 - rgba[3]) * 255 + 127) / 255);
                    }
                    rgb[to++] = (byte) value;
                }
            }
        }
        return new RgbImage(width, height, rgb);
    }

    private static Layout layout(String name, Raster raster, ColorModel colours) {
        int type = raster.getTransferType();
        int bands = raster.getNumBands();
        if (colours instanceof IndexColorModel palette) {
            return (samples, at, rgba) -> {
                int index = samples[at];
                rgba[0] = palette.getRed(index);
                rgba[1] = palette.getGreen(index);
                rgba[2] = palette.getBlue(index);
                rgba[3] = palette.getAlpha(index);
            };
        }
        int space = colours.getColorSpace().getType();
        if (type != DataBuffer.TYPE_BYTE && type != DataBuffer.TYPE_USHORT && type != DataBuffer.TYPE_INT) {
            throw unsupported(name, "samples that are not 8 or 16 bits");
        }
        int[] max = Arrays.stream(raster.getSampleModel().getSampleSize())
                .map(bits -> (1 << Math.min(16, bits)) - 1)
                .toArray();
        if (space == ColorSpace.TYPE_GRAY && bands <= 2) {
            return (samples, at, rgba) -> {
                int grey = toByte(samples[at], max[0]);
                rgba[0] = grey;
                rgba[1] = grey;
                rgba[2] = grey;
                rgba[3] = bands == 2 ? toByte(samples[at + 1], max[1]) : 255;
            };
        }
        if (space == ColorSpace.TYPE_RGB && (bands == 3 || bands == 4)) {
            return (samples, at, rgba) -> {
                rgba[0] = toByte(samples[at], max[0]);
                rgba[1] = toByte(samples[at + 1], max[1]);
                rgba[2] = toByte(samples[at + 2], max[2]);
                rgba[3] = bands == 4 ? toByte(samples[at + 3], max[3]) : 255;
            };
        }
        if (space == ColorSpace.TYPE_CMYK && bands == 4) {
            return (samples, at, rgba) -> {
                int light = 255 - toByte(samples[at + 3], max[3]);
                for (int channel = 0; channel < 3; channel++) {
                    rgba[channel] = (255 - toByte(samples[at + channel], max[channel])) * light / 255;
                }
                rgba[3] = 255;
            };
        }
        throw unsupported(name, "%d bands of colour space %d".formatted(bands, space));
    }

    /** Sixteen bits are cut to their upper eight, as Pillow does; fewer than eight are spread. */
    private static int toByte(int sample, int max) {
        return max == 255 ? sample : max > 255 ? sample * 256 / (max + 1) : sample * 255 / max;
    }

    private static ImageException unsupported(String name, String what) {
        return new ImageException(
                ErrorCode.IMAGE_UNSUPPORTED,
                "%s: an image of %s is not decoded; convert it to 8-bit RGB".formatted(name, what));
    }
}
