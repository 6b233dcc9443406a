package io.github.m3agiqa.training;

import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.NamedCsvRecord;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.MappedFile;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The last hidden states of conversations, or what the vision tower sees of their pictures, in bfloat16 in one file that is
 * mapped and not read in, so that an epoch of predictor training needs no pass of the model.
 *
 * <p>States are found by a key that stands for all that they were computed from. The index names an entry only when its
 * states are on disk: a killed run loses what it had not finished, and nothing else.
 */
final class FeatureCache implements AutoCloseable {
    private static final String HEADER = "key,offset,tokens\n";

    /** Where the states of a conversation lie. */
    private record Entry(long offset, int tokens) {}

    private final Path folder;
    private final int width;
    private final FileChannel states;
    private final FileChannel index;
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private @Nullable MappedFile mapped;
    private @Nullable Tensor all; // owned, all states in the mapped file

    /**
     * Opens a cache, or starts it.
     *
     * @param folder one for each model and what is read of it
     * @param width of what is kept of a token
     * @throws InputException if another process writes to it, or it is damaged
     */
    FeatureCache(Path folder, int width) {
        this.folder = folder;
        this.width = width;
        try {
            Files.createDirectories(folder);
            this.states = open("states.bf16");
            this.index = open("index.csv");
            lock();
            readIndex();
        } catch (IOException e) {
            throw new InputException("%s cannot be used: %s".formatted(folder, e), e);
        }
    }

    private FileChannel open(String name) throws IOException {
        return FileChannel.open(
                folder.resolve(name), StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    }

    private void lock() throws IOException {
        try {
            if (index.tryLock() != null) {
                return;
            }
        } catch (OverlappingFileLockException _) {
            // held by this very process
        }
        throw new InputException("%s is in use by another run".formatted(folder));
    }

    private void readIndex() throws IOException {
        String text = Files.readString(folder.resolve("index.csv"));
        int complete = text.lastIndexOf('\n') + 1; // a kill may have cut the last line off
        try (CsvReader<NamedCsvRecord> rows = CsvReader.builder().ofNamedCsvRecord(text.substring(0, complete))) {
            rows.forEach(row -> entries.put(
                    row.getField("key"),
                    new Entry(Long.parseLong(row.getField("offset")), Integer.parseInt(row.getField("tokens")))));
        } catch (RuntimeException e) {
            throw new InputException(
                    "%s is damaged (%s); delete %s, its states are computed again"
                            .formatted(folder.resolve("index.csv"), e.getMessage(), folder),
                    e);
        }
        index.truncate(text.substring(0, complete).getBytes(StandardCharsets.UTF_8).length);
        index.position(index.size());
        if (complete == 0) {
            append(HEADER);
        }
        long end = entries.values().stream()
                .mapToLong(entry -> entry.offset + bytes(entry.tokens))
                .max()
                .orElse(0);
        if (states.size() < end) {
            throw new InputException("%s is cut off; delete %s, its states are computed again"
                    .formatted(folder.resolve("states.bf16"), folder));
        }
        states.truncate(end);
        states.position(end);
    }

    private long bytes(int tokens) {
        return (long) Dtype.BF16.bytes() * tokens * width;
    }

    private void append(String line) throws IOException {
        ByteBuffer bytes = StandardCharsets.UTF_8.encode(line);
        while (bytes.hasRemaining()) {
            index.write(bytes);
        }
    }

    /** Whether the states of a key are held. */
    boolean contains(String key) {
        return entries.containsKey(key);
    }

    /** The number of tokens of a conversation that is held. */
    int tokens(String key) {
        return entry(key).tokens;
    }

    private Entry entry(String key) {
        Entry entry = entries.get(key);
        if (entry == null) {
            throw new IllegalArgumentException("no states of " + key);
        }
        return entry;
    }

    /**
     * Adds the states of a conversation.
     *
     * @param hidden (tokens, width); of what the tower sees a piece of the picture is a token
     * @throws InputException if they cannot be written; those before them are left as they were
     */
    synchronized void put(String key, Tensor hidden) {
        int tokens = (int) hidden.size(0);
        try (Scope _ = new Scope()) {
            Tensor rounded = Torch.to(hidden, Dtype.BF16, Device.CPU).contiguous();
            long offset = states.position();
            ByteBuffer bytes = Torch.bytes(rounded, 0, Math.toIntExact(rounded.nbytes()));
            while (bytes.hasRemaining()) {
                states.write(bytes);
            }
            states.force(false);
            append("%s,%s,%s%n".formatted(key, offset, tokens));
            entries.put(key, new Entry(offset, tokens));
        } catch (IOException e) {
            throw new InputException("%s cannot be written: %s".formatted(folder, e), e);
        }
    }

    /**
     * The states of a conversation, in the mapped file. Several threads may ask for what was put before they were started.
     *
     * @return (tokens, width), bfloat16, not to be written to
     */
    Tensor get(String key) {
        Entry entry = entry(key);
        return all(entry.offset + bytes(entry.tokens))
                .narrow(0, entry.offset / Dtype.BF16.bytes(), (long) entry.tokens * width)
                .view(entry.tokens, width);
    }

    /** All states up to an end, mapped once and again when there are more. */
    private synchronized Tensor all(long end) {
        Tensor held = all;
        if (held != null && held.nbytes() >= end) {
            return held;
        }
        try {
            closeMapped();
            MappedFile file = new MappedFile(folder.resolve("states.bf16"));
            mapped = file;
            Tensor newly = Scope.own(file.tensor(0, Dtype.BF16, file.size() / Dtype.BF16.bytes()));
            all = newly;
            return newly;
        } catch (IOException e) {
            throw new InputException("%s cannot be read: %s".formatted(folder, e), e);
        }
    }

    private void closeMapped() throws IOException {
        if (all != null) {
            Scope.release(all);
            all = null;
        }
        if (mapped != null) {
            mapped.close();
            mapped = null;
        }
    }

    @Override
    public void close() {
        try {
            closeMapped();
            states.close();
            index.close();
        } catch (IOException e) {
            throw new InputException("%s cannot be closed: %s".formatted(folder, e), e);
        }
    }
}
