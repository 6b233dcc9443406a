package io.github.m3agiqa.hub;

import io.github.m3agiqa.ModelException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Checks a model's files against its manifest. What was found right once is noted in a cache folder by size and time of
 * change, so that a large model is read through at its first load only.
 */
public final class Checksums {
    private static final Logger LOG = LoggerFactory.getLogger(Checksums.class);

    private final Path notes;

    /**
     * Checks that are noted in a folder.
     *
     * @param cacheFolder made when it is first needed
     */
    public Checksums(Path cacheFolder) {
        this.notes = cacheFolder.resolve("verified");
    }

    /**
     * Checks every file that is new or has changed since it was last found right.
     *
     * @throws ModelException naming a file that is missing or has another checksum
     */
    public void checkNew(ModelFolder model) {
        model.manifest().sha256().forEach((file, expected) -> {
            Path path = model.part(file);
            Path note = notes.resolve(noteName(path, expected));
            if (!Files.exists(note)) {
                check(path, expected);
                write(note);
            }
        });
    }

    /**
     * Checks every file.
     *
     * @throws ModelException naming a file that is missing or has another checksum
     */
    public static void checkAll(ModelFolder model) {
        model.manifest().sha256().forEach((file, expected) -> check(model.part(file), expected));
    }

    private static void check(Path file, String expected) {
        LOG.debug("checking {}", file);
        String actual = of(file);
        if (!actual.equalsIgnoreCase(expected)) {
            throw new ModelException(
                    "%s is damaged: its SHA-256 is %s, the manifest says %s; delete %s and get the model again"
                            .formatted(file, actual, expected, real(file)));
        }
    }

    /** Where a file's bytes are: a pull leaves them there as long as they are as many as they should be. */
    private static Path real(Path file) {
        try {
            return file.toRealPath();
        } catch (IOException _) {
            return file;
        }
    }

    /**
     * The SHA-256 of a file, in hexadecimal digits.
     *
     * @throws ModelException if it cannot be read
     */
    public static String of(Path file) {
        try {
            return Sha256.of(file);
        } catch (IOException e) {
            throw new ModelException("%s cannot be read: %s".formatted(file, e), e);
        }
    }

    private static String noteName(Path file, String expected) {
        try {
            BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
            String state = "%s %s %s %s"
                    .formatted(file.toRealPath(), attributes.size(), attributes.lastModifiedTime(), expected);
            return Sha256.of(state.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new ModelException("%s cannot be read: %s".formatted(file, e), e);
        }
    }

    private static void write(Path note) {
        try {
            Files.createDirectories(note.getParent());
            Files.write(note, new byte[0]);
        } catch (IOException e) {
            LOG.debug("{} cannot be written, so the file will be checked again: {}", note, e.toString());
        }
    }
}
