package io.github.m3agiqa.predictor;

import java.util.Set;

/**
 * The sizes of an xLSTM stack, as xlstm 1.0.6 derives them.
 *
 * @param width the embedding width, a multiple of the heads
 * @param blocks the number of blocks
 * @param slstmBlocks which blocks are sLSTM, counted from 0; the others are mLSTM
 */
public record XlstmConfig(int width, int blocks, Set<Integer> slstmBlocks) {
    static final int HEADS = 4;
    static final int CONVOLUTION = 4;
    /** The block size of the block-diagonal query, key and value projections. */
    static final int PROJECTION_BLOCK = 4;

    static final double NORM_EPSILON = 1e-5;

    private static final int ROUND_TO = 64;

    public XlstmConfig {
        slstmBlocks = Set.copyOf(slstmBlocks);
        if (width < HEADS || width % HEADS != 0 || blocks < 1) {
            throw new IllegalArgumentException(
                    "%d blocks of width %d with %d heads are no xLSTM stack".formatted(blocks, width, HEADS));
        }
    }

    /** The inner width of an mLSTM block: twice the width, rounded up to 64. */
    int innerWidth() {
        return roundUp(2.0 * width);
    }

    /** The inner width of the feed-forward layer behind an sLSTM: 1.3 times the width, rounded up to 64. */
    int feedForwardWidth() {
        return roundUp(1.3 * width);
    }

    private static int roundUp(double size) {
        return (int) Math.ceil(size / ROUND_TO) * ROUND_TO;
    }
}
