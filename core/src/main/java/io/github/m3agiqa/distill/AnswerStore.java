package io.github.m3agiqa.distill;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.dataset.Conversation;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * All that teachers were asked and all that came back, in one SQLite file. A request is written down before it leaves,
 * and its reply before anything is done with it, so that no kill loses an answer that was paid for. Several processes and
 * threads may use one store: a question is {@linkplain #claim claimed} before it is asked, and a claim ends with the
 * process that made it.
 */
public final class AnswerStore implements AutoCloseable {
    private static final String FILE = "answers.sqlite";
    private static final int VERSION = 1;
    private static final int BUSY_MILLIS = 60_000;

    /** The columns that say which question a row is about. */
    private static final String KEY = "image_hash = ? AND text_hash = ? AND teacher = ?";

    private static final List<String> SCHEMA = List.of("""
            CREATE TABLE IF NOT EXISTS question (
              image_hash TEXT NOT NULL, text_hash TEXT NOT NULL, teacher TEXT NOT NULL,
              image TEXT NOT NULL, aspect TEXT NOT NULL, text TEXT NOT NULL, reveals_score INTEGER NOT NULL,
              claimed_by TEXT, outcome TEXT, description TEXT,
              PRIMARY KEY (image_hash, text_hash, teacher)) WITHOUT ROWID
            """, """
            CREATE TABLE IF NOT EXISTS request (
              id INTEGER PRIMARY KEY, image_hash TEXT NOT NULL, text_hash TEXT NOT NULL, teacher TEXT NOT NULL,
              sent_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')), sent_by TEXT NOT NULL,
              outcome TEXT, reply TEXT, input_tokens INTEGER, output_tokens INTEGER, cost REAL, error TEXT,
              millis INTEGER)
            """, """
            CREATE TABLE IF NOT EXISTS imported (
              aspect TEXT NOT NULL, image TEXT NOT NULL, position INTEGER NOT NULL, source TEXT NOT NULL,
              conversation TEXT NOT NULL,
              PRIMARY KEY (aspect, image)) WITHOUT ROWID
            """);

    private static final ObjectMapper JSON = new ObjectMapper();

    /**
     * A question and its answer.
     *
     * @param outcome what it came to at last; null while it is open
     * @param description null unless it was answered
     */
    public record Answer(
            Question question,
            @Nullable Outcome outcome,
            @Nullable String description) {}

    /** What all requests together took. */
    public record Spent(long requests, long inputTokens, long outputTokens, double cost) {}

    private final Path file;
    private final Connection connection;
    private final Owner owner;

    /**
     * Opens the store of a folder, or begins it.
     *
     * @throws InputException if the folder cannot be written to, or holds something else
     */
    public AnswerStore(Path folder) {
        this.file = folder.resolve(FILE);
        try {
            Files.createDirectories(folder);
            this.owner = new Owner(folder.resolve("owners"));
        } catch (java.io.IOException e) {
            throw new InputException("%s cannot be written to: %s".formatted(folder, e), e);
        }
        try {
            this.connection = DriverManager.getConnection("jdbc:sqlite:" + file);
        } catch (SQLException e) {
            owner.close();
            throw failed(e);
        }
        try {
            begin();
        } catch (SQLException e) {
            leave(e);
            throw failed(e);
        } catch (InputException e) {
            leave(e);
            throw e;
        }
    }

    /** Lets go of a store that is not begun. */
    private void leave(Exception because) {
        owner.close();
        try {
            connection.close();
        } catch (SQLException e) {
            because.addSuppressed(e);
        }
    }

    private void begin() throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("PRAGMA busy_timeout = " + BUSY_MILLIS);
            statement.execute("PRAGMA journal_mode = WAL");
            statement.execute("PRAGMA synchronous = FULL");
            int version = statement.executeQuery("PRAGMA user_version").getInt(1);
            if (version > VERSION) {
                throw new InputException("%s was made by a newer version; use that one".formatted(file));
            }
            for (String table : SCHEMA) {
                statement.execute(table);
            }
            statement.execute("PRAGMA user_version = " + VERSION);
        }
    }

    private InputException failed(SQLException e) {
        return new InputException(
                "%s cannot be used: %s; free space, or name another folder".formatted(file, e.getMessage()), e);
    }

    /** What to do with the database, which may fail. */
    private interface Work<T> {
        T run() throws SQLException;
    }

    private synchronized <T> T with(Work<T> work) {
        try {
            return work.run();
        } catch (SQLException e) {
            throw failed(e);
        }
    }

    /** All of it or nothing. */
    private <T> T inTransaction(Work<T> work) {
        return with(() -> {
            connection.setAutoCommit(false);
            try {
                T result = work.run();
                connection.commit();
                return result;
            } catch (SQLException e) {
                connection.rollback();
                throw e;
            } finally {
                connection.setAutoCommit(true);
            }
        });
    }

    private PreparedStatement prepared(String sql, @Nullable Object... values) throws SQLException {
        PreparedStatement statement = connection.prepareStatement(sql);
        for (int i = 0; i < values.length; i++) {
            statement.setObject(i + 1, values[i]);
        }
        return statement;
    }

    private int change(String sql, @Nullable Object... values) throws SQLException {
        try (PreparedStatement statement = prepared(sql, values)) {
            return statement.executeUpdate();
        }
    }

    /** Notes questions that shall be asked; those that are known stay as they are. */
    public void add(List<Question> questions) {
        inTransaction(() -> {
            for (Question question : questions) {
                change(
                        "INSERT OR IGNORE INTO question"
                                + " (image_hash, text_hash, teacher, image, aspect, text, reveals_score)"
                                + " VALUES (?, ?, ?, ?, ?, ?, ?)",
                        question.imageHash(),
                        question.textHash(),
                        question.teacher(),
                        question.image(),
                        question.aspect().id(),
                        question.text(),
                        question.revealsScore());
            }
            return questions.size();
        });
    }

    /** Those of the questions that have not come to an end. */
    public List<Question> open(List<Question> questions) {
        return whose(Optional::isEmpty, questions);
    }

    /** Those of the questions that ended without an answer. */
    public List<Question> failed(List<Question> questions) {
        return whose(outcome -> outcome.filter(end -> end != Outcome.ANSWERED).isPresent(), questions);
    }

    private List<Question> whose(Predicate<Optional<Outcome>> outcome, List<Question> questions) {
        return with(() -> {
            List<Question> those = new ArrayList<>();
            for (Question question : questions) {
                if (outcome.test(column("outcome", question).map(Outcome::valueOf))) {
                    those.add(question);
                }
            }
            return those;
        });
    }

    /** What a question's row has in a column; empty if there is nothing in it, or no row. */
    private Optional<String> column(String name, Question question) throws SQLException {
        try (PreparedStatement statement = prepared(
                        "SELECT " + name + " FROM question WHERE " + KEY,
                        question.imageHash(),
                        question.textHash(),
                        question.teacher());
                ResultSet found = statement.executeQuery()) {
            return found.next() ? Optional.ofNullable(found.getString(1)) : Optional.empty();
        }
    }

    /**
     * Takes conversations in that were had elsewhere. Importing the same again changes nothing.
     *
     * @param source where they come from, for messages
     * @return how many are new
     * @throws InputException if another conversation about one of the images is there already; then none is taken
     */
    public int add(Aspect aspect, String source, List<Conversation> conversations) {
        Map<String, Conversation> known = new HashMap<>();
        imported(aspect).forEach(conversation -> known.put(conversation.imageName(), conversation));
        List<Conversation> fresh = new ArrayList<>();
        for (Conversation conversation : conversations) {
            Conversation before = known.putIfAbsent(conversation.imageName(), conversation);
            if (before == null) {
                fresh.add(conversation);
            } else if (!before.equals(conversation)) {
                throw new InputException("%s: another conversation about the %s of %s is in the store already"
                        .formatted(source, aspect.id(), conversation.imageName()));
            }
        }
        return inTransaction(() -> {
            int position = known.size() - fresh.size();
            for (Conversation conversation : fresh) {
                change(
                        "INSERT INTO imported (aspect, image, position, source, conversation) VALUES (?, ?, ?, ?, ?)",
                        aspect.id(),
                        conversation.imageName(),
                        position++,
                        source,
                        json(conversation));
            }
            return fresh.size();
        });
    }

    private static String json(Conversation conversation) {
        try {
            return JSON.writeValueAsString(conversation);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The imported conversations about an aspect, in the order in which they were imported. */
    public List<Conversation> imported(Aspect aspect) {
        return with(() -> {
            List<Conversation> conversations = new ArrayList<>();
            try (PreparedStatement statement = prepared(
                            "SELECT image, conversation FROM imported WHERE aspect = ? ORDER BY position",
                            aspect.id());
                    ResultSet row = statement.executeQuery()) {
                while (row.next()) {
                    conversations.add(JSON.readValue(row.getString("conversation"), Conversation.class));
                }
            } catch (JsonProcessingException e) {
                throw new InputException("%s holds a conversation that cannot be read: %s".formatted(file, e), e);
            }
            return conversations;
        });
    }

    /**
     * Takes a question, so that nobody else asks it.
     *
     * @return false if it has come to an end, or a living process has taken it
     */
    public boolean claim(Question question) {
        return with(() -> {
            Optional<String> holder = column("claimed_by", question);
            if (holder.isPresent() && owner.lives(holder.get())) {
                return false;
            }
            // whoever else saw the same holder, or none, loses
            return change(
                            "UPDATE question SET claimed_by = ? WHERE " + KEY
                                    + " AND outcome IS NULL AND claimed_by IS ?",
                            owner.name(),
                            question.imageHash(),
                            question.textHash(),
                            question.teacher(),
                            holder.orElse(null))
                    == 1;
        });
    }

    /** Gives a question back that was claimed and did not come to an end. */
    public void release(Question question) {
        with(() -> change(
                "UPDATE question SET claimed_by = NULL WHERE " + KEY + " AND claimed_by = ?",
                question.imageHash(),
                question.textHash(),
                question.teacher(),
                owner.name()));
    }

    /**
     * Writes down that a request leaves.
     *
     * @return its number
     */
    public long sent(Question question) {
        return with(() -> {
            change(
                    "INSERT INTO request (image_hash, text_hash, teacher, sent_by) VALUES (?, ?, ?, ?)",
                    question.imageHash(),
                    question.textHash(),
                    question.teacher(),
                    owner.name());
            try (Statement statement = connection.createStatement();
                    ResultSet row = statement.executeQuery("SELECT last_insert_rowid()")) {
                return row.getLong(1);
            }
        });
    }

    /**
     * Writes down what came of a request.
     *
     * @param end whether the question has come to its end with it
     */
    public void arrived(long request, Question question, Attempt attempt, boolean end) {
        inTransaction(() -> {
            change(
                    "UPDATE request SET outcome = ?, reply = ?, input_tokens = ?, output_tokens = ?, cost = ?,"
                            + " error = ?, millis = ? WHERE id = ?",
                    attempt.outcome().name(),
                    attempt.reply(),
                    attempt.inputTokens(),
                    attempt.outputTokens(),
                    attempt.cost(),
                    attempt.error(),
                    attempt.millis(),
                    request);
            if (end) {
                close(question, attempt.outcome(), attempt.description());
            }
            return request;
        });
    }

    /** Ends a question that could not be asked. */
    public void closed(Question question, Outcome outcome) {
        with(() -> close(question, outcome, null));
    }

    private int close(Question question, Outcome outcome, @Nullable String description) throws SQLException {
        return change(
                "UPDATE question SET outcome = ?, description = ?, claimed_by = NULL WHERE " + KEY,
                outcome.name(),
                description,
                question.imageHash(),
                question.textHash(),
                question.teacher());
    }

    /**
     * Opens those of the questions again that ended without an answer.
     *
     * @return how many they are
     */
    public int reopenFailed(List<Question> questions) {
        return inTransaction(() -> {
            int opened = 0;
            for (Question question : questions) {
                opened += change(
                        "UPDATE question SET outcome = NULL, claimed_by = NULL WHERE " + KEY
                                + " AND outcome IS NOT NULL AND outcome <> ?",
                        question.imageHash(),
                        question.textHash(),
                        question.teacher(),
                        Outcome.ANSWERED.name());
            }
            return opened;
        });
    }

    /** All questions, by aspect and image. */
    public List<Answer> answers() {
        return with(() -> {
            List<Answer> answers = new ArrayList<>();
            try (PreparedStatement statement = prepared("SELECT * FROM question ORDER BY aspect, image, teacher");
                    ResultSet row = statement.executeQuery()) {
                while (row.next()) {
                    Question question = new Question(
                            row.getString("image"),
                            row.getString("image_hash"),
                            Aspect.of(row.getString("aspect")),
                            row.getString("text"),
                            row.getString("text_hash"),
                            row.getString("teacher"),
                            row.getBoolean("reveals_score"));
                    String outcome = row.getString("outcome");
                    answers.add(new Answer(
                            question, outcome == null ? null : Outcome.valueOf(outcome), row.getString("description")));
                }
            }
            return answers;
        });
    }

    /** How many requests came to each outcome. */
    public Map<Outcome, Long> outcomes() {
        return with(() -> {
            Map<Outcome, Long> counts = new EnumMap<>(Outcome.class);
            try (PreparedStatement statement = prepared(
                            "SELECT outcome, count(*) FROM request WHERE outcome IS NOT NULL GROUP BY outcome");
                    ResultSet row = statement.executeQuery()) {
                while (row.next()) {
                    counts.put(Outcome.valueOf(row.getString(1)), row.getLong(2));
                }
            }
            return counts;
        });
    }

    /** What all requests took so far; one whose reply never came counts as a request. */
    public Spent spent() {
        return with(() -> {
            try (PreparedStatement statement = prepared("SELECT count(*), total(input_tokens), total(output_tokens),"
                            + " total(cost) FROM request");
                    ResultSet row = statement.executeQuery()) {
                return new Spent(row.getLong(1), row.getLong(2), row.getLong(3), row.getDouble(4));
            }
        });
    }

    @Override
    public void close() {
        with(() -> {
            change("UPDATE question SET claimed_by = NULL WHERE claimed_by = ?", owner.name());
            connection.close();
            return true;
        });
        owner.close();
    }
}
