package io.github.m3agiqa.teacher;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.CompleteFile;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.JsonProblem;
import io.github.m3agiqa.hub.Sha256;
import io.github.m3agiqa.tensor.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** A folder of what teachers saw in images, and the list of what it was made of. */
final class TargetFolder {
    private static final String IMAGES = "images.json";
    /** The hashes of the teachers' files, which may be gone when all that they are asked for is there. */
    private static final String FILES = "files";

    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path path;

    TargetFolder(Path path) {
        this.path = path;
    }

    Path path() {
        return path;
    }

    Path resolve(String name) {
        return path.resolve(name);
    }

    /** What it was made of. */
    JsonNode madeOf() {
        Path file = path.resolve(IMAGES);
        try {
            return JSON.readTree(Files.readString(file));
        } catch (JsonProcessingException e) {
            throw new InputException(
                    "%s is damaged: %s; delete %s and prepare it again".formatted(file, JsonProblem.of(e), path), e);
        } catch (IOException e) {
            throw new InputException("%s cannot be read: %s; prepare the targets first".formatted(file, e), e);
        }
    }

    /** The names of the images, in their order. */
    List<String> images() {
        List<String> images = new ArrayList<>();
        madeOf().path("images").forEach(image -> images.add(image.asText()));
        return images;
    }

    /** Some of the images, chosen by a seed. */
    static List<String> sample(Collection<String> images, int size, long seed) {
        List<String> sample = new ArrayList<>(images);
        Collections.shuffle(sample, new Random(seed));
        return sample.subList(0, Math.min(sample.size(), size));
    }

    /** A list of what is wanted, to which what identifies the targets is added. */
    static ObjectNode wanted(Collection<String> fitOn, Collection<String> images) {
        ObjectNode wanted = JSON.createObjectNode();
        fitOn.forEach(wanted.putArray("fitOn")::add);
        images.forEach(wanted.putArray("images")::add);
        return wanted;
    }

    /**
     * Begins the folder, or goes on with one.
     *
     * @throws InputException if it was made of something else than is wanted, or by other teachers
     */
    void begin(ObjectNode wanted, Teachers teachers) throws IOException {
        Files.createDirectories(path);
        ObjectNode all = wanted.deepCopy();
        ObjectNode hashes = all.putObject(FILES);
        for (var file : teachers.files().entrySet()) {
            hashes.put(file.getKey(), Sha256.of(file.getValue()));
        }
        if (Files.exists(path.resolve(IMAGES))) {
            compare(all);
            return;
        }
        CompleteFile.write(path.resolve(IMAGES), partial -> Files.writeString(partial, all.toPrettyString()));
    }

    /** Compares everything that is wanted. */
    void compare(ObjectNode wanted) throws IOException {
        JsonNode stored = madeOf();
        for (var entry : JSON.readTree(JSON.writeValueAsString(wanted)).properties()) {
            if (!entry.getValue().equals(stored.get(entry.getKey()))) {
                throw new InputException("%s was made with another \"%s\"; name another folder, or delete it"
                        .formatted(path.resolve(IMAGES), entry.getKey()));
            }
        }
    }

    /** Networks that are opened once, whatever number of settings names them. */
    static final class Teachers implements AutoCloseable {
        private final Map<Path, TeacherNetwork> networks = new LinkedHashMap<>();

        Teachers(Collection<Path> folders, Device device) {
            try {
                folders.forEach(folder -> networks.computeIfAbsent(folder, path -> new TeacherNetwork(path, device)));
            } catch (RuntimeException e) {
                close();
                throw e;
            }
        }

        TeacherNetwork of(Path folder) {
            TeacherNetwork network = networks.get(folder);
            if (network == null) {
                throw new IllegalStateException("%s was not opened".formatted(folder));
            }
            return network;
        }

        private Map<String, Path> files() {
            Map<String, Path> files = new LinkedHashMap<>();
            networks.forEach((folder, network) -> network.files()
                    .forEach(file -> files.put("%s/%s".formatted(folder.getFileName(), file.getFileName()), file)));
            return files;
        }

        @Override
        public void close() {
            networks.values().forEach(TeacherNetwork::close);
        }
    }
}
