package io.github.m3agiqa.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.hub.ModelFolder;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The model that is used when none is named, on the images in {@code examples}. */
class BuiltInModelTest {
    private static final Path CHECKOUT = Path.of("..").toAbsolutePath().normalize();
    private static final String PROMPT = "a red and white lighthouse on a cliff by the sea";

    @BeforeEach
    void install() {
        System.setProperty(Installation.HOME, CHECKOUT.toString());
    }

    @AfterEach
    void uninstall() {
        System.clearProperty(Installation.HOME);
    }

    @Test
    void aSpoiltImageIsWorse() throws IOException {
        JsonNode clean = score("lighthouse.png", PROMPT);
        JsonNode spoilt = score("lighthouse-degraded.png", PROMPT);

        assertThat(scoreOf(clean, "quality")).isGreaterThan(scoreOf(spoilt, "quality") + 0.5);
        assertThat(scoreOf(clean, "correspondence")).isGreaterThan(scoreOf(spoilt, "correspondence"));
        assertThat(scoreOf(clean, "authenticity")).isGreaterThan(scoreOf(spoilt, "authenticity"));
    }

    @Test
    void anotherPromptIsMetLess() throws IOException {
        JsonNode own = score("landscape.png", "green hills under a blue sky");
        JsonNode other = score("landscape.png", "a bowl of strawberries on a kitchen table");

        assertThat(scoreOf(own, "correspondence")).isGreaterThan(scoreOf(other, "correspondence"));
    }

    @Test
    void describesAndGivesIntervals() throws IOException {
        JsonNode aspects =
                score("landscape.png", "rolling hills under a warm sun").path("aspects");

        assertThat(aspects.fieldNames()).toIterable().containsExactly("quality", "correspondence", "authenticity");
        aspects.forEach(
                aspect -> assertThat(aspect.path("description").asText()).hasSizeGreaterThan(40));
        assertThat(aspects.at("/authenticity/interval").isArray())
                .as("an interval of labels would not be one of people's opinions")
                .isFalse();
        JsonNode quality = aspects.path("quality");
        assertThat(quality.at("/interval/0").asDouble())
                .isLessThan(quality.at("/score").asDouble());
        assertThat(quality.at("/interval/1").asDouble())
                .isGreaterThan(quality.at("/score").asDouble());
    }

    @Test
    void hasACardAndIsSmall() {
        assertThat(Command.run("models", "card", "nano").out())
                .startsWith("# nano")
                .contains("No human checked its authenticity on images");
        assertThat(ModelFolder.open(CHECKOUT.resolve("models/nano")).bytes()).isLessThan(60_000_000);
    }

    private static JsonNode score(String image, String prompt) throws IOException {
        Command command = Command.run(
                "score",
                CHECKOUT.resolve("examples").resolve(image).toString(),
                "--prompt",
                prompt,
                "--format",
                "json");
        assertThat(command.exitCode()).as(command.err()).isZero();
        JsonNode answer = new ObjectMapper().readTree(command.out());
        return answer.isArray() ? answer.get(0) : answer;
    }

    private static double scoreOf(JsonNode answer, String aspect) {
        JsonNode score = answer.at("/aspects/%s/score".formatted(aspect));
        assertThat(score.isNumber()).as(answer.toString()).isTrue();
        return score.asDouble();
    }
}
