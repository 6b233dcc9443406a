package io.github.m3agiqa.dataset;

import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.NamedCsvRecord;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Scale;
import io.github.m3agiqa.dataset.Sample.Label;
import io.github.m3agiqa.dataset.Sample.Part;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.dhatim.fastexcel.reader.ReadableWorkbook;
import org.dhatim.fastexcel.reader.Row;
import org.jspecify.annotations.Nullable;
import us.hebi.matlab.mat.format.Mat5;
import us.hebi.matlab.mat.types.Matrix;

/**
 * Reads a dataset folder in the layout in which its authors published it, or in one's own: a {@code data.csv} with
 * {@code name}, {@code prompt} and {@code mos_<aspect>}, and perhaps {@code std_<aspect>}, {@code split},
 * {@code generator} and {@code group}. All scores become 0 to 5.
 */
public final class DatasetReader {
    private static final Scale PERCENT = new Scale(0, 100);
    /** The file names of AIGCIQA2023 count the aspects in this order. */
    private static final List<Aspect> MAT_ORDER = List.of(Aspect.QUALITY, Aspect.AUTHENTICITY, Aspect.CORRESPONDENCE);

    private final Path folder;
    private final @Nullable Scale statedScale;

    private DatasetReader(Path folder, @Nullable Scale statedScale) {
        this.folder = folder;
        this.statedScale = statedScale;
    }

    /** Reads a folder whose scores have the scale that its layout is known for. */
    public static Dataset read(Path folder) {
        return new DatasetReader(folder, null).read();
    }

    /**
     * Reads a folder whose scores have the stated scale.
     *
     * @throws InputException naming file and row of what cannot be read or is off the scale
     */
    public static Dataset read(Path folder, Scale scale) {
        return new DatasetReader(folder, scale).read();
    }

    private Dataset read() {
        String name = String.valueOf(folder.toAbsolutePath().normalize().getFileName());
        if (Files.exists(folder.resolve("data.csv"))) {
            return new Dataset(name, folder, table(folder.resolve("data.csv"), null));
        }
        if (Files.exists(folder.resolve("DATA/MOS/mosz1.mat"))) {
            return new Dataset(name, folder, mats());
        }
        List<Sample> samples = new ArrayList<>();
        Map.of("train", Part.TRAIN, "val", Part.VALIDATION, "test", Part.TEST).entrySet().stream()
                .sorted(Map.Entry.comparingByValue())
                .forEach(part ->
                        infoFile(part.getKey()).ifPresent(file -> samples.addAll(table(file, part.getValue()))));
        if (samples.isEmpty()) {
            throw new InputException(
                    "%s is no dataset folder: it has no data.csv, no info_train.csv or .xlsx, and no DATA/MOS/mosz1.mat"
                            .formatted(folder));
        }
        return new Dataset(name, folder, samples);
    }

    private Optional<Path> infoFile(String part) {
        return Stream.of("info_%s.csv", "info_%s.xlsx")
                .map(name -> folder.resolve(name.formatted(part)))
                .filter(Files::exists)
                .findFirst();
    }

    /** A table of samples, one a row, by the names of its columns. */
    private List<Sample> table(Path file, @Nullable Part part) {
        List<Map<String, String>> rows;
        try {
            rows = file.toString().endsWith(".xlsx") ? excel(file) : csv(file);
        } catch (IOException | CsvParseException e) {
            throw new InputException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
        }
        if (rows.isEmpty() || !rows.getFirst().containsKey("name")) {
            throw new InputException("%s has no column 'name'".formatted(file));
        }
        Scale scale = scale(rows);
        List<Sample> samples = new ArrayList<>();
        for (int i = 0; i < rows.size(); i++) {
            samples.add(sample("%s, row %d".formatted(file, i + 2), rows.get(i), scale, part));
        }
        if (samples.stream().allMatch(sample -> sample.labels().isEmpty())) {
            throw new InputException(
                    "%s has no scores: none of the columns mos_quality, mos, mos_correspondence, mos_align, mos_authenticity"
                            .formatted(file));
        }
        return samples;
    }

    /** The published datasets score 0 to 5, but AIGCIQA2023 0 to 100. */
    private Scale scale(List<Map<String, String>> rows) {
        if (statedScale != null) {
            return statedScale;
        }
        boolean percent = rows.getFirst().containsKey("mos_authenticity")
                && rows.stream()
                        .map(row -> row.getOrDefault("mos_authenticity", ""))
                        .filter(mos -> !mos.isBlank())
                        .anyMatch(mos -> number("mos_authenticity", mos) > Scale.ZERO_TO_FIVE.max());
        return percent ? PERCENT : Scale.ZERO_TO_FIVE;
    }

