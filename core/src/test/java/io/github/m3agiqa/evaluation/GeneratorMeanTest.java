package io.github.m3agiqa.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.DatasetReader;
import io.github.m3agiqa.testing.Goldens;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What a model is worth that knows nothing of an image but how it was made. */
@Tag("shared")
class GeneratorMeanTest {
    private final Dataset dataset = DatasetReader.read(Goldens.shared("datasets/agiqa-3k"));

    /** The first words of an AGIQA-3K file name: the generator, such as {@code glide}, and its setting. */
    private static String origin(String image, int words) {
        return String.join("_", List.of(image.split("_")).subList(0, words));
    }

    private Agreement agreementOfMeans(int words) {
        Map<String, Double> means = dataset.samples().stream()
                .collect(Collectors.groupingBy(
                        sample -> origin(sample.name(), words),
                        Collectors.averagingDouble(sample -> sample.mos(Aspect.QUALITY))));
        List<Prediction> predictions = dataset.samples().stream()
                .map(sample -> new Prediction(
                        sample.name(),
                        sample.prompt(),
                        sample.group(),
                        sample.generator(),
                        means.getOrDefault(origin(sample.name(), words), Double.NaN),
                        sample.mos(Aspect.QUALITY),
                        null))
                .toList();
        return Agreement.of(predictions, true, new Bootstrap(1000, 1));
    }

    @Test
    void generatorAndSettingReachTheRankCorrelationThatOthersMustBeat() {
        Agreement agreement = agreementOfMeans(2);

        // scipy.stats.spearmanr of the same columns
        Estimate srcc = agreement.figure(Measure.SRCC);
        assertThat(srcc.value()).isCloseTo(0.728099621873, within(1e-9));
        assertThat(srcc.interval()).isNotNull();
        assertThat(srcc.interval().low()).isBetween(0.69, 0.72);
        assertThat(srcc.interval().high()).isBetween(0.73, 0.76);
        assertThat(agreement.groups()).isEqualTo(255);
        // much of it is telling generators apart
        assertThat(agreement.figure(Measure.SRCC_WITHIN_GENERATORS).value()).isLessThan(0.4);
    }

    @Test
    void theGeneratorAloneReachesLessAndNothingWithin() {
        Agreement agreement = agreementOfMeans(1);

        assertThat(agreement.figure(Measure.SRCC).value()).isCloseTo(0.628459174064, within(1e-9));
        assertThat(agreement.figure(Measure.SRCC_WITHIN_GENERATORS).reason()).contains("different scores");
    }
}
