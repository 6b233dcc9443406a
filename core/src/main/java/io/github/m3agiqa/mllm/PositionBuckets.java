package io.github.m3agiqa.mllm;

/**
 * The bucket of each of n equally spaced positions among those of a learned table: torch's {@code bucketize} of
 * {@code arange(0, 1 - 1e-6, 1/n)} by {@code arange(1/side, 1, 1/side)}, in float32, rounding and all.
 */
final class PositionBuckets {
    private static final int LANES = 8;

    private PositionBuckets() {}

    /**
     * Buckets of n positions.
     *
     * @param n the number of positions, at least 1
     * @param side the number of buckets, at least 1
     * @return for each position its bucket, 0 to {@code side - 1}
     */
    static int[] of(int n, int side) {
        float[] boundaries = arange(1.0 / side, 1.0 / side, side - 1);
        float[] coordinates = arange(0, (double) (1f / (float) n), n);
        int[] buckets = new int[n];
        int bucket = 0;
        for (int i = 0; i < n; i++) {
            while (bucket < boundaries.length && boundaries[bucket] <= coordinates[i]) {
                bucket++;
            }
            buckets[i] = bucket;
        }
        return buckets;
    }

    /** Torch's vectorised arange: whole blocks of eight count on from a rounded start, the rest stand alone. */
    private static float[] arange(double start, double step, int count) {
        float[] values = new float[count];
        int blocks = count / LANES * LANES;
        for (int i = 0; i < count; i++) {
            if (i < blocks) {
                int block = i / LANES * LANES;
                values[i] = (float) ((double) (float) (start + step * block) + (i - block) * step);
            } else {
                values[i] = (float) (start + step * i);
            }
        }
        return values;
    }
}