    private static Sample sample(String place, Map<String, String> row, Scale scale, @Nullable Part filePart) {
        String name = row.getOrDefault("name", "");
        if (name.isBlank()) {
            throw new InputException("%s has no name".formatted(place));
        }
        Map<Aspect, Label> labels = new EnumMap<>(Aspect.class);
        for (Aspect aspect : Aspect.values()) {
            Stream<String> suffixes = switch (aspect) {
                case QUALITY -> Stream.of("_quality", "");
                case CORRESPONDENCE -> Stream.of("_correspondence", "_align");
                case AUTHENTICITY -> Stream.of("_authenticity");
            };
            suffixes.filter(suffix -> !row.getOrDefault("mos" + suffix, "").isBlank())
                    .findFirst()
                    .ifPresent(suffix -> labels.put(aspect, label(place, row, suffix, scale)));
        }
        String prompt = blankToNull(row.get("prompt"));
        String generator = blankToNull(row.get("generator"));
        String group = blankToNull(row.get("group"));
        return new Sample(
                name,
                prompt,
                generator != null ? generator : generatorOf(name),
                group != null ? group : prompt != null ? prompt : name,
                filePart != null ? filePart : part(place, row.getOrDefault("split", "")),
                labels);
    }

    private static Label label(String place, Map<String, String> row, String suffix, Scale scale) {
        double mos = number(place, row.getOrDefault("mos" + suffix, ""));
        if (!(mos >= scale.min() && mos <= scale.max())) {
            throw new InputException("%s: mos%s is %s, off the scale of %s to %s"
                    .formatted(place, suffix, mos, scale.min(), scale.max()));
        }
        String deviation = row.getOrDefault("std" + suffix, "");
        double factor = Scale.ZERO_TO_FIVE.max() / (scale.max() - scale.min());
        return new Label(
                (mos - scale.min()) * factor, deviation.isBlank() ? Double.NaN : number(place, deviation) * factor);
    }

    private static double number(String place, String text) {
        try {
            return Double.parseDouble(text.strip());
        } catch (NumberFormatException e) {
            throw new InputException("%s: '%s' is no number".formatted(place, text), e);
        }
    }

    private static @Nullable Part part(String place, String split) {
        return switch (split.strip().toLowerCase(Locale.ROOT)) {
            case "" -> null;
            case "train" -> Part.TRAIN;
            case "val", "valid", "validation" -> Part.VALIDATION;
            case "test" -> Part.TEST;
            default -> throw new InputException("%s: split is '%s', not train, val or test".formatted(place, split));
        };
    }

    /** AGIQA-3K and AIGIQA-20K name the generator at the beginning of the file name. */
    private static @Nullable String generatorOf(String name) {
        int end = name.indexOf('_');
        return end > 0 ? name.substring(0, end) : null;
    }

    private static @Nullable String blankToNull(@Nullable String text) {
        return text == null || text.isBlank() ? null : text.strip();
    }

    private static List<Map<String, String>> csv(Path file) throws IOException {
        List<Map<String, String>> rows = new ArrayList<>();
        try (CsvReader<NamedCsvRecord> csv = CsvReader.builder().ofNamedCsvRecord(file)) {
            csv.forEach(row -> rows.add(row.getFieldsAsMap()));
        }
        return rows;
    }

    private static List<Map<String, String>> excel(Path file) throws IOException {
        List<Map<String, String>> rows = new ArrayList<>();
        try (ReadableWorkbook book = new ReadableWorkbook(file.toFile())) {
            List<Row> lines = book.getFirstSheet().read();
            for (int line = 1; line < lines.size(); line++) {
                Map<String, String> row = new LinkedHashMap<>();
                for (int i = 0; i < lines.getFirst().getCellCount(); i++) {
                    row.put(lines.getFirst().getCellText(i), lines.get(line).getCellText(i));
                }
                rows.add(row);
            }
        }
        return rows;
    }

    /** AIGCIQA2023 as it was published: a vector of scores an aspect, for the images 0.png, 1.png and so on. */
    private List<Sample> mats() {
        Map<Aspect, double[]> scores = new EnumMap<>(Aspect.class);
        for (int i = 0; i < MAT_ORDER.size(); i++) {
            Path file = folder.resolve("DATA/MOS/mosz%d.mat".formatted(i + 1));
            if (Files.exists(file)) {
                scores.put(MAT_ORDER.get(i), vector(file));
            }
        }
        int count =
                scores.values().stream().mapToInt(vector -> vector.length).max().orElse(0);
        Scale scale = statedScale != null ? statedScale : PERCENT;
        List<Sample> samples = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Map<String, String> row = new LinkedHashMap<>();
            row.put("name", i + ".png");
            for (var entry : scores.entrySet()) {
                if (i < entry.getValue().length) {
                    row.put("mos_" + entry.getKey().id(), String.valueOf(entry.getValue()[i]));
                }
            }
            samples.add(sample("%s, image %d".formatted(folder, i), row, scale, null));
        }
        return samples;
    }

    private static double[] vector(Path file) {
        try {
            Matrix matrix = Mat5.readFromFile(file.toFile()).getMatrix("MOSz");
            double[] values = new double[matrix.getNumElements()];
            for (int i = 0; i < values.length; i++) {
                values[i] = matrix.getDouble(i);
            }
            return values;
        } catch (IOException | RuntimeException e) {
            throw new InputException("%s holds no matrix MOSz: %s".formatted(file, e.getMessage()), e);
        }
    }
}
