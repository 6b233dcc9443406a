package io.github.m3agiqa.dataset;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import us.hebi.matlab.mat.format.Mat5;
import us.hebi.matlab.mat.types.MatFile;
import us.hebi.matlab.mat.types.Matrix;

/**
 * The scores of AIGCIQA2023 as they were published: {@code DATA/MOS/mosz1.mat} for quality, {@code mosz2.mat} for
 * authenticity and {@code mosz3.mat} for correspondence, each a vector over the images {@code 0.png} to
 * {@code 2399.png}. Six generators made four images of each of 100 prompts, in this order.
 */
final class OpinionMatrices {
    private static final Path FOLDER = Path.of("DATA", "MOS");
    private static final List<Aspect> ASPECTS = List.of(Aspect.QUALITY, Aspect.AUTHENTICITY, Aspect.CORRESPONDENCE);
    private static final List<String> GENERATORS =
            List.of("Controlnet", "DALLE", "Glide", "Lafite", "stable-diffusion", "Unidiffuser");
    private static final int PROMPTS = 100;
    private static final int IMAGES_PER_PROMPT = 4;
    private static final int IMAGES_PER_GENERATOR = PROMPTS * IMAGES_PER_PROMPT;
    private static final int IMAGES = GENERATORS.size() * IMAGES_PER_GENERATOR;

    private OpinionMatrices() {}

    private static Path file(Path folder, Aspect aspect) {
        return folder.resolve(FOLDER).resolve("mosz" + (ASPECTS.indexOf(aspect) + 1) + ".mat");
    }

    /** Whether a dataset folder has such files. */
    static boolean in(Path folder) {
        return ASPECTS.stream().anyMatch(aspect -> Files.exists(file(folder, aspect)));
    }

    /**
     * The scores as rows, with the names and the columns of a {@code data.csv}.
     *
     * @throws InputException if a file is damaged or is not about as many images as were published
     */
    static Table read(Path folder) {
        Map<Aspect, double[]> scores = new EnumMap<>(Aspect.class);
        for (Aspect aspect : ASPECTS) {
            Path file = file(folder, aspect);
            if (Files.exists(file)) {
                scores.put(aspect, vector(file));
            }
        }
        List<Table.Row> rows = new ArrayList<>();
        Set<String> columns = new TreeSet<>();
        for (int image = 0; image < IMAGES; image++) {
            Map<String, String> values = new LinkedHashMap<>();
            values.put("name", image + ".png");
            values.put("generator", GENERATORS.get(image / IMAGES_PER_GENERATOR));
            values.put("group", "prompt " + image % IMAGES_PER_GENERATOR / IMAGES_PER_PROMPT);
            for (var entry : scores.entrySet()) {
                values.put("mos_" + entry.getKey().id(), String.valueOf(entry.getValue()[image]));
            }
            columns.addAll(values.keySet());
            rows.add(new Table.Row("%s, image %d".formatted(folder.resolve(FOLDER), image), values));
        }
        return new Table(folder.resolve(FOLDER), columns, rows);
    }

    private static double[] vector(Path file) {
        double[] values;
        try (MatFile content = Mat5.readFromFile(file.toFile())) {
            Matrix matrix = content.getMatrix("MOSz");
            values = IntStream.range(0, matrix.getNumElements())
                    .mapToDouble(matrix::getDouble)
                    .toArray();
        } catch (IOException | RuntimeException e) {
            // the reader answers damaged files with exceptions of every kind
            throw new InputException("%s holds no matrix MOSz: %s".formatted(file, e), e);
        }
        if (values.length != IMAGES) {
            throw new InputException("%s has %d scores, AIGCIQA2023 has %d".formatted(file, values.length, IMAGES));
        }
        return values;
    }
}
