package io.github.m3agiqa.training;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.hub.Sha256;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.stream.Stream;

/**
 * A hash of all files that hidden states are computed from. The hash of a large file is noted by its size and time of
 * change, so that it is read through once.
 */
final class ModelFingerprint {
    /** A note with fewer was not written to its end. */
    private static final int HASH_DIGITS = 64;

    /** What the folder of the notes is called. */
    static final String NOTES = "hashes";

    private final Path notes;

    /**
     * Hashes whose notes are kept in a folder of their own.
     *
     * @param place where that folder is, which is made when it is first needed
     */
    ModelFingerprint(Path place) {
        this.notes = place.resolve(NOTES);
    }

    /**
     * The hash of the files of some folders, and of the settings that they are read with.
     *
     * @throws InputException if a file cannot be read
     */
    String of(List<Path> folders, String settings) {
        StringBuilder all = new StringBuilder(settings);
        for (Path folder : folders) {
            try (Stream<Path> files = Files.list(folder)) {
                for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                    all.append('\n').append(file.getFileName()).append(' ').append(hash(file));
                }
            } catch (IOException e) {
                throw new InputException("%s cannot be read: %s".formatted(folder, e), e);
            }
        }
        return Sha256.of(all.toString().getBytes(StandardCharsets.UTF_8));
    }

    private String hash(Path file) throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
        String state = "%s %s %s".formatted(file.toRealPath(), attributes.size(), attributes.lastModifiedTime());
        Path note = notes.resolve(Sha256.of(state.getBytes(StandardCharsets.UTF_8)));
        String noted = Files.exists(note) ? Files.readString(note) : "";
        if (noted.length() == HASH_DIGITS) {
            return noted;
        }
        String hash = Sha256.of(file);
        Files.createDirectories(notes);
        Files.writeString(note, hash);
        return hash;
    }
}
