package io.github.m3agiqa.app.batch;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.NamedCsvRecord;
import io.github.m3agiqa.InputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Reads a list of images: a CSV or JSONL file with {@code image_path} and {@code prompt}, or a folder, whose images take
 * their prompts from a {@code prompts.csv} or {@code data.csv} in it, if there is one.
 */
final class InputRows {
    private static final Set<String> IMAGE_SUFFIXES =
            Set.of("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif", "heic", "heif");
    private static final List<String> SIDECARS = List.of("prompts.csv", "data.csv");
    private static final List<String> PATH_COLUMNS = List.of("image_path", "name");

    private InputRows() {}

    /**
     * Reads a list.
     *
     * @param imageRoot where relative paths start; null for the folder of the list
     * @throws InputException naming the file and line that cannot be read
     */
    static List<Row> read(Path input, @Nullable Path imageRoot) {
        if (Files.isDirectory(input)) {
            return folder(input);
        }
        Path parent = input.toAbsolutePath().getParent();
        Path root = imageRoot != null ? imageRoot : parent != null ? parent : Path.of("");
        String name = String.valueOf(input.getFileName()).toLowerCase(Locale.ROOT);
        if (name.endsWith(".csv")) {
            return csv(input, root);
        }
        if (name.endsWith(".jsonl")) {
            return jsonLines(input, root);
        }
        throw new InputException("%s is neither a folder nor a .csv or .jsonl file".formatted(input));
    }

    /** The text of a file without the mark that Windows tools begin one with. */
    private static String text(Path file) {
        if (!Files.exists(file)) {
            throw new InputException("%s does not exist".formatted(file));
        }
        try {
            return Files.readString(file).replaceFirst("^\uFEFF", "");
        } catch (CharacterCodingException e) {
            throw new InputException("%s is not in UTF-8; save it so".formatted(file), e);
        } catch (IOException e) {
            throw new InputException("%s cannot be read: %s".formatted(file, e), e);
        }
    }

    private static List<Row> csv(Path file, Path root) {
        String text = text(file);
        checkQuotes(file, text);
        List<Row> rows = new ArrayList<>();
        try (CsvReader<NamedCsvRecord> csv = CsvReader.builder().ofNamedCsvRecord(text)) {
            for (NamedCsvRecord line : csv) {
                if (line.getFieldCount() != line.getHeader().size()) {
                    throw new InputException(
                            "%s, line %d has %d fields, the header has %d; texts with commas must be quoted"
                                    .formatted(
                                            file,
                                            line.getStartingLineNumber(),
                                            line.getFieldCount(),
                                            line.getHeader().size()));
                }
                String path = PATH_COLUMNS.stream()
                        .flatMap(column -> line.findField(column).stream())
                        .findFirst()
                        .orElseThrow(() -> new InputException(
                                "%s has no column image_path; it has %s".formatted(file, line.getHeader())));
                rows.add(row(
                        file,
                        line.getStartingLineNumber(),
                        root,
                        path,
                        line.findField("prompt").orElse(null)));
            }
        } catch (CsvParseException | IOException | UncheckedIOException e) {
            throw new InputException("%s is no valid CSV: %s".formatted(file, e.getMessage()), e);
        }
        return rows;
    }

    /** A quote that is never closed would make one row of all that follow. */
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

    private static List<Row> jsonLines(Path file, Path root) {
        ObjectMapper json = new ObjectMapper();
        List<Row> rows = new ArrayList<>();
        long number = 0;
        for (String line : text(file).lines().toList()) {
            number++;
            if (line.isBlank()) {
                continue;
            }
            JsonNode node;
            try {
                node = json.readTree(line);
            } catch (JsonProcessingException e) {
                throw new InputException(
                        "%s, line %d is no JSON: %s".formatted(file, number, e.getOriginalMessage()), e);
            }
            JsonNode prompt = node.path("prompt");
            if (!prompt.isTextual() && !prompt.isNull() && !prompt.isMissingNode()) {
                throw new InputException("%s, line %d has a prompt that is no text".formatted(file, number));
            }
            rows.add(row(
                    file,
                    number,
                    root,
                    node.path("image_path").asText(""),
                    prompt.isTextual() ? prompt.asText() : null));
        }
        return rows;
    }

    private static Row row(Path list, long line, Path root, String path, @Nullable String prompt) {
        if (path.isBlank()) {
            throw new InputException("%s, line %d has no image_path".formatted(list, line));
        }
        try {
            return new Row(path, prompt == null || prompt.isEmpty() ? null : prompt, root.resolve(path));
        } catch (InvalidPathException e) {
            throw new InputException(
                    "%s, line %d has no usable image_path: %s".formatted(list, line, e.getMessage()), e);
        }
    }

    private static List<Row> folder(Path folder) {
        Map<String, String> prompts = new HashMap<>();
        for (String sidecar : SIDECARS) {
            Path file = folder.resolve(sidecar);
            if (prompts.isEmpty() && Files.exists(file)) {
                csv(file, folder)
                        .forEach(row -> prompts.put(row.imagePath(), row.key().asked()));
            }
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(Files::isRegularFile)
                    .map(file -> String.valueOf(file.getFileName()))
                    .filter(name -> IMAGE_SUFFIXES.contains(
                            name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT)))
                    .sorted()
                    .map(name -> new Row(name, prompts.get(name), folder.resolve(name)))
                    .toList();
        } catch (IOException e) {
            throw new InputException("%s cannot be read: %s".formatted(folder, e.getMessage()), e);
        }
    }
}
