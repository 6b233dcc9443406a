package io.github.m3agiqa.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.ErrorCode;
import io.github.m3agiqa.Failure;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import io.github.m3agiqa.hub.PromptSlot;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.testing.DrawnImages;
import io.github.m3agiqa.testing.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

class DescriberTest {
    private static final ScoringOptions FP32 = ScoringOptions.DEFAULT.withPrecision(Precision.FP32);

    @TempDir
    private Path folder;

    private static ImagePrompt drawn(int width, int height) {
        byte[] png = DrawnImages.encode(DrawnImages.landscape(width, height, width), "png");
        return ImagePrompt.of("%dx%d.png".formatted(width, height), png, "a hill");
    }

    private static AspectManifest settings(Aspect aspect) {
        return ModelFolder.open(TestModels.tiny()).manifest().aspect(aspect);
    }

    private static Describer open(Aspect aspect, ScoringOptions options) {
        return Describer.open(ModelFolder.open(TestModels.tiny()), aspect, options);
    }

    private static Answers ask(Describer describer, ImagePrompt image, String describe, String rate) {
        return describer.answer(new Describer.Request(image, describe, rate));
    }

    /** Word for word: what is trained and reported on is what a score will be read from. */
    @Test
    void describesAsTheScorerDoes() {
        AspectManifest settings = settings(Aspect.CORRESPONDENCE);
        try (Scorer scorer = Scorer.open(ModelFolder.open(TestModels.tiny()), FP32);
                Describer describer = open(Aspect.CORRESPONDENCE, FP32)) {
            for (ImagePrompt image : List.of(drawn(300, 200), drawn(1200, 700))) {
                String question = PromptSlot.fill(settings.describe().question(), image.prompt());
                Answers answers =
                        ask(describer, image, question, settings.rate().question());

                assertThat(answers.failure()).isNull();
                assertThat(answers.description())
                        .isEqualTo(scorer.score(image)
                                .score(Aspect.CORRESPONDENCE)
                                .orElseThrow()
                                .description());
                assertThat(describer.answer(new Describer.Request(image, question, null)))
                        .as("the first round alone")
                        .isEqualTo(new Answers(answers.description(), null, null));
            }
        }
    }

    /** The rating is an answer to the second request, over the first answer. */
    @Test
    void ratesOverItsOwnDescription() {
        ScoringOptions greedy = new ScoringOptions(
                FP32.aspects(),
                FP32.device(),
                FP32.precision(),
                FP32.loraMode(),
                true,
                OptionalInt.of(1),
                OptionalInt.of(5),
                FP32.limits());
        try (Describer describer = open(Aspect.QUALITY, greedy)) {
            Answers one = ask(describer, drawn(300, 200), "describe it", "rate it in one word");
            Answers other = ask(describer, drawn(300, 200), "describe it", "is it sharp and well lit?");

            assertThat(one).isEqualTo(ask(describer, drawn(300, 200), "describe it", "rate it in one word"));
            assertThat(other.description()).isEqualTo(one.description());
            assertThat(other.rating()).isNotEqualTo(one.rating());
        }
    }

    @Test
    void answersDoNotDependOnOtherThreads() throws Exception {
        try (Describer describer = open(Aspect.QUALITY, FP32);
                ExecutorService threads = Executors.newFixedThreadPool(2)) {
            Answers alone = ask(describer, drawn(300, 200), "describe", "rate");

            List<Future<Answers>> answers = threads.invokeAll(List.<Callable<Answers>>of(
                    () -> ask(describer, drawn(300, 200), "describe", "rate"),
                    () -> ask(describer, drawn(400, 200), "describe", "rate"),
                    () -> ask(describer, drawn(300, 200), "describe", "rate")));

            assertThat(answers.get(0).get()).isEqualTo(alone);
            assertThat(answers.get(2).get()).isEqualTo(alone);
        }
    }

    /** As many as the machine's kernels allow; one that cannot be read, and one that is not to be rated, among them. */
    @ParameterizedTest
    @EnumSource(names = {"FP16", "INT8", "BF16"})
    void togetherEachSaysWhatItSaysAlone(Precision precision) {
        try (Describer describer =
                open(Aspect.QUALITY, FP32.withPrecision(precision).withMaxNewTokens(8))) {
            List<Describer.Request> all = List.of(
                    new Describer.Request(drawn(300, 200), "describe", "rate"),
                    new Describer.Request(ImagePrompt.of("broken.png", new byte[] {1, 2}, null), "describe", "rate"),
                    new Describer.Request(drawn(60, 40), "what is it like?", null),
                    new Describer.Request(drawn(1200, 700), "describe it", "is it sharp and well lit?"),
                    new Describer.Request(drawn(400, 200), "describe", "rate"));
            int most = describer.together();
            assertThat(most).isBetween(1, 4);

            List<Describer.Request> some = all.subList(all.size() - most, all.size());
            assertThat(describer.answerTogether(some))
                    .isEqualTo(some.stream().map(describer::answer).toList());
            assertFailure(describer.answerTogether(all).get(1), ErrorCode.IMAGE_UNREADABLE);
        }
    }

