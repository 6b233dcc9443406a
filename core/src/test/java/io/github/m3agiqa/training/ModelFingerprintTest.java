package io.github.m3agiqa.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelFingerprintTest {
    @TempDir
    private Path folder;

    private Path weights;
    private Path notes;

    @BeforeEach
    void write() throws IOException {
        weights = Files.createDirectories(folder.resolve("base")).resolve("model.safetensors");
        Files.writeString(weights, "weights");
        notes = folder.resolve(ModelFingerprint.NOTES);
    }

    private String fingerprint() {
        return new ModelFingerprint(folder).of(List.of(folder.resolve("base")), "bf16");
    }

    private Path note() throws IOException {
        try (Stream<Path> files = Files.list(notes)) {
            return files.findFirst().orElseThrow();
        }
    }

    @Test
    void changesWithTheWeights() throws IOException {
        String before = fingerprint();
        Files.writeString(weights, "other weights");

        assertThat(fingerprint()).isNotEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 20})
    void takesNoHashFromANoteThatIsCut(int digits) throws IOException {
        String before = fingerprint();
        Files.writeString(note(), Files.readString(note()).substring(0, digits));

        assertThat(fingerprint()).isEqualTo(before);
        assertThat(note()).content().hasSize(64);
    }
}
