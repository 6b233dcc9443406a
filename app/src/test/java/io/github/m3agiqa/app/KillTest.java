package io.github.m3agiqa.app;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.testing.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A batch that is killed again and again, by SIGKILL and at random moments, ends as if it never had been. */
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class KillTest {
    private static final int IMAGES = 200;
    private static final int KILLS = 10;

    @TempDir
    private Path folder;

    @Test
    void aKilledBatchGoesOnToTheSameFile() throws Exception {
        StringBuilder list = new StringBuilder("image_path,prompt\n");
        for (int i = 0; i < IMAGES; i++) {
            Command.draw(folder.resolve(i + ".png"), i % 20);
            list.append("%d.png,\"prompt %d,\nwith a line end\"\n".formatted(i, i));
        }
        Path input = Files.writeString(folder.resolve("list.csv"), list);
        Path killed = folder.resolve("killed.csv");
        Random random = new Random(42);

        int kills = 0;
        while (kills < KILLS) {
            long before = Files.exists(killed) ? Files.size(killed) : 0;
            Process run = start(input, killed);
            // let it answer some rows, then kill it in the middle of whatever it does
            while (run.isAlive()
                    && (!Files.exists(killed) || Files.size(killed) <= before + 200L * random.nextInt(1, 16))) {
                TimeUnit.MILLISECONDS.sleep(1);
            }
            TimeUnit.MICROSECONDS.sleep(random.nextInt(50_000));
            assertThat(run.isAlive())
                    .as("the run outlived its kill number %d", kills)
                    .isTrue();
            run.destroyForcibly().waitFor();
            kills++;
        }
        assertThat(start(input, killed).waitFor()).isZero();

        Path whole = folder.resolve("whole.csv");
        assertThat(start(input, whole).waitFor()).isZero();
        assertThat(Files.readString(killed)).isEqualTo(Files.readString(whole));
        assertThat(Files.readString(whole).lines()).hasSize(1 + 2 * IMAGES);
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.map(Path::toString)).noneMatch(name -> name.endsWith(".partial"));
        }
    }

    private Process start(Path input, Path output) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
        command.addAll(
                List.of("score", "--model", TestModels.tiny().toAbsolutePath().toString(), "--no-describe"));
        command.addAll(List.of("--aspects", "quality", "--input", input.toString(), "--output", output.toString()));
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log.txt").toFile())
                .start();
    }
}
