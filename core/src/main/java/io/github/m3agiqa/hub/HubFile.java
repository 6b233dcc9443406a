package io.github.m3agiqa.hub;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.stream.Stream;

/**
 * A file of a repository at one commit.
 *
 * @param path in the repository
 * @param bytes its size
 * @param hash of its content: SHA-256 of large files, and git's SHA-1 of small ones
 * @param large whether it is kept as a large file
 */
public record HubFile(String path, long bytes, String hash, boolean large) {
    private static final int BLOCK = 1 << 16;

    public HubFile {
        // it becomes a path on this machine
        boolean inside = Stream.of(path.split("/", -1))
                .noneMatch(part -> part.isEmpty() || part.equals(".") || part.equals(".."));
        if (!inside || path.contains("\\") || path.contains(":") || path.contains("\0")) {
            throw new IllegalArgumentException("'%s' is no path in a repository".formatted(path));
        }
        if (!hash.matches(large ? "[0-9a-f]{64}" : "[0-9a-f]{40}")) {
            throw new IllegalArgumentException("'%s' is no hash of %s".formatted(hash, path));
        }
    }

    /** The hash of a file, to compare with this one's. */
    String hashOf(Path file) throws IOException {
        if (large) {
            return Sha256.of(file);
        }
        MessageDigest digest = sha1();
        // https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
        digest.update(("blob " + Files.size(file) + "\0").getBytes(StandardCharsets.UTF_8));
        try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
            byte[] block = new byte[BLOCK];
            while (in.read(block) >= 0) {
                // the digest takes note
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest sha1() {
        try {
            return MessageDigest.getInstance("SHA-1");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
