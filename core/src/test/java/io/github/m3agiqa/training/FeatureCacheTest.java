package io.github.m3agiqa.training;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FeatureCacheTest {
    @TempDir
    private Path folder;

    @Test
    void holdsWhatWasPutForTheNextRun() {
        put("a");
        put("b");

        assertHeld("a", "b");
    }

    /** A kill may come while the first line is written. */
    @ParameterizedTest
    @ValueSource(strings = {"", "k", "key,offset,tokens"})
    void anIndexThatWasHardlyBegunIsBegunAgain(String begun) throws IOException {
        Files.writeString(folder.resolve("index.csv"), begun);

        put("a");

        assertHeld("a");
    }

    private void put(String key) {
        try (Scope _ = new Scope();
                FeatureCache cache = new FeatureCache(folder, 2)) {
            cache.put(key, Torch.floats(new float[] {1, 2, 3, key.charAt(0)}, 2, 2));
        }
    }

    private void assertHeld(String... keys) {
        try (Scope _ = new Scope();
                FeatureCache cache = new FeatureCache(folder, 2)) {
            for (String key : keys) {
                assertThat(cache.tokens(key)).isEqualTo(2);
                assertThat(Torch.toFloats(cache.get(key))).containsExactly(1, 2, 3, key.charAt(0));
            }
        }
    }
}
