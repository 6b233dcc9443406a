package io.github.m3agiqa.training;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.predictor.PromptMatcher;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Torch;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/**
 * Vectors of words, read from the text format of word2vec, GloVe and fastText: a line for each word, the word and its
 * numbers with spaces between them, perhaps after a line with how many words and numbers there are.
 */
final class WordVectors {
    private static final double SMALLEST = 1e-9;

    private final Path file;
    private final Map<String, float[]> vectors = new LinkedHashMap<>();
    private int size;

    private WordVectors(Path file) {
        this.file = file;
    }

    /**
     * Reads a file. Of words that differ in case the first counts, and what no prompt has as a single word, such as
     * punctuation, is left out.
     *
     * @throws InputException naming the file, and the line that is none
     */
    static WordVectors read(Path file) {
        WordVectors read = new WordVectors(file);
        try (BufferedReader lines = Files.newBufferedReader(file)) {
            int number = 1;
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                read.add(line.strip().split(" +"), number++);
            }
        } catch (IOException e) {
            throw new InputException("%s cannot be read: %s".formatted(file, e), e);
        }
        if (read.vectors.isEmpty()) {
            throw new InputException("%s has no vector of a word".formatted(file));
        }
        return read;
    }

    private void add(String[] fields, int number) {
        if (number == 1 && fields.length == 2) {
            return; // how many there are
        }
        if (size == 0) {
            size = fields.length - 1;
        }
        if (size < 1 || fields.length != size + 1) {
            throw new InputException("%s, line %d: %d numbers, expected %s after the word"
                    .formatted(file, number, fields.length - 1, size < 1 ? "some" : size));
        }
        List<String> words = PromptMatcher.words(fields[0]);
        if (words.size() == 1 && words.getFirst().equalsIgnoreCase(fields[0])) {
            vectors.computeIfAbsent(words.getFirst(), _ -> numbers(fields, number));
        }
    }

    private float[] numbers(String[] fields, int number) {
        float[] numbers = new float[size];
        for (int i = 0; i < size; i++) {
            try {
                numbers[i] = Float.parseFloat(fields[i + 1]);
            } catch (NumberFormatException e) {
                throw new InputException("%s, line %d: '%s' is no number".formatted(file, number, fields[i + 1]), e);
            }
        }
        return numbers;
    }

    /** The words that have one. */
    Set<String> words() {
        return Collections.unmodifiableSet(vectors.keySet());
    }

    /**
     * Directions of words from the middle of some of them.
     *
     * @throws InputException if none of these has a vector
     */
    Directions directions(List<String> middleOf) {
        List<float[]> known =
                middleOf.stream().map(vectors::get).filter(Objects::nonNull).toList();
        if (known.isEmpty()) {
            throw new InputException(
                    "%s has a vector of none of the %d words of the prompts; name one of their language"
                            .formatted(file, middleOf.size()));
        }
        return new Directions(Torch.toFloats(Torch.mean(rows(known), 0)));
    }

    /** Words as vectors of length 1 from a middle. */
    final class Directions {
        private final float[] middle;

        private Directions(float[] middle) {
            this.middle = middle;
        }

        /** (words, size), float64; zeros for a word that has no vector. */
        Tensor of(List<String> words) {
            List<float[]> rows = words.stream()
                    .map(word -> vectors.getOrDefault(word, middle))
                    .toList();
            Tensor away = rows(rows).sub(rows(List.of(middle)));
            return away.div(Torch.plus(Torch.sum(away.square(), 1).sqrt(), SMALLEST));
        }
    }

    private Tensor rows(List<float[]> rows) {
        float[] all = new float[rows.size() * size];
        for (int i = 0; i < rows.size(); i++) {
            System.arraycopy(rows.get(i), 0, all, i * size, size);
        }
        return Torch.to(Torch.floats(all, rows.size(), size), Dtype.F64);
    }
}
