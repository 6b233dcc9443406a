package io.github.m3agiqa;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/**
 * A file that appears under its name when it is complete and on disk, so that a crash leaves the old one or none. Closed
 * before it is {@linkplain #finish finished}, it leaves nothing.
 */
public final class CompleteFile implements AutoCloseable {
    private final Path file;
    private final Path partial;
    private boolean finished;

    /**
     * Starts a file, or another in its place; where a symbolic link is there, in the place that it points to.
     *
     * @param file its name when it is complete
     */
    public CompleteFile(Path file) throws IOException {
        this(file, ".partial");
    }

    private CompleteFile(Path file, String suffix) throws IOException {
        this.file = Files.isSymbolicLink(file) && Files.exists(file) ? file.toRealPath() : file;
        this.partial = this.file.resolveSibling(this.file.getFileName() + suffix);
    }

    /** What a file is to hold. */
    @FunctionalInterface
    public interface Content {
        /** Writes it to a new file. */
        void writeTo(Path partial) throws IOException;
    }

    /**
     * Writes a file, or puts another in its place.
     *
     * @throws IOException if it cannot be written; what was there before is left as it was
     */
    public static void write(Path file, Content content) throws IOException {
        write(new CompleteFile(file), content);
    }

    /**
     * Writes a file that others may write at the same time; the last one stays. A writer that is killed leaves its partial
     * file behind, which no other one replaces.
     *
     * @throws IOException if it cannot be written; what was there before is left as it was
     */
    public static void writeBesideOthers(Path file, Content content) throws IOException {
        write(new CompleteFile(file, "." + UUID.randomUUID() + ".partial"), content);
    }

    private static void write(CompleteFile file, Content content) throws IOException {
        try (file) {
            content.writeTo(file.partial);
            file.finish();
        }
    }

    /** Where the content is written to. */
    public Path partial() {
        return partial;
    }

    /** Puts the file, which is complete, under its name. */
    public void finish() throws IOException {
        try (FileChannel channel = FileChannel.open(partial, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
        Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        finished = true;
    }

    /** Drops the file if it was not finished. */
    @Override
    public void close() throws IOException {
        if (!finished) {
            Files.deleteIfExists(partial);
        }
    }
}
