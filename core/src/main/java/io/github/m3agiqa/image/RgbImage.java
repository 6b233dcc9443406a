package io.github.m3agiqa.image;

/** An image of 8-bit red, green and blue. */
public final class RgbImage {
    private final int width;
    private final int height;
    private final byte[] pixels;

    /**
     * Takes over the pixels without copying them.
     *
     * @param width columns, at least 1
     * @param height rows, at least 1
     * @param pixels height x width x 3 bytes, row by row
     */
    public RgbImage(int width, int height, byte[] pixels) {
        if (width < 1 || height < 1 || pixels.length != 3L * width * height) {
            throw new IllegalArgumentException(
                    "%d x %d pixels do not have %d bytes".formatted(width, height, pixels.length));
        }
        this.width = width;
        this.height = height;
        this.pixels = pixels;
    }

    public int width() {
        return width;
    }

    public int height() {
        return height;
    }

    /** The pixels themselves, not a copy: not to be written to. */
    public byte[] pixels() {
        return pixels;
    }

    /** This image in another size, as Pillow's bicubic resize makes it. */
    public RgbImage resized(int newWidth, int newHeight) {
        return BicubicResize.resize(this, newWidth, newHeight);
    }

    /** This image, or a smaller copy of the same proportions whose longer side is {@code side}. */
    public RgbImage within(int side) {
        int longer = Math.max(width, height);
        if (longer <= side) {
            return this;
        }
        double factor = (double) side / longer;
        return resized(Math.max(1, (int) Math.round(factor * width)), Math.max(1, (int) Math.round(factor * height)));
    }

    /** This image as a mirror shows it: left is right. */
    public RgbImage mirrored() {
        byte[] mirrored = new byte[pixels.length];
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                System.arraycopy(pixels, 3 * (y * width + x), mirrored, 3 * (y * width + width - 1 - x), 3);
            }
        }
        return new RgbImage(width, height, mirrored);
    }

    /**
     * This image moved, without any resampling; what comes in at a side is what lies there, mirrored.
     *
     * @param right columns, less than the width; negative to the left
     * @param down rows, less than the height; negative upwards
     */
    public RgbImage shifted(int right, int down) {
        byte[] shifted = new byte[pixels.length];
        for (int y = 0; y < height; y++) {
            int from = inside(y - down, height) * width;
            for (int x = 0; x < width; x++) {
                System.arraycopy(pixels, 3 * (from + inside(x - right, width)), shifted, 3 * (y * width + x), 3);
            }
        }
        return new RgbImage(width, height, shifted);
    }

    /** A place beyond a side, mirrored at that side. */
    private static int inside(int place, int size) {
        int mirrored = place < 0 ? -1 - place : place;
        return mirrored < size ? mirrored : 2 * size - 1 - mirrored;
    }

    /** This image with a border of so many pixels, each like the nearest inside. */
    public RgbImage framed(int border) {
        int framedWidth = width + 2 * border;
        int framedHeight = height + 2 * border;
        byte[] framed = new byte[3 * framedWidth * framedHeight];
        for (int y = 0; y < framedHeight; y++) {
            int from = Math.clamp(y - border, 0, height - 1) * width;
            for (int x = 0; x < framedWidth; x++) {
                int nearest = Math.clamp(x - border, 0, width - 1);
                System.arraycopy(pixels, 3 * (from + nearest), framed, 3 * (y * framedWidth + x), 3);
            }
        }
        return new RgbImage(framedWidth, framedHeight, framed);
    }

    /**
     * A rectangle of this image, copied. It must lie inside, which is not checked.
     *
     * @param left the first column, from 0
     * @param top the first row, from 0
     * @param cropWidth in pixels, at least 1
     * @param cropHeight in pixels, at least 1
     */
    public RgbImage crop(int left, int top, int cropWidth, int cropHeight) {
        byte[] cropped = new byte[3 * cropWidth * cropHeight];
        for (int y = 0; y < cropHeight; y++) {
            System.arraycopy(pixels, 3 * ((top + y) * width + left), cropped, 3 * y * cropWidth, 3 * cropWidth);
        }
        return new RgbImage(cropWidth, cropHeight, cropped);
    }
}
