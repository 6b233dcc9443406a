package io.github.m3agiqa.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WordVectorsTest {
    @TempDir
    private Path folder;

    private final Scope scope = new Scope();

    @AfterEach
    void close() {
        scope.close();
    }

    private WordVectors read(String text) throws IOException {
        return WordVectors.read(Files.writeString(folder.resolve("words.txt"), text));
    }

    @Test
    void readsWhatWord2vecAndGloveWrite() throws IOException {
        String glove = "Cat 1 2\nsci-fi 3 -4e-1\n, 5 6\ncat 7 8\n";
        for (String text : List.of(glove, "4 2\n" + glove)) {
            assertThat(read(text).words()).containsExactly("cat", "sci-fi");
        }
    }

    /** From the middle (3, 0) of those it goes by, and as long as each other. */
    @Test
    void directionsAreFromTheMiddleOfSomeWords() throws IOException {
        WordVectors.Directions directions =
                read("cat 1 0\ndog 5 0\nboat 3 9\n").directions(List.of("cat", "dog", "unheard-of"));
        float[] of = Torch.toFloats(directions.of(List.of("cat", "boat", "dog", "unheard-of")));
        float[] expected = {-1, 0, 0, 1, 1, 0, 0, 0};
        assertThat(of).containsExactly(expected, within(1e-6f));
    }

    @Test
    void saysWhatIsWrongWithAFile() throws IOException {
        assertThatThrownBy(() -> read("cat 1 2\ndog 3\n"))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("words.txt, line 2: 1 numbers, expected 2");
        assertThatThrownBy(() -> read("cat 1 x\n"))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("words.txt, line 1: 'x' is no number");
        assertThatThrownBy(() -> read("cat\n")).hasMessageContaining("line 1: 0 numbers");
        assertThatThrownBy(() -> read("3 2\n")).hasMessageContaining("no vector of a word");
        assertThatThrownBy(() -> WordVectors.read(folder.resolve("none.txt")))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("none.txt");
        WordVectors cats = read("cat 1 2\n");
        assertThatThrownBy(() -> cats.directions(List.of("dog")))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("a vector of none of the 1 words of the prompts");
    }
}
