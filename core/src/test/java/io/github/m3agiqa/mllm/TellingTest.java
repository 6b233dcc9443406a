package io.github.m3agiqa.mllm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TellingTest {
    /** What is told of a text that grows by one character at a time, and is cleaned up each time. */
    private static List<String> told(String generated) {
        List<String> pieces = new ArrayList<>();
        Telling telling = new Telling(pieces::add);
        for (int end = 1; end <= generated.length(); end++) {
            telling.grown(cleaned(generated.substring(0, end)));
        }
        telling.whole(cleaned(generated));
        return pieces;
    }

    private static String cleaned(String text) {
        return ChatTemplate.strip(ChatTemplate.closeUp(text));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "a cat.",
                "a sign 'sunset' , and a 'red' one .",
                "it does n't say ' yes ' , they 've said",
                "named 'Ann",
                "half a \uFFFD",
                " n",
                " '",
                ""
            })
    void piecesTogetherAreTheText(String generated) {
        assertThat(String.join("", told(generated))).isEqualTo(cleaned(generated));
    }

    @Test
    void whateverIsGenerated() {
        Random random = new Random(1);
        String letters = "  ''nntsvermda.,?!\n";
        for (int i = 0; i < 20_000; i++) {
            StringBuilder text = new StringBuilder();
            for (int j = 0; j < 12; j++) {
                text.append(letters.charAt(random.nextInt(letters.length())));
            }
            assertThat(String.join("", told(text.toString())))
                    .as("of '%s'", text)
                    .isEqualTo(cleaned(text.toString()));
        }
    }

    @Test
    void isToldAsItGrows() {
        assertThat(told("A cat 'sits.")).containsExactly("A", " c", "a", "t", "'s", "i", "t", "s", ".");
    }
}
