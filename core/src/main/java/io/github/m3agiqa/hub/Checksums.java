package io.github.m3agiqa.hub;

import io.github.m3agiqa.ModelException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
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
            throw new ModelException("%s is damaged: its SHA-256 is %s, the manifest says %s; get the model again"
                    .formatted(file, actual, expected));
        }
    }

    /**
     * The SHA-256 of a file, in hexadecimal digits.
     *
     * @throws ModelException if it cannot be read
     */
    public static String of(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            MessageDigest digest = sha256();
            byte[] chunk = new byte[1 << 20];
            for (int read = in.read(chunk); read >= 0; read = in.read(chunk)) {
                digest.update(chunk, 0, read);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (IOException e) {
            throw new ModelException("%s cannot be read: %s".formatted(file, e), e);
        }
    }

    private static String noteName(Path file, String expected) {
        try {
            BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
            String state = "%s %d %s %s"
                    .formatted(file.toRealPath(), attributes.size(), attributes.lastModifiedTime(), expected);
            return HexFormat.of().formatHex(sha256().digest(state.getBytes(StandardCharsets.UTF_8)));
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

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
