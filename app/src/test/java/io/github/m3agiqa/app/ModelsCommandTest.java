package io.github.m3agiqa.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.testing.ArabicDigits;
import io.github.m3agiqa.testing.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelsCommandTest {
    @TempDir
    private Path home;

    @BeforeEach
    void install() {
        System.setProperty(Installation.HOME, home.toString());
    }

    @AfterEach
    void uninstall() {
        System.clearProperty(Installation.HOME);
    }

    private Path model(String name) {
        return TestModels.tinyWith(home.resolve("models").resolve(name), manifest -> {
            manifest.put("name", name);
            ObjectNode aspects = (ObjectNode) manifest.get("aspects");
            aspects.remove("authenticity");
            if (name.equals("untrained")) {
                aspects.forEach(aspect -> ((ObjectNode) aspect).remove("predictor"));
            }
        });
    }

    @Test
    void listsALineAModel() {
        Path nano = model("nano");
        Path untrained = model("untrained");

        Command command = Command.run("models", "list");

        assertThat(command.exitCode()).isZero();
        assertThat(command.err()).isEmpty();
        List<String> lines = command.out().lines().toList();
        assertThat(lines).hasSize(2);
        assertThat(lines.get(0))
                .matches("nano@1 +quality,correspondence +Apache-2.0 +\\d+\\.\\d MiB +.*")
                .endsWith(nano.toString());
        assertThat(lines.get(1)).contains("untrained@1", "no aspect").endsWith(untrained.toString());
    }

    @Test
    void listsTheOthersBesideADamagedModel() throws IOException {
        model("nano");
        Path damaged = Files.createDirectories(home.resolve("models/damaged"));
        Files.writeString(damaged.resolve(ModelFolder.MANIFEST), "{}");

        Command command = Command.run("models", "list");

        assertThat(command.exitCode()).isEqualTo(4);
        assertThat(command.out().lines()).singleElement().asString().startsWith("nano@1");
        assertThat(command.err()).contains(damaged.toString(), "version: the key is missing", "delete its folder");
    }

    @Test
    void saysWhichPartIsMissing() {
        Path model = TestModels.tinyWith(
                home.resolve("models/nano"),
                manifest -> ((ObjectNode) manifest.at("/aspects/quality")).put("predictor", "lost.safetensors"));

        for (String[] looking : new String[][] {{"models", "list"}, {"doctor"}}) {
            Command command = Command.run(looking);

            assertThat(command.exitCode()).isNotZero();
            assertThat(command.out() + command.err())
                    .contains("names " + model.resolve("lost.safetensors") + ", which does not exist");
        }
    }

    @Test
    void saysThatThereAreNone() {
        Command command = Command.run("models", "list");

        assertThat(command.exitCode()).isZero();
        assertThat(command.out()).isEmpty();
        assertThat(command.err()).contains("no models in", home.toString(), "--model FOLDER");
    }

    @Test
    void printsTheCardAsItIs() throws IOException {
        String card = "# nano\r\n\nIt does not score “authenticity”, as no one has rated it.";
        Path nano = model("nano");
        Files.writeString(nano.resolve(ModelFolder.CARD), card);

        for (String name : new String[] {"nano", nano.toString()}) {
            Command command = Command.run("models", "card", name);

            assertThat(command.exitCode()).isZero();
            assertThat(command.out()).isEqualTo(card);
            assertThat(command.err()).isEmpty();
        }
    }

    @Test
    void aModelWithoutACardIsToldPlainly() {
        Path nano = model("nano");

        Command command = Command.run("models", "card", "nano");

        assertThat(command.exitCode()).isEqualTo(4);
        assertThat(command.out()).isEmpty();
        assertThat(command.err()).contains("nano@1 has no model card", ModelFolder.CARD, nano.toString());
    }

    @Test
    void aModelThatIsNotThereNamesThoseThatAre() {
        model("nano");

        Command command = Command.run("models", "card", "micro");

        assertThat(command.exitCode()).isEqualTo(4);
        assertThat(command.err()).contains("no model 'micro'", "[nano]");
    }

    @Test
    void packsAModelAndNeverOverAnother() {
        model("nano");
        Path target = home.resolve("packed");

        Command command = Command.run("models", "pack", "nano", target.toString(), "--model-version", "2");

        assertThat(command.exitCode()).isZero();
        assertThat(command.out().strip()).isEqualTo(target.toString());
        assertThat(ModelFolder.open(target).manifest().id()).isEqualTo("nano@2");
        assertThat(target.resolve("base/model.safetensors")).exists();

        Command again = Command.run("models", "pack", "nano", target.toString());

        assertThat(again.exitCode()).isEqualTo(3);
        assertThat(again.err()).contains("not empty");
        Path second = home.resolve("second");
        Command.run("models", "pack", target.toString(), second.toString());
        assertThat(ModelFolder.open(second).manifest().id()).isEqualTo("nano@2");
        assertThat(Command.run("models", "pack", "nano", "third", "--model-version", "-3")
                        .exitCode())
                .isEqualTo(2);
    }

    @Test
    void countsInTheSameDigitsEverywhere() {
        model("nano");
        Path target = home.resolve("packed");
        Command.run("models", "pack", "nano", target.toString());

        try (ArabicDigits _ = new ArabicDigits()) {
            assertThat(Command.run("models", "verify", target.toString()).out())
                    .matches("nano@1: [0-9]+ files are whole\\R");
        }
    }

    @Test
    void verifiesEveryFileThatHasAChecksum() throws IOException {
        model("nano");
        Path target = home.resolve("packed");
        Command.run("models", "pack", "nano", target.toString());

        assertThat(Command.run("models", "verify", target.toString()).out()).contains("nano@1: ", " files are whole");
        Files.writeString(target.resolve("base/config.json"), "{}");
        Command damaged = Command.run("models", "verify", target.toString());
        assertThat(damaged.exitCode()).isEqualTo(4);
        assertThat(damaged.err()).contains("config.json is damaged");
    }

    @Test
    void saysWhatCanBePulled() {
        assertThat(Command.run("models", "pull").out().lines()).contains("aigciqa2023");
        Command unknown = Command.run(
                "models", "pull", "none", "--into", home.resolve("pulled").toString());
        assertThat(unknown.exitCode()).isEqualTo(ExitCode.REMOTE);
        assertThat(unknown.err()).contains("no model 'none' is published", "aigiqa-20k");
    }

    @ParameterizedTest
    @ValueSource(strings = {"list", "pull", "verify", "card", "pack", "calibrate"})
    void helpHasAnExample(String subcommand) {
        Command command = Command.run("models", subcommand, "--help");

        assertThat(command.exitCode()).isZero();
        assertThat(command.out()).contains("Example:", "  m3agiqa models " + subcommand);
    }

    @Test
    void wantsToBeToldWhatToDo() {
        Command command = Command.run("models");

        assertThat(command.exitCode()).isEqualTo(2);
        assertThat(command.err()).contains("say list, pull, verify, card, pack or calibrate", "m3agiqa models --help");
    }
}
