package io.github.m3agiqa.teacher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.StepListener;
import io.github.m3agiqa.image.AlphaMode;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.DrawnImages;
import io.github.m3agiqa.testing.ScriptPackage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Targets of two small teachers on 40 drawn images, 30 of which are for training. */
class TeacherTargetsTest {
    private static final int GLOBAL_SIZE = 6;
    private static final int DENSE_SIZE = 4;

    @TempDir
    private Path folder;

    private final Map<String, Path> images = new TreeMap<>();
    private final Set<String> fitOn = new TreeSet<>();

    @BeforeEach
    void draw() throws IOException {
        for (int i = 0; i < 40; i++) {
            Path file = folder.resolve("%02d.png".formatted(i));
            ImageIO.write(DrawnImages.landscape(32, 32, i), "png", file.toFile());
            images.put("image %02d".formatted(i), file);
            if (i % 4 != 3) {
                fitOn.add("image %02d".formatted(i));
            }
        }
        ScriptPackage script = new ScriptPackage(8);
        String window = "{'kernel_size':[3,3],'pool_size':[2,2],'strides':[2,2],'padding':'same','activation':'relu'}";
        script.layer("InputLayer", "input", "{}")
                .layer("Conv2D", "first", window, "input")
                .layer("MaxPooling2D", "second", window, "first");
        script.weight("first/kernel", "uint8", 3, 3, 3, 8);
        script.weight("first/bias", "uint8", 8);
        script.write(teacher());
    }

    private Path teacher() {
        return folder.resolve("tiny");
    }

    private TargetSettings settings(int denseSize) {
        return new TargetSettings(
                List.of(
                        new TeacherSettings(teacher(), 32, List.of("first", "second"), List.of("second")),
                        new TeacherSettings(teacher(), 16, List.of("second"), List.of())),
                GLOBAL_SIZE,
                denseSize,
                8,
                20,
                5);
    }

    private TeacherTargets prepare(String name, StepListener listener) {
        return TeacherTargets.prepare(
                folder.resolve(name), settings(DENSE_SIZE), sources(), fitOn, Device.CPU, listener);
    }

    private Map<String, Supplier<RgbImage>> sources() {
        ImageDecoder decoder = new ImageDecoder(ImageDecoder.Limits.DEFAULT);
        Map<String, Supplier<RgbImage>> sources = new TreeMap<>();
        images.forEach((name, file) -> sources.put(name, () -> {
            try {
                return decoder.decode(name, Files.readAllBytes(file), AlphaMode.DROP);
            } catch (IOException e) {
                throw new InputException("%s cannot be read".formatted(file), e);
            }
        }));
        return sources;
    }

    /** Counts steps, and stops the work after some of them. */
    private static final class Steps implements StepListener {
        private final int most;
        private final List<Long> begun = new ArrayList<>();
        private int taken;

        Steps(int most) {
            this.most = most;
        }

        @Override
        public void started(long steps, long done) {
            begun.add(steps);
            begun.add(done);
        }

        @Override
        public void step() {
            if (++taken > most) {
                throw new InputException("stopped");
            }
        }

        @Override
        public void note(String line) {
            assertThat(line).isNotBlank();
        }
    }

    private static double meanSquare(float[] numbers) {
        double sum = 0;
        for (float number : numbers) {
            sum += (double) number * number;
        }
        return sum / numbers.length;
    }

    @Test
    void ofTrainingImagesVaryByOneOnAverage() {
        Steps steps = new Steps(100);
        try (Scope _ = new Scope();
                TeacherTargets targets = prepare("all", steps)) {
            List<String> training = List.copyOf(fitOn);

            assertThat(targets.images()).containsExactlyElementsOf(images.keySet());
            assertThat(targets.globalSize()).isEqualTo(GLOBAL_SIZE);
            assertThat(targets.denseSize()).isEqualTo(DENSE_SIZE);
            assertThat(targets.squares()).isEqualTo(16);
            assertThat(targets.global(training).sizes().vec().get()).containsExactly(30, GLOBAL_SIZE);
            assertThat(targets.dense(training).sizes().vec().get()).containsExactly(30, 16, DENSE_SIZE);
            assertThat(meanSquare(Torch.toFloats(targets.global(training)))).isEqualTo(1, within(1e-5));
            // fitted on 20 of the 30, stored in float16
            assertThat(meanSquare(Torch.toFloats(targets.dense(training)))).isEqualTo(1, within(0.2));
            for (float mean : Torch.toFloats(Torch.mean(targets.global(training), 0))) {
                assertThat(mean).isEqualTo(0, within(1e-5f));
            }
            assertThat(steps.begun).containsExactly(60L, 0L);
            assertThat(steps.taken).isEqualTo(60);
        }
    }

