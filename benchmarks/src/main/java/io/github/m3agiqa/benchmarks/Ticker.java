package io.github.m3agiqa.benchmarks;

/** Says on standard error, once a minute, how far a check is. */
final class Ticker {
    private static final long MINUTE_NANOS = 60_000_000_000L;

    private final String what;
    private int done;
    private long told = System.nanoTime();

    Ticker(String what) {
        this.what = what;
    }

    /** One more image is done. */
    void tick() {
        done++;
        if (System.nanoTime() - told > MINUTE_NANOS) {
            told = System.nanoTime();
            System.err.printf("%s: %d images%n", what, done);
        }
    }
}
