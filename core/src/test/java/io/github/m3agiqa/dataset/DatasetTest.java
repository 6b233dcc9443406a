package io.github.m3agiqa.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.dataset.Sample.Label;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DatasetTest {
    @TempDir
    private Path folder;

    static Sample sample(String name, String prompt, Map<Aspect, Label> labels) {
        return new Sample(name, prompt, null, Sample.groupOf(prompt), null, labels);
    }

    private static Sample rated(String name) {
        return sample(name, "a hill", Map.of(Aspect.QUALITY, new Label(2, 0)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "images", "Image/allimg", "val"})
    void findsImagesWhereThePublishedLayoutsKeepThem(String parent) throws IOException {
        Path images = Files.createDirectories(folder.resolve(parent));
        Path image = Files.writeString(images.resolve("a.png"), "image");

        Dataset dataset = new Dataset("own", folder, List.of(rated("a.png"), rated("b.png")));

        assertThat(dataset.image(rated("a.png"))).isEqualTo(image);
        assertThat(dataset.hasImage(rated("b.png"))).isFalse();
        assertThatThrownBy(() -> dataset.image(rated("b.png")))
                .isInstanceOf(InputException.class)
                .hasMessageContaining(folder.toString())
                .hasMessageContaining("has no image b.png");
    }

    @Test
    void namesTheFirstOfManyMissingImages() throws IOException {
        List<Sample> samples =
                IntStream.range(0, 9).mapToObj(i -> rated(i + ".png")).toList();
        Files.writeString(folder.resolve("3.png"), "image");

        Dataset dataset = new Dataset("own", folder, samples);

        assertThatThrownBy(() -> dataset.check(Aspect.QUALITY, samples))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("8 of 9 images are missing")
                .hasMessageEndingWith(": 0.png, 1.png, 2.png, 4.png, 5.png, ...");
        assertThatCode(() -> dataset.check(Aspect.QUALITY, samples.subList(3, 4)))
                .doesNotThrowAnyException();
    }

    @Test
    void namesWhatHasNoScore() throws IOException {
        Files.writeString(folder.resolve("a.png"), "image");
        Files.writeString(folder.resolve("b.png"), "image");
        List<Sample> samples = List.of(rated("a.png"), sample("b.png", "a hill", Map.of()));

        Dataset dataset = new Dataset("own", folder, samples);

        assertThatThrownBy(() -> dataset.check(Aspect.QUALITY, samples))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("1 of 2 images have no score of quality: b.png");
        assertThat(dataset.with(Aspect.QUALITY).samples()).containsExactly(samples.getFirst());
        assertThat(dataset.with(Aspect.QUALITY).hasImage(samples.getFirst())).isTrue();
        assertThatThrownBy(() -> dataset.with(Aspect.AUTHENTICITY))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("has no scores of authenticity");
    }

    @Test
    void refusesANameThatOccursTwice() {
        assertThatThrownBy(() -> new Dataset("own", folder, List.of(rated("a.png"), rated("b.png"), rated("a.png"))))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("names 1 images more than once: a.png");
    }
}
