package io.github.m3agiqa.testing;

import java.util.Locale;

/** A stay in a country where numbers for people are written in digits that machines do not read. */
public final class ArabicDigits implements AutoCloseable {
    private final Locale home = Locale.getDefault(Locale.Category.FORMAT);

    /** Until it is closed. */
    public ArabicDigits() {
        Locale.setDefault(Locale.Category.FORMAT, Locale.of("ar", "EG"));
    }

    @Override
    public void close() {
        Locale.setDefault(Locale.Category.FORMAT, home);
    }
}
