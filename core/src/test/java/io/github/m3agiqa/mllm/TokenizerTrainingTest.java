package io.github.m3agiqa.mllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.image.SlicePlan;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerTrainingTest {
    /** What is there before anything is learned: 256 bytes and 10 control tokens. */
    private static final int LEAST_SIZE = 266;

    private static final List<String> DESCRIPTIONS = List.of(
            "The image depicts a panda that's sitting in a forest. The quality of the image is good.",
            "The image depicts a city at night. The lights' colours are vivid, the quality of the image is excellent.",
            "The image doesn't depict a panda. Its quality is poor: 3 of 10.");

    /** Nearly all that the descriptions repeat. */
    private static final int MERGES = 35;

    @TempDir
    private Path folder;

    private Path write(List<String> texts, int merges) throws IOException {
        Path file = folder.resolve("tokenizer.json");
        TokenizerTraining.write(file, texts, LEAST_SIZE + merges);
        return file;
    }

    private List<String> merges(List<String> texts, int merges) throws IOException {
        List<String> pairs = new ArrayList<>();
        json(write(texts, merges)).at("/model/merges").forEach(pair -> pairs.add(pair.asText()));
        return pairs;
    }

    private static JsonNode json(Path file) throws IOException {
        return new ObjectMapper().readTree(file.toFile());
    }

    private static List<String> repeated(String word, int count) {
        return Collections.nCopies(count, word);
    }

    /** The example of Hugging Face's course on BPE, to its end. */
    private static List<String> hugs() {
        return Stream.of(
                        repeated("hug", 10),
                        repeated("pug", 5),
                        repeated("pun", 12),
                        repeated("bun", 4),
                        repeated("hugs", 5))
                .flatMap(List::stream)
                .toList();
    }

    /** "p ug" and "hug s" both occur five times; the byte p has a smaller id than the token hug. */
    @Test
    void mergesTheMostFrequentPairFirst() throws IOException {
        assertThat(merges(hugs(), 7)).containsExactly("u g", "u n", "h ug", "p un", "p ug", "hug s", "b un");
    }

    @Test
    void textsThatRepeatTooLittleAreAnInputError() {
        assertThatThrownBy(() -> write(hugs(), 8))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("too few for a vocabulary of 274 tokens: no pair occurs twice after 273");
    }

    @Test
    void aVocabularyHoldsAllBytesAndControlTokens() {
        assertThatThrownBy(() -> write(hugs(), -1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("256 bytes and 10 control tokens, not 265");
    }

    /** Runs of few letters hold pairs that overlap, and many that are equally frequent. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5})
    void learnsWhatCountingAnewLearns(int seed) throws IOException {
        Random random = new Random(seed);
        List<String> texts = Stream.generate(() -> word(random)).limit(300).toList();

        assertThat(merges(texts, 60)).isEqualTo(countingAnew(texts, 60));
    }

    private static String word(Random random) {
        return Stream.generate(() -> (random.nextBoolean() ? "a" : "b").repeat(1 + random.nextInt(5)))
                .limit(1 + random.nextInt(12))
                .collect(Collectors.joining());
    }

    private record Pair(int left, int right) {}

    /** So many merges, all pairs of all words counted for each. */
    private static List<String> countingAnew(List<String> texts, int count) {
        List<String> tokens = new ArrayList<>();
        IntStream.range(0, 256).mapToObj(Character::toString).forEach(tokens::add);
        List<List<String>> words = new ArrayList<>();
        texts.forEach(text -> words.add(List.of(text.split(""))));
        List<String> merges = new ArrayList<>();
        while (merges.size() < count) {
            Map<Pair, Integer> counts = new HashMap<>();
            for (List<String> word : words) {
                for (int i = 1; i < word.size(); i++) {
                    Pair pair = new Pair(tokens.indexOf(word.get(i - 1)), tokens.indexOf(word.get(i)));
                    counts.merge(pair, 1, Integer::sum);
                }
            }
            Pair best = Collections.min(
                            counts.entrySet(),
                            Map.Entry.<Pair, Integer>comparingByValue()
                                    .reversed()
                                    .thenComparingInt(entry -> entry.getKey().left)
                                    .thenComparingInt(entry -> entry.getKey().right))
                    .getKey();
            String left = tokens.get(best.left);
            String right = tokens.get(best.right);
            merges.add(left + " " + right);
            tokens.add(left + right);
            words.replaceAll(word -> merged(word, left, right));
        }
        return merges;
    }

    private static List<String> merged(List<String> word, String left, String right) {
        List<String> merged = new ArrayList<>();
        for (int i = 0; i < word.size(); i++) {
            if (i + 1 < word.size()
                    && word.get(i).equals(left)
                    && word.get(i + 1).equals(right)) {
                merged.add(left + right);
                i++;
            } else {
                merged.add(word.get(i));
            }
        }
        return merged;
    }

    @Test
    void theOrderOfTheTextsDoesNotMatter() throws IOException {
        JsonNode one = json(write(DESCRIPTIONS, MERGES));
        JsonNode other = json(write(DESCRIPTIONS.reversed(), MERGES));

        assertThat(other.toString()).isEqualTo(one.toString());
    }

    @Test
    void theSizeCountsEveryToken() throws IOException {
        JsonNode json = json(write(DESCRIPTIONS, MERGES));

        assertThat(json.at("/model/vocab").size() + json.at("/added_tokens").size())
                .isEqualTo(LEAST_SIZE + MERGES);
        assertThat(json.at("/added_tokens").get(9).path("id").asInt()).isEqualTo(LEAST_SIZE + MERGES - 1);
    }

    @Test
    void writtenTokensShortenTheTextsTheyWereLearnedFrom() throws IOException {
        try (Tokenizer tokenizer = new Tokenizer(write(DESCRIPTIONS, MERGES))) {
            for (String text : DESCRIPTIONS) {
                assertThat(tokenizer.encode(text)).hasSizeLessThan(text.length() * 2 / 3);
            }
            assertThat(tokenizer.decode(tokenizer.encode(" image")[0])).isEqualTo(" image");
        }
    }

    private static final String UNICODE =
            "Don't, YOU'RE  it'\u017f \u0085x\u00a0y\u2028z\u3000\t12345 \u0661\u0662\u0663\u0664 \u2167\u00bd na\u00efve"
                    + " e\u0301 \u65e5\u672c\u8a9e\u3002 \ud83c\udfa8\ud83d\udc69\u200d\ud83c\udfa8!? \ud835\udc9c\ud835\udfd9"
                    + " a\r\n\r\n  b\u000bc\u001cd\u180ee\u200bf \ufeff...\n\n   \n  ";

    @Test
    void textOfAnyScriptComesBack() throws IOException {
        try (Tokenizer tokenizer = new Tokenizer(write(DESCRIPTIONS, MERGES))) {
            assertThat(tokenizer.decode(tokenizer.encode(UNICODE))).isEqualTo(UNICODE);
        }
    }

    @Test
    void wordsAreThoseOfTheReader() throws IOException {
        try (HuggingFaceTokenizer reader = HuggingFaceTokenizer.newInstance(write(DESCRIPTIONS, 0))) {
            Encoding encoding = reader.encode(UNICODE, false, false);
            List<String> words = IntStream.range(0, encoding.getIds().length)
                    .boxed()
                    .collect(Collectors.groupingBy(i -> encoding.getWordIds()[i], TreeMap::new, Collectors.toList()))
                    .values()
                    .stream()
                    .map(at -> reader.decode(
                            at.stream().mapToLong(i -> encoding.getIds()[i]).toArray()))
                    .toList();

            assertThat(TokenizerTraining.words(UNICODE)).hasSizeGreaterThan(30).isEqualTo(words);
        }
    }

    @Test
    void theChatFormatFindsItsControlTokens() throws IOException {
        try (Tokenizer tokenizer = new Tokenizer(write(DESCRIPTIONS, MERGES))) {
            ChatTemplate template = new ChatTemplate(tokenizer, 2);
            int[] ids = template.tokenize(
                            SlicePlan.of(1024, 1024, new SlicePlan.Settings(9, 448, 14)),
                            List.of(Turn.user("Rate it."), Turn.assistant("poor!")),
                            false)
                    .ids();

            assertThat(tokenizer.decode(ids))
                    .startsWith(
                            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n<image><unk><unk></image>")
                    .endsWith(
                            "</slice>\nRate it.<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\npoor!<|eot_id|>");
            assertThat(Arrays.stream(ids)
                            .filter(id -> id >= 256 + MERGES)
                            .distinct()
                            .toArray())
                    .hasSize(9);
        }
    }

    /** The chat format drops id 0 from what was generated. */
    @Test
    void noTextHoldsTheIdOfPadding() throws IOException {
        try (Tokenizer tokenizer = new Tokenizer(write(DESCRIPTIONS, MERGES))) {
            String visible =
                    IntStream.rangeClosed(1, 0xff).mapToObj(Character::toString).collect(Collectors.joining());

            assertThat(tokenizer.encode(visible + UNICODE)).doesNotContain(0);
            assertThat(new ChatTemplate(tokenizer, 2).text(tokenizer.encode("Good! \"Very\" good.")))
                    .isEqualTo("Good! \"Very\" good.");
        }
    }

    @Test
    void idsOfBytesAreTheirValues() throws IOException {
        try (Tokenizer tokenizer = new Tokenizer(write(DESCRIPTIONS, 0))) {
            assertThat(tokenizer.encode("\0\u00ad\u65e5")).containsExactly(0, 0xc2, 0xad, 0xe6, 0x97, 0xa5);
        }
    }
}
