package io.github.m3agiqa.teacher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.ArabicDigits;
import io.github.m3agiqa.testing.ScriptPackage;
import io.github.m3agiqa.testing.Watcher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Hints of a teacher of two layers, whose cells are 2 and 8 pixels apart, on ten images. */
class HintMapsTest {
    private static final int SIDE = 64;

    @TempDir
    private Path folder;

    private final Map<String, Supplier<RgbImage>> images = new TreeMap<>();

    @BeforeEach
    void draw() throws IOException {
        Random random = new Random(8);
        for (int i = 0; i < 10; i++) {
            byte[] pixels = new byte[SIDE * SIDE * 3];
            random.nextBytes(pixels);
            images.put("image %d".formatted(i), () -> new RgbImage(SIDE, SIDE, pixels));
        }
        ScriptPackage script = new ScriptPackage(8);
        script.layer("InputLayer", "input", "{}")
                .layer("Conv2D", "fine", window(3, 2), "input")
                .layer("Conv2D", "coarse", window(5, 4), "fine");
        script.weight("fine/kernel", "uint8", 3, 3, 3, 8);
        script.weight("fine/bias", "uint8", 8);
        script.weight("coarse/kernel", "uint8", 5, 5, 8, 1);
        script.weight("coarse/bias", "uint8", 1);
        script.write(folder.resolve("teacher"));
    }

    private static String window(int kernel, int stride) {
        return "{'kernel_size':[%1$d,%1$d],'strides':[%2$d,%2$d],'padding':'valid','activation':'linear'}"
                .formatted(kernel, stride);
    }

    private HintMaps prepare(int size, Watcher watcher) {
        Path teacher = folder.resolve("teacher");
        HintSettings settings = new HintSettings(
                List.of(new Hint(0, teacher, "fine", size), new Hint(1, teacher, "coarse", 1)), SIDE, 6, 1);
        Set<String> fitOn = Set.copyOf(List.copyOf(images.keySet()).subList(0, 8));
        return HintMaps.prepare(folder.resolve("maps"), settings, images, fitOn, Device.CPU, watcher);
    }

    @Test
    void areComponentsOfWhatLayersSeeAtEachPlace() {
        HintMaps maps = prepare(8, Watcher.patient());
        try (Scope _ = new Scope();
                TeacherNetwork network = new TeacherNetwork(folder.resolve("teacher"), Device.CPU)) {
            Tensor map = maps.of("image 9").get(0);

            // 31 cells two pixels apart, every fourth of which is kept
            assertThat(maps.axis(0)).isEqualTo(new Axis(8, 8, 1.5));
            assertThat(map.sizes().vec().get()).containsExactly(8, 8, 8);
            assertThat(maps.of("image 9").get(1).sizes().vec().get()).containsExactly(7, 7, 1);
            assertThat(Torch.toFloats(Torch.divide(map.square().sum(), (double) map.numel()))[0])
                    .isCloseTo(1, within(0.2f));

            // the component of one channel is that channel, shifted and scaled
            Tensor seen = Objects.requireNonNull(network.forward(
                            TeacherNetwork.input(
                                    Objects.requireNonNull(images.get("image 9"))
                                            .get(),
                                    SIDE),
                            Set.of("coarse"))
                    .get("coarse"));
            float[] channel = Torch.toFloats(seen);
            float[] component = Torch.toFloats(maps.of("image 9").get(1));
            float slope = (component[1] - component[0]) / (channel[1] - channel[0]);
            for (int i = 2; i < channel.length; i++) {
                assertThat(component[i]).isCloseTo(component[0] + slope * (channel[i] - channel[0]), within(0.02f));
            }
        }
    }

    @Test
    void goOnAfterAStop() throws IOException {
        assertThatThrownBy(() -> prepare(4, Watcher.crashingAfter(9))).isInstanceOf(Watcher.Crash.class);
        float[] after = floats(prepare(4, Watcher.patient()));
        Files.move(folder.resolve("maps"), folder.resolve("stopped"));

        assertThat(floats(prepare(4, Watcher.patient()))).isEqualTo(after);
    }

    @Test
    void areThereWhereDigitsAreOthers() {
        float[] there = floats(prepare(4, Watcher.patient()));

        try (ArabicDigits _ = new ArabicDigits()) {
            Watcher watcher = Watcher.patient();
            assertThat(floats(prepare(4, watcher))).isEqualTo(there);
            assertThat(watcher.steps()).isZero();
        }
    }

    private static float[] floats(HintMaps maps) {
        try (Scope _ = new Scope()) {
            return Torch.toFloats(maps.of("image 7").get(1));
        }
    }

    @Test
    void namesWhatIsWrong() throws IOException {
        assertThatThrownBy(() -> prepare(9, Watcher.patient()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("9 components");
        Files.delete(folder.resolve("maps/images.json"));
        HintMaps maps = prepare(4, Watcher.patient());
        assertThatThrownBy(() -> maps.of("image 10").get(0))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("image 10");
        assertThatThrownBy(() -> prepare(5, Watcher.patient()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("another \"layers\"");
    }
}
