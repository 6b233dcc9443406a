package io.github.m3agiqa.app.batch;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import de.siegmar.fastcsv.reader.NamedCsvRecord;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.JsonProblem;
import io.github.m3agiqa.dataset.CsvFile;
import io.github.m3agiqa.dataset.TextFile;
import java.io.IOException;
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
 * their prompts from a {@code prompts.csv} or {@code data.csv} in it, if there is one. A folder without images is a
 * dataset's: its images are those in {@code images/}.
 */
final class InputRows {
    private static final Set<String> IMAGE_SUFFIXES =
            Set.of("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif", "heic", "heif");
    private static final List<String> SIDECARS = List.of("prompts.csv", "data.csv");

    /** Where a dataset's images lie. */
    private static final String DATASET_IMAGES = "images/";

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

    private static List<Row> csv(Path file, Path root) {
        List<Row> rows = new ArrayList<>();
        for (NamedCsvRecord line : CsvFile.read(file)) {
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
        return rows;
    }

    private static List<Row> jsonLines(Path file, Path root) {
        ObjectMapper json = new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
        List<Row> rows = new ArrayList<>();
        long number = 0;
        for (String line : TextFile.read(file).lines().toList()) {
            number++;
            if (line.isBlank()) {
                continue;
            }
            JsonNode node;
            try {
                node = json.readTree(line);
            } catch (JsonProcessingException e) {
                throw new InputException("%s, line %d is no JSON: %s".formatted(file, number, JsonProblem.of(e)), e);
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
                for (Row row : csv(file, folder)) {
                    String prompt = row.key().asked();
                    if (!prompt.equals(prompts.getOrDefault(row.imagePath(), prompt))) {
                        throw new InputException("%s has two prompts for %s; give it as --input itself to score both"
                                .formatted(file, row.imagePath()));
                    }
                    prompts.put(row.imagePath(), prompt);
                }
            }
        }
        List<String> images = images(folder, "");
        return (images.isEmpty() ? images(folder, DATASET_IMAGES) : images)
                .stream()
                        .map(path -> new Row(path, prompt(prompts, path), folder.resolve(path)))
                        .toList();
    }

    /** A dataset's file names its images without the folder that they lie in. */
    private static @Nullable String prompt(Map<String, String> prompts, String path) {
        String prompt = prompts.get(path);
        return prompt == null && path.startsWith(DATASET_IMAGES)
                ? prompts.get(path.substring(DATASET_IMAGES.length()))
                : prompt;
    }

    /** The images of a folder or of one in it, sorted; none if that is not there. */
    private static List<String> images(Path folder, String prefix) {
        Path place = folder.resolve(prefix);
        if (!Files.isDirectory(place)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(place)) {
            return files.filter(Files::isRegularFile)
                    .map(file -> String.valueOf(file.getFileName()))
                    .filter(name -> IMAGE_SUFFIXES.contains(
                            name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT)))
                    .sorted()
                    .map(name -> prefix + name)
                    .toList();
        } catch (IOException e) {
            throw new InputException("%s cannot be read: %s".formatted(place, e.getMessage()), e);
        }
    }
}
