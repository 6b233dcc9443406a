package io.github.m3agiqa.training;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunFolderTest {
    @TempDir
    private Path folder;

    @Test
    void saysWhichOfItsFilesIsDamaged() throws IOException {
        Path recipe = Files.writeString(folder.resolve("recipe.yaml"), "name: one");
        Path run = folder.resolve("run");
        open(run, recipe).close();
        Files.createFile(run.resolve("metrics.csv"));
        Files.writeString(run.resolve("run.json"), "{\"kind\": ");

        assertThatThrownBy(() -> open(run, recipe).close())
                .isInstanceOf(InputException.class)
                .hasMessageContaining("run.json is damaged: Unexpected end-of-input");
    }

    private static RunFolder open(Path run, Path recipe) {
        return new RunFolder(run, recipe, Map.of(), new ObjectMapper().createObjectNode());
    }
}
