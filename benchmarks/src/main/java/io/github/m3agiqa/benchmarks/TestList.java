package io.github.m3agiqa.benchmarks;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.dataset.Conversation;
import io.github.m3agiqa.dataset.ConversationFile;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.Sample;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/**
 * The images that an aspect is tested on, as the dataset's conversation file lists them.
 *
 * @param images those whose file and prompt are at hand
 * @param listed how many the file lists
 */
record TestList(List<TestImage> images, int listed) {
    /**
     * One of the images.
     *
     * @param file where it is
     * @param prompt what it was generated from
     * @param group what prompts have in common that say the same
     */
    record TestImage(Path file, String prompt, String group) {
        String name() {
            return String.valueOf(file.getFileName());
        }
    }

    TestList {
        images = List.copyOf(images);
    }

    /**
     * Reads {@code conversations/<aspect>_test.json}.
     *
     * @throws InputException if it cannot be read, or none of its images is at hand
     */
    static TestList read(Dataset dataset, Aspect aspect) {
        Path file = dataset.folder().resolve("conversations").resolve(aspect.id() + "_test.json");
        List<String> names = ConversationFile.read(file).stream()
                .map(Conversation::imageName)
                .distinct()
                .toList();
        List<TestImage> images = names.stream()
                .flatMap(name -> dataset.sample(name).filter(dataset::hasImage).stream())
                .flatMap(sample -> testImage(dataset, sample).stream())
                .toList();
        if (images.isEmpty()) {
            throw new InputException("%s has no image with a prompt that %s lists".formatted(dataset.folder(), file));
        }
        return new TestList(images, names.size());
    }

    private static Optional<TestImage> testImage(Dataset dataset, Sample sample) {
        return Optional.ofNullable(sample.prompt())
                .map(prompt -> new TestImage(dataset.image(sample), prompt, sample.group()));
    }

    /** Some of the images, drawn at random; all of them in a random order if there are no more. */
    List<TestImage> draw(int count, long seed) {
        List<TestImage> shuffled = new ArrayList<>(images);
        Collections.shuffle(shuffled, new Random(seed));
        return List.copyOf(shuffled.subList(0, Math.min(count, shuffled.size())));
    }
}
