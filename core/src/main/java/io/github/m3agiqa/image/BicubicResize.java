package io.github.m3agiqa.image;

import java.util.Arrays;

/**
 * Pillow's bicubic resize with antialiasing, bit for bit: fixed-point weights of 22 bits, a horizontal pass that is
 * rounded to bytes, then a vertical pass.
 *
 * @see <a href="https://github.com/python-pillow/Pillow/blob/10.4.0/src/libImaging/Resample.c">Pillow 10.4.0</a>
 */
final class BicubicResize {
    private static final int PRECISION_BITS = 22;
    private static final int HALF = 1 << (PRECISION_BITS - 1);
    private static final double A = -0.5;

    private BicubicResize() {}

    static RgbImage resize(RgbImage image, int width, int height) {
        RgbImage wide = width == image.width() ? image : resizeColumns(image, width);
        return height == image.height() ? wide : resizeRows(wide, height);
    }

    /** For each output position the first input position that it reads, and its fixed-point weights. */
    private static final class Weights {
        final int[] first;
        final int[][] weights;

        Weights(int inputSize, int outputSize) {
            double scale = (double) inputSize / outputSize;
            double filterScale = Math.max(scale, 1);
            double support = 2 * filterScale;
            first = new int[outputSize];
            weights = new int[outputSize][];
            for (int out = 0; out < outputSize; out++) {
                double centre = (out + 0.5) * scale;
                int low = Math.max(0, (int) (centre - support + 0.5));
                int high = Math.min(inputSize, (int) (centre + support + 0.5));
                double[] exact = new double[high - low];
                double sum = 0;
                for (int j = 0; j < exact.length; j++) {
                    exact[j] = kernel((j + low - centre + 0.5) * (1 / filterScale));
                    sum += exact[j];
                }
                first[out] = low;
                weights[out] = new int[exact.length];
                for (int j = 0; j < exact.length; j++) {
                    double weight = exact[j] / sum * (1 << PRECISION_BITS);
                    weights[out][j] = (int) (weight < 0 ? weight - 0.5 : weight + 0.5);
                }
            }
        }

        private static double kernel(double distance) {
            double x = Math.abs(distance);
            if (x < 1) {
                return ((A + 2) * x - (A + 3)) * x * x + 1;
            }
            return x < 2 ? (((x - 5) * x + 8) * x - 4) * A : 0;
        }
    }

    private static RgbImage resizeColumns(RgbImage image, int width) {
        Weights columns = new Weights(image.width(), width);
        byte[] in = image.pixels();
        byte[] out = new byte[3 * width * image.height()];
        for (int y = 0; y < image.height(); y++) {
            int row = 3 * y * image.width();
            for (int x = 0; x < width; x++) {
                int[] weights = columns.weights[x];
                int at = row + 3 * columns.first[x];
                int red = HALF;
                int green = HALF;
                int blue = HALF;
                for (int weight : weights) {
                    red += weight * (in[at] & 0xff);
                    green += weight * (in[at + 1] & 0xff);
                    blue += weight * (in[at + 2] & 0xff);
                    at += 3;
                }
                int to = 3 * (y * width + x);
                out[to] = toByte(red);
                out[to + 1] = toByte(green);
                out[to + 2] = toByte(blue);
            }
        }
        return new RgbImage(width, image.height(), out);
    }

    private static RgbImage resizeRows(RgbImage image, int height) {
        Weights rows = new Weights(image.height(), height);
        int rowBytes = 3 * image.width();
        byte[] in = image.pixels();
        byte[] out = new byte[rowBytes * height];
        int[] sums = new int[rowBytes];
        for (int y = 0; y < height; y++) {
            Arrays.fill(sums, HALF);
            int[] weights = rows.weights[y];
            for (int j = 0; j < weights.length; j++) {
                int weight = weights[j];
                int at = (rows.first[y] + j) * rowBytes;
                for (int i = 0; i < rowBytes; i++) {
                    sums[i] += weight * (in[at + i] & 0xff);
                }
            }
            for (int i = 0; i < rowBytes; i++) {
                out[y * rowBytes + i] = toByte(sums[i]);
            }
        }
        return new RgbImage(image.width(), height, out);
    }

    private static byte toByte(int fixedPoint) {
        return (byte) Math.clamp(fixedPoint >> PRECISION_BITS, 0, 255);
    }
}
