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
    private final Map<String, Integer> controls = new LinkedHashMap<>();
    private final Pattern anyControl;
    private int largestId;

    /**
     * Reads a tokenizer.
     *
     * @throws ModelException if the file is missing or damaged
     */
    public Tokenizer(Path file) {
        this.file = file;
        try {
            readIds();
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

    /** Reads the added tokens and the largest id: what else a large tokenizer has is not needed here. */
    private void readIds() throws IOException {
        try (JsonParser json = new ObjectMapper().createParser(file.toFile())) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                throw new IOException("it holds no JSON object");
            }
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String field = json.currentName();
                json.nextToken();
                switch (field) {
                    case "added_tokens" -> {
                        JsonNode tokens = json.readValueAsTree();
                        tokens.forEach(token -> controls.put(
                                token.path("content").asText(), token.path("id").asInt()));
                    }
                    case "model" -> readVocabulary(json);
                    default -> json.skipChildren();
                }
            }
        }
        controls.remove("");
        controls.values().forEach(id -> largestId = Math.max(largestId, id));
    }

    private void readVocabulary(JsonParser json) throws IOException {
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            boolean vocabulary = json.currentName().equals("vocab");
            if (json.nextToken() == JsonToken.START_OBJECT && vocabulary) {
                while (json.nextToken() == JsonToken.FIELD_NAME) {
                    json.nextToken();
                    largestId = Math.max(largestId, json.getValueAsInt());
                }
            } else {
                json.skipChildren();
            }
        }
    }

    /**
     * Checks that a model has all of its tokens.
     *
     * @throws ModelException if the model has fewer
     */
    void checkWithin(int vocabularySize) {
        if (largestId >= vocabularySize) {
            throw new ModelException("%s has a token %d, and the model tokens from 0 to %d; it is another model's"
                    .formatted(file, largestId, vocabularySize - 1));
        }
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
