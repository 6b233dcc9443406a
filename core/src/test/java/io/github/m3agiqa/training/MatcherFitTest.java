package io.github.m3agiqa.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.predictor.PromptMatcher;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.training.MatcherFit.Pair;
import io.github.m3agiqa.weights.HeldTensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.hipparchus.special.Erf;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pictures that are made of what their prompt's words look like, and of as much that has nothing to do with it. */
class MatcherFitTest {
    private static final int HIDDEN = 24;
    private static final int WORDS = 12;
    private static final MatcherSettings SETTINGS = new MatcherSettings(8, 0.1, 0.3, null);

    private final Scope scope = new Scope();
    private final Random random = new Random(4);
    private final double[][] looks = new double[WORDS][HIDDEN];

    MatcherFitTest() {
        for (double[] look : looks) {
            for (int i = 0; i < HIDDEN; i++) {
                look[i] = random.nextGaussian();
            }
        }
    }

    @AfterEach
    void close() {
        scope.close();
    }

    /** A picture of two things. */
    private Pair pair(int first, int second) {
        float[] picture = new float[HIDDEN];
        for (int i = 0; i < HIDDEN; i++) {
            picture[i] = (float) (100 + looks[first][i] + looks[second][i] + random.nextGaussian());
        }
        return new Pair(Torch.floats(picture, HIDDEN), "A Thing%d, and thing%d of the world".formatted(first, second));
    }

    /** Each two things several times, or only those that are left out there. */
    private List<Pair> pairs(boolean known) {
        List<Pair> pairs = new ArrayList<>();
        for (int first = 0; first < WORDS; first++) {
            for (int second = 0; second < first; second++) {
                for (int i = 0; i < 5; i++) {
                    if ((first + second) % 4 != 0 == known) {
                        pairs.add(pair(first, second));
                    }
                }
            }
        }
        return pairs;
    }

    private static PromptMatcher matcher(Map<String, Tensor> weights) {
        return new PromptMatcher(new HeldTensors("fitted", weights), HIDDEN, Device.CPU);
    }

    @Test
    void tellsPicturesOfNewPromptsApart() {
        List<Pair> others = pairs(false);
        try (PromptMatcher matcher = matcher(MatcherFit.of(pairs(true), others, SETTINGS, null))) {
            assertThat(MatcherFit.ownIsHigher(matcher, others)).isBetween(0.9, 1.0);
            assertThat(MatcherFit.ownIsHigher(matcher, others.subList(0, 1))).isNaN();
            double points = 0;
            for (Pair own : others) {
                assertThat(matcher.match(own.picture(), own.prompt())).isBetween(-1.0, 1.0);
                points += matcher.points(own.picture(), own.prompt());
            }
            assertThat(points / others.size()).isCloseTo(0, within(1e-6));
        }
    }

    /** The match of known pictures with any prompt, unsquashed, varies by 1 around 0. */
    @Test
    void noPromptMatchesMoreThanAnother() {
        List<Pair> known = pairs(true);
        try (PromptMatcher matcher = matcher(MatcherFit.of(known, known, SETTINGS, null))) {
            for (String prompt : List.of("thing3", "a thing1 and thing2", "the world of thing7")) {
                double[] z = known.stream()
                        .mapToDouble(pair -> matcher.match(pair.picture(), prompt))
                        .map(match -> Erf.erfInv(match) * Math.sqrt(8))
                        .toArray();
                double mean = Arrays.stream(z).average().orElseThrow();
                double square = Arrays.stream(z).map(x -> x * x).average().orElseThrow();
                assertThat(mean).isCloseTo(0, within(1e-3));
                assertThat(square).isCloseTo(1, within(1e-3));
            }
        }
    }

    @Test
    void wordsThatItDoesNotKnowSayNothing() {
        Pair pair = pair(1, 2);
        List<Pair> known = pairs(true);
        try (PromptMatcher matcher = matcher(MatcherFit.of(known, known, SETTINGS, null))) {
            assertThat(matcher.match(pair.picture(), "something else")).isZero();
            assertThat(matcher.match(pair.picture(), "")).isZero();
            assertThat(matcher.match(pair.picture(), "THING1 thing2 else! thing1"))
                    .isEqualTo(matcher.match(pair.picture(), "thing2 (thing1)"))
                    .isPositive();
        }
    }

    /** These prompts have other words for the same things. */
    @Test
    void wordsOfNoPromptAreKnownByTheirVectors(@TempDir Path folder) throws IOException {
        StringBuilder vectors = new StringBuilder();
        for (int word = 0; word < WORDS; word++) {
            String numbers = IntStream.range(0, HIDDEN)
                    .mapToObj(_ -> " " + random.nextGaussian())
                    .collect(Collectors.joining());
            vectors.append("thing%d%s\nother%d%s\n".formatted(word, numbers, word, numbers));
        }
        Path file = Files.writeString(folder.resolve("words.txt"), vectors);
        List<Pair> known = pairs(true);
        List<Pair> others = pairs(false).stream()
                .map(pair -> new Pair(pair.picture(), pair.prompt().replaceAll("(?i)thing", "other")))
                .toList();
        MatcherSettings settings = new MatcherSettings(8, 0.1, 0.3, new MatcherSettings.Words(file, 0.5));
        try (PromptMatcher without = matcher(MatcherFit.of(known, known, SETTINGS, null));
                PromptMatcher with = matcher(MatcherFit.of(known, known, settings, WordVectors.read(file)))) {
            assertThat(MatcherFit.ownIsHigher(without, others)).isLessThan(0.1);
            assertThat(MatcherFit.ownIsHigher(with, others)).isBetween(0.85, 1.0);
            assertThat(MatcherFit.ownIsHigher(with, known)).isBetween(0.9, 1.0);
        }
    }

    @Test
    void complainsOfWhatItCannotUse() {
        Pair pair = pair(1, 2);
        assertThatThrownBy(() -> MatcherFit.of(List.of(pair, pair, pair), List.of(), SETTINGS, null))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("all alike");
        assertThatThrownBy(() -> new MatcherSettings(8, 0, 0.3, null)).hasMessageContaining("penalty");
        assertThatThrownBy(() -> new MatcherSettings.Words(Path.of("words.txt"), 1.5))
                .hasMessageContaining("share");

        List<Pair> known = pairs(true);
        Map<String, Tensor> weights = new HashMap<>(MatcherFit.of(known, known, SETTINGS, null));
        assertThatThrownBy(() -> new PromptMatcher(new HeldTensors("fitted", weights), HIDDEN + 1, Device.CPU))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining(PromptMatcher.PICTURE_WEIGHT);
        weights.computeIfPresent(
                PromptMatcher.WORDS_TEXT, (_, text) -> text.narrow(0, 0, 3).clone());
        assertThatThrownBy(() -> matcher(weights))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining("different words");
    }
}
