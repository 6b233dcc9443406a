package io.github.m3agiqa;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** Files that appear under their names when they are complete, so that a crash leaves the old one or none. */
public final class CompleteFile {
    private CompleteFile() {}

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
        Path partial = file.resolveSibling(file.getFileName() + ".partial");
        content.writeTo(partial);
        Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
}
