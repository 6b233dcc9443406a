package io.github.m3agiqa.evaluation;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.dataset.Sample;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TextOnlyScoreTest {
    private static final List<Sample> SAMPLES = IntStream.range(0, 60)
            .mapToObj(i -> new Sample("image " + i, null, null, "prompt " + i, null, Map.of()))
            .toList();

    @Test
    void learnsWhatAWordSaysOfTheScore() {
        double[] mos = IntStream.range(0, 60).mapToDouble(i -> i % 2 + 2).toArray();
        List<String> descriptions = IntStream.range(0, 60)
                .mapToObj(i -> i % 2 == 0 ? "A blurred image." : "A sharp image.")
                .toList();

        double[] scores = TextOnlyScore.of(SAMPLES, descriptions, mos).orElseThrow();

        assertThat(Correlations.plcc(scores, mos)).isGreaterThan(0.9);
    }

    /** As a teacher may that has learned nothing. */
    @ParameterizedTest
    @ValueSource(strings = {"", "12", "The image is good."})
    void descriptionsThatAreAllAlikeSayNothing(String description) {
        double[] mos = new double[60];
        Arrays.fill(mos, 3.5);

        assertThat(TextOnlyScore.of(SAMPLES, Collections.nCopies(60, description), mos))
                .isEmpty();
    }
}
