package io.github.m3agiqa.app.batch;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.InputException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * The settings of a run, kept beside its results so that a resumed run is the same run. While it is open no other run
 * writes to the same results.
 */
final class JobFile implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final FileChannel channel;

    /**
     * Opens the job of a results file, or starts it.
     *
     * @param settings all that a score depends on
     * @throws InputException if another run holds it, it was started with other settings, or what is there are no results
     */
    JobFile(Path results, Map<String, String> settings) throws IOException {
        Path file = results.resolveSibling(results.getFileName() + ".job.json");
        Path folder = file.toAbsolutePath().getParent();
        if (folder != null && !Files.isDirectory(folder)) {
            throw new InputException("%s cannot be written: there is no folder %s".formatted(results, folder));
        }
        if (Files.exists(results) && Files.size(results) > 0 && !Files.exists(file)) {
            throw new InputException(
                    "%s is there already and was not made by this command; use another --output".formatted(results));
        }
        this.channel =
                FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        try {
            lock(results);
            agree(file, results, new TreeMap<>(settings));
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    private void lock(Path results) throws IOException {
        try {
            if (channel.tryLock() != null) {
                return;
            }
        } catch (OverlappingFileLockException _) {
            // held by this very process
        }
        throw new InputException("%s is being written to by another run".formatted(results));
    }

    private void agree(Path file, Path results, Map<String, String> settings) throws IOException {
        byte[] content = Channels.newInputStream(channel).readAllBytes();
        Map<String, String> started = Map.of();
        try {
            started = JSON.readValue(content, new TypeReference<>() {});
        } catch (JsonProcessingException _) {
            // new, or cut off when the run had not answered anything yet
            if (content.length > 0 && content[0] != '{') {
                throw new InputException(
                        "%s was not made by this command and would be overwritten; use another --output"
                                .formatted(file));
            }
        }
        if (started.isEmpty()) {
            channel.truncate(0);
            channel.write(ByteBuffer.wrap(JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(settings)));
        } else if (!started.equals(settings)) {
            Map<String, String> before = started;
            String differences = settings.entrySet().stream()
                    .filter(now -> !now.getValue().equals(before.get(now.getKey())))
                    .map(now -> "%s was %s and is %s".formatted(now.getKey(), before.get(now.getKey()), now.getValue()))
                    .collect(Collectors.joining(", "));
            throw new InputException(
                    "%s was started with other settings: %s; use another --output, or delete it and %s to start anew"
                            .formatted(results, differences, file.getFileName()));
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