    @Test
    void needsNoPredictor() throws IOException {
        Path model = TestModels.tinyWith(folder.resolve("model"), _ -> {});
        Files.delete(model.resolve("predictor.safetensors"));

        try (Describer describer = Describer.open(ModelFolder.open(model), Aspect.QUALITY, FP32)) {
            assertThat(ask(describer, drawn(300, 200), "describe", "rate").failure())
                    .isNull();
        }
    }

    @Test
    void whatFailsIsNoAnswer() {
        try (Describer describer = open(Aspect.QUALITY, FP32)) {
            assertFailure(
                    ask(describer, ImagePrompt.of("broken.png", new byte[] {1, 2}, null), "describe", "rate"),
                    ErrorCode.IMAGE_UNREADABLE);
            assertFailure(
                    ask(describer, ImagePrompt.of(folder.resolve("none.png"), null), "describe", "rate"),
                    ErrorCode.IMAGE_UNREADABLE);
            assertFailure(ask(describer, drawn(300, 200), "word ".repeat(1000), "rate"), ErrorCode.PROMPT_TOO_LONG);
            assertFailure(
                    ask(describer, drawn(300, 200), "describe", "word ".repeat(10_000)),
                    ErrorCode.CONVERSATION_TOO_LONG);
            assertThat(ask(describer, drawn(300, 200), "describe", "rate").failure())
                    .isNull();
        }
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = "rate")
    void anAnswerThatThereIsNoRoomForIsToldFromBugs(@Nullable String rate) {
        try (Describer describer = open(Aspect.QUALITY, FP32.withMaxNewTokens(Integer.MAX_VALUE))) {
            assertFailure(
                    describer.answer(new Describer.Request(drawn(300, 200), "describe", rate)),
                    ErrorCode.CONVERSATION_TOO_LONG);
        }
    }

    private static void assertFailure(Answers answers, ErrorCode code) {
        assertThat(answers.description()).isNull();
        assertThat(answers.rating()).isNull();
        assertThat(answers.failure()).extracting(Failure::code).isEqualTo(code);
    }

    @Test
    void anAspectThatTheModelHasNotIsRefused() {
        Path model = TestModels.tinyWith(
                folder.resolve("model"),
                manifest -> ((ObjectNode) manifest.path("aspects")).remove(List.of("authenticity")));

        assertThatThrownBy(() -> Describer.open(ModelFolder.open(model), Aspect.AUTHENTICITY, FP32))
                .isInstanceOf(ModelException.class)
                .hasMessage("random@1 has no aspect authenticity, only [quality, correspondence]");
    }

    /** While they are there, other threads' operations take longer. */
    @Test
    void aThreadThatHasItsAnswersEndsThoseThatSharedItsOperations() throws Exception {
        assumeThat(Path.of("/proc/self/task")).exists();
        assumeThat(Engine.threads()).isGreaterThan(1);
        try (Describer describer = open(Aspect.QUALITY, FP32);
                ExecutorService thread = Executors.newSingleThreadExecutor(
                        Thread.ofPlatform().name("asking").factory())) {
            List<Long> counts = thread.submit(() -> {
                        ask(describer, drawn(300, 200), "describe", "rate");
                        long after = namesakes("asking");
                        Engine.releaseThreads();
                        return List.of(after, namesakes("asking"));
                    })
                    .get();

            assertThat(counts.getFirst()).isEqualTo(counts.getLast());
        }
    }

    /** The threads of a name, which those have, too, that share the operations of one. */
    private static long namesakes(String name) throws Exception {
        Thread.sleep(300); // the system lists a thread for a moment after it has ended
        try (Stream<Path> threads = Files.list(Path.of("/proc/self/task"))) {
            return threads.filter(thread -> {
                        try {
                            return Files.readString(thread.resolve("comm"))
                                    .strip()
                                    .equals(name);
                        } catch (IOException e) {
                            return false; // it has ended since it was listed
                        }
                    })
                    .count();
        }
    }

    @Test
    void aClosedDescriberSaysSo() {
        Describer describer = open(Aspect.QUALITY, FP32);
        describer.close();
        describer.close();

        assertThatThrownBy(() -> ask(describer, drawn(300, 200), "describe", "rate"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("the describer of random@1 is closed");
        assertThatThrownBy(describer::together).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void thereAreAnswersOrAFailure() {
        assertThatThrownBy(() -> new Answers(null, "b", null)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Answers("a", "b", new Failure(ErrorCode.INTERNAL, "x")))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Answers(null, null, null)).isInstanceOf(IllegalArgumentException.class);
    }
}
