package io.github.m3agiqa.mllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.testing.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MiniCpmVConfigTest {
    @TempDir
    private Path folder;

    /** Published configurations have them as null, or not at all. */
    @ParameterizedTest
    @ValueSource(
            strings = {"{\"rms_norm_eps\":null,\"rope_theta\":null,\"slice_config\":null}", "{\"slice_config\":{}}"})
    void whatIsLeftOutIsThatOfThePublishedModel(String changes) throws IOException {
        MiniCpmVConfig config = MiniCpmVConfig.read(with(changes));

        assertThat(config.llama().rmsNormEpsilon()).isEqualTo(1e-5);
        assertThat(config.llama().ropeTheta()).isEqualTo(500_000);
        assertThat(config.tileResolution()).isEqualTo(448);
    }

    /** It would score, but not as the model that it is said to be. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'rope_theta':'x'}                         | rope_theta must be a positive number, not \"x\"",
                "{'rope_theta':0}                           | rope_theta must be a positive number, not 0",
                "{'rms_norm_eps':[]}                        | rms_norm_eps must be a positive number, not []",
                "{'rms_norm_eps':-1}                        | rms_norm_eps must be a positive number, not -1",
                "{'rope_parameters':{'rope_theta':10000.0}} | rope_parameters is not supported",
                "{'slice_config':'x'}                       | slice_config is \"x\", no object",
                "{'slice_config':{'scale_resolution':'x'}}  | scale_resolution must be a positive integer, not \"x\"",
                "{'slice_config':{'scale_resolution':7}}    | tiles of 7 pixels hold no patch of 14",
            })
    void refusesWhatItWouldHaveToGuess(String changes, String why) throws IOException {
        Path file = with(changes.replace('\'', '"'));

        assertThatThrownBy(() -> MiniCpmVConfig.read(file))
                .isInstanceOf(ModelException.class)
                .hasMessage("%s: %s", file, why);
    }

    @Test
    void saysWhatIsWrongWithItsJson() throws IOException {
        Path file = Files.writeString(folder.resolve("config.json"), "{\"hidden_size\": ");

        assertThatThrownBy(() -> MiniCpmVConfig.read(file))
                .isInstanceOf(ModelException.class)
                .hasMessageStartingWith("%s cannot be read: Unexpected end-of-input", file)
                .hasMessageNotContaining("REDACTED");
    }

    /** A model's configuration with other values. */
    private Path with(String changes) throws IOException {
        Path file = Files.copy(TestModels.tiny().resolve("base/config.json"), folder.resolve("config.json"));
        JsonNode values = new ObjectMapper().readTree(changes);
        TestModels.rewrite(
                file, config -> values.properties().forEach(value -> config.set(value.getKey(), value.getValue())));
        return file;
    }
}
