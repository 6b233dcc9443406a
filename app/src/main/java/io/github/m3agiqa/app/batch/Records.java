package io.github.m3agiqa.app.batch;

import java.util.Optional;

/** How the records of a results file are told apart and understood. */
interface Records {
    /**
     * One record.
     *
     * @param perAspect whether it answers for one aspect only, and the others follow
     */
    record Entry(RowKey key, boolean perAspect, boolean failed) {}

    /** What the file starts with; empty if it starts with a record. */
    String header();

    /** Whether a line end inside quotes belongs to the record. */
    boolean quotesSpanLines();

    /** Understands a whole record; empty for the header and for what is no record. */
    Optional<Entry> parse(String record);
}