    @Test
    void areFoundByName() {
        try (Scope _ = new Scope();
                TeacherTargets targets = prepare("all", new Steps(100))) {
            float[] both = Torch.toFloats(targets.global(List.of("image 07", "image 02")));
            float[] one = Torch.toFloats(targets.global(List.of("image 02")));
            float[] squares = Torch.toFloats(targets.dense(List.of("image 07", "image 02")));
            float[] its = Torch.toFloats(targets.dense(List.of("image 02")));

            assertThat(both).endsWith(one);
            assertThat(squares).endsWith(its);
            assertThatThrownBy(() -> targets.dense(List.of("image 99")))
                    .isInstanceOf(InputException.class)
                    .hasMessageContaining("no targets of image 99");
        }
    }

    @Test
    void aStoppedRunEndsWithTheSameBytes() throws IOException {
        prepare("all", new Steps(100)).close();
        for (int stop : new int[] {3, 55}) {
            assertThatThrownBy(() -> prepare("stopped", new Steps(stop))).hasMessage("stopped");
        }
        Steps last = new Steps(100);
        prepare("stopped", last).close();

        assertThat(last.begun).containsExactly(60L, 52L); // the sample and a chunk of 32
        assertThat(last.taken).isEqualTo(8);
        for (String file : List.of("targets.safetensors", "images.json")) {
            assertThat(folder.resolve("stopped").resolve(file))
                    .hasSameBinaryContentAs(folder.resolve("all").resolve(file));
        }
    }

    @Test
    void imagesThatAreNotFittedOnChangeNoOthers() throws IOException {
        prepare("all", new Steps(100)).close();
        ImageIO.write(
                DrawnImages.landscape(32, 32, 777),
                "png",
                folder.resolve("03.png").toFile());
        try (Scope _ = new Scope();
                TeacherTargets before = TeacherTargets.open(folder.resolve("all"));
                TeacherTargets after = prepare("other", new Steps(100))) {
            List<String> others = new ArrayList<>(images.keySet());
            others.remove("image 03");

            assertThat(Torch.toFloats(after.global(others))).isEqualTo(Torch.toFloats(before.global(others)));
            assertThat(Torch.toFloats(after.dense(others))).isEqualTo(Torch.toFloats(before.dense(others)));
            assertThat(Torch.toFloats(after.global(List.of("image 03"))))
                    .isNotEqualTo(Torch.toFloats(before.global(List.of("image 03"))));
        }
    }

    @Test
    void finishedOnesNeedNoTeacher() throws IOException {
        assertThatThrownBy(() -> TeacherTargets.open(folder.resolve("all")))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("no finished targets");
        prepare("all", new Steps(100)).close();
        for (String file : List.of("model.min.js", "group1-shard1of2.min.js", "group1-shard2of2.min.js")) {
            Files.delete(teacher().resolve(file));
        }

        try (TeacherTargets targets = prepare("all", new Steps(0))) {
            assertThat(targets.images()).hasSize(40);
        }
        assertThatThrownBy(() -> prepare("new", new Steps(100)))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("model.min.js cannot be read");
    }

    @Test
    void aFolderOfOtherSettingsIsRefused() {
        prepare("all", new Steps(100)).close();

        assertThatThrownBy(() -> TeacherTargets.prepare(
                        folder.resolve("all"), settings(DENSE_SIZE - 1), sources(), fitOn, Device.CPU, new Steps(100)))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("images.json was made with another \"denseSize\"");
        fitOn.remove("image 00");
        assertThatThrownBy(() -> prepare("all", new Steps(100)))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("\"fitOn\"");
    }

    @Test
    void aStoppedRunGoesOnOnlyWithTheSameTeachers() throws IOException {
        assertThatThrownBy(() -> prepare("stopped", new Steps(30))).hasMessage("stopped");
        Files.writeString(
                teacher().resolve("model.min.js"), Files.readString(teacher().resolve("model.min.js")) + "\n");

        assertThatThrownBy(() -> prepare("stopped", new Steps(100)))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("\"files\"");
    }

    @Test
    void wrongInputIsNamed() throws IOException {
        Files.delete(folder.resolve("00.png"));
        assertThatThrownBy(() -> prepare("all", new Steps(100)))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("00.png cannot be read");
        fitOn.add("image 99");
        assertThatThrownBy(() -> prepare("all", new Steps(100)))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("fitted on 31 images");
        assertThatThrownBy(() -> new TargetSettings(
                        List.of(new TeacherSettings(teacher(), 32, List.of("last"), List.of())),
                        GLOBAL_SIZE,
                        DENSE_SIZE,
                        8,
                        20,
                        5))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("0 teachers have dense layers");
        assertThatThrownBy(() -> new TargetSettings(
                        List.of(new TeacherSettings(teacher(), 299, List.of("last"), List.of("middle"))),
                        GLOBAL_SIZE,
                        DENSE_SIZE,
                        32,
                        20,
                        5))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("do not fill the input of 299 pixels");
    }
}
