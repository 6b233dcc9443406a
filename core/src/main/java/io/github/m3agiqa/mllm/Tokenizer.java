package io.github.m3agiqa.mllm;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.JsonProblem;
import io.github.m3agiqa.ModelException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** A byte-level BPE tokenizer read from {@code tokenizer.json}, and the control tokens that were added to it. */
public final class Tokenizer implements AutoCloseable {
    static {
        // the library would otherwise report its use over the network
        if (System.getProperty("ai.djl.offline") == null) {
            System.setProperty("ai.djl.offline", "true");
        }
    }

    private final Path file;
    private final HuggingFaceTokenizer tokenizer;
    private final Map<String, Integer> controls;
    private final Pattern anyControl;

    /**
     * Reads a tokenizer.
     *
     * @throws ModelException if the file is missing or damaged
     */
    public Tokenizer(Path file) {
        this.file = file;
        try {
            this.controls = readControls(file);
            this.anyControl = Pattern.compile(
                    controls.isEmpty()
                            ? "(?!)"
                            : controls.keySet().stream().map(Pattern::quote).collect(Collectors.joining("|")));
            this.tokenizer = HuggingFaceTokenizer.builder()
                    .optTokenizerPath(file)
                    .optAddSpecialTokens(false)
                    .optTruncation(false)
                    .optPadding(false)
                    .build();
        } catch (IOException | RuntimeException e) {
            String why = e instanceof JacksonException json ? JsonProblem.of(json) : e.getMessage();
            throw new ModelException("%s is not a readable tokenizer: %s".formatted(file, why), e);
        }
    }

    /** Reads the added tokens alone: the vocabulary and merges of a large tokenizer are not needed here. */
    private static Map<String, Integer> readControls(Path file) throws IOException {
        Map<String, Integer> controls = new LinkedHashMap<>();
        try (JsonParser json = new ObjectMapper().createParser(file.toFile())) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                throw new IOException("it holds no JSON object");
            }
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                boolean added = json.currentName().equals("added_tokens");
                json.nextToken();
                if (added) {
                    JsonNode tokens = json.readValueAsTree();
                    tokens.forEach(token -> controls.put(
                            token.path("content").asText(), token.path("id").asInt()));
                } else {
                    json.skipChildren();
                }
            }
        }
        controls.remove("");
        return controls;
    }

    /** The id of a control token, such as {@code <image>}. */
    int control(String content) {
        Integer id = controls.get(content);
        if (id == null) {
            throw new ModelException("%s has no token %s".formatted(file, content));
        }
        return id;
    }

    /** The ids of a text in which control tokens are obeyed. */
    int[] encode(String text) {
        return text.isEmpty()
                ? new int[0]
                : ints(tokenizer.encode(text, false, false).getIds());
    }

    /** The ids of a text in which control tokens are ordinary characters, whoever wrote it. */
    int[] encodeText(String text) {
        IntStream.Builder ids = IntStream.builder();
        int from = 0;
        Matcher control = anyControl.matcher(text);
        while (control.find(from)) {
            // a control token that is cut in two is none
            int within = control.start() + 1;
            Arrays.stream(encode(text.substring(from, within))).forEach(ids);
            from = within;
        }
        Arrays.stream(encode(text.substring(from))).forEach(ids);
        return ids.build().toArray();
    }

    /** The text of ids, control tokens included. */
    String decode(int... ids) {
        return tokenizer.decode(Arrays.stream(ids).asLongStream().toArray(), false);
    }

    private static int[] ints(long[] ids) {
        return Arrays.stream(ids).mapToInt(Math::toIntExact).toArray();
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
