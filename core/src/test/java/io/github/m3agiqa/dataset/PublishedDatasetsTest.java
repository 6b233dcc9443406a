package io.github.m3agiqa.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Rating;
import io.github.m3agiqa.Scale;
import io.github.m3agiqa.image.AlphaMode;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.testing.Goldens;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The published files themselves. */
@Tag("shared")
class PublishedDatasetsTest {
    private final Path agiqa = Goldens.shared("datasets/agiqa-3k");
    private final Path aigciqa = Goldens.shared("datasets/aigciqa2023");

    private static List<Conversation> conversations(Path dataset, String name) {
        return ConversationFile.read(dataset.resolve("conversations/%s.json".formatted(name)));
    }

    @Test
    void readsAgiqa3k() {
        Dataset dataset = DatasetReader.read(agiqa);

        assertThat(dataset.samples()).hasSize(2533);
        assertThatCode(() -> dataset.check(Aspect.QUALITY, dataset.samples())).doesNotThrowAnyException();
        assertThatCode(() -> dataset.check(Aspect.CORRESPONDENCE, dataset.samples()))
                .doesNotThrowAnyException();
        assertThatThrownBy(() -> dataset.check(Aspect.AUTHENTICITY, dataset.samples()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("2533 of 2533 images have no score of authenticity");
        Map<String, Long> generators = dataset.samples().stream()
                .collect(Collectors.groupingBy(sample -> "" + sample.generator(), Collectors.counting()));
        assertThat(generators)
                .isEqualTo(Map.of(
                        "sd1.5",
                        1020L,
                        "midjourney",
                        502L,
                        "AttnGAN",
                        255L,
                        "glide",
                        255L,
                        "xl2.2",
                        255L,
                        "DALLE2",
                        246L));
        assertThat(dataset.samples().stream().map(Sample::group).distinct()).hasSize(255);
        assertThat(dataset.samples().stream()
                        .mapToDouble(sample -> sample.mos(Aspect.QUALITY))
                        .max())
                .hasValue(4.488740784);
    }

    @Test
    void readsAigciqa2023() {
        Dataset dataset = DatasetReader.read(aigciqa);

        assertThat(dataset.samples()).hasSize(2400);
        for (Aspect aspect : Aspect.values()) {
            assertThat(dataset.samples())
                    .allSatisfy(sample -> assertThat(sample.mos(aspect)).isBetween(1.3, 3.7));
        }
        assertThat(dataset.samples().getFirst().mos(Aspect.QUALITY)).isCloseTo(60.16417843 / 20, within(1e-12));
        assertThat(dataset.samples()
                        .getFirst()
                        .label(Aspect.QUALITY)
                        .orElseThrow()
                        .deviation())
                .isCloseTo(0.885226373 / 20, within(1e-12));
        assertThatThrownBy(() -> dataset.checkImages(dataset.samples()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("2400 of 2400 images are missing")
                .hasMessageEndingWith(": 0.png, 1.png, 2.png, 3.png, 4.png, ...");
    }

    /** The generators and prompts that the matrices leave out follow from the order of the images. */
    @Test
    void theMatricesOfAigciqa2023HaveTheOrderOfItsTable(@TempDir Path folder) throws IOException {
        Dataset dataset = DatasetReader.read(aigciqa);
        Files.createDirectories(folder.resolve("DATA/MOS"));
        DatasetReaderTest.writeMatrix(
                folder,
                1,
                "MOSz",
                2400,
                image -> 20 * dataset.samples().get(image).mos(Aspect.QUALITY));

        List<Sample> samples = DatasetReader.read(folder).samples();

        Map<String, Set<String>> prompts = new HashMap<>();
        for (int i = 0; i < 2400; i++) {
            Sample sample = dataset.samples().get(i);
            assertThat(samples.get(i).name()).isEqualTo(sample.name());
            assertThat(samples.get(i).generator()).isEqualTo(sample.generator());
            assertThat(samples.get(i).mos(Aspect.QUALITY)).isCloseTo(sample.mos(Aspect.QUALITY), within(1e-12));
            prompts.computeIfAbsent(samples.get(i).group(), _ -> new HashSet<>())
                    .add(sample.group());
        }
        assertThat(prompts)
                .hasSize(100)
                .allSatisfy((_, same) -> assertThat(same).hasSize(1));
    }

    @ParameterizedTest
    @CsvSource({"quality, 2033, 500, 231", "correspondence, 2023, 510, 232"})
    void theAuthorsTestOnPromptsThatTheyTrainOn(String aspect, int train, int test, int prompts) {
        Dataset dataset = DatasetReader.read(agiqa);

        Split split = Split.ofConversations(
                dataset, conversations(agiqa, aspect + "_train"), conversations(agiqa, aspect + "_test"));

        assertThat(split.name()).isEqualTo("authors");
        assertThat(split.train()).hasSize(train);
        assertThat(split.test()).hasSize(test);
        RgbImage blank = new RgbImage(1, 1, new byte[3]);
        LeakageCheck check = LeakageCheck.of(split, _ -> blank);
        assertThat(check.sharedPrompts()).isEqualTo(prompts);
        assertThat(check.testPrompts()).isEqualTo(prompts);
        for (Split fold : Split.groupFolds(dataset, 5, 42)) {
            assertThat(LeakageCheck.of(fold, _ -> blank).sharedPrompts()).isZero();
            assertThat(fold.test()).hasSizeBetween(500, 515);
        }
    }

    /**
     * Among all pairs of AGIQA-3K there are three pictures of Midjourney that were published twice, under two prompts
     * each, and two pictures of Glide that are black. Nothing else looks the same, the almost blank pictures included.
     */
    @Test
    void agiqa3kHasFourCopies() {
        Dataset dataset = DatasetReader.read(agiqa);
        ImageDecoder decoder = new ImageDecoder(ImageDecoder.Limits.DEFAULT);
        Map<String, Fingerprint> fingerprints = new TreeMap<>();
        for (Sample sample : dataset.samples()) {
            fingerprints.put(sample.name(), Fingerprint.of(decode(decoder, dataset.image(sample))));
        }

        List<String> names = List.copyOf(fingerprints.keySet());
        List<Fingerprint> all = List.copyOf(fingerprints.values());
        List<String> alike = new ArrayList<>();
        for (int i = 0; i < all.size(); i++) {
            for (int j = i + 1; j < all.size(); j++) {
                if (all.get(i).sameAs(all.get(j)) || all.get(i).looksLike(all.get(j))) {
                    assertThat(all.get(i).sameAs(all.get(j))).isTrue();
                    alike.add(names.get(i) + " " + names.get(j));
                }
            }
        }

        assertThat(alike)
                .containsExactly(
                        "glide_normal_101.jpg glide_normal_263.jpg",
                        "midjourney_normal_131.jpg midjourney_normal_161.jpg",
                        "midjourney_normal_217.jpg midjourney_normal_289.jpg",
                        "midjourney_normal_240.jpg midjourney_normal_298.jpg");
        Split authors = Split.ofConversations(
                dataset, conversations(agiqa, "quality_train"), conversations(agiqa, "quality_test"));
        assertThat(LeakageCheck.of(authors, fingerprints).summary())
                .isEqualTo("231 of 231 test prompts also occur in training; 2 pairs of training and test images are"
                        + " the same, 0 more look the same");
    }

    private static RgbImage decode(ImageDecoder decoder, Path file) {
        try {
            return decoder.decode(file.toString(), Files.readAllBytes(file), AlphaMode.DROP);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "agiqa-3k/conversations/quality_train, 2033",
        "agiqa-3k/conversations/quality_test, 500",
        "agiqa-3k/conversations/correspondence_train, 2023",
        "agiqa-3k/conversations/correspondence_test, 510",
        "aigciqa2023/conversations/quality_train, 1800",
        "aigciqa2023/conversations/quality_test, 600",
        "aigciqa2023/conversations/correspondence_train, 1800",
        "aigciqa2023/conversations/correspondence_test, 600",
        "aigciqa2023/conversations/authenticity_train, 1800",
        "aigciqa2023/conversations/authenticity_test, 600",
        "aigiqa-20k/conversations/quality_val, 2000",
    })
    void conversationsLoseNothing(String name, int count, @TempDir Path folder) {
        Path file = Goldens.shared("datasets/%s.json".formatted(name));
        List<Conversation> conversations = ConversationFile.read(file);
        Path copy = folder.resolve("copy.json");

        ConversationFile.write(copy, conversations);

        assertThat(conversations).hasSize(count);
        assertThat(ConversationFile.read(copy)).isEqualTo(conversations);
        assertThat(Goldens.read(copy)).isEqualTo(Goldens.read(file));
        assertThat(conversations).allSatisfy(conversation -> {
            assertThat(conversation.describeRequest()).isNotBlank().doesNotContain("<image>");
            assertThat(conversation.response0() == null).isEqualTo(name.endsWith("train"));
        });
    }

    /** In the published correspondence files every word is the quality word; of these 56 % happen to be right. */
    @ParameterizedTest
    @CsvSource({
        "quality_train, QUALITY, 2033",
        "quality_test, QUALITY, 500",
        "correspondence_train, CORRESPONDENCE, 1138",
        "correspondence_test, CORRESPONDENCE, 305",
    })
    void theWordsOfAgiqa3kAreRecomputed(String name, Aspect aspect, int right) {
        Dataset dataset = DatasetReader.read(agiqa);
        List<Conversation> published = conversations(agiqa, name);

        List<Conversation> recomputed = ConversationFile.withRatingWords(published, dataset, aspect);

        assertThat(ConversationFile.withRatingWords(published, dataset, Aspect.QUALITY))
                .isEqualTo(published);
        int same = 0;
        for (int i = 0; i < published.size(); i++) {
            Conversation conversation = recomputed.get(i);
            double mos = dataset.sample(conversation.imageName()).orElseThrow().mos(aspect);
            assertThat(conversation.ratingWord())
                    .isEqualTo(Rating.of(mos, Scale.ZERO_TO_FIVE).word());
            same += conversation.equals(published.get(i)) ? 1 : 0;
        }
        assertThat(same).isEqualTo(right);
    }

    @Test
    void theWordsOfAigciqa2023AreRight() {
        Dataset dataset = DatasetReader.read(aigciqa);
        for (Aspect aspect : Aspect.values()) {
            for (String part : List.of("train", "test")) {
                List<Conversation> published = conversations(aigciqa, "%s_%s".formatted(aspect.id(), part));
                assertThat(ConversationFile.withRatingWords(published, dataset, aspect))
                        .isEqualTo(published);
            }
        }
    }
}
