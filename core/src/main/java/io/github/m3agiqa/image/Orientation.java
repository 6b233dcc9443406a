package io.github.m3agiqa.image;

/** The eight ways in which a camera may have been held, in the order of the EXIF tag's values 1 to 8. */
enum Orientation {
    NORMAL(false, false, false),
    MIRRORED(false, true, false),
    ROTATED_180(false, true, true),
    FLIPPED(false, false, true),
    TRANSPOSED(true, false, false),
    ROTATED_90(true, false, true),
    TRANSVERSED(true, true, true),
    ROTATED_270(true, true, false);

    private final boolean turned;
    private final boolean fromRight;
    private final boolean fromBottom;

    /**
     * Says where an upright pixel is stored.
     *
     * @param turned rows are stored as columns
     * @param fromRight columns are stored from the right
     * @param fromBottom rows are stored from the bottom
     */
    Orientation(boolean turned, boolean fromRight, boolean fromBottom) {
        this.turned = turned;
        this.fromRight = fromRight;
        this.fromBottom = fromBottom;
    }

    /** The orientation of an EXIF value; anything but 1 to 8 is taken as normal. */
    static Orientation ofExif(int value) {
        return value >= 1 && value <= values().length ? values()[value - 1] : NORMAL;
    }

    /** The image as it is to be seen. */
    RgbImage upright(RgbImage image) {
        if (this == NORMAL) {
            return image;
        }
        int width = turned ? image.height() : image.width();
        int height = turned ? image.width() : image.height();
        byte[] in = image.pixels();
        byte[] out = new byte[in.length];
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int column = turned ? y : x;
                int row = turned ? x : y;
                int fromX = fromRight ? image.width() - 1 - column : column;
                int fromY = fromBottom ? image.height() - 1 - row : row;
                System.arraycopy(in, 3 * (fromY * image.width() + fromX), out, 3 * (y * width + x), 3);
            }
        }
        return new RgbImage(width, height, out);
    }
}
