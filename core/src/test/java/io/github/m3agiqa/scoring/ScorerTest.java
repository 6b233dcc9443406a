package io.github.m3agiqa.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.AspectResult;
import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.ErrorCode;
import io.github.m3agiqa.Failure;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.Score;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelManifest.Blend;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.DrawnImages;
import io.github.m3agiqa.testing.TestModels;
import io.github.m3agiqa.weights.ModelWeights.LoraMode;
import io.github.m3agiqa.weights.PeftAdapter;
import io.github.m3agiqa.weights.SafetensorsFile;
import io.github.m3agiqa.weights.SafetensorsWriter;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ScorerTest {
    private static final ScoringOptions FP32 = ScoringOptions.DEFAULT.withPrecision(Precision.FP32);

    @TempDir
    private Path folder;

    @Test
    void scoresEveryAspectOfTheModel() {
        try (Scorer scorer = open(FP32)) {
            Assessment assessment = scorer.score(drawn(512, 512, "a hill in the sun"));

            assertThat(assessment.complete()).isTrue();
            assertThat(assessment.model()).isEqualTo("random@1");
            assertThat(assessment.aspects()).containsOnlyKeys(Aspect.values());
            for (Aspect aspect : Aspect.values()) {
                Score score = assessment.score(aspect).orElseThrow();
                assertThat(score.value()).isBetween(0.0, 5.0);
                assertThat(score.description()).isNotBlank();
            }
        }
    }

    /** Bit for bit: neither the order of images, nor others beside them, nor the aspects asked for, nor threads change a score. */
    @ParameterizedTest
    @EnumSource(names = {"FP32", "FP16", "INT8"})
    void aScoreDependsOnImageAndPromptAlone(Precision precision) throws Exception {
        ScoringOptions options = ScoringOptions.DEFAULT.withPrecision(precision);
        List<ImagePrompt> inputs = new ArrayList<>(IntStream.range(0, 6)
                .mapToObj(i -> drawn(200 + 90 * i, 300, "prompt " + i))
                .toList());
        Map<String, Map<Aspect, AspectResult>> alone = new LinkedHashMap<>();
        try (Scorer scorer = open(options)) {
            inputs.forEach(input -> alone.put(input.image(), scorer.score(input).aspects()));
        }

        try (Scorer scorer = open(options);
                ExecutorService threads = Executors.newFixedThreadPool(3)) {
            Collections.shuffle(inputs, new Random(1));
            List<Future<Assessment>> answers = threads.invokeAll(inputs.stream()
                    .map(input -> (Callable<Assessment>) () -> scorer.score(input))
                    .toList());
            for (Future<Assessment> answer : answers) {
                assertThat(answer.get().aspects())
                        .isEqualTo(alone.get(answer.get().image()));
            }
        }
        try (Scorer scorer = open(options)) {
            assertThat(scorer.together()).isBetween(1, 4);
            for (int first = 0; first < inputs.size(); first++) {
                for (Assessment answer : scorer.score(inputs.subList(first, inputs.size()))) {
                    assertThat(answer.aspects()).isEqualTo(alone.get(answer.image()));
                }
            }
        }
        try (Scorer scorer = open(options.withAspects(Set.of(Aspect.AUTHENTICITY)))) {
            for (ImagePrompt input : inputs) {
                Assessment assessment = scorer.score(input);
                assertThat(assessment.aspects()).containsOnlyKeys(Aspect.AUTHENTICITY);
                assertThat(alone.get(input.image())).containsAllEntriesOf(assessment.aspects());
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"true, PROMPT_TOO_LONG", "false, CONVERSATION_TOO_LONG"})
    void questionsThatAModelHasNoPositionsForAreToldFromBugs(boolean describe, ErrorCode code) {
        Path model = TestModels.tinyWith(folder.resolve("m"), _ -> {});
        TestModels.rewrite(model.resolve("base/config.json"), config -> config.put("max_position_embeddings", 20));
        try (Scorer scorer = Scorer.open(ModelFolder.open(model), FP32.withDescribe(describe))) {
            Assessment assessment = scorer.score(drawn(300, 200, "a hill"));

            assertFailure(assessment, Aspect.QUALITY, code);
        }
    }

    /** What was opened before it was found that it does not fit is closed. */
    @Test
    void aModelThatDoesNotFitIsNotHeld() throws IOException {
        Path maps = Path.of("/proc/self/maps");
        assumeTrue(Files.exists(maps));
        Path model = TestModels.tinyWith(folder.resolve("m"), _ -> {});
        Path adapter = model.resolve("adapter").resolve(PeftAdapter.TENSORS);
        try (Scope _ = new Scope()) {
            SafetensorsWriter.write(adapter, Map.of(PeftAdapter.PREFIX + "surplus", torch.zeros(1)));
        }

        assertThatThrownBy(() -> Scorer.open(ModelFolder.open(model), FP32))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining("surplus");
        assertThat(Files.readAllLines(maps)).noneMatch(line -> line.contains(adapter.toString()));
    }

    /** Of what one group holds each gets what was asked of it, and who has gone is not scored. */
    @Test
    void requestsOfOneGroupKeepTheirOwnWishes() {
        ImagePrompt image = drawn(300, 200, "a hill");
        List<String> heard = new ArrayList<>();
        ScoringListener listener = new ScoringListener() {
            @Override
            public void described(Aspect aspect, String more) {
                heard.add(aspect.id() + ": " + more);
            }
        };
        ScoringListener gone = new ScoringListener() {
            @Override
            public boolean cancelled() {
                return true;
            }
        };
        Set<Aspect> quality = Set.of(Aspect.QUALITY);
        try (Scorer scorer = open(FP32)) {
            List<Assessment> answers = scorer.scoreTogether(List.of(
                    new ScoringRequest(image, quality, true, listener),
                    new ScoringRequest(image, Set.of(), true, ScoringListener.NONE),
                    new ScoringRequest(image, quality, false, ScoringListener.NONE),
                    new ScoringRequest(image, quality, true, gone)));

            assertThat(answers.get(0).aspects()).containsOnlyKeys(Aspect.QUALITY);
            assertThat(description(answers.get(0))).isNotEmpty().isEqualTo(description(answers.get(1)));
            assertThat(heard).containsExactly("quality: " + description(answers.get(0)));
            assertThat(answers.get(1).aspects().keySet())
                    .isEqualTo(scorer.score(image).aspects().keySet());
            assertThat(answers.get(2).aspects())
                    .isEqualTo(scorer.score(new ScoringRequest(image, quality, false, ScoringListener.NONE))
                            .aspects());
            assertThat(Objects.requireNonNull(answers.get(3).failure()).code()).isEqualTo(ErrorCode.TIMEOUT);
        }
    }

    /** Here by a listener, as another thread may at any time: what the weights are needed for is finished first. */
    @Test
    void whatIsBeingScoredWhenItIsClosedIsFinished() {
        List<ImagePrompt> images = List.of(drawn(300, 200, "a hill"), drawn(200, 300, "a lake"));
        Scorer scorer = open(FP32);
        List<Map<Aspect, AspectResult>> before =
                scorer.score(images).stream().map(Assessment::aspects).toList();
        ScoringListener closing = new ScoringListener() {
            @Override
            public void described(Aspect aspect, String more) {
                scorer.close();
            }
        };

        assertThat(scorer.scoreTogether(images.stream()
                        .map(image -> scorer.request(image).withListener(closing))
                        .toList()))
                .extracting(Assessment::aspects)
                .isEqualTo(before);
    }

    @Test
    void aClosedScorerSaysSo() {
        ImagePrompt image = drawn(300, 200, "a hill");
        Scorer scorer = open(FP32);
        scorer.score(image);
        scorer.close();
        scorer.close();

        assertThatThrownBy(() -> scorer.score(image))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("the scorer of random@1 is closed");
        assertThatThrownBy(() -> scorer.score(List.of(image))).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(scorer::together).isInstanceOf(IllegalStateException.class);
    }

    /** A virtual thread goes on in another one of the system whenever it has waited, as in a listener, and there they may be on. */
    @Test
    void whetherTheEnginesGradientsAreOnInAThreadMakesNoDifference() {
        ImagePrompt image = drawn(300, 200, "a hill");
        List<Boolean> on = new ArrayList<>();
        ScoringListener listener = new ScoringListener() {
            @Override
            public void rating(Aspect aspect, String question) {
                on.add(GradMode.is_enabled());
            }
        };
        try (Scorer scorer = open(FP32)) {
            Assessment with = scorer.score(scorer.request(image).withListener(listener));
            try (NoGradGuard _ = new NoGradGuard()) {
                assertThat(scorer.score(image).aspects()).isEqualTo(with.aspects());
            }

            assertThat(with.complete()).isTrue();
            assertThat(on).as("nothing is switched in the thread").containsOnly(true);
        }
    }

    @ParameterizedTest
    @CsvSource({"0, 5", "-1, 5", "1, 0", "3, -3"})
    void descriptionsNeedABeamAndAToken(int beams, int maxNewTokens) {
        assertThatThrownBy(() -> new ScoringOptions(
                        Set.of(),
                        FP32.device(),
                        FP32.precision(),
                        FP32.loraMode(),
                        true,
                        OptionalInt.of(beams),
                        OptionalInt.of(maxNewTokens),
                        FP32.limits()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("at least 1");
    }

    private static @Nullable String description(Assessment assessment) {
        return ((Score) Objects.requireNonNull(assessment.aspects().get(Aspect.QUALITY))).description();
    }

    /** One that cannot be read and one that lacks its prompt; all answers are in the order of the images. */
    @Test
    void badImagesAmongSeveralFailAlone() {
        ImagePrompt good = drawn(300, 300, "a hill");
        ImagePrompt broken = ImagePrompt.of("broken.png", new byte[] {1, 2, 3}, "a hill");
        ImagePrompt noPrompt = drawn(200, 200, null);
        try (Scorer scorer = open(FP32.withAspects(Set.of(Aspect.CORRESPONDENCE)))) {
            List<Assessment> answers = scorer.score(List.of(broken, good, noPrompt));

            assertThat(answers)
                    .extracting(Assessment::image)
                    .containsExactly("broken.png", good.image(), noPrompt.image());
            assertThat(answers.get(0).failure())
                    .isEqualTo(scorer.score(broken).failure())
                    .isNotNull();
            assertThat(answers.get(1).aspects()).isEqualTo(scorer.score(good).aspects());
            assertThat(answers.get(1).complete()).isTrue();
            assertThat(answers.get(2).aspects())
                    .isEqualTo(scorer.score(noPrompt).aspects());
            assertThat(answers.get(2).complete()).isFalse();
        }
    }

    /** Code of the caller, which may throw anything. */
    @Test
    void whatAContentOrAListenerThrowsIsTheFailureOfItsImageAlone() {
        ImagePrompt good = drawn(300, 200, "a hill");
        ImagePrompt denied = new ImagePrompt("a.png", "a hill", _ -> {
            throw new AccessDeniedException("a.png");
        });
        ImagePrompt folderOfImages = ImagePrompt.of(folder, "a hill");
        ImagePrompt lost = new ImagePrompt("b.png", "a hill", _ -> {
            throw new IllegalStateException("the store is gone");
        });
        ScoringListener throwing = new ScoringListener() {
            @Override
            public void describing(Aspect aspect, String question) {
                throw new IllegalStateException("the screen is gone");
            }
        };
        try (Scorer scorer = open(FP32.withAspects(Set.of(Aspect.QUALITY)))) {
            List<Assessment> answers = scorer.scoreTogether(List.of(
                    scorer.request(denied),
                    scorer.request(folderOfImages),
                    scorer.request(lost),
                    scorer.request(good).withListener(throwing),
                    scorer.request(good)));

            assertThat(answers.subList(0, 4))
                    .extracting(Assessment::failure)
                    .containsExactly(
                            new Failure(
                                    ErrorCode.IMAGE_UNREADABLE,
                                    "a.png: cannot be read: java.nio.file.AccessDeniedException: a.png"),
                            new Failure(
                                    ErrorCode.IMAGE_UNREADABLE, "%s: cannot be read: Is a directory".formatted(folder)),
                            new Failure(
                                    ErrorCode.IMAGE_UNREADABLE,
                                    "b.png: cannot be read: java.lang.IllegalStateException: the store is gone"),
                            new Failure(
                                    ErrorCode.INTERNAL,
                                    "%s: unexpected error: java.lang.IllegalStateException: the screen is gone"
                                            .formatted(good.image())));
            assertThat(answers.getLast().aspects()).isEqualTo(scorer.score(good).aspects());
        }
    }

    /** Here as a listener fails between two tokens. What was generated so far is forgotten, and the question is not put again. */
    @Test
    void whatFailsWhileDescriptionsAreGeneratedTogetherIsTriedAlone() {
        ImagePrompt image = drawn(300, 200, "a hill");
        List<String> questions = new ArrayList<>();
        ScoringListener throwing = new ScoringListener() {
            private int asked;

            @Override
            public boolean cancelled() {
                asked++;
                if (asked > 5) {
                    throw new IllegalStateException("the clock is gone");
                }
                return false;
            }
        };
        ScoringListener noting = new ScoringListener() {
            @Override
            public void describing(Aspect aspect, String question) {
                questions.add(question);
            }
        };
        try (Scorer scorer = open(FP32.withAspects(Set.of(Aspect.QUALITY)))) {
            List<Assessment> answers = scorer.scoreTogether(List.of(
                    scorer.request(image).withListener(throwing),
                    scorer.request(image).withListener(noting)));

            assertThat(answers.getFirst().failure())
                    .extracting(Failure::message)
                    .asString()
                    .contains("the clock is gone");
            assertThat(answers.getLast().aspects())
                    .isEqualTo(scorer.score(image).aspects());
            assertThat(questions).hasSize(1);
        }
    }

    @Test
    @SuppressWarnings("NullAway") // callers need not check as we do
    void whatIsNullIsNamed() {
        ImagePrompt image = drawn(300, 200, "a hill");
        try (Scorer scorer = open(FP32)) {
            String second = "the image at index 1 of 2 is null";
            assertNull(second, () -> scorer.score(Arrays.asList(image, null)));
            assertNull(second, () -> scorer.scoreTogether(Arrays.asList(scorer.request(image), null)));
            assertNull("input is missing", () -> scorer.score((ImagePrompt) null));
            assertNull("listener is missing", () -> scorer.request(image).withListener(null));
            assertNull("image is missing", () -> ImagePrompt.of((String) null, new byte[1], null));
            assertNull("content is missing", () -> new ImagePrompt("a.png", null, null));
            assertThat(scorer.score(ImagePrompt.of("a.png", (byte[]) null, null))
                            .failure())
                    .extracting(Failure::code)
                    .isEqualTo(ErrorCode.IMAGE_UNREADABLE);
        }
    }

    private static void assertNull(String message, ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOf(IllegalArgumentException.class).hasMessage(message);
    }

    @ParameterizedTest
    @CsvSource({"FP32, UNMERGED", "BF16, MERGED", "FP16, MERGED", "INT8, MERGED"})
    void anAdapterIsMergedWhereMatricesAreMadeAnewOrSmall(Precision precision, LoraMode expected) {
        ScoringOptions options = ScoringOptions.DEFAULT.withPrecision(precision).withDescribe(false);

        assertThat(options.loraModeFor(ModelFolder.open(TestModels.tiny()))).isEqualTo(expected);
        assertThat(aspects(options)).isEqualTo(aspects(options.withLoraMode(expected)));
    }

    /** Its matrices in bfloat16 are those of the file, which need no memory. */
    @ParameterizedTest
    @CsvSource({"FP32, UNMERGED", "BF16, UNMERGED", "FP16, MERGED", "INT8, MERGED"})
    void anAdapterOfALargeModelIsMergedWhereMatricesArePacked(Precision precision, LoraMode expected)
            throws IOException {
        Path model = TestModels.tinyWith(folder.resolve("model"), _ -> {});
        try (RandomAccessFile large =
                new RandomAccessFile(model.resolve("base/large").toFile(), "rw")) {
            large.setLength(1_000_000_000);
        }

        assertThat(ScoringOptions.DEFAULT.withPrecision(precision).loraModeFor(ModelFolder.open(model)))
                .isEqualTo(expected);
    }

    /** In float32 the two can be the same to the last bit. */
    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "FP32")
    void mergingRoundsDifferently(Precision precision) {
        ScoringOptions options = ScoringOptions.DEFAULT.withPrecision(precision).withDescribe(false);

        assertThat(aspects(options.withLoraMode(LoraMode.MERGED)))
                .isNotEqualTo(aspects(options.withLoraMode(LoraMode.UNMERGED)));
    }

    private static Map<Aspect, AspectResult> aspects(ScoringOptions options) {
        try (Scorer scorer = open(options)) {
            return scorer.score(drawn(300, 200, "a hill")).aspects();
        }
    }

    /** Scores shall not depend on the other aspects asked for, so all adapters count. */
    @Test
    void adaptersThatShareABaseAreNotMerged() {
        ModelFolder model = ModelFolder.open(TestModels.tinyWith(
                folder.resolve("model"),
                manifest -> manifest.withObject("/aspects/correspondence").put("adapter", "another")));
        ScoringOptions options = ScoringOptions.DEFAULT.withPrecision(Precision.INT8);

        assertThat(options.withAspects(Set.of(Aspect.QUALITY)).loraModeFor(model))
                .isEqualTo(LoraMode.UNMERGED);
        assertThat(options.withLoraMode(LoraMode.MERGED).loraModeFor(model)).isEqualTo(LoraMode.MERGED);
    }

    /** The drift of the lower precisions on a model without any training: loose, as its texts part early. */
    @ParameterizedTest
    @EnumSource
    void everyPrecisionScores(Precision precision) {
        try (Scorer scorer = open(ScoringOptions.DEFAULT.withPrecision(precision))) {
            assertThat(scorer.score(drawn(300, 200, "x")).complete()).isTrue();
        }
    }

    @Test
    void scoresWithoutDescribing() {
        try (Scorer scorer = open(FP32.withDescribe(false))) {
            Assessment assessment = scorer.score(drawn(512, 512, null));

            assertThat(assessment.score(Aspect.QUALITY).orElseThrow().description())
                    .isNull();
            // the tiny model asks about the prompt only when it describes
            assertThat(assessment.complete()).isTrue();
        }
    }

    /** Bit for bit: the second score is what the image has without a description, and the description stays as it is. */
    @ParameterizedTest
    @CsvSource({"0.25, , true", "0.25, 5, true", "0.4, , false"})
    void aDescribedScoreCanBeBlendedWithThatWithoutADescription(
            double share, @Nullable Double aboveFrom, boolean another) {
        Blend blend = new Blend(share, aboveFrom, false);
        ModelFolder blended = ModelFolder.open(TestModels.tinyWith(
                folder.resolve("blended"),
                manifest -> manifest.path("aspects").forEach(aspect -> {
                    ObjectNode settings = ((ObjectNode) aspect).putPOJO("blend", blend);
                    if (another) {
                        String other =
                                manifest.at("/aspects/authenticity/predictor").asText();
                        settings.putObject("undescribed").put("predictor", other);
                    }
                })));
        List<ImagePrompt> images = IntStream.range(0, 3)
                .mapToObj(i -> drawn(200 + 90 * i, 300, "prompt " + i))
                .toList();
        int changed = 0;
        try (Scorer described = open(FP32);
                Scorer undescribed = Scorer.open(blended, FP32.withDescribe(false));
                Scorer scorer = Scorer.open(blended, FP32)) {
            List<Assessment> assessments = scorer.score(images);
            for (int i = 0; i < images.size(); i++) {
                Assessment alone = described.score(images.get(i));
                Assessment silent = undescribed.score(images.get(i));
                for (Aspect aspect : Aspect.values()) {
                    Score free = alone.score(aspect).orElseThrow();
                    double without = silent.score(aspect).orElseThrow().value();
                    Score score = assessments.get(i).score(aspect).orElseThrow();
                    assertThat(score.value()).isEqualTo(blend.of(free.value(), without));
                    assertThat(score.description()).isEqualTo(free.description());
                    changed += score.value() == free.value() ? 0 : 1;
                }
            }
        }
        assertThat(changed).as("scores that a blend changed").isPositive();
    }

    @ParameterizedTest
    @CsvSource({
        "tower, predictor, what the base's tower sees of a piece",
        "toes, predictor, 'unknown reads ''toes'''",
        "tower, matcher, a matcher goes with reads: hidden"
    })
    void whatAPredictorReadsMustBeThere(String reads, String also, String message) {
        Path model = TestModels.tinyWith(folder.resolve("model"), manifest -> {
            String other = manifest.at("/aspects/authenticity/predictor").asText();
            ((ObjectNode) manifest.at("/aspects/quality"))
                    .putObject("undescribed")
                    .put(also, other)
                    .put("predictor", other)
                    .put("reads", reads);
        });

        assertThatThrownBy(() -> Scorer.open(ModelFolder.open(model), FP32))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining(message);
    }

    @Test
    void anAspectThatNeedsThePromptSaysSo() {
        try (Scorer scorer = open(FP32)) {
            Assessment assessment = scorer.score(drawn(300, 200, " "));

            assertFailure(assessment, Aspect.CORRESPONDENCE, ErrorCode.PROMPT_MISSING);
            assertThat(assessment.score(Aspect.QUALITY)).isPresent();
            assertThat(assessment.complete()).isFalse();
        }
    }

    @Test
    void anAspectThatTheModelHasNotIsUnavailable() {
        Path model = TestModels.tinyWith(
                folder.resolve("model"),
                manifest -> aspects(manifest).remove(List.of("authenticity", "correspondence")));
        try (Scorer scorer =
                Scorer.open(ModelFolder.open(model), FP32.withAspects(Set.of(Aspect.QUALITY, Aspect.AUTHENTICITY)))) {
            Assessment assessment = scorer.score(drawn(300, 200, "x"));

            assertFailure(assessment, Aspect.AUTHENTICITY, ErrorCode.ASPECT_UNAVAILABLE);
            assertThat(assessment.score(Aspect.QUALITY)).isPresent();
            assertThat(scorer.aspects()).containsExactly(Aspect.QUALITY);
        }
    }

    @Test
    void aPromptThatIsTooLongIsAnError() {
        try (Scorer scorer = open(FP32)) {
            Assessment assessment = scorer.score(drawn(300, 200, "word ".repeat(1000)));

            assertFailure(assessment, Aspect.CORRESPONDENCE, ErrorCode.PROMPT_TOO_LONG);
            assertThat(assessment.score(Aspect.QUALITY)).isPresent();
        }
    }

    /** Its description ends where the model has no more positions. */
    @Test
    void aDescriptionMayBeOfAnyLength() {
        Path model = TestModels.tinyWith(
                folder.resolve("model"),
                manifest ->
                        aspects(manifest).forEach(aspect -> ((ObjectNode) aspect.path("rate")).put("maxLength", 95)));
        TestModels.rewrite(model.resolve("base/config.json"), config -> config.put("max_position_embeddings", 300));
        ScoringOptions options = FP32.withMaxNewTokens(Integer.MAX_VALUE);
        try (Scorer scorer = Scorer.open(ModelFolder.open(model), options)) {
            Assessment assessment = scorer.score(drawn(300, 200, "word ".repeat(30)));

            assertThat(assessment.score(Aspect.QUALITY)).isPresent();
            assertFailure(assessment, Aspect.CORRESPONDENCE, ErrorCode.CONVERSATION_TOO_LONG);
        }
    }

    /** The rating question is never cut: if the description cannot give way, there is no score. */
    @ParameterizedTest
    @CsvSource({"768, true", "95, true", "60, false"})
    void aDescriptionGivesWayToTheRatingQuestion(int maxLength, boolean scored) {
        Path model = TestModels.tinyWith(
                folder.resolve("model"),
                manifest -> aspects(manifest)
                        .forEach(aspect -> ((ObjectNode) aspect.path("rate")).put("maxLength", maxLength)));
        try (Scorer scorer = Scorer.open(ModelFolder.open(model), FP32)) {
            Assessment assessment = scorer.score(drawn(300, 200, "x"));

            if (scored) {
                assertThat(assessment.score(Aspect.QUALITY).orElseThrow().description())
                        .isNotBlank();
            } else {
                assertFailure(assessment, Aspect.QUALITY, ErrorCode.CONVERSATION_TOO_LONG);
            }
        }
    }

    /** The two rounds may cut the image differently; then the second one reads all of it anew. */
    @Test
    void roundsMayCutTheImageDifferently() {
        Path model = TestModels.tinyWith(
                folder.resolve("model"),
                manifest ->
                        aspects(manifest).forEach(aspect -> ((ObjectNode) aspect.path("rate")).put("maxSlices", 4)));
        try (Scorer scorer = Scorer.open(ModelFolder.open(model), FP32);
                Scorer alike = open(FP32)) {
            Assessment assessment = scorer.score(drawn(1200, 700, "x"));

            assertThat(assessment.complete()).isTrue();
            assertThat(assessment.aspects())
                    .isNotEqualTo(alike.score(drawn(1200, 700, "x")).aspects());
        }
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY})
    void aScoreThatIsNotFiniteIsNoScore(float bias) throws IOException {
        Path model = TestModels.tinyWith(folder.resolve("model"), _ -> {});
        Path predictor = model.resolve("predictor.safetensors");
        try (Scope _ = new Scope()) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            try (SafetensorsFile source = new SafetensorsFile(predictor)) {
                source.tensors()
                        .keySet()
                        .forEach(name -> tensors.put(
                                name, source.load(name, Dtype.F32, Device.CPU).clone()));
            }
            tensors.put("fc.2.bias", Torch.floats(new float[] {bias}, 1));
            SafetensorsWriter.write(predictor, tensors);
        }
        try (Scorer scorer = Scorer.open(ModelFolder.open(model), FP32)) {
            assertFailure(scorer.score(drawn(300, 200, "x")), Aspect.QUALITY, ErrorCode.SCORE_NOT_FINITE);
        }
    }

    @Test
    void aBrokenImageIsAFailureAndNoNumber() {
        try (Scorer scorer = open(FP32)) {
            Assessment broken = scorer.score(ImagePrompt.of("broken.png", new byte[] {1, 2, 3}, "x"));
            Assessment missing = scorer.score(ImagePrompt.of(folder.resolve("none.png"), "x"));

            for (Assessment assessment : List.of(broken, missing)) {
                assertThat(assessment.aspects()).isEmpty();
                assertThat(assessment.failure()).extracting(Failure::code).isEqualTo(ErrorCode.IMAGE_UNREADABLE);
            }
            assertThat(scorer.score(drawn(300, 200, "x")).complete()).isTrue();
        }
    }

    @Test
    void imagesOverTheLimitAreRefused() {
        ScoringOptions options = new ScoringOptions(
                Set.of(),
                Device.CPU,
                Precision.FP32,
                FP32.loraMode(),
                true,
                OptionalInt.of(1),
                OptionalInt.of(4),
                new ImageDecoder.Limits(1 << 20, 300 * 200 - 1));
        try (Scorer scorer = open(options)) {
            assertThat(scorer.score(drawn(300, 200, "x")).failure())
                    .extracting(Failure::code)
                    .isEqualTo(ErrorCode.IMAGE_TOO_LARGE);
            assertThat(scorer.score(drawn(299, 200, "x")).complete()).isTrue();
        }
    }

    @Test
    void aDamagedModelFailsWhenItIsOpened() {
        assertRefused("lacks a file", model -> delete(model.resolve("predictor.safetensors")), "does not exist");
        assertRefused("lacks the tokenizer", model -> delete(model.resolve("base/tokenizer.json")), "tokenizer.json");
        assertRefused(
                "has a tokenizer with more words",
                model -> TestModels.rewrite(
                        model.resolve("base/tokenizer.json"),
                        tokenizer -> tokenizer.withObject("/model/vocab").put("surplus", 100_000)),
                "tokenizer.json has a token 100000");
        assertRefused(
                "has a tokenizer with more controls",
                model -> TestModels.rewrite(
                        model.resolve("base/tokenizer.json"),
                        tokenizer -> ((ObjectNode) tokenizer.at("/added_tokens/0")).put("id", 100_001)),
                "tokenizer.json has a token 100001");
        assertRefused(
                "has other sizes",
                model -> TestModels.rewrite(
                        model.resolve("base/config.json"), config -> config.put("intermediate_size", 100)),
                "misshapen: llm.model.layers.0.mlp.gate_proj.weight is [256, 128]");
        assertRefused(
                "has fewer layers",
                model -> TestModels.rewrite(
                        model.resolve("base/config.json"), config -> config.put("num_hidden_layers", 1)),
                "surplus: llm.model.layers.1.");
        assertRefused(
                "is another network",
                model -> TestModels.rewrite(
                        model.resolve("base/config.json"), config -> config.put("hidden_act", "gelu")),
                "hidden_act is gelu");
        assertRefused(
                "has a manifest with a typo",
                model -> TestModels.rewrite(
                        model.resolve("m3agiqa.json"), manifest -> manifest.put("vison", "published")),
                "vison");
        assertRefused(
                "has an unknown choice",
                model -> TestModels.rewrite(model.resolve("m3agiqa.json"), manifest -> manifest.put("vision", "both")),
                "unknown vision 'both': known are published, corrected");
    }

    private void assertRefused(String what, Consumer<Path> damage, String why) {
        Path model = TestModels.tinyWith(folder.resolve(what.replace(' ', '-')), _ -> {});
        damage.accept(model);

        assertThatThrownBy(() -> Scorer.open(ModelFolder.open(model), FP32).close())
                .as(what)
                .isInstanceOf(ModelException.class)
                .hasMessageContaining(why);
    }

    private static void delete(Path file) {
        try {
            Files.delete(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void assertFailure(Assessment assessment, Aspect aspect, ErrorCode code) {
        assertThat(assessment.aspects().get(aspect))
                .isInstanceOfSatisfying(
                        Failure.class, failure -> assertThat(failure.code()).isEqualTo(code));
    }

    private static ObjectNode aspects(ObjectNode manifest) {
        return (ObjectNode) manifest.path("aspects");
    }

    private static Scorer open(ScoringOptions options) {
        return Scorer.open(ModelFolder.open(TestModels.tiny()), options);
    }

    private static ImagePrompt drawn(int width, int height, @org.jspecify.annotations.Nullable String prompt) {
        byte[] png = DrawnImages.encode(DrawnImages.landscape(width, height, width + height), "png");
        return ImagePrompt.of("%dx%d.png".formatted(width, height), png, prompt);
    }
}
