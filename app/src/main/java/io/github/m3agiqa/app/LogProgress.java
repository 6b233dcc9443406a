package io.github.m3agiqa.app;

import java.io.PrintStream;
import java.time.Duration;
import java.util.Locale;

/** A line a minute, for logs. */
final class LogProgress implements Progress {
    private static final Duration INTERVAL = Duration.ofMinutes(1);

    private final PrintStream out;
    private final String unit;
    private int total;
    private int before;
    private int done;
    private int failed;
    private String status = "";
    private long started;
    private long lastLine;

    LogProgress(PrintStream out, String unit) {
        this.out = out;
        this.unit = unit;
    }

    @Override
    public void start(int allSteps, int doneBefore) {
        total = allSteps;
        before = doneBefore;
        done = doneBefore;
        started = System.nanoTime();
        lastLine = started;
        if (doneBefore > 0) {
            out.printf(Locale.ROOT, "%d of %d %s are done already%n", doneBefore, allSteps, unit);
        }
    }

    @Override
    public void step(boolean succeeded) {
        done++;
        failed += succeeded ? 0 : 1;
        long now = System.nanoTime();
        if (now - lastLine >= INTERVAL.toNanos()) {
            lastLine = now;
            double perSecond = (done - before) / ((now - started) / 1e9);
            out.printf(
                    Locale.ROOT,
                    "%d of %d %s, %d failed, %.2f a second, %s left%s%n",
                    done,
                    total,
                    unit,
                    failed,
                    perSecond,
                    Duration.ofSeconds((long) ((total - done) / perSecond))
                            .toString()
                            .substring(2),
                    status.isEmpty() ? "" : "; " + status);
        }
    }

    @Override
    public void status(String text) {
        status = text;
    }

    @Override
    public void close() {
        // every line is out
    }
}
