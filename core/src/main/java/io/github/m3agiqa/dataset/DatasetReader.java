package io.github.m3agiqa.dataset;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Scale;
import io.github.m3agiqa.dataset.Sample.Label;
import io.github.m3agiqa.dataset.Sample.Part;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Reads a dataset folder in the layout in which its authors published it, or in one's own: a {@code data.csv} with
 * {@code name}, {@code prompt} and {@code mos_<aspect>}, and perhaps {@code std_<aspect>}, {@code split},
 * {@code generator} and {@code group}. All scores become 0 to 5.
 *
 * <p>AGIQA-3K is known by its column {@code mos_align}, AIGCIQA2023 by {@code DATA/MOS/mosz1.mat} and its two
 * neighbours or by scores of all three aspects that are all above 5, and AIGIQA-20K by {@code info_train},
 * {@code info_val} and {@code info_test}, each {@code .csv} or {@code .xlsx}.
 */
public final class DatasetReader {
    private static final Scale PERCENT = new Scale(0, 100);

    /** Scores that all lie below this share of their scale have another scale. */
    private static final double LOWEST_SHARE = 0.1;

    /** The endings of the columns of an aspect, those of our own files first. */
    private static final Map<Aspect, List<String>> SUFFIXES = Map.of(
            Aspect.QUALITY, List.of("_quality", ""),
            Aspect.CORRESPONDENCE, List.of("_correspondence", "_align"),
            Aspect.AUTHENTICITY, List.of("_authenticity"));

    private static final Map<String, Part> INFO_FILES =
            Map.of("info_train", Part.TRAIN, "info_val", Part.VALIDATION, "info_test", Part.TEST);

    /** How a published dataset names its generators. */
    private enum GeneratorNames {
        /** In a column, or nowhere. */
        STATED,
        /** {@code sd1.5_lowcorr_028.jpg}: the name up to the first underscore. */
        AGIQA_3K,
        /** {@code LCM_SD1.5_0098.png}: the name up to the last underscore. */
        AIGIQA_20K
    }

    /** A table, and what is known of its rows by where it was found. */
    private record Source(
            Table table,
            @Nullable Part part,
            GeneratorNames generators,
            @Nullable Scale scale) {}

    private DatasetReader() {}

    /**
     * Reads a folder whose scores have the scale that its layout is known for; one's own scores are 0 to 5.
     *
     * @throws InputException naming file and row of what cannot be read or is off the scale
     */
    public static Dataset read(Path folder) {
        return read(folder, Optional.empty());
    }

    /**
     * Reads a folder whose scores have the stated scale.
     *
     * @throws InputException naming file and row of what cannot be read or is off the scale
     */
    public static Dataset read(Path folder, Scale scale) {
        return read(folder, Optional.of(scale));
    }

    private static Dataset read(Path folder, Optional<Scale> stated) {
        List<Source> sources = sources(folder);
        Scale scale = scale(sources, stated.or(() -> Optional.ofNullable(sources.getFirst().scale)));
        Map<String, String> places = new HashMap<>();
        List<Sample> samples = new ArrayList<>();
        for (Source source : sources) {
            for (Table.Row row : source.table.rows()) {
                Sample sample = sample(source, row, scale);
                String before = places.putIfAbsent(sample.name(), row.place());
                if (before != null) {
                    throw new InputException(
                            "%s: the image %s is already in %s".formatted(row.place(), sample.name(), before));
                }
                samples.add(sample);
            }
        }
        if (samples.stream().allMatch(sample -> sample.labels().isEmpty())) {
            throw new InputException(
                    "%s has no scores: they belong in columns mos_quality (or mos), mos_correspondence (or mos_align) and mos_authenticity"
                            .formatted(sources.getFirst().table.file()));
        }
        String name = String.valueOf(folder.toAbsolutePath().normalize().getFileName());
        return new Dataset(name, folder, samples);
    }

    private static List<Source> sources(Path folder) {
        Path data = folder.resolve("data.csv");
        if (Files.exists(data)) {
            Table table = Table.read(data);
            boolean agiqa = table.columns().contains("mos_align");
            return List.of(new Source(table, null, agiqa ? GeneratorNames.AGIQA_3K : GeneratorNames.STATED, null));
        }
        if (OpinionMatrices.in(folder)) {
            return List.of(new Source(OpinionMatrices.read(folder), null, GeneratorNames.STATED, PERCENT));
        }
        List<Source> sources = new ArrayList<>();
        INFO_FILES.entrySet().stream()
                .sorted(Map.Entry.comparingByValue())
                .forEach(info -> Stream.of(".csv", ".xlsx")
                        .map(suffix -> folder.resolve(info.getKey() + suffix))
                        .filter(Files::exists)
                        .findFirst()
                        .ifPresent(file -> sources.add(
                                new Source(Table.read(file), info.getValue(), GeneratorNames.AIGIQA_20K, null))));
        if (sources.isEmpty()) {
            throw new InputException(
                    "%s is no dataset folder: it has no data.csv, no info_train.csv or .xlsx, and no DATA/MOS/mosz1.mat"
                            .formatted(folder));
        }
        return sources;
    }

