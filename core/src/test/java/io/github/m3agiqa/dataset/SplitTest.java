package io.github.m3agiqa.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.dataset.Sample.Part;
import io.github.m3agiqa.testing.ArabicDigits;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SplitTest {
    /** Twelve prompts, the n-th with n images, by three generators. */
    private static final Dataset DATASET = dataset(12);

    private static Dataset dataset(int prompts) {
        List<Sample> samples = new ArrayList<>();
        for (int prompt = 1; prompt <= prompts; prompt++) {
            for (int i = 0; i < prompt; i++) {
                samples.add(new Sample(
                        "%d-%d.png".formatted(prompt, i),
                        // the same prompt, written in several ways
                        i % 2 == 0 ? "Prompt %d".formatted(prompt) : " prompt  %d".formatted(prompt),
                        "generator %d".formatted(samples.size() % 3),
                        Sample.groupOf("Prompt %d".formatted(prompt)),
                        null,
                        Map.of()));
            }
        }
        return new Dataset("own", Path.of("none"), samples);
    }

    private static Set<String> groups(List<Sample> samples) {
        return samples.stream().map(Sample::group).collect(Collectors.toSet());
    }

    private static Conversation about(String image) {
        return Conversation.asking("1", "images/" + image, "describe", "rate", null);
    }

    @Test
    void followsTheAuthorsLists() {
        Split split = Split.ofConversations(
                DATASET, List.of(about("3-0.png"), about("3-1.png")), List.of(about("12-11.png"), about("12-11.png")));

        assertThat(split.name()).isEqualTo("authors");
        assertThat(split.train()).extracting(Sample::name).containsExactly("3-0.png", "3-1.png");
        assertThat(split.validation()).isEmpty();
        assertThat(split.test()).extracting(Sample::name).containsExactly("12-11.png");
    }

    @Test
    void saysWhatTheAuthorsHaveAndTheDatasetLacks() {
        Split split =
                Split.ofConversations(DATASET, List.of(about("3-0.png"), about("gone.png")), List.of(about("3-1.png")));

        assertThat(split.name()).isEqualTo("authors (1 of 2 training and 1 of 1 test images)");
        assertThatThrownBy(() -> Split.ofConversations(DATASET, List.of(about("3-0.png")), List.of(about("gone.png"))))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("1 images to train on and 0 to test on");
        assertThatThrownBy(() -> Split.ofConversations(DATASET, List.of(about("3-0.png")), List.of(about("3-0.png"))))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("the split 'authors' has 3-0.png in train and in test");
    }

    @Test
    void namesAreTheSameWhereDigitsAreOthers() {
        try (ArabicDigits _ = new ArabicDigits()) {
            assertThat(Split.ofConversations(
                                    DATASET, List.of(about("3-0.png"), about("gone.png")), List.of(about("3-1.png")))
                            .name())
                    .isEqualTo("authors (1 of 2 training and 1 of 1 test images)");
            assertThat(Split.random(DATASET, 0.2, 5).name()).isEqualTo("random, seed 5");
            assertThat(Split.groupFolds(DATASET, 2, 5))
                    .extracting(Split::name)
                    .containsExactly("prompt-disjoint fold 1 of 2", "prompt-disjoint fold 2 of 2");
        }
    }

    @Test
    void followsTheColumnSplit() {
        List<Sample> samples = Stream.of(Part.values())
                .map(part -> new Sample(part + ".png", null, null, "x", part, Map.of()))
                .toList();

        Split split = Split.stated(new Dataset("own", Path.of("none"), samples));

        assertThat(split.train()).containsExactly(samples.get(0));
        assertThat(split.validation()).containsExactly(samples.get(1));
        assertThat(split.test()).containsExactly(samples.get(2));
        assertThatThrownBy(() -> Split.stated(DATASET))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("states no split");
    }

    @Test
    void dealsOutARatioBySeed() {
        Split split = Split.random(DATASET, 0.2, 1);

        assertThat(split.test()).hasSize(16); // of 78
        assertThat(split.train()).hasSize(62);
        assertThat(Split.random(DATASET, 0.2, 1)).isEqualTo(split);
        assertThat(Split.random(DATASET, 0.2, 2).test()).isNotEqualTo(split.test());
        assertThatThrownBy(() -> Split.random(dataset(1), 0.2, 1))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("1 images to train on and 0 to test on");
        assertThatThrownBy(() -> Split.random(DATASET, 1, 1)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 5, 6})
    void promptDisjointFoldsShareNoPromptAndAreOfLikeSize(int folds) {
        List<Split> splits = Split.groupFolds(DATASET, folds, 42);

        assertThat(splits).hasSize(folds);
        Set<Sample> tested = new HashSet<>();
        for (Split split : splits) {
            assertThat(groups(split.test())).doesNotContainAnyElementsOf(groups(split.train()));
            assertThat(split.train().size() + split.test().size()).isEqualTo(78);
            // the largest group has 12 images: no fold is off by as many
            assertThat(Math.abs(split.test().size() - 78.0 / folds)).isLessThan(12);
            assertThat(tested).doesNotContainAnyElementsOf(split.test());
            tested.addAll(split.test());
        }
        assertThat(tested).hasSize(78);
        assertThat(Split.groupFolds(DATASET, folds, 42)).isEqualTo(splits);
        assertThat(Split.groupFolds(DATASET, folds, 43)).isNotEqualTo(splits);
    }

    @Test
    void thereMustBeAsManyPromptsAsFolds() {
        assertThat(Split.groupFolds(DATASET, 12, 1)).hasSize(12);
        assertThatThrownBy(() -> Split.groupFolds(DATASET, 13, 1))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("12 prompts are too few for 13 prompt-disjoint folds");
        assertThatThrownBy(() -> Split.groupFolds(DATASET, 1, 1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void leavesOutOneGeneratorAtATime() {
        List<Split> splits = Split.leaveOneGeneratorOut(DATASET);

        assertThat(splits)
                .extracting(Split::name)
                .containsExactly("without generator 0", "without generator 1", "without generator 2");
        for (Split split : splits) {
            assertThat(split.test()).hasSize(26).allMatch(sample -> split.name().endsWith("" + sample.generator()));
            assertThat(split.train())
                    .hasSize(52)
                    .noneMatch(sample -> split.name().endsWith("" + sample.generator()));
        }
    }

    @Test
    void needsToKnowEveryGenerator() {
        Sample known = new Sample("a.png", null, "x", "a", null, Map.of());
        Sample unknown = new Sample("b.png", null, null, "b", null, Map.of());

        assertThatThrownBy(
                        () -> Split.leaveOneGeneratorOut(new Dataset("own", Path.of("none"), List.of(known, unknown))))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("does not name the generator of 1 images: b.png");
        assertThatThrownBy(() -> Split.leaveOneGeneratorOut(new Dataset("own", Path.of("none"), List.of(known))))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("images of [x] only");
    }

    @Test
    void setsPromptsApartToChooseACheckpointBy() {
        Split split = Split.groupFolds(DATASET, 3, 1).getFirst();

        Split validated = split.withValidation(0.25, 7);

        assertThat(validated.name()).isEqualTo(split.name());
        assertThat(validated.test()).isEqualTo(split.test());
        assertThat(validated.validation()).isNotEmpty();
        assertThat(groups(validated.validation()))
                .hasSize((int) Math.ceil(0.25 * groups(split.train()).size()));
        assertThat(groups(validated.validation())).doesNotContainAnyElementsOf(groups(validated.train()));
        assertThat(validated.train().size() + validated.validation().size())
                .isEqualTo(split.train().size());
        assertThat(split.withValidation(0.25, 7)).isEqualTo(validated);
        assertThat(validated.withValidation(0.5, 8)).isEqualTo(validated);
        assertThatThrownBy(
                        () -> new Split("x", dataset(1).samples(), List.of(), List.of(about())).withValidation(0.5, 1))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("the split 'x' is empty: it has 0 images to train on");
    }

    private static Sample about() {
        return new Sample("test.png", null, null, "test", null, Map.of());
    }
}
