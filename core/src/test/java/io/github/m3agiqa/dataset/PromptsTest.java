package io.github.m3agiqa.dataset;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PromptsTest {
    /** Two hundred prompts with two images each. */
    private static final List<Sample> SAMPLES = IntStream.range(0, 400)
            .mapToObj(i -> new Sample("%d.png".formatted(i), null, null, "a hill %d".formatted(i / 2), null, Map.of()))
            .toList();

    private static Set<String> groups(List<Sample> samples) {
        return samples.stream().map(Sample::group).collect(Collectors.toSet());
    }

    @Test
    void calibrationTakesWholePromptsAndTheShareAskedFor() {
        List<Sample> chosen = SAMPLES.stream()
                .filter(sample -> Prompts.calibrateOn(sample, 0.3))
                .toList();

        assertThat(groups(chosen)).hasSizeBetween(45, 75);
        assertThat(chosen).hasSize(2 * groups(chosen).size());
        assertThat(chosen).allMatch(sample -> Prompts.calibrateOn(sample, 0.4));
        assertThat(SAMPLES).noneMatch(sample -> Prompts.calibrateOn(sample, 0));
        assertThat(SAMPLES).allMatch(sample -> Prompts.calibrateOn(sample, 1));
    }

    @Test
    void calibrationCanTakeImagesOfAnyPrompt() {
        List<Sample> chosen = SAMPLES.stream()
                .filter(sample -> Prompts.calibrateOnImage(sample, 0.3))
                .toList();

        assertThat(chosen).hasSizeBetween(90, 150);
        assertThat(groups(chosen)).hasSizeGreaterThan(80);
    }

    @Test
    void validationIsExactAndHasItsSeed() {
        assertThat(Prompts.validateOn(SAMPLES, 0.1, 1)).hasSize(20);
        assertThat(Prompts.validateOn(SAMPLES, 0.001, 1)).hasSize(1);
        assertThat(Prompts.validateOn(SAMPLES, 0, 1)).isEmpty();
        Set<String> both = new HashSet<>(Prompts.validateOn(SAMPLES, 0.1, 1));
        both.retainAll(Prompts.validateOn(SAMPLES, 0.1, 2));
        assertThat(both).as("chosen by two seeds").hasSizeLessThan(8);
    }

    /** A stage that has most of the images chooses nearly the prompts that one with all of them does. */
    @Test
    void anotherListOfImagesHardlyChangesTheChoice() {
        Set<String> all = Prompts.validateOn(SAMPLES, 0.1, 1);
        Set<String> most = Prompts.validateOn(SAMPLES.subList(0, 360), 0.1, 1);

        most.removeAll(all);
        assertThat(most).hasSizeLessThanOrEqualTo(2);
    }
}
