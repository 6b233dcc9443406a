package io.github.m3agiqa.scoring;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.Score;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.testing.Parity;
import io.github.m3agiqa.testing.Release;
import io.github.m3agiqa.weights.ModelWeights.LoraMode;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The whole way of an image through the tiny release. */
@Tag("shared")
class ReleaseScorerTest {
    private static final Parity PARITY = new Parity("release scorer");

    @ParameterizedTest
    @EnumSource
    void scoresAsTheReference(LoraMode loraMode) {
        ScoringOptions options =
                ScoringOptions.DEFAULT.withPrecision(Precision.FP32).withLoraMode(loraMode);
        try (Scorer scorer = Scorer.open(Release.model(), options)) {
            for (Release.Case given : Release.cases()) {
                JsonNode expected = given.expected().path("predictor");
                Assessment assessment = scorer.score(ImagePrompt.of(given.file(), given.prompt()));

                assertThat(assessment.failure()).isNull();
                Score score = assessment.score(Aspect.QUALITY).orElseThrow();
                double raw = expected.path(loraMode == LoraMode.MERGED ? "raw_score_merged_lora" : "raw_score")
                        .asDouble();
                PARITY.compare("score, LoRA %s".formatted(loraMode), score.value(), Math.clamp(raw, 0, 5), 1e-4);
                PARITY.same(
                        "rating word",
                        score.rating().word(),
                        expected.path("rating").asText());
                PARITY.same(
                        "description",
                        score.description(),
                        given.expected()
                                .path("round1")
                                .path("beam")
                                .path("text")
                                .asText());
                expected.path("counter_test_raw_scores").properties().forEach(wrong -> {
                    boolean onScale = raw < 5;
                    boolean padded = given.index() < 2 || !wrong.getKey().equals("each_sub_image_encoded_alone");
                    if (onScale && padded) {
                        assertThat(Math.abs(score.value() - wrong.getValue().asDouble()))
                                .as(wrong.getKey())
                                .isGreaterThan(1e-3);
                    }
                });
            }
        }
    }

    @AfterAll
    static void write() {
        PARITY.write();
    }
}
