package io.github.m3agiqa.mllm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.CompleteFile;
import io.github.m3agiqa.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Learns a byte-level BPE from texts and writes it as a {@code tokenizer.json} of Llama-3's kind.
 *
 * <p>The pair of neighbours that occurs most often within words becomes the next token (Sennrich et al., 2016, section
 * 3.2); of equally frequent pairs the one with the smaller left id, then the smaller right id. The order of the texts
 * does not matter.
 */
public final class TokenizerTraining {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Llama-3's division of texts into words. */
    private static final String WORD = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
            + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    /** White space and letter case are Unicode's, as they are to the reader of the written file. */
    private static final Pattern WORDS = Pattern.compile(WORD, Pattern.UNICODE_CHARACTER_CLASS);

    /** What the chat format sets, and texts never contain. */
    private static final List<String> CONTROLS = List.of(
            "<|begin_of_text|>",
            "<|end_of_text|>",
            "<unk>",
            "<|start_header_id|>",
            "<|end_header_id|>",
            "<|eot_id|>",
            "<image>",
            "</image>",
            "<slice>",
            "</slice>");

    /** Llama-3's file without its regular expression, vocabulary, merges and control tokens. */
    private static final String FRAME = """
            {
              "version": "1.0",
              "truncation": null,
              "padding": null,
              "added_tokens": [],
              "normalizer": null,
              "pre_tokenizer": {
                "type": "Sequence",
                "pretokenizers": [
                  {"type": "Split", "pattern": {}, "behavior": "Isolated", "invert": false},
                  {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}
                ]
              },
              "post_processor": {
                "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true
              },
              "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
              "model": {
                "type": "BPE",
                "dropout": null,
                "unk_token": null,
                "continuing_subword_prefix": null,
                "end_of_word_suffix": null,
                "fuse_unk": false,
                "byte_fallback": false,
                "ignore_merges": false,
                "vocab": {},
                "merges": []
              }
            }
            """;

    private static final int BYTES = 256;
    private static final int LEAST_OCCURRENCES = 2;

    /** Tokens in GPT-2's alphabet, one character a byte, in the order of their ids. */
    private final List<String> tokens = alphabet();

    /** The pairs that became tokens, in order. No two become the same token: equal bytes are merged alike. */
    private final List<Pair> merges = new ArrayList<>();

    private final Map<Pair, Use> uses = new HashMap<>();
    /** Every pair worth merging, with a count that is its present one or an earlier and greater one. */
    private final PriorityQueue<Candidate> candidates = new PriorityQueue<>(Candidate.BEST_FIRST);

    private TokenizerTraining(Collection<String> texts) {
        texts.stream()
                .flatMap(TokenizerTraining::words)
                .collect(Collectors.groupingBy(Function.identity(), Collectors.counting()))
                .forEach((word, count) -> count(new Word(word, count), 1));
        List.copyOf(uses.keySet()).forEach(this::offer);
    }

    /**
     * Learns a tokenizer and writes it. The id of a byte is its value, so id 0, which {@link ChatTemplate} takes for
     * padding, is a byte that texts do not contain; the merged tokens follow, then the control tokens.
     *
     * @param file a {@code tokenizer.json}, replaced if it exists
     * @param texts without control tokens: those that they contain are learned as ordinary characters
     * @param vocabularySize the number of all tokens: 256 bytes, the merged ones and 10 control tokens
     * @throws InputException if texts hold too few words for the size: no pair occurs twice before it is reached
     * @throws IllegalArgumentException if the size is less than that of bytes and control tokens
     * @throws IOException if the file cannot be written
     */
    public static void write(Path file, Collection<String> texts, int vocabularySize) throws IOException {
        if (vocabularySize < BYTES + CONTROLS.size()) {
            throw new IllegalArgumentException("a vocabulary has at least %d bytes and %d control tokens, not %d tokens"
                    .formatted(BYTES, CONTROLS.size(), vocabularySize));
        }
        TokenizerTraining training = new TokenizerTraining(texts);
        training.learn(vocabularySize - CONTROLS.size());
        CompleteFile.write(file, partial -> JSON.writeValue(partial.toFile(), training.json()));
    }

    /** The parts of a text that are tokenized each on its own; together they are the text. */
    static Stream<String> words(String text) {
        return WORDS.matcher(text).results().map(MatchResult::group);
    }

