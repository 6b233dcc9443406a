package io.github.m3agiqa.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Compares what was computed with what the reference computed, and keeps the largest difference of each quantity for
 * the table in {@code docs/results/parity.md}.
 */
public final class Parity {
    private static final class Row {
        long numbers;
        double scale;
        double largest;
        double tolerance;
    }

    private final String set;
    private final Map<String, Row> rows = new LinkedHashMap<>();

    /** A table for one set of goldens. */
    public Parity(String set) {
        this.set = set;
    }

    /**
     * Compares numbers.
     *
     * @param tolerance the largest absolute difference that is allowed; 0 for exact
     */
    public void compare(String quantity, double[] actual, double[] expected, double tolerance) {
        assertThat(actual).as(quantity).hasSameSizeAs(expected);
        Row row = rows.computeIfAbsent(quantity, _ -> new Row());
        row.tolerance = tolerance;
        for (int i = 0; i < actual.length; i++) {
            double difference = Math.abs(actual[i] - expected[i]);
            row.numbers++;
            row.scale = Math.max(row.scale, Math.abs(expected[i]));
            // a NaN is the largest difference there is
            row.largest = Double.isNaN(difference) ? Double.POSITIVE_INFINITY : Math.max(row.largest, difference);
        }
        assertThat(row.largest).as("largest difference of %s", quantity).isLessThanOrEqualTo(tolerance);
    }

    public void compare(String quantity, Tensor actual, double[] expected, double tolerance) {
        compare(quantity, Goldens.doubles(actual), expected, tolerance);
    }

    public void compare(String quantity, double actual, double expected, double tolerance) {
        compare(quantity, new double[] {actual}, new double[] {expected}, tolerance);
    }

    /** Compares things that must be equal. */
    public void same(String quantity, @Nullable Object actual, Object expected) {
        assertThat(actual).as(quantity).isEqualTo(expected);
        rows.computeIfAbsent(quantity, _ -> new Row()).numbers += expected instanceof List<?> list ? list.size() : 1;
    }

    /** Writes the table's rows below the module's build folder. */
    public void write() {
        StringBuilder text = new StringBuilder();
        rows.forEach((quantity, row) -> text.append(String.format(
                Locale.ROOT,
                "| %s | %s | %d | %s | %s | %s |%n",
                set,
                quantity,
                row.numbers,
                row.scale == 0 ? "–" : String.format(Locale.ROOT, "%.2g", row.scale),
                row.tolerance == 0 ? "equal" : String.format(Locale.ROOT, "%.1e", row.largest),
                row.tolerance == 0 ? "exact" : String.format(Locale.ROOT, "%.0e", row.tolerance))));
        try {
            Path folder = Files.createDirectories(Path.of("target", "parity"));
            Files.writeString(folder.resolve(set.replaceAll("\\W+", "-") + ".md"), text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
