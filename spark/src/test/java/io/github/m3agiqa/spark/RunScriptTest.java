package io.github.m3agiqa.spark;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The script {@code spark/run} in a checkout that is built, with a Spark that prints what it is given. */
class RunScriptTest {
    @TempDir
    private Path folder;

    @Test
    void submitsFromAFolderWithSpacesInItsName() throws IOException, InterruptedException {
        Path checkout = folder.resolve("a checkout");
        Path lib = Files.createDirectories(checkout.resolve("spark/target/m3agiqa-spark/lib"));
        Files.createFile(lib.resolve("a.jar"));
        Files.createFile(lib.resolve("b.jar"));
        Path environment = Path.of("app/src/main/dist/bin/environment.sh");
        Files.createDirectories(checkout.resolve(environment).getParent());
        Files.copy(Path.of("..").resolve(environment), checkout.resolve(environment));
        Files.copy(Path.of("run"), checkout.resolve("spark/run"));
        script(checkout.resolve("mvnw"), "");
        Path spark = folder.resolve("a spark");
        script(spark.resolve("bin/spark-submit"), "printf '%s\\n' \"$@\"");

        ProcessBuilder run = new ProcessBuilder(
                "sh", checkout.resolve("spark/run").toString(), "--master", "local", "score", "--input", "a list.csv");
        run.environment().put("SPARK_HOME", spark.toString());
        run.environment().put("JAVA_HOME", System.getProperty("java.home"));
        Process process = run.redirectErrorStream(true).start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

        assertThat(process.waitFor()).as(printed).isZero();
        assertThat(printed.lines())
                .containsExactly(
                        "--jars",
                        lib.resolve("a.jar") + "," + lib.resolve("b.jar"),
                        "--master",
                        "local",
                        "--class",
                        "io.github.m3agiqa.spark.ScoreJob",
                        checkout.resolve("spark/target/m3agiqa-spark/m3agiqa-spark.jar")
                                .toString(),
                        "--input",
                        "a list.csv");
    }

    private static void script(Path file, String commands) throws IOException {
        Files.createDirectories(file.getParent());
        Files.writeString(file, "#!/bin/sh\n" + commands + "\n");
        assertThat(file.toFile().setExecutable(true)).isTrue();
    }
}
