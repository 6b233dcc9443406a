package io.github.m3agiqa.app.batch;

import io.github.m3agiqa.CompleteFile;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.app.batch.Records.Entry;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * The answers to a list of images. Each is written whole before the next is computed; where a kill cut one off, the
 * broken end is dropped at the next start and that image is scored again.
 */
final class ResultsFile implements AutoCloseable {
    /** All records of one image, as they stand in the file. */
    private record Answer(RowKey key, boolean failed, String text) {}

    private interface Answers {
        void take(Answer answer) throws IOException;
    }

    private interface Content {
        void write(BufferedWriter out) throws IOException;
    }

    private final Path file;
    private final Records records;
    private final int aspects;
    private final FileChannel channel;
    /** The rows that are answered, in the file's order. */
    private final List<RowKey> answered = new ArrayList<>();

    private int failedBefore;

    /**
     * Opens a file, and finds the answers in it if it exists.
     *
     * @param aspects the number of aspects that an answer has
     * @param dropFailed whether failed answers count as missing
     * @throws InputException if it is no results file
     */
    ResultsFile(Path file, Records records, int aspects, boolean dropFailed) throws IOException {
        this.file = file;
        this.records = records;
        this.aspects = aspects;
        rewrite(out -> {
            if (Files.exists(file)) {
                forEachAnswer(answer -> {
                    if (!dropFailed || !answer.failed) {
                        out.write(answer.text);
                        answered.add(answer.key);
                        failedBefore += answer.failed ? 1 : 0;
                    }
                });
            }
        });
        this.channel = FileChannel.open(file, StandardOpenOption.APPEND);
    }

    /**
     * The rows of a list that are not answered yet, each as often as the list has it.
     *
     * @throws InputException if the file answers for what the list has not
     */
    <R> List<R> unanswered(List<R> rows, Function<R, RowKey> key) {
        Map<RowKey, Integer> left = new LinkedHashMap<>();
        answered.forEach(answer -> left.merge(answer, 1, Integer::sum));
        List<R> open = new ArrayList<>();
        for (R row : rows) {
            Integer answers = left.get(key.apply(row));
            if (answers == null) {
                open.add(row);
            } else if (answers == 1) {
                left.remove(key.apply(row));
            } else {
                left.put(key.apply(row), answers - 1);
            }
        }
        if (!left.isEmpty()) {
            throw new InputException("%s answers what was not asked about %s; use another --output"
                    .formatted(file, left.keySet().iterator().next().image()));
        }
        return open;
    }

    /** How many of the answers that were there before say that something failed. */
    int failedBefore() {
        return failedBefore;
    }

    /** Writes the records that answer a row, with their line ends. */
    void append(RowKey key, String text) throws IOException {
        ByteBuffer bytes = StandardCharsets.UTF_8.encode(text);
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
        answered.add(key);
    }

    /** Puts the answers into the order of the list, if a retry has left them in another one. */
    void sort(List<RowKey> wanted) throws IOException {
        if (wanted.equals(answered)) {
            return;
        }
        Map<RowKey, Deque<String>> texts = new HashMap<>();
        forEachAnswer(answer ->
                texts.computeIfAbsent(answer.key, _ -> new ArrayDeque<>()).add(answer.text));
        rewrite(out -> {
            for (RowKey key : wanted) {
                Deque<String> found = texts.get(key);
                if (found != null && !found.isEmpty()) {
                    out.write(found.pop());
                }
            }
        });
    }

    /** Puts new content in the file's place at one stroke. */
    private void rewrite(Content content) throws IOException {
        CompleteFile.write(file, partial -> {
            try (BufferedWriter out = Files.newBufferedWriter(partial, StandardCharsets.UTF_8)) {
                out.write(records.header());
                content.write(out);
            }
        });
    }

    private void forEachAnswer(Answers answers) throws IOException {
        try (BufferedReader in =
                new BufferedReader(new InputStreamReader(Files.newInputStream(file), StandardCharsets.UTF_8))) {
            Optional<String> first = records.header().isEmpty() ? Optional.empty() : nextRecord(in);
            if (first.isPresent() && !first.get().equals(records.header())) {
                throw new InputException("%s is no results file: it starts with '%s'"
                        .formatted(file, first.get().strip()));
            }
            StringBuilder text = new StringBuilder();
            List<Entry> group = new ArrayList<>();
            for (Optional<String> raw = nextRecord(in); raw.isPresent(); raw = nextRecord(in)) {
                Entry entry = records.parse(raw.get())
                        .orElseThrow(() -> new InputException("%s holds what is no result".formatted(file)));
                if (!group.isEmpty() && !group.getFirst().key().equals(entry.key())) {
                    group.clear();
                    text.setLength(0);
                }
                group.add(entry);
                text.append(raw.get());
                if (!entry.perAspect() || group.size() == aspects) {
                    boolean failed = group.stream().anyMatch(Entry::failed);
                    answers.take(new Answer(entry.key(), failed, text.toString()));
                    group.clear();
                    text.setLength(0);
                }
            }
        }
    }

    /** The next record with its line end; empty at the end of the file, and where the file breaks off. */
    private Optional<String> nextRecord(Reader in) throws IOException {
        StringBuilder record = new StringBuilder();
        boolean quoted = false;
        for (int c = in.read(); c >= 0; c = in.read()) {
            record.append((char) c);
            quoted ^= c == '"' && records.quotesSpanLines();
            if (c == '\n' && !quoted) {
                return Optional.of(record.toString());
            }
        }
        return Optional.empty();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
