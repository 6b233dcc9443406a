package io.github.m3agiqa.teacher;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.image.RgbImage;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/** The images that teachers look at, by name; several are read at once. */
final class SourceImages {
    private static final int TOGETHER = 32;

    private final Map<String, Supplier<RgbImage>> readers;

    SourceImages(Map<String, Supplier<RgbImage>> readers) {
        this.readers = new TreeMap<>(readers);
    }

    /** A list in parts, of each of which the images are read together. */
    static <T> List<List<T>> groups(List<T> list) {
        return IntStream.iterate(0, first -> first < list.size(), first -> first + TOGETHER)
                .mapToObj(first -> list.subList(first, Math.min(list.size(), first + TOGETHER)))
                .toList();
    }

    /** All names in their order. */
    List<String> names() {
        return List.copyOf(readers.keySet());
    }

    /**
     * Reads images.
     *
     * @return those of these names, in this order
     * @throws InputException if one is not in the list
     */
    List<RgbImage> read(Collection<String> names) {
        List<Supplier<RgbImage>> wanted = names.stream().map(this::reader).toList();
        return wanted.parallelStream().map(Supplier::get).toList();
    }

    private Supplier<RgbImage> reader(String name) {
        Supplier<RgbImage> reader = readers.get(name);
        if (reader == null) {
            throw new InputException("teachers are to look at %s, which is not in the list".formatted(name));
        }
        return reader;
    }
}
