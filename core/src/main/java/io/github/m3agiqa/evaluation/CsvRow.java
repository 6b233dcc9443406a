package io.github.m3agiqa.evaluation;

import de.siegmar.fastcsv.reader.NamedCsvRecord;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Interval;
import io.github.m3agiqa.dataset.CsvFile;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A row of a CSV file, whose complaints name the file and the line. */
record CsvRow(Path file, NamedCsvRecord fields) {
    /**
     * Reads all rows.
     *
     * @throws InputException if the file cannot be read, or has no rows
     */
    static List<CsvRow> read(Path file) {
        List<CsvRow> rows = CsvFile.read(file).stream()
                .map(fields -> new CsvRow(file, fields))
                .toList();
        if (rows.isEmpty()) {
            throw new InputException("%s has no rows".formatted(file));
        }
        return rows;
    }

    /** Whether the file has such a column. */
    boolean has(String column) {
        return fields.getHeader().contains(column);
    }

    /**
     * The field of the first of these columns that the file has.
     *
     * @throws InputException if it has none of them
     */
    String text(String... columns) {
        return Stream.of(columns)
                .flatMap(column -> fields.findField(column).stream())
                .findFirst()
                .orElseThrow(() -> new InputException("%s has no column %s; it has %s"
                        .formatted(file, String.join(" or ", columns), String.join(", ", fields.getHeader()))));
    }

    /** The field of a column; empty if it is blank or the file has no such column. */
    Optional<String> optional(String column) {
        return fields.findField(column).filter(text -> !text.isBlank());
    }

    /**
     * The number in the first of these columns that the file has; empty if it is blank, NaN or infinite.
     *
     * @throws InputException if it is no number
     */
    OptionalDouble number(String... columns) {
        String text = text(columns).strip();
        if (text.isEmpty()) {
            return OptionalDouble.empty();
        }
        try {
            double value = Double.parseDouble(text);
            return Double.isFinite(value) ? OptionalDouble.of(value) : OptionalDouble.empty();
        } catch (NumberFormatException e) {
            return switch (text.toLowerCase(Locale.ROOT)) {
                case "nan", "inf", "-inf", "none", "null" -> OptionalDouble.empty();
                default -> throw complaint("'%s' is no number".formatted(text));
            };
        }
    }

    /**
     * The aspect of that name.
     *
     * @throws InputException if there is none
     */
    Aspect aspect(String id) {
        try {
            return Aspect.of(id);
        } catch (IllegalArgumentException e) {
            throw complaint(String.valueOf(e.getMessage()));
        }
    }

    /** The interval in the columns {@code interval_low} and {@code interval_high}, null if there is none. */
    @Nullable
    Interval interval() {
        if (optional("interval_low").isEmpty() || optional("interval_high").isEmpty()) {
            return null;
        }
        OptionalDouble low = number("interval_low");
        OptionalDouble high = number("interval_high");
        if (low.isEmpty() || high.isEmpty() || low.getAsDouble() > high.getAsDouble()) {
            throw complaint("[%s, %s] is no interval".formatted(text("interval_low"), text("interval_high")));
        }
        return new Interval(low.getAsDouble(), high.getAsDouble());
    }

    /** A complaint about this row. */
    InputException complaint(String what) {
        return new InputException("%s, line %d: %s".formatted(file, fields.getStartingLineNumber(), what));
    }
}
