package io.github.m3agiqa.dataset;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.CompleteFile;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.JsonProblem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Files of conversations, as the authors published them: a JSON list. */
public final class ConversationFile {
    private static final ObjectMapper JSON = new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    private ConversationFile() {}

    /**
     * Reads a file.
     *
     * @throws InputException if it is missing or damaged, or naming the item that is no conversation
     */
    public static List<Conversation> read(Path file) {
        JsonNode items;
        try {
            items = JSON.readTree(Files.readAllBytes(file));
        } catch (JsonProcessingException e) {
            throw new InputException(
                    "%s, line %d is no JSON: %s".formatted(file, e.getLocation().getLineNr(), JsonProblem.of(e)), e);
        } catch (IOException e) {
            throw new InputException("%s cannot be read: %s".formatted(file, e), e);
        }
        if (!items.isArray() || items.isEmpty()) {
            throw new InputException("%s is no list of conversations".formatted(file));
        }
        List<Conversation> conversations = new ArrayList<>();
        for (JsonNode item : items) {
            conversations.add(conversation(file, conversations.size() + 1, item));
        }
        return conversations;
    }

    private static Conversation conversation(Path file, int number, JsonNode item) {
        if (item.isNull()) {
            throw new InputException("%s, item %d is no conversation: it is null".formatted(file, number));
        }
        try {
            return JSON.treeToValue(item, Conversation.class);
        } catch (JsonProcessingException e) {
            throw new InputException(
                    "%s, item %d (id %s, image %s) is no conversation: %s"
                            .formatted(
                                    file,
                                    number,
                                    item.path("id").asText("none"),
                                    item.path("image").asText("none"),
                                    JsonProblem.at(e)),
                    e);
        }
    }

    /**
     * Writes a file, which appears when it is complete.
     *
     * @throws InputException if it cannot be written
     */
    public static void write(Path file, List<Conversation> conversations) {
        DefaultPrettyPrinter lines = new DefaultPrettyPrinter();
        lines.indentArraysWith(DefaultIndenter.SYSTEM_LINEFEED_INSTANCE);
        try {
            CompleteFile.write(file, partial -> JSON.writer(lines).writeValue(partial.toFile(), conversations));
        } catch (IOException e) {
            throw new InputException("%s cannot be written: %s".formatted(file, e.getMessage()), e);
        }
    }

    /**
     * The conversations with the rating word that the human score stands for. In the published correspondence files of
     * AGIQA-3K every word is that of the quality score.
     *
     * @throws InputException naming the images that the dataset has no score for
     */
    public static List<Conversation> withRatingWords(List<Conversation> conversations, Dataset dataset, Aspect aspect) {
        List<Conversation> reworded = new ArrayList<>();
        List<String> unknown = new ArrayList<>();
        for (Conversation conversation : conversations) {
            dataset.sample(conversation.imageName())
                    .flatMap(sample -> sample.label(aspect))
                    .map(Sample.Label::ratingWord)
                    .ifPresentOrElse(
                            word -> reworded.add(conversation.withRatingWord(word)),
                            () -> unknown.add(conversation.imageName()));
        }
        if (!unknown.isEmpty()) {
            throw new InputException("%s has no %s score of %d images that conversations are about: %s"
                    .formatted(dataset.folder(), aspect.id(), unknown.size(), Dataset.first(unknown)));
        }
        return reworded;
    }
}
