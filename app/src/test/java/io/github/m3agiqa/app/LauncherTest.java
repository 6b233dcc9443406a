package io.github.m3agiqa.app;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.testing.TestModels;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The shell script that people start, in a release whose only jar names the classes of this build. */
class LauncherTest {
    private static final Path SCRIPTS = Path.of("src/main/dist/bin");

    @TempDir
    private Path release;

    @BeforeEach
    void unpack() throws IOException {
        Files.createDirectories(release.resolve("bin"));
        Files.createDirectories(release.resolve("lib"));
        for (String script : List.of("m3agiqa", "environment.sh")) {
            Files.copy(SCRIPTS.resolve(script), release.resolve("bin").resolve(script));
        }
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(Attributes.Name.CLASS_PATH, classPath());
        new JarOutputStream(Files.newOutputStream(release.resolve("lib/all.jar")), manifest).close();
    }

    private static String classPath() {
        return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .map(part -> Path.of(part).toUri().toString())
                .collect(Collectors.joining(" "));
    }

    private record Run(int exitCode, String out, String err) {}

    private Run start(String... arguments) throws IOException, InterruptedException {
        List<String> command =
                new ArrayList<>(List.of("sh", release.resolve("bin/m3agiqa").toString()));
        command.addAll(List.of(arguments));
        Path out = release.resolve("out.txt");
        Path err = release.resolve("err.txt");
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        int exitCode = builder.start().waitFor();
        return new Run(exitCode, Files.readString(out), Files.readString(err));
    }

    @Test
    void aScoreIsAllThatItSays() throws Exception {
        Path image = Command.draw(release.resolve("image.png"), 1);

        Run run = start(
                "score",
                image.toString(),
                "--prompt",
                "a valley",
                "--model",
                TestModels.tiny().toAbsolutePath().toString(),
                "--no-describe",
                "--format",
                "jsonl");

        assertThat(run.err()).isEmpty();
        assertThat(run.out().lines()).singleElement().asString().startsWith("{");
        assertThat(run.exitCode()).isZero();
    }

    @Test
    void handsExitCodesOn() throws Exception {
        assertThat(start("--version").exitCode()).isZero();
        assertThat(start("scor").exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(start("score", "--help").out()).contains("--no-describe");
    }
}
