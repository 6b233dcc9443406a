package io.github.m3agiqa.dataset;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Images with human scores. Which of the image files exist is looked up once, when the dataset is made. */
public final class Dataset {
    /** Where the published layouts keep their images. */
    private static final List<String> IMAGE_FOLDERS =
            List.of("images", "", "image", "Image/allimg", "all", "train", "val", "test");

    /** As many names as a message lists. */
    private static final int LISTED = 5;

    private final String name;
    private final Path folder;
    private final List<Sample> samples;
    private final Map<String, Sample> byName;
    private final Map<String, Path> images;

    /**
     * A dataset.
     *
     * @param name a short name for reports
     * @param folder where the files are
     * @param samples in the order of the files
     * @throws InputException if two samples have the same name
     */
    public Dataset(String name, Path folder, List<Sample> samples) {
        this(name, folder, samples, find(folder, samples));
    }

    private Dataset(String name, Path folder, List<Sample> samples, Map<String, Path> images) {
        this.name = name;
        this.folder = folder;
        this.samples = List.copyOf(samples);
        this.images = images;
        Map<String, Sample> unique = new LinkedHashMap<>();
        List<String> twice = samples.stream()
                .filter(sample -> unique.putIfAbsent(sample.name(), sample) != null)
                .map(Sample::name)
                .distinct()
                .toList();
        if (!twice.isEmpty()) {
            throw new InputException(
                    "%s names %d images more than once: %s".formatted(folder, twice.size(), first(twice)));
        }
        this.byName = Collections.unmodifiableMap(unique);
    }

    private static Map<String, Path> find(Path folder, List<Sample> samples) {
        List<Path> folders = IMAGE_FOLDERS.stream()
                .map(folder::resolve)
                .filter(Files::isDirectory)
                .toList();
        Map<String, Path> found = new HashMap<>();
        for (Sample sample : samples) {
            try {
                folders.stream()
                        .map(parent -> parent.resolve(sample.name()))
                        .filter(Files::isRegularFile)
                        .findFirst()
                        .ifPresent(image -> found.put(sample.name(), image));
            } catch (InvalidPathException e) {
                throw new InputException(
                        "%s names the image '%s', which no file can be called: %s"
                                .formatted(folder, sample.name(), e.getReason()),
                        e);
            }
        }
        return found;
    }

    /** A short name for reports. */
    public String name() {
        return name;
    }

    /** Where the files are. */
    public Path folder() {
        return folder;
    }

    /** The samples in the order of the files. */
    public List<Sample> samples() {
        return samples;
    }

    /** The samples by their names, in the order of the files. */
    public Map<String, Sample> byName() {
        return byName;
    }

    /** The sample of that name, if there is one. */
    public Optional<Sample> sample(String sampleName) {
        return Optional.ofNullable(byName.get(sampleName));
    }

    /** Whether the sample's image is there. */
    public boolean hasImage(Sample sample) {
        return images.containsKey(sample.name());
    }

    /**
     * The file of a sample's image.
     *
     * @throws InputException if there is none
     */
    public Path image(Sample sample) {
        return Optional.ofNullable(images.get(sample.name()))
                .orElseThrow(() -> new InputException("%s has no image %s".formatted(folder, sample.name())));
    }

    /**
     * The path of a sample's image in the dataset's folder, as conversations have it.
     *
     * @throws InputException if there is none
     */
    public String relativeImage(Sample sample) {
        return folder.relativize(image(sample)).toString().replace('\\', '/');
    }

    /**
     * This dataset without the samples that have no score of an aspect.
     *
     * @throws InputException if that leaves none
     */
    public Dataset with(Aspect aspect) {
        List<Sample> labelled = samples.stream()
                .filter(sample -> sample.label(aspect).isPresent())
                .toList();
        if (labelled.isEmpty()) {
            throw new InputException("%s has no scores of %s".formatted(folder, aspect.id()));
        }
        return new Dataset(name, folder, labelled, images);
    }

    /**
     * Checks what work on samples will need, so that it does not fail after hours.
     *
     * @throws InputException naming the samples that have no score of the aspect, or no image
     */
    public void check(Aspect aspect, Collection<Sample> needed) {
        require(
                "have no score of " + aspect.id(),
                needed.size(),
                needed.stream()
                        .filter(sample -> sample.label(aspect).isEmpty())
                        .map(Sample::name)
                        .toList());
        checkImages(needed);
    }

    /**
     * Checks that images are there.
     *
     * @throws InputException naming those that are missing
     */
    public void checkImages(Collection<Sample> needed) {
        require(
                "are missing; get them, or take them out of the lists",
                needed.size(),
                needed.stream()
                        .filter(sample -> !hasImage(sample))
                        .map(Sample::name)
                        .toList());
    }

    private void require(String trouble, int all, List<String> troubled) {
        if (!troubled.isEmpty()) {
            throw new InputException(
                    "%s: %d of %d images %s: %s".formatted(folder, troubled.size(), all, trouble, first(troubled)));
        }
    }

    /** The first few of a list of names, for a message. */
    static String first(List<String> names) {
        String listed = String.join(", ", names.subList(0, Math.min(LISTED, names.size())));
        return names.size() > LISTED ? listed + ", ..." : listed;
    }
}
