package io.github.m3agiqa;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ImagePromptTest {
    private static final byte[] BYTES = {1, 2, 3, 4};

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(ints = {4, 1000, Integer.MAX_VALUE - 1, Integer.MAX_VALUE})
    void aFileIsReadWholeWithinTheLimit(int maxBytes) throws IOException {
        assertThat(file().content().read(maxBytes)).isEqualTo(BYTES);
    }

    @Test
    void beyondTheLimitOneByteMoreIsRead() throws IOException {
        assertThat(file().content().read(2)).containsExactly(1, 2, 3);
    }

    private ImagePrompt file() throws IOException {
        return ImagePrompt.of(Files.write(folder.resolve("a.png"), BYTES), null);
    }
}
