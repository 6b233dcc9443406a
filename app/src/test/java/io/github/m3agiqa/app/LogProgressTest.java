package io.github.m3agiqa.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class LogProgressTest {
    /** Mebibytes and steps are not answered. */
    @Test
    void saysWhatIsThereAlreadyOfAnyUnit() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (LogProgress progress = new LogProgress(new PrintStream(out, true, StandardCharsets.UTF_8), "MiB")) {
            progress.start(20, 5);
        }

        assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo("5 of 20 MiB are done already%n".formatted());
    }
}
