package io.github.m3agiqa;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompleteFileTest {
    @TempDir
    private Path folder;

    @Test
    void putsNewContentInThePlaceOfOld() throws IOException {
        Path file = Files.writeString(folder.resolve("file.txt"), "old");

        CompleteFile.write(file, partial -> Files.writeString(partial, "new"));

        assertThat(file).hasContent("new");
        assertThat(folder.toFile().list()).hasSize(1);
    }

    @Test
    void leavesTheOldContentWhereTheNewCannotBeWritten() throws IOException {
        Path file = Files.writeString(folder.resolve("file.txt"), "old");

        assertThatThrownBy(() -> CompleteFile.write(file, partial -> {
                    Files.writeString(partial, "ne");
                    throw new IOException("the disk is full");
                }))
                .hasMessage("the disk is full");

        assertThat(file).hasContent("old");
        assertThat(folder.toFile().list()).containsExactly("file.txt");
    }

    @Test
    void aLinkStaysOne() throws IOException {
        Path real = Files.writeString(folder.resolve("real.txt"), "old");
        Path link = Files.createSymbolicLink(folder.resolve("link.txt"), real);

        CompleteFile.write(link, partial -> Files.writeString(partial, "new"));

        assertThat(link).isSymbolicLink();
        assertThat(real).hasContent("new");
    }

    @Test
    void leavesNothingThatWasNotFinished() throws IOException {
        Path file = folder.resolve("file.txt");

        try (CompleteFile dropped = new CompleteFile(file)) {
            Files.writeString(dropped.partial(), "ne");
        }

        assertThat(folder).isEmptyDirectory();
    }
}
