package io.github.m3agiqa.teacher;

/**
 * Where the cells of a layer lie along one side of the image, in pixels of the input; a pixel {@code i} reaches from
 * {@code i} to {@code i + 1}.
 *
 * @param cells how many there are
 * @param stride from one centre to the next
 * @param first the centre of the first cell, which padding can put outside the image
 */
public record Axis(int cells, int stride, double first) {
    public Axis {
        if (cells < 1 || stride < 1) {
            throw new IllegalArgumentException("%d cells, %d pixels apart".formatted(cells, stride));
        }
    }

    /** The side of an image itself. */
    public static Axis ofPixels(int pixels) {
        return new Axis(pixels, 1, 0.5);
    }

    /** The centre of a cell. */
    public double centre(int cell) {
        return first + (double) cell * stride;
    }

    /** The cell whose centre is nearest to a place, in pixels. */
    public int nearest(double place) {
        return Math.clamp(Math.round((place - first) / stride), 0, cells - 1);
    }

    /** The axis with cells added at both ends. */
    public Axis padded(int before, int after) {
        return new Axis(cells + before + after, stride, first - (double) before * stride);
    }

    /** The axis of what a window of {@code size} cells makes that moves by {@code step} and stays inside. */
    public Axis windowed(int size, int step) {
        return new Axis(Math.floorDiv(cells - size, step) + 1, stride * step, first + (size - 1) / 2.0 * stride);
    }
}
