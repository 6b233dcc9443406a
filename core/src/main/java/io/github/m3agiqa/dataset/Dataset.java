package io.github.m3agiqa.dataset;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Images with human scores.
 *
 * @param name a short name for reports
 * @param folder where the files are
 * @param samples in the order of the files
 */
public record Dataset(String name, Path folder, List<Sample> samples) {
    /** Where the published layouts keep their images. */
    private static final List<String> IMAGE_FOLDERS = List.of("images", "", "image", "Image/allimg", "all");

    public Dataset {
        samples = List.copyOf(samples);
        Map<String, Sample> byName = new LinkedHashMap<>();
        for (Sample sample : samples) {
            if (byName.put(sample.name(), sample) != null) {
                throw new InputException("%s names the image %s twice".formatted(folder, sample.name()));
            }
        }
    }

    /**
     * The file of a sample's image.
     *
     * @throws InputException if there is none
     */
    public Path image(Sample sample) {
        return candidates(sample)
                .filter(Files::exists)
                .findFirst()
                .orElseThrow(() -> new InputException("%s has no image %s".formatted(folder, sample.name())));
    }

    /** Whether the sample's image is there. */
    public boolean hasImage(Sample sample) {
        return candidates(sample).anyMatch(Files::exists);
    }

    private Stream<Path> candidates(Sample sample) {
        return IMAGE_FOLDERS.stream().map(child -> folder.resolve(child).resolve(sample.name()));
    }

    /** The samples by their names. */
    public Map<String, Sample> byName() {
        Map<String, Sample> byName = new LinkedHashMap<>();
        samples.forEach(sample -> byName.put(sample.name(), sample));
        return byName;
    }

    /** This dataset without the samples that have no image or no score of an aspect. */
    public Dataset with(Aspect aspect) {
        return new Dataset(
                name,
                folder,
                samples.stream()
                        .filter(sample -> sample.labels().containsKey(aspect) && hasImage(sample))
                        .toList());
    }
}
