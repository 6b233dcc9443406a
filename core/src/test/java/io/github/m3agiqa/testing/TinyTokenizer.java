package io.github.m3agiqa.testing;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A byte-level BPE tokenizer with few merges, in the format of {@code tokenizer.json}. */
final class TinyTokenizer {
    private static final String SPLIT = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
            + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    /** Words that are one token each, in the alphabet below, where a space is Ġ and a newline Ċ. */
    private static final List<String> WORDS =
            List.of("ĊĊ", "user", "assistant", "Ġthe", "Ġimage", "Ġquality", "Ġof", "Ġis", "Ġgood", "Please");

    private final Map<String, Integer> vocabulary = new LinkedHashMap<>();
    private final List<String> merges = new ArrayList<>();
    private final List<String> controls;

    /**
     * A tokenizer.
     *
     * @param size how many ids there are at least; those beyond the words are a dash and four letters, which a generated
     *     text is read again as
     */
    TinyTokenizer(List<String> controls, int size) {
        this.controls = controls;
        alphabet().forEach(letter -> vocabulary.put(letter, vocabulary.size()));
        for (String word : WORDS) {
            for (int length = 2; length <= word.length(); length++) {
                String joined = word.substring(0, length);
                if (!vocabulary.containsKey(joined)) {
                    merges.add(word.substring(0, length - 1) + " " + word.charAt(length - 1));
                    vocabulary.put(joined, vocabulary.size());
                }
            }
        }
        for (int i = vocabulary.size() + controls.size(); i < size; i++) {
            vocabulary.put("-" + letters(i), vocabulary.size());
        }
    }

    /** Four letters, other ones for each number below 26⁴. */
    private static String letters(int number) {
        StringBuilder letters = new StringBuilder();
        for (int rest = number, i = 0; i < 4; i++, rest /= 26) {
            letters.insert(0, (char) ('a' + rest % 26));
        }
        return letters.toString();
    }

    /** The letters that stand for the 256 bytes: printable bytes for themselves, the others for letters from Ā on. */
    private static List<String> alphabet() {
        List<String> printable = new ArrayList<>();
        List<String> others = new ArrayList<>();
        for (int b = 0; b < 256; b++) {
            boolean self = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
            if (self) {
                printable.add(String.valueOf((char) b));
            } else {
                others.add(String.valueOf((char) (256 + others.size())));
            }
        }
        printable.addAll(others);
        return printable;
    }

    /** The number of ids, control tokens included. */
    int size() {
        return vocabulary.size() + controls.size();
    }

    void write(Path file) throws IOException {
        ObjectMapper json = new ObjectMapper();
        ObjectNode root = json.createObjectNode().put("version", "1.0");
        root.putNull("truncation").putNull("padding");
        ArrayNode added = root.putArray("added_tokens");
        for (int i = 0; i < controls.size(); i++) {
            added.addObject()
                    .put("id", vocabulary.size() + i)
                    .put("content", controls.get(i))
                    .put("single_word", false)
                    .put("lstrip", false)
                    .put("rstrip", false)
                    .put("normalized", false)
                    .put("special", true);
        }
        root.putNull("normalizer");
        ArrayNode steps =
                root.putObject("pre_tokenizer").put("type", "Sequence").putArray("pretokenizers");
        ObjectNode split = steps.addObject()
                .put("type", "Split")
                .put("behavior", "Isolated")
                .put("invert", false);
        split.putObject("pattern").put("Regex", SPLIT);
        steps.add(byteLevel(json).put("use_regex", false));
        root.set("post_processor", byteLevel(json));
        root.set("decoder", byteLevel(json));
        ObjectNode model = root.putObject("model").put("type", "BPE").put("ignore_merges", true);
        model.set("vocab", json.valueToTree(vocabulary));
        model.set("merges", json.valueToTree(merges));
        json.writeValue(file.toFile(), root);
    }

    private static ObjectNode byteLevel(ObjectMapper json) {
        return json.createObjectNode()
                .put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", true)
                .put("use_regex", true);
    }
}