    /** Visible characters of Latin-1 stand for themselves, the first ones beyond Latin-1 for the other bytes. */
    private static List<String> alphabet() {
        List<String> characters = new ArrayList<>();
        int next = BYTES;
        for (int value = 0; value < BYTES; value++) {
            boolean visible = (value > ' ' && value <= '~') || (value > 0xa0 && value != 0xad);
            characters.add(Character.toString(visible ? value : next++));
        }
        return characters;
    }

    private void learn(int size) {
        while (tokens.size() < size) {
            Pair pair = mostFrequent()
                    .orElseThrow(() -> new InputException(
                            "the texts are too few for a vocabulary of %d tokens: no pair occurs twice after %d; give more texts or a smaller size"
                                    .formatted(size + CONTROLS.size(), tokens.size() + CONTROLS.size())));
            merge(pair, tokens.size());
            merges.add(pair);
            tokens.add(tokens.get(pair.left) + tokens.get(pair.right));
        }
    }

    private Optional<Pair> mostFrequent() {
        for (Candidate best = candidates.poll(); best != null; best = candidates.poll()) {
            if (best.count == use(best.pair).count) {
                return Optional.of(best.pair);
            }
            offer(best.pair);
        }
        return Optional.empty();
    }

    private void merge(Pair pair, int id) {
        Set<Pair> grown = new HashSet<>();
        for (Word word : List.copyOf(use(pair).words)) {
            count(word, -1);
            word.merge(pair, id);
            count(word, 1);
            word.pairs().filter(of -> of.left == id || of.right == id).forEach(grown::add);
        }
        grown.forEach(this::offer);
    }

    /** Counts the pairs of a word, or with sign -1 no longer counts them. */
    private void count(Word word, int sign) {
        word.pairs().forEach(pair -> {
            Use use = use(pair);
            use.count += sign * word.count;
            if (sign > 0) {
                use.words.add(word);
            } else {
                use.words.remove(word);
            }
        });
    }

    private Use use(Pair pair) {
        return uses.computeIfAbsent(pair, _ -> new Use());
    }

    private void offer(Pair pair) {
        long count = use(pair).count;
        if (count >= LEAST_OCCURRENCES) {
            candidates.add(new Candidate(pair, count));
        }
    }

    private JsonNode json() throws IOException {
        JsonNode root = JSON.readTree(FRAME);
        root.withObject("/pre_tokenizer/pretokenizers/0/pattern").put("Regex", WORD);
        ObjectNode vocabulary = root.withObject("/model/vocab");
        for (int id = 0; id < tokens.size(); id++) {
            vocabulary.put(tokens.get(id), id);
        }
        ArrayNode pairs = root.withArray("/model/merges");
        merges.forEach(pair -> pairs.add(tokens.get(pair.left) + " " + tokens.get(pair.right)));
        ArrayNode controls = root.withArray("/added_tokens");
        for (String control : CONTROLS) {
            controls.addObject()
                    .put("id", tokens.size() + controls.size() - 1)
                    .put("content", control)
                    .put("single_word", false)
                    .put("lstrip", false)
                    .put("rstrip", false)
                    .put("normalized", false)
                    .put("special", true);
        }
        return root;
    }

    /** The ids of two tokens that stand side by side. */
    private record Pair(int left, int right) {}

    /** A pair, and how often it occurred when it was last looked at. */
    private record Candidate(Pair pair, long count) {
        static final Comparator<Candidate> BEST_FIRST = Comparator.comparingLong(Candidate::count)
                .reversed()
                .thenComparingInt(candidate -> candidate.pair.left)
                .thenComparingInt(candidate -> candidate.pair.right);
    }

    /** How often a pair occurs in all texts, and in which words. */
    private static final class Use {
        private final Set<Word> words = new HashSet<>();
        private long count;
    }

    /** A word as tokens, and how often it occurs in all texts. */
    private static final class Word {
        private final long count;
        private int[] ids;

        Word(String text, long count) {
            this.count = count;
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            this.ids = IntStream.range(0, bytes.length)
                    .map(i -> Byte.toUnsignedInt(bytes[i]))
                    .toArray();
        }

        Stream<Pair> pairs() {
            int[] of = ids;
            return IntStream.range(1, of.length).mapToObj(i -> new Pair(of[i - 1], of[i]));
        }

        void merge(Pair pair, int id) {
            int[] merged = new int[ids.length];
            int length = 0;
            for (int i = 0; i < ids.length; i++) {
                if (i + 1 < ids.length && ids[i] == pair.left && ids[i + 1] == pair.right) {
                    merged[length++] = id;
                    i++;
                } else {
                    merged[length++] = ids[i];
                }
            }
            ids = Arrays.copyOf(merged, length);
        }
    }
}
