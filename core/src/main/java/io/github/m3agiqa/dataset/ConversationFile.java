package io.github.m3agiqa.dataset;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Rating;
import io.github.m3agiqa.Scale;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;

/** Files of conversations, as the authors published them: a JSON list. */
public final class ConversationFile {
    private static final ObjectMapper JSON = new ObjectMapper();

    private ConversationFile() {}

    /**
     * Reads a file.
     *
     * @throws InputException if it is missing or damaged
     */
    public static List<Conversation> read(Path file) {
        try {
            return JSON.readValue(Files.readAllBytes(file), new TypeReference<>() {});
        } catch (IOException e) {
            throw new InputException("%s holds no conversations: %s".formatted(file, e.getMessage()), e);
        }
    }

    /** Writes a file, which appears when it is complete. */
    public static void write(Path file, List<Conversation> conversations) {
        DefaultPrettyPrinter lines = new DefaultPrettyPrinter();
        lines.indentArraysWith(DefaultIndenter.SYSTEM_LINEFEED_INSTANCE);
        Path next = file.resolveSibling(file.getFileName() + ".partial");
        try {
            JSON.writer(lines).writeValue(next.toFile(), conversations);
            Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new InputException("%s cannot be written: %s".formatted(file, e.getMessage()), e);
        }
    }

    /**
     * The conversations with the rating word that the human score stands for. In the published correspondence files of
     * AGIQA-3K every word is that of the quality score.
     *
     * @throws InputException naming an image that the dataset has no score for
     */
    public static List<Conversation> withRatingWords(List<Conversation> conversations, Dataset dataset, Aspect aspect) {
        Map<String, Sample> samples = dataset.byName();
        return conversations.stream()
                .map(conversation -> {
                    Sample sample = samples.get(conversation.imageName());
                    if (sample == null || Double.isNaN(sample.mos(aspect))) {
                        throw new InputException("%s has no %s score of %s"
                                .formatted(dataset.folder(), aspect.id(), conversation.imageName()));
                    }
                    return conversation.withRatingWord(
                            Rating.of(sample.mos(aspect), Scale.ZERO_TO_FIVE).word());
                })
                .toList();
    }
}
