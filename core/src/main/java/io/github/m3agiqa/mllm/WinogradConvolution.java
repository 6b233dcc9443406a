package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * A convolution with filters of 3 x 3 at every pixel, by Winograd's minimal filtering F(4 x 4, 3 x 3): squares of 4 x 4
 * results come from squares of 6 x 6 pixels with 36 products of two channels instead of 144. The transforms before and
 * after cost as much as the products of some 50 channels, so it is for wide layers.
 *
 * <p>In float32, results differ from the plain sum's by about 1e-5 of the largest.
 *
 * @see <a href="https://arxiv.org/abs/1509.09308">Fast algorithms for convolutional neural networks</a>
 */
final class WinogradConvolution {
    private static final int SIDE = 3;
    private static final int TILE = 4;
    private static final int WINDOW = TILE + SIDE - 1;

    /** G, (window, side). */
    private static final float[] OF_FILTERS = {
        1 / 4f, 0, 0, //
        -1 / 6f, -1 / 6f, -1 / 6f, //
        -1 / 6f, 1 / 6f, -1 / 6f, //
        1 / 24f, 1 / 12f, 1 / 6f, //
        1 / 24f, -1 / 12f, 1 / 6f, //
        0, 0, 1
    };

    /** B transposed, (window, window). */
    private static final float[] OF_PIXELS = {
        4, 0, -5, 0, 1, 0, //
        0, -4, -4, 1, 1, 0, //
        0, 4, -4, -1, 1, 0, //
        0, -2, -1, 2, 1, 0, //
        0, 2, -1, -2, 1, 0, //
        0, 4, 0, -5, 0, 1
    };

    /** A transposed, (tile, window). */
    private static final float[] OF_PRODUCTS = {
        1, 1, 1, 1, 1, 0, //
        0, 1, -1, 2, -2, 0, //
        0, 1, 1, 4, 4, 0, //
        0, 1, -1, 8, -8, 1
    };

    private WinogradConvolution() {}

    /**
     * What {@link #apply} needs of filters, made once for many images.
     *
     * @param filters (out, in, 3, 3), float32
     * @return (36, out, in)
     */
    static Tensor transformed(Tensor filters) {
        long out = filters.size(0);
        long in = filters.size(1);
        try (Scope scope = new Scope()) {
            Tensor flat = filters.reshape(out * in, SIDE * SIDE);
            return scope.keep(both(OF_FILTERS, WINDOW, SIDE).mm(flat.t()).view(WINDOW * WINDOW, out, in));
        }
    }

    /**
     * The convolution, with zeros around the images.
     *
     * @param images (images, in, height, width), float32, best with the channels last in memory
     * @param filters {@linkplain #transformed transformed}
     * @param bias (out)
     * @return (images, out, height, width), channels last in memory
     */
    static Tensor apply(Tensor images, Tensor filters, Tensor bias) {
        long height = images.size(2);
        long width = images.size(3);
        long rows = Math.ceilDiv(height, TILE);
        long columns = Math.ceilDiv(width, TILE);
        long tiles = images.size(0) * rows * columns;
        try (Scope scope = new Scope()) {
            Tensor windows = windows(images.permute(0, 2, 3, 1), rows, columns);
            Tensor seen = both(OF_PIXELS, WINDOW, WINDOW).mm(windows).view(WINDOW * WINDOW, tiles, images.size(1));
            Tensor products = torch.bmm(seen, filters.transpose(1, 2)); // (36, tiles, out)
            long out = products.size(2);
            Tensor made = both(OF_PRODUCTS, TILE, WINDOW)
                    .mm(products.view(WINDOW * WINDOW, tiles * out))
                    .view(TILE, TILE, images.size(0), rows, columns, out)
                    .permute(2, 3, 0, 4, 1, 5) // (images, rows, tile, columns, tile, out)
                    .reshape(images.size(0), rows * TILE, columns * TILE, out)
                    .narrow(1, 0, height)
                    .narrow(2, 0, width)
                    .add_(bias);
            return scope.keep(made.permute(0, 3, 1, 2));
        }
    }

    /**
     * The squares of pixels that each tile is made from, two pixels of each in the next one too.
     *
     * @param images (images, height, width, channels)
     * @return (36, images * rows * columns * channels)
     */
    private static Tensor windows(Tensor images, long rows, long columns) {
        long below = rows * TILE - images.size(1);
        long beside = columns * TILE - images.size(2);
        Tensor padded = torch.constant_pad_nd(images, new long[] {0, 0, 1, 1 + beside, 1, 1 + below}, Torch.scalar(0));
        long row = padded.stride(1);
        long column = padded.stride(2);
        return padded.as_strided(
                        new long[] {WINDOW, WINDOW, images.size(0), rows, columns, images.size(3)},
                        new long[] {row, column, padded.stride(0), TILE * row, TILE * column, padded.stride(3)})
                .reshape(WINDOW * WINDOW, -1);
    }

    /** A transform of rows and columns at once: the Kronecker product of a matrix with itself. */
    private static Tensor both(float[] matrix, int rows, int columns) {
        Tensor one = Torch.floats(matrix, rows, columns);
        return torch.kron(one, one);
    }
}
