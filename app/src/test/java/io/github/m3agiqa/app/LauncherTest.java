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
import java.util.Map;
import java.util.function.Consumer;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Collectors;
import org.bytedeco.javacpp.Loader;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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
        return start(environment -> {}, arguments);
    }

    private Run start(Consumer<Map<String, String>> change, String... arguments)
            throws IOException, InterruptedException {
        List<String> command =
                new ArrayList<>(List.of("sh", release.resolve("bin/m3agiqa").toString()));
        command.addAll(List.of(arguments));
        Path out = release.resolve("out.txt");
        Path err = release.resolve("err.txt");
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        change.accept(builder.environment());
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
    void onlyForListsIsCodeCompiledTwice() throws Exception {
        Consumer<Map<String, String>> flags = environment -> environment.put("M3AGIQA_OPTS", "-XX:+PrintFlagsFinal");

        assertThat(start(flags, "score", "image.png", "--help").out()).containsPattern("TieredStopAtLevel += 1 ");
        assertThat(start(flags, "score", "--input", "list.csv", "--help").out())
                .containsPattern("TieredStopAtLevel += 4 ");
        assertThat(start(flags, "serve", "--help").out()).containsPattern("TieredStopAtLevel += 4 ");
    }

    @Test
    void onlyASingleImageAndPretrainingHaveLargePages() throws Exception {
        Path jdk = release.resolve("jdk");
        Files.createDirectories(jdk.resolve("bin"));
        Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"25\"\n");
        Path java = Files.writeString(
                jdk.resolve("bin/java"), "#!/bin/sh\necho \"pages: ${GLIBC_TUNABLES:-as they are}\"\n");
        assertThat(java.toFile().setExecutable(true)).isTrue();
        Consumer<Map<String, String>> told = environment -> {
            environment.put("JAVA_HOME", jdk.toString());
            environment.remove("GLIBC_TUNABLES");
        };

        for (String command : List.of("score", "pretrain")) {
            assertThat(start(told, command, "a").out()).isEqualTo("pages: glibc.malloc.hugetlb=1\n");
        }
        assertThat(start(told, "score", "--input", "a").out()).isEqualTo("pages: as they are\n");
        assertThat(start(told, "finetune", "a").out()).isEqualTo("pages: as they are\n");
        Consumer<Map<String, String>> ownWish =
                environment -> environment.put("GLIBC_TUNABLES", "glibc.malloc.hugetlb=0");
        assertThat(start(told.andThen(ownWish), "pretrain", "a").out()).isEqualTo("pages: glibc.malloc.hugetlb=0\n");
    }

    /** As cron and systemd start it. */
    @Test
    void promptsAndNamesAreUtf8WhateverTheLocale() throws Exception {
        Path list = Files.writeString(release.resolve("list.csv"), "image_path,prompt\n日本 é.png,ein Hügel 日本 😀\n");
        Command.draw(release.resolve("日本 é.png"), 1);
        Path scores = release.resolve("scores.csv");

        Run run = start(
                environment -> {
                    environment.keySet().removeIf(name -> name.startsWith("LC_") || name.equals("LANG"));
                    environment.remove("HOME");
                },
                "score",
                "--input",
                list.toString(),
                "--output",
                scores.toString(),
                "--model",
                TestModels.tiny().toAbsolutePath().toString(),
                "--no-describe");

        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(Files.readString(scores)).contains("日本 é.png,ein Hügel 日本 😀,quality,,");
        // the last is named, as by ssh, and not installed
        for (String locale : List.of("C", "xx_XX.UTF-8")) {
            Run single = start(
                    environment -> environment.put("LC_ALL", locale),
                    "score",
                    release.resolve("日本 é.png").toString(),
                    "--prompt",
                    "ein Hügel 日本 😀",
                    "--model",
                    TestModels.tiny().toAbsolutePath().toString(),
                    "--no-describe",
                    "--format",
                    "jsonl");
            assertThat(single.out())
                    .as(locale + single.err())
                    .contains("\"ein Hügel 日本 😀\"")
                    .contains("日本 é.png");
        }
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void onATerminalWhatItSaysIsBelowTheProgressBar() throws Exception {
        Command.draw(release.resolve("image.png"), 1);
        Files.writeString(release.resolve("list.csv"), "image_path,prompt\nimage.png,a valley\n");
        String command = "sh '%1$s/bin/m3agiqa' score --input '%1$s/list.csv' --output '%1$s/scores.csv' --model '%2$s'"
                .formatted(release, TestModels.tiny().toAbsolutePath());
        Path shown = release.resolve("shown.txt");
        ProcessBuilder builder = new ProcessBuilder("script", "-qec", command + " --no-describe", "/dev/null")
                .redirectErrorStream(true)
                .redirectOutput(shown.toFile());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment().put("NO_COLOR", "1");

        assertThat(builder.start().waitFor()).isZero();
        assertThat(Files.readString(shown))
                .contains("images 100%")
                .contains("\n1 rows: 0 answered before, 1 scored")
                .doesNotContain("\u001B[33m");
    }

    @ParameterizedTest
    @ValueSource(strings = {"doctor", "--version"})
    @EnabledOnOs(OS.LINUX)
    void tellsThatItsOutputWasLost(String command) throws Exception {
        Path err = release.resolve("err.txt");
        Process process = new ProcessBuilder(
                        "sh", release.resolve("bin/m3agiqa").toString(), command)
                .redirectOutput(new File("/dev/full"))
                .redirectError(err.toFile())
                .start();

        assertThat(process.waitFor()).isEqualTo(ExitCode.INPUT);
        assertThat(Files.readString(err)).contains("standard output cannot be written to");
    }

    /** Where the engine unpacks its libraries is for JavaCPP to say, and notes may be kept in a folder of any kind. */
    @Test
    void doctorLooksAtTheFoldersThatAreUsed() throws Exception {
        Path file = Files.createFile(release.resolve("file"));

        Run used = start(environment -> environment.put("M3AGIQA_CACHE", "relative"), "doctor");
        Run taken = start(
                environment ->
                        environment.put("M3AGIQA_CACHE", file.resolve("notes").toString()),
                "doctor");

        assertThat(used.out()).contains("ok  engine cache   " + Loader.getCacheDir(), "ok  m3agiqa cache  relative, ");
        assertThat(taken.out()).contains("!!  m3agiqa cache  ", file + " is no folder: set M3AGIQA_CACHE");
        assertThat(taken.exitCode()).isEqualTo(ExitCode.MODEL);
    }

    @Test
    void handsExitCodesOn() throws Exception {
        assertThat(start("--version").exitCode()).isZero();
        assertThat(start("scor").exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(start("score", "--help").out()).contains("--no-describe");
    }
}
