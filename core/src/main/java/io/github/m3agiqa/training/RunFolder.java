package io.github.m3agiqa.training;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.CompleteFile;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.JsonProblem;
import io.github.m3agiqa.hub.Sha256;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The folder of one training run: its recipe, what it was made from, its figures, checkpoints and results. While it is
 * open no other process writes to it.
 */
final class RunFolder implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String FACTS = "run.json";
    private static final String RECIPE = "recipe.yaml";
    private static final String LOCK = ".lock";

    /** What a run has before anything comes of it. */
    private static final Set<String> BEGINNING = Set.of(FACTS, RECIPE, LOCK, ModelFingerprint.NOTES);

    private final Path path;
    private final FileChannel lock;

    /**
     * Opens a run's folder, or starts it.
     *
     * @param recipe copied into the folder
     * @param data the files that the run learns from; a run goes on only if they have not changed
     * @param facts what else shall be noted: versions, seed, model
     * @throws InputException if another process writes to it, or the run was started with another recipe or other data
     */
    RunFolder(Path path, Path recipe, Map<String, Path> data, ObjectNode facts) {
        this.path = path;
        try {
            Files.createDirectories(path);
            this.lock = FileChannel.open(path.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw new InputException("%s cannot be written to: %s".formatted(path, e), e);
        }
        try {
            lock();
            agree(recipe, data, facts);
        } catch (IOException e) {
            close();
            throw new InputException("%s cannot be written to: %s".formatted(path, e), e);
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    private void lock() throws IOException {
        try {
            if (lock.tryLock() != null) {
                return;
            }
        } catch (OverlappingFileLockException _) {
            // held by this very process
        }
        throw new InputException("%s is being written to by another run".formatted(path));
    }

    private void agree(Path recipe, Map<String, Path> data, ObjectNode facts) throws IOException {
        ObjectNode hashes = facts.putObject("data");
        for (var entry : data.entrySet()) {
            hashes.put(entry.getKey(), Sha256.of(entry.getValue()));
        }
        Path copy = path.resolve(RECIPE);
        if (!begun()) {
            Files.copy(recipe, copy, StandardCopyOption.REPLACE_EXISTING);
            write(FACTS, JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(facts));
            return;
        }
        if (Files.mismatch(recipe, copy) >= 0) {
            throw new InputException("%s was started with another recipe; give %s another output, or delete the folder"
                    .formatted(path, recipe));
        }
        JsonNode before = facts();
        if (!before.equals(JSON.readTree(JSON.writeValueAsBytes(facts)))) {
            throw new InputException(
                    "%s was started with other data, another model or another version; give the recipe another output, or delete the folder. It was %s, it is %s"
                            .formatted(path, before, facts));
        }
    }

    /** Whether there is anything beside what it was started with; one that ended before that may be corrected. */
    private boolean begun() throws IOException {
        if (!Files.exists(path.resolve(FACTS))) {
            return false;
        }
        try (Stream<Path> files = Files.list(path)) {
            return !files.allMatch(file -> BEGINNING.contains(String.valueOf(file.getFileName())));
        }
    }

    private JsonNode facts() throws IOException {
        try {
            return JSON.readTree(Files.readAllBytes(path.resolve(FACTS)));
        } catch (JacksonException e) {
            throw new InputException(
                    "%s is damaged: %s; give the recipe another output, or delete %s"
                            .formatted(path.resolve(FACTS), JsonProblem.of(e), path),
                    e);
        }
    }

    /** The path of a file from a folder, as manifests have it. */
    static String relative(Path folder, Path file) {
        return folder.toAbsolutePath()
                .normalize()
                .relativize(file.toAbsolutePath().normalize())
                .toString()
                .replace('\\', '/');
    }

    /** A file or folder of the run. */
    Path resolve(String name) {
        return path.resolve(name);
    }

    /** Writes a file, which appears when it is complete. */
    void write(String name, byte[] content) throws IOException {
        CompleteFile.write(path.resolve(name), partial -> Files.write(partial, content));
    }

    @Override
    public void close() {
        try {
            lock.close();
        } catch (IOException e) {
            throw new InputException("%s cannot be closed: %s".formatted(path, e), e);
        }
    }
}
