package io.github.m3agiqa.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.dataset.Sample.Label;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConversationFileTest {
    private static final String TRAIN = """
            [{"id": "7", "image": "/data\\\\images/sd1.5_normal_131.jpg", "conversations": [
              {"role": "user", "content": "<image>\\nDescribe 'a “panda”'."},
              {"role": "assistant", "content": "A panda.\\n"},
              {"role": "user", "content": "Rate it."},
              {"role": "assistant", "content": "good"}]}]
            """;

    @TempDir
    private Path folder;

    private Path write(String content) throws IOException {
        return Files.writeString(folder.resolve("quality.json"), content);
    }

    @Test
    void readsTheAuthorsFormat() throws IOException {
        Conversation conversation = ConversationFile.read(write(TRAIN)).getFirst();

        assertThat(conversation.id()).isEqualTo("7");
        assertThat(conversation.imageName()).isEqualTo("sd1.5_normal_131.jpg");
        assertThat(conversation.describeRequest()).isEqualTo("Describe 'a “panda”'.");
        assertThat(conversation.teacherDescription()).isEqualTo("A panda.\n");
        assertThat(conversation.rateRequest()).isEqualTo("Rate it.");
        assertThat(conversation.ratingWord()).isEqualTo("good");
        assertThat(conversation.response0()).isNull();
        assertThat(conversation.response1()).isNull();
    }

    /** What is written is what was read, and a model may have said nothing. */
    @Test
    void losesNothingOnTheWay() throws IOException {
        Path file = write(TRAIN);
        List<Conversation> read = ConversationFile.read(file);
        Path copy = folder.resolve("copy.json");

        ConversationFile.write(copy, read);

        assertThat(new ObjectMapper().readTree(copy.toFile())).isEqualTo(new ObjectMapper().readTree(file.toFile()));
        List<Conversation> answered = List.of(read.getFirst().withResponses("", "excellent"));
        ConversationFile.write(copy, answered);
        assertThat(ConversationFile.read(copy)).isEqualTo(answered);
        assertThat(new ObjectMapper().readTree(copy.toFile()).get(0).fieldNames())
                .toIterable()
                .containsExactly("id", "image", "conversations", "response_0", "response_1");
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files).hasSize(2);
        }
    }

    @Test
    void whatNobodySaidIsNull() {
        List<Conversation> asked = List.of(
                Conversation.asking("1", "images/a.png", "describe", "rate", "poor"),
                Conversation.asking("2", "images/b.png", "describe", "rate", null));
        Path file = folder.resolve("asked.json");

        ConversationFile.write(file, asked);

        assertThat(ConversationFile.read(file)).isEqualTo(asked);
        assertThat(asked.getFirst().ratingWord()).isEqualTo("poor");
        assertThatThrownBy(() -> asked.getFirst().teacherDescription())
                .isInstanceOf(InputException.class)
                .hasMessage("conversation 1, of images/a.png, lacks a teacher's description");
        assertThatThrownBy(() -> asked.getLast().ratingWord())
                .isInstanceOf(InputException.class)
                .hasMessage("conversation 2, of images/b.png, lacks a rating word");
    }

    @Test
    void leavesOutFieldsThatTheFormatDoesNotKnow() throws IOException {
        Path file = write(TRAIN.replace("{\"id\"", "{\"split\": 3, \"id\"")
                .replace("\"role\": \"assistant\"", "\"weight\": 1, \"role\": \"assistant\""));

        assertThat(ConversationFile.read(file)).isEqualTo(ConversationFile.read(write(TRAIN)));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"role\": \"user\", \"content\": \"Rate it.\" | \"role\": \"assistant\", \"content\": \"x\" | message 3 is of 'assistant', not of 'user'",
                "\"role\": \"user\", \"content\": \"Rate it.\" | \"content\": \"x\"                          | message 3 is of 'null', not of 'user'",
                "A panda.\\n      | `  `  | message 2, of the assistant, is empty",
                "\"good\"         | \"\"   | message 4, of the assistant, is empty",
                "Rate it.         | ``     | message 3, of the user, is empty",
                "\"Rate it.\"     | null   | message 3, of the user, is empty",
                "\"Rate it.\"     | [1]    | conversations.2.content: what stands here is no text",
                "\"good\"}]       | \"good\"}, {\"role\": \"user\", \"content\": \"x\"}] | it has 5 messages, not 4",
                "\"conversations\"| \"talk\" | conversations is missing",
                "\"7\"            | null   | id is missing",
                "\"7\"            | \" \"  | id is missing",
                "\"image\"        | \"img\"| image is missing",
            })
    void namesFileAndItemOfWhatIsMalformed(String from, String to, String message) throws IOException {
        String item = TRAIN.strip().substring(1, TRAIN.strip().length() - 1);
        assertThat(item).contains(from);
        Path file = write("[%s, %s]".formatted(item, item.replace(from, to)));

        assertThatThrownBy(() -> ConversationFile.read(file))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("quality.json, item 2 (id ")
                .hasMessageContaining(" is no conversation: ")
                .hasMessageContaining(message);
    }

    @Test
    void namesTheLineOfWhatIsNoJson() throws IOException {
        Path file = write("[\n{\"id\": nonsense}]");

        assertThatThrownBy(() -> ConversationFile.read(file))
                .hasMessageContaining("quality.json, line 2 is no JSON: Unrecognized token 'nonsense'");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[{\"id\": ", "", "{}", "[]", "[1]", "[null]", "[] []", "nonsense"})
    void refusesWhatIsNoList(String content) throws IOException {
        Path file = write(content);

        assertThatThrownBy(() -> ConversationFile.read(file))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("quality.json");
    }

    @Test
    void refusesAFileThatIsNotThere() {
        assertThatThrownBy(() -> ConversationFile.read(folder.resolve("none.json")))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("none.json cannot be read");
        assertThatThrownBy(() -> ConversationFile.write(folder.resolve("no/folder.json"), List.of()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("folder.json cannot be written");
    }

    @Test
    void recomputesTheRatingWords() throws IOException {
        Dataset dataset = new Dataset(
                "own",
                folder,
                List.of(DatasetTest.sample(
                        "sd1.5_normal_131.jpg", "x", Map.of(Aspect.CORRESPONDENCE, new Label(1.99, 0)))));
        List<Conversation> read = ConversationFile.read(write(TRAIN));

        Conversation reworded = ConversationFile.withRatingWords(read, dataset, Aspect.CORRESPONDENCE)
                .getFirst();

        assertThat(reworded.ratingWord()).isEqualTo("poor");
        assertThat(reworded.withRatingWord("good")).isEqualTo(read.getFirst());
        assertThatThrownBy(() -> ConversationFile.withRatingWords(read, dataset, Aspect.QUALITY))
                .isInstanceOf(InputException.class)
                .hasMessageContaining(
                        "has no quality score of 1 images that conversations are about: sd1.5_normal_131.jpg");
    }
}
