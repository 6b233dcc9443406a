package io.github.m3agiqa.app.batch;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.ErrorCode;
import io.github.m3agiqa.Failure;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.dataset.Conversation;
import io.github.m3agiqa.scoring.Answers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A model's own answers, a line of JSON each: the conversation's id, image and requests, and the answers or the error. */
final class DescriptionLines implements Records {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** What tells a conversation from others. */
    static RowKey key(Conversation conversation) {
        return key(conversation.id(), conversation.image(), conversation.describeRequest(), conversation.rateRequest());
    }

    private static RowKey key(String id, String image, String describeRequest, String rateRequest) {
        return new RowKey(image, String.join("\n", id, describeRequest, rateRequest));
    }

    /** The line of a conversation's answers, with its end. */
    static String text(Conversation conversation, Answers answers) {
        ObjectNode line = JSON.createObjectNode()
                .put("id", conversation.id())
                .put("image", conversation.image())
                .put("describe", conversation.describeRequest())
                .put("rate", conversation.rateRequest());
        Failure failure = answers.failure();
        if (failure == null) {
            line.put("response_0", answers.description()).put("response_1", answers.rating());
        } else {
            line.putObject("error").put("code", failure.code().name()).put("message", failure.message());
        }
        return line + "\n";
    }

    /** The answers of a whole file, line by line. */
    static List<Answers> read(Path file) throws IOException {
        return Files.readAllLines(file).stream()
                .map(line -> answers(
                        json(line).orElseThrow(() -> new InputException("%s holds what is no answer".formatted(file)))))
                .toList();
    }

    private static Answers answers(JsonNode line) {
        JsonNode error = line.path("error");
        return error.isObject()
                ? new Answers(
                        null,
                        null,
                        new Failure(
                                ErrorCode.valueOf(error.path("code").asText()),
                                error.path("message").asText()))
                : new Answers(text(line, "response_0"), text(line, "response_1"), null);
    }

    private static @Nullable String text(JsonNode line, String field) {
        return line.path(field).isTextual() ? line.path(field).asText() : null;
    }

    @Override
    public String header() {
        return "";
    }

    @Override
    public boolean quotesSpanLines() {
        return false;
    }

    @Override
    public Optional<Entry> parse(String record) {
        return json(record)
                .map(line -> new Entry(
                        key(
                                line.path("id").asText(),
                                line.path("image").asText(),
                                line.path("describe").asText(),
                                line.path("rate").asText()),
                        false,
                        line.has("error")));
    }

    /** A line that answers or says why not. */
    private static Optional<JsonNode> json(String record) {
        try {
            JsonNode line = JSON.readTree(record);
            boolean answer = line.path("response_0").isTextual()
                    && line.path("response_1").isTextual();
            return line.has("image") && (answer || line.has("error")) ? Optional.of(line) : Optional.empty();
        } catch (JsonProcessingException _) {
            return Optional.empty();
        }
    }
}
