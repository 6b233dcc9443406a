package io.github.m3agiqa.app;

import java.io.PrintStream;
import java.util.Optional;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** A progress bar that redraws itself. */
final class TerminalProgress implements Progress {
    private final PrintStream out;
    private final String unit;
    private @Nullable ProgressBar bar;
    private int failed;
    private String status = "";

    TerminalProgress(PrintStream out, String unit) {
        this.out = out;
        this.unit = unit;
    }

    @Override
    public void start(int total, int done) {
        bar = new ProgressBarBuilder()
                .setTaskName(unit)
                .setStyle(colourful() ? ProgressBarStyle.COLORFUL_UNICODE_BLOCK : ProgressBarStyle.UNICODE_BLOCK)
                .setInitialMax(total)
                .startsFrom(done, java.time.Duration.ZERO)
                .setUpdateIntervalMillis(200)
                .showSpeed()
                .setConsumer(new ConsoleProgressBarConsumer(out))
                .build();
    }

    /** As no-color.org has it. */
    private static boolean colourful() {
        return Optional.ofNullable(System.getenv("NO_COLOR")).orElse("").isEmpty();
    }

    @Override
    public void step(boolean succeeded) {
        Optional.ofNullable(bar).ifPresent(ProgressBar::step);
        if (!succeeded) {
            failed++;
            show();
        }
    }

    @Override
    public void status(String text) {
        status = text.isEmpty() ? "" : "; " + text;
        show();
    }

    private void show() {
        String shown = (failed == 0 ? "" : " %d failed".formatted(failed)) + status;
        Optional.ofNullable(bar).ifPresent(running -> running.setExtraMessage(shown));
    }

    @Override
    public void close() {
        Optional.ofNullable(bar).ifPresent(ProgressBar::close);
    }
}