    /**
     * The scale of all scores, which must not look like those of another one: a wrong scale would not fail but mislead.
     */
    private static Scale scale(List<Source> sources, Optional<Scale> known) {
        double[] scores = sources.stream()
                .flatMap(source -> source.table.rows().stream())
                .flatMapToDouble(row -> Arrays.stream(Aspect.values())
                        .flatMapToDouble(
                                aspect -> column("mos", aspect, row.values().keySet()).stream()
                                        .mapToDouble(row::number)))
                .filter(score -> !Double.isNaN(score))
                .sorted()
                .toArray();
        if (scores.length == 0) {
            return known.orElse(Scale.ZERO_TO_FIVE);
        }
        double lowest = scores[0];
        double median = scores[(scores.length - 1) / 2];
        double highest = scores[scores.length - 1];
        Path file = sources.getFirst().table.file();
        if (known.isPresent()) {
            Scale scale = known.get();
            if (highest < scale.min() + LOWEST_SHARE * (scale.max() - scale.min())) {
                throw new InputException("%s: the scores reach from %s to %s only, so their scale is not %s to %s"
                        .formatted(file, lowest, highest, scale.min(), scale.max()));
            }
            return scale;
        }
        Set<String> columns = sources.getFirst().table.columns();
        boolean allAspects = Arrays.stream(Aspect.values())
                .allMatch(aspect -> column("mos", aspect, columns).isPresent());
        if (allAspects && lowest > Scale.ZERO_TO_FIVE.max() && highest > 2 * Scale.ZERO_TO_FIVE.max()) {
            return PERCENT;
        }
        if (median > Scale.ZERO_TO_FIVE.max()) {
            throw new InputException(
                    "%s: the scores reach from %s to %s, which is not the scale of 0 to 5; state their scale, such as [0, 100], with the dataset, or convert them"
                            .formatted(file, lowest, highest));
        }
        return Scale.ZERO_TO_FIVE;
    }

    /** The column of an aspect's scores or deviations. */
    private static Optional<String> column(String kind, Aspect aspect, Set<String> columns) {
        return SUFFIXES.getOrDefault(aspect, List.of()).stream()
                .map(suffix -> kind + suffix)
                .filter(columns::contains)
                .findFirst();
    }

    private static Sample sample(Source source, Table.Row row, Scale scale) {
        String name = row.text("name");
        if (name == null) {
            throw new InputException("%s has no name".formatted(row.place()));
        }
        Map<Aspect, Label> labels = new EnumMap<>(Aspect.class);
        for (Aspect aspect : Aspect.values()) {
            column("mos", aspect, row.values().keySet())
                    .filter(column -> row.text(column) != null)
                    .ifPresent(column -> labels.put(aspect, label(row, column, aspect, scale)));
        }
        String prompt = row.text("prompt");
        String generator = row.text("generator");
        String group = row.text("group");
        return new Sample(
                name,
                prompt,
                generator != null ? generator : generator(source.generators, name),
                group != null ? group : prompt != null ? Sample.groupOf(prompt) : name,
                source.part != null ? source.part : part(row),
                labels);
    }

    private static Label label(Table.Row row, String column, Aspect aspect, Scale scale) {
        double mos = row.number(column);
        if (mos < scale.min() || mos > scale.max()) {
            throw new InputException("%s: %s is %s, off the scale of %s to %s"
                    .formatted(row.place(), column, mos, scale.min(), scale.max()));
        }
        double range = scale.max() - scale.min();
        double deviation =
                column("std", aspect, row.values().keySet()).map(row::number).orElse(Double.NaN);
        if (deviation < 0) {
            throw new InputException("%s: a standard deviation is %s, below 0".formatted(row.place(), deviation));
        }
        double max = Scale.ZERO_TO_FIVE.max();
        return new Label((mos - scale.min()) / range * max, deviation / range * max);
    }

    private static @Nullable Part part(Table.Row row) {
        String split = row.text("split");
        if (split == null) {
            return null;
        }
        return switch (split.toLowerCase(Locale.ROOT)) {
            case "train" -> Part.TRAIN;
            case "val", "valid", "validation" -> Part.VALIDATION;
            case "test" -> Part.TEST;
            default ->
                throw new InputException("%s: split is '%s', not train, val or test".formatted(row.place(), split));
        };
    }

    private static @Nullable String generator(GeneratorNames names, String image) {
        int end = switch (names) {
            case STATED -> -1;
            case AGIQA_3K -> image.indexOf('_');
            case AIGIQA_20K -> image.lastIndexOf('_');
        };
        return end > 0 ? image.substring(0, end) : null;
    }
}
