package io.github.m3agiqa.app;

import java.io.Console;
import java.util.Optional;

/** How far a long job is: a bar on a terminal, a line a minute elsewhere. */
public interface Progress extends AutoCloseable {
    /** Progress as standard error can show it. */
    static Progress onStandardError(String unit) {
        boolean terminal = Optional.ofNullable(System.console())
                .filter(Console::isTerminal)
                .isPresent();
        return terminal ? new TerminalProgress(System.err, unit) : new LogProgress(System.err, unit);
    }

    /**
     * Starts counting.
     *
     * @param total all steps
     * @param done the steps that were taken before
     */
    void start(int total, int done);

    /** Counts a step. */
    void step(boolean succeeded);

    /** Something short to be shown beside the progress; it replaces what was there. */
    void status(String text);

    @Override
    void close();
}
