package io.github.m3agiqa.training;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.dataset.Prompts;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.training.SplitSettings.CalibrateOn;
import io.github.m3agiqa.training.SplitSettings.Protocol;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SplitSettingsTest {
    /** A hundred prompts with four images each. */
    private static final List<Sample> SAMPLES = IntStream.range(0, 400)
            .mapToObj(i -> new Sample("%d.png".formatted(i), null, null, "a hill %d".formatted(i / 4), null, Map.of()))
            .toList();

    private static List<Sample> calibratesOn(CalibrateOn what) {
        SplitSettings settings = new SplitSettings(Protocol.AUTHORS, 0, null, 0, 0.1, 0.25, what);
        return SAMPLES.stream().filter(settings::calibratesOn).toList();
    }

    private static Set<String> prompts(List<Sample> samples) {
        return samples.stream().map(Sample::group).collect(Collectors.toSet());
    }

    @Test
    void intervalsAreMadeOfWholePrompts() {
        List<Sample> chosen = calibratesOn(CalibrateOn.PROMPTS);

        assertThat(chosen)
                .hasSize(4 * prompts(chosen).size())
                .isEqualTo(SAMPLES.stream()
                        .filter(sample -> Prompts.calibrateOn(sample, 0.25))
                        .toList());
    }

    @Test
    void orOfImagesWhosePromptsAreLearnedFromToo() {
        List<Sample> chosen = calibratesOn(CalibrateOn.IMAGES);
        List<Sample> learned =
                SAMPLES.stream().filter(sample -> !chosen.contains(sample)).toList();

        assertThat(chosen).hasSizeBetween(75, 125);
        assertThat(prompts(chosen)).hasSizeGreaterThan(50);
        assertThat(prompts(learned)).hasSizeGreaterThan(95);
    }
}
