package io.github.m3agiqa.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The launcher of a checkout, with a Maven that writes a release of one line and notes that it was called. */
class CheckoutTest {
    private static final String MAVEN = """
            echo built >> builds
            sleep 1
            mkdir -p app/target/m3agiqa/bin
            printf '#!/bin/sh\\necho "ran $*"\\n' > app/target/m3agiqa/bin/m3agiqa
            chmod +x app/target/m3agiqa/bin/m3agiqa
            """;

    @TempDir
    private Path folder;

    /** Where there is flock, as on every Linux. */
    @Test
    @EnabledOnOs(OS.LINUX)
    void twoLaunchesBuildOnce() throws Exception {
        Path checkout = checkout();

        List<Process> launched = List.of(launch(checkout, "one"), launch(checkout, "two"));
        List<String> said = new ArrayList<>();
        for (Process process : launched) {
            said.add(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
            assertThat(process.waitFor()).isZero();
        }

        assertThat(said).containsExactly("ran one\n", "ran two\n");
        assertThat(checkout.resolve("builds")).hasContent("built");
    }

    @Test
    void buildsAgainWhenASourceHasChanged() throws Exception {
        Path checkout = checkout();
        assertThat(launch(checkout).waitFor()).isZero();
        assertThat(launch(checkout).waitFor()).isZero();
        assertThat(checkout.resolve("builds")).hasContent("built");
        Path built = checkout.resolve("app/target/m3agiqa/bin/m3agiqa");

        Path source = Files.createFile(checkout.resolve("core/New.java"));
        Files.setLastModifiedTime(
                source, FileTime.fromMillis(Files.getLastModifiedTime(built).toMillis() + 1000));
        assertThat(launch(checkout).waitFor()).isZero();

        assertThat(checkout.resolve("builds")).hasContent("built\nbuilt");
    }

    private Path checkout() throws IOException {
        Path checkout = Files.createDirectory(folder.resolve("a checkout"));
        for (String module : List.of("core", "app", "models")) {
            Files.createDirectory(checkout.resolve(module));
        }
        Files.createFile(checkout.resolve("pom.xml"));
        Path environment = Path.of("app/src/main/dist/bin/environment.sh");
        Files.createDirectories(checkout.resolve(environment).getParent());
        Files.copy(Path.of("..").resolve(environment), checkout.resolve(environment));
        Files.copy(Path.of("../m3agiqa"), checkout.resolve("m3agiqa"));
        Path maven = Files.writeString(checkout.resolve("mvnw"), "#!/bin/sh\n" + MAVEN);
        assertThat(maven.toFile().setExecutable(true)).isTrue();
        return checkout;
    }

    private static Process launch(Path checkout, String... arguments) throws IOException {
        List<String> command =
                new ArrayList<>(List.of("sh", checkout.resolve("m3agiqa").toString()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD);
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        return builder.start();
    }
}
