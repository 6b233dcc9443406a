package io.github.m3agiqa.distill;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A store that is filled, left, and opened again by others. */
class AnswerStoreTest {
    @TempDir
    private Path folder;

    private static Question question(int number) {
        return new Question(
                "image %d.png".formatted(number),
                "hash %d".formatted(number),
                Aspect.QUALITY,
                "What do you see?",
                "text hash",
                "teacher",
                false);
    }

    private static List<Question> questions(int count) {
        return IntStream.range(0, count).mapToObj(AnswerStoreTest::question).toList();
    }

    private static Attempt answer(String description) {
        return new Attempt(Outcome.ANSWERED, description, "{}", 100, 20, 0.5, null, 12);
    }

    private static Attempt failure(Outcome outcome) {
        return new Attempt(outcome, null, null, 0, 0, 0, "failed", 3);
    }

    @Test
    void keepsAnswersAndWhatTheyCost() {
        try (AnswerStore store = new AnswerStore(folder)) {
            store.add(questions(2));
            assertThat(store.claim(question(0))).isTrue();
            store.arrived(store.sent(question(0)), question(0), failure(Outcome.RATE_LIMITED), false);
            store.arrived(store.sent(question(0)), question(0), answer("A cat."), true);
        }
        try (AnswerStore store = new AnswerStore(folder)) {
            store.add(questions(3));

            assertThat(store.answers())
                    .containsExactly(
                            new AnswerStore.Answer(question(0), Outcome.ANSWERED, "A cat."),
                            new AnswerStore.Answer(question(1), null, null),
                            new AnswerStore.Answer(question(2), null, null));
            assertThat(store.claim(question(0))).as("has its answer").isFalse();
            assertThat(store.outcomes()).isEqualTo(Map.of(Outcome.RATE_LIMITED, 1L, Outcome.ANSWERED, 1L));
            assertThat(store.spent()).isEqualTo(new AnswerStore.Spent(2, 100, 20, 0.5));
        }
    }

    @Test
    void twoUsersDoNotTakeTheSameQuestion() {
        try (AnswerStore one = new AnswerStore(folder);
                AnswerStore other = new AnswerStore(folder)) {
            one.add(questions(1));
            assertThat(one.claim(question(0))).isTrue();
            assertThat(other.claim(question(0))).isFalse();
            one.release(question(0));
            assertThat(other.claim(question(0))).isTrue();
        }
    }

    /** A process that was killed leaves a file that nobody holds. */
    @Test
    void aDeadUsersQuestionIsFree() throws IOException {
        try (AnswerStore one = new AnswerStore(folder)) {
            one.add(questions(1));
            assertThat(one.claim(question(0))).isTrue();
        }
        Path dead = folder.resolve("owners/dead.lock");
        Files.createFile(dead);
        try (var connection = java.sql.DriverManager.getConnection("jdbc:sqlite:" + folder.resolve("answers.sqlite"));
                var statement = connection.createStatement()) {
            statement.execute("UPDATE question SET claimed_by = 'dead'");
        } catch (java.sql.SQLException e) {
            throw new IOException(e);
        }

        try (AnswerStore next = new AnswerStore(folder)) {
            assertThat(next.claim(question(0))).isTrue();
            assertThat(dead).doesNotExist();
        }
    }

    @Test
    void failuresAreOpenedAgainOnlyOnDemand() {
        try (AnswerStore store = new AnswerStore(folder)) {
            store.add(questions(3));
            store.arrived(store.sent(question(0)), question(0), failure(Outcome.BLOCKED), true);
            store.arrived(store.sent(question(1)), question(1), answer("A dog."), true);
            store.closed(question(2), Outcome.UNREADABLE);

            assertThat(store.failed(questions(4))).containsExactly(question(0), question(2));
            assertThat(store.claim(question(0))).isFalse();
            assertThat(store.reopenFailed(questions(2))).isEqualTo(1);
            assertThat(store.claim(question(0))).isTrue();
            assertThat(store.claim(question(1))).isFalse();
            assertThat(store.claim(question(2))).as("nobody asked for it").isFalse();
        }
    }

    @Test
    void namesWhatIsNoStore() throws IOException {
        Files.writeString(folder.resolve("answers.sqlite"), "no database, but a text that is long enough to look at");

        assertThatThrownBy(() -> new AnswerStore(folder))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("answers.sqlite");
    }

    @Test
    void leavesNothingWhereItCannotBeOpened() throws IOException, SQLException {
        try (Connection newer = DriverManager.getConnection("jdbc:sqlite:" + folder.resolve("answers.sqlite"));
                Statement statement = newer.createStatement()) {
            statement.execute("PRAGMA user_version = 99");
        }

        assertThatThrownBy(() -> new AnswerStore(folder))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("newer version");
        assertThat(folder.resolve("owners")).isEmptyDirectory();
    }
}
