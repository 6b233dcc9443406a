package io.github.m3agiqa.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.image.Degradation;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.TestModels;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RankingsTest {
    private static final int STRENGTHS = 5;

    private final Readings readings =
            new Readings(ModelFolder.open(TestModels.tiny()).manifest(), Map.of());
    private final List<Sample> samples = IntStream.range(0, 12)
            .mapToObj(i ->
                    new Sample("image_%d.png".formatted(i), "prompt " + i / 2, null, "prompt " + i / 2, null, Map.of()))
            .toList();

    private List<Ranking> rankings(Aspect aspect, int spoilt) {
        AugmentationSettings settings = new AugmentationSettings(false, spoilt, Map.of(), 0.1, 1, 1);
        return new Rankings(readings, settings, 7, aspect).of(samples);
    }

    @Test
    void aPictureIsSpoiltMoreAndMore() {
        List<Ranking> rankings = rankings(Aspect.QUALITY, 3);

        assertThat(rankings).hasSize(3).allSatisfy(ranking -> {
            assertThat(ranking.readings()).hasSize(1 + STRENGTHS);
            assertThat(ranking.readings().getFirst().alteration()).isEqualTo(Alteration.NONE);
            List<Alteration.Spoilt> copies = ranking.readings().stream()
                    .skip(1)
                    .map(reading -> (Alteration.Spoilt) reading.alteration())
                    .toList();
            Degradation kind = copies.getFirst().kind();
            assertThat(copies).allMatch(copy -> copy.kind() == kind);
            List<Double> strengths = copies.stream()
                    .map(copy -> kind == Degradation.JPEG ? -copy.strength() : copy.strength())
                    .toList();
            assertThat(strengths).isSorted().doesNotHaveDuplicates();
        });
        assertThat(rankings(Aspect.QUALITY, 3)).isEqualTo(rankings);
    }

    @Test
    void everyPictureIsSpoiltInOneWayBeforeAnyIsInASecond() {
        int ways = Degradation.values().length;
        List<Ranking> rankings = rankings(Aspect.QUALITY, 100 * samples.size());

        assertThat(rankings).hasSize(ways * samples.size()).doesNotHaveDuplicates();
        assertThat(rankings.subList(0, samples.size()))
                .extracting(ranking -> ranking.readings().getFirst().sample())
                .containsExactlyInAnyOrderElementsOf(samples);
        assertThat(rankings.subList(0, samples.size()))
                .extracting(ranking ->
                        ((Alteration.Spoilt) ranking.readings().get(1).alteration()).kind())
                .contains(Degradation.values());
    }

    @Test
    void oneWayCanComeFirstMoreOften() {
        AugmentationSettings settings =
                new AugmentationSettings(false, samples.size(), Map.of(Degradation.JPEG, 1e9), 0.1, 1, 1);

        assertThat(new Rankings(readings, settings, 7, Aspect.QUALITY).of(samples))
                .hasSameSizeAs(samples)
                .allMatch(ranking ->
                        ((Alteration.Spoilt) ranking.readings().get(1).alteration()).kind() == Degradation.JPEG);
        assertThatThrownBy(() -> new AugmentationSettings(false, 1, Map.of(Degradation.JPEG, 0.0), 0.1, 1, 1))
                .hasMessageContaining("ways must be above 0");
    }

    /** So that a second training with the validation images, too, finds its hidden states cached. */
    @Test
    void moreImagesLeaveTheOthersAsTheyWere() {
        List<Ranking> ofAll = rankings(Aspect.QUALITY, samples.size());

        assertThat(ofAll).containsAll(rankings(Aspect.QUALITY, 3));
        AugmentationSettings settings = new AugmentationSettings(false, 3, Map.of(), 0.1, 1, 1);
        List<Ranking> ofSome = new Rankings(readings, settings, 7, Aspect.QUALITY).of(samples.subList(0, 8));
        assertThat(ofAll).containsAll(ofSome);
    }

    @Test
    void correspondenceHasNone() {
        assertThat(rankings(Aspect.AUTHENTICITY, 3)).hasSize(3);
        assertThat(rankings(Aspect.CORRESPONDENCE, 3)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"3, 0.1, 0, batchSize is 0", "-3, 0.1, 1, must not be negative", "3, NaN, 1, must not be negative"})
    void settingsThatLearnNothingAreRefused(int spoilt, double margin, int batchSize, String message) {
        assertThatThrownBy(() -> new AugmentationSettings(false, spoilt, Map.of(), margin, 1, batchSize))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    /** By hand: what is missing of the margin, which grows with the places between, averaged over all pairs. */
    @ParameterizedTest
    @CsvSource({"3 2 1, 0", "3 2.95 1, 0.0166667", "1 1 1, 0.1333333", "1 2 3, 1.4666667", "2 2, 0.1"})
    void lossIsWhatIsMissingOfTheMargin(String scores, double expected) {
        double[] values = Arrays.stream(scores.split(" "))
                .mapToDouble(Double::parseDouble)
                .toArray();
        float[] predicted = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            predicted[i] = (float) values[i];
        }
        try (Scope _ = new Scope()) {
            float loss = Torch.toFloats(Rankings.loss(Torch.floats(predicted, predicted.length), 0.1))[0];

            assertThat((double) loss).isCloseTo(expected, within(1e-6));
        }
    }
}
