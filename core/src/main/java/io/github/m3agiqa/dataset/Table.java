package io.github.m3agiqa.dataset;

import de.siegmar.fastcsv.reader.NamedCsvRecord;
import io.github.m3agiqa.InputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.dhatim.fastexcel.reader.ReadableWorkbook;
import org.jspecify.annotations.Nullable;

/**
 * Rows with named columns, from a CSV file or the first sheet of an Excel file. Case and white space around the names of
 * the columns do not count, nor does white space around a value.
 *
 * @param file where the rows come from
 * @param columns the names of the columns, in lower case
 */
record Table(Path file, Set<String> columns, List<Row> rows) {
    /**
     * One row.
     *
     * @param place the file and the row, for messages
     */
    record Row(String place, Map<String, String> values) {
        /** The value of a column, null if it is blank or missing. */
        @Nullable
        String text(String column) {
            String value = values.getOrDefault(column, "").strip();
            return value.isEmpty() ? null : value;
        }

        /**
         * The number in a column, NaN if it is blank or missing.
         *
         * @throws InputException if it holds something else
         */
        double number(String column) {
            String text = text(column);
            if (text == null) {
                return Double.NaN;
            }
            try {
                double number = Double.parseDouble(text);
                if (Double.isFinite(number)) {
                    return number;
                }
            } catch (NumberFormatException _) {
                // says the message below
            }
            throw new InputException("%s: %s is '%s', which is no number".formatted(place, column, text));
        }
    }

    Table {
        if (rows.isEmpty()) {
            throw new InputException("%s holds no image".formatted(file));
        }
        if (!columns.contains("name")) {
            throw new InputException("%s has no column 'name'; it has %s".formatted(file, columns));
        }
        columns = Set.copyOf(columns);
        rows = List.copyOf(rows);
    }

    /**
     * Reads a file that ends in {@code .csv} or {@code .xlsx}.
     *
     * @throws InputException if it is damaged, or has no images
     */
    static Table read(Path file) {
        return file.toString().endsWith(".xlsx") ? excel(file) : csv(file);
    }

    private static Table csv(Path file) {
        Set<String> columns = new LinkedHashSet<>();
        List<Row> rows = new ArrayList<>();
        for (NamedCsvRecord line : CsvFile.read(file)) {
            Map<String, String> values = new LinkedHashMap<>();
            line.getFieldsAsMap().forEach((column, value) -> values.put(columnName(column), value));
            columns.addAll(values.keySet());
            rows.add(new Row("%s, line %d".formatted(file, line.getStartingLineNumber()), values));
        }
        return new Table(file, columns, rows);
    }

    private static Table excel(Path file) {
        List<org.dhatim.fastexcel.reader.Row> lines;
        try (ReadableWorkbook book = new ReadableWorkbook(file.toFile())) {
            lines = book.getFirstSheet().read();
        } catch (IOException | RuntimeException e) {
            // the reader answers damaged files with exceptions of every kind
            Throwable cause = e.getCause() != null ? e.getCause() : e;
            throw new InputException("%s cannot be read: %s".formatted(file, cause), e);
        }
        List<String> columns = lines.isEmpty()
                ? List.of()
                : IntStream.range(0, lines.getFirst().getCellCount())
                        .mapToObj(i -> columnName(lines.getFirst().getCellText(i)))
                        .toList();
        List<Row> rows = new ArrayList<>();
        for (var line : lines.subList(Math.min(1, lines.size()), lines.size())) {
            Map<String, String> values = new LinkedHashMap<>();
            for (int i = 0; i < columns.size(); i++) {
                values.put(columns.get(i), line.getCellText(i));
            }
            // rows that were emptied in a spreadsheet stay in its file
            if (!values.values().stream().allMatch(String::isBlank)) {
                rows.add(new Row("%s, row %d".formatted(file, line.getRowNum()), values));
            }
        }
        return new Table(file, new LinkedHashSet<>(columns), rows);
    }

    private static String columnName(String column) {
        return column.strip().toLowerCase(Locale.ROOT);
    }
}
