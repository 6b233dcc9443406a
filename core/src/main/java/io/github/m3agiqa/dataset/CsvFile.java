package io.github.m3agiqa.dataset;

import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.NamedCsvRecord;
import io.github.m3agiqa.InputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** CSV files with a header, read strictly: what a reader might repair would put words into the wrong rows. */
public final class CsvFile {
    private CsvFile() {}

    /**
     * All rows.
     *
     * @throws InputException naming the line if a row has more or fewer fields than the header or a quote is never closed, and
     *     if the file cannot be read or is not in UTF-8
     */
    public static List<NamedCsvRecord> read(Path file) {
        String text = TextFile.read(file);
        checkQuotes(file, text);
        List<NamedCsvRecord> rows = new ArrayList<>();
        try (CsvReader<NamedCsvRecord> csv = CsvReader.builder().ofNamedCsvRecord(text)) {
            for (NamedCsvRecord row : csv) {
                if (row.getFieldCount() != row.getHeader().size()) {
                    throw new InputException(
                            "%s, line %d has %d fields, the header has %d; texts with commas must be quoted"
                                    .formatted(
                                            file,
                                            row.getStartingLineNumber(),
                                            row.getFieldCount(),
                                            row.getHeader().size()));
                }
                rows.add(row);
            }
        } catch (CsvParseException | IOException | UncheckedIOException e) {
            throw new InputException("%s is no valid CSV: %s".formatted(file, e.getMessage()), e);
        }
        return rows;
    }

    /** One that is never closed would make a single row of all that follow. */
    private static void checkQuotes(Path file, String text) {
        int line = 1;
        int opened = 0;
        boolean quoted = false;
        boolean begins = true; // of a field
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' && (quoted || begins)) {
                quoted = !quoted; // a quote inside is doubled, and so closes and opens
                opened = line;
            }
            begins = !quoted && (c == ',' || c == '\n' || c == '\r' || c == '"');
            line += c == '\n' ? 1 : 0;
        }
        if (quoted) {
            throw new InputException("%s, line %d opens a quote that is never closed".formatted(file, opened));
        }
    }
}
