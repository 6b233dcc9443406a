package io.github.m3agiqa.teacher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.ScriptPackage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Small networks in the package's form, against plain loops. */
class TeacherNetworkTest {
    private static final double ROUNDING = 2e-5; // sums of some dozen products of float32

    @TempDir
    private Path folder;

    private static PlainMap image(int rows, int columns) {
        Random random = new Random(3);
        return PlainMap.of(3, rows, columns, (_, _, _) -> random.nextDouble());
    }

    private static String window(String size, int side, int step, String padding) {
        return "{'%s':[%d,%d],'strides':[%d,%d],'padding':'%s','data_format':'channels_last','dilation_rate':[1,1],'activation':'linear','trainable':false}"
                .formatted(size, side, side, step, step, padding);
    }

    /** Shift, mean and variance of a batch norm of four channels. */
    private static float[][] statistics(ScriptPackage script, String name) {
        return new float[][] {
            script.weight(name + "/beta", "uint8", 4),
            script.weight(name + "/moving_mean", "uint8", 4),
            script.weight(name + "/moving_variance", "uint8", 4)
        };
    }

    private static <T> T of(Map<String, T> layers, String name) {
        return Objects.requireNonNull(layers.get(name), name);
    }

    /** The kinds of layers of both Keras models. */
    private static Map<String, PlainMap> keras(ScriptPackage script, PlainMap image) {
        Map<String, PlainMap> plain = new LinkedHashMap<>();
        script.layer("InputLayer", "input", "{'batch_input_shape':[null,8,8,3],'sparse':false}")
                .layer("ZeroPadding2D", "pad", "{'padding':[[0,1],[0,1]]}", "input")
                .layer("Conv2D", "conv", window("kernel_size", 3, 2, "valid"), "pad")
                .layer("BatchNormalization", "bn", "{'epsilon':0.001,'scale':true}", "conv")
                .layer("ReLU", "relu6", "{'max_value':6,'negative_slope':0,'threshold':0}", "bn")
                .layer("DepthwiseConv2D", "depthwise", window("kernel_size", 3, 1, "same"), "relu6")
                .layer("BatchNormalization", "bn2", "{'epsilon':0.001,'scale':false}", "depthwise")
                .layer("Activation", "relu", "{'activation':'relu'}", "bn2")
                .layer("Conv2D", "strided", window("kernel_size", 3, 2, "same"), "relu")
                .layer("MaxPooling2D", "max", window("pool_size", 3, 2, "same"), "relu")
                .layer("AveragePooling2D", "mean", window("pool_size", 3, 2, "same"), "relu6")
                .layer("AveragePooling2D", "mean1", window("pool_size", 3, 1, "same"), "max")
                .layer("MaxPooling2D", "max1", window("pool_size", 2, 1, "valid"), "relu")
                .layer("BatchNormalization", "alone", "{'epsilon':0.001}", "mean")
                .layer("Add", "sum", "{}", "mean1", "alone")
                .layer("Concatenate", "both", "{'axis':3}", "strided", "sum")
                .layer("Dropout", "dropout", "{'rate':0.5}", "both")
                .layer("Flatten", "flat", "{}", "dropout")
                .layer("Dense", "dense", "{'activation':'softmax'}", "flat");
        float[] kernel = script.weight("conv/kernel", "uint8", 3, 3, 3, 4);
        float[] deep = script.weight("depthwise/depthwise_kernel", "uint16", 3, 3, 4, 1);
        float[] strided = script.weight("strided/kernel", "float16", 3, 3, 4, 5);
        float[] bias = script.weight("strided/bias", "float32", 5);
        float[] gamma = script.weight("bn/gamma", "uint8", 4);
        float[][] bn = statistics(script, "bn");
        float[][] bn2 = statistics(script, "bn2");
        float[][] alone = statistics(script, "alone");
        script.weight("dense/kernel", "uint8", 2 * 2 * 9, 3);
        script.weight("dense/bias", "uint8", 3);
        float[] ones = {1, 1, 1, 1};
        PlainMap relu6 = image.padded(1, 1)
                .convolved(kernel, 3, 4, 2, false, false)
                .normalized(gamma, bn[0], bn[1], bn[2], 0.001)
                .clamped(6);
        PlainMap relu = relu6.convolved(deep, 3, 4, 1, true, true)
                .normalized(ones, bn2[0], bn2[1], bn2[2], 0.001)
                .clamped(Double.POSITIVE_INFINITY);
        PlainMap sum = relu.pooled(3, 2, true, true)
                .pooled(3, 1, true, false)
                .plus(relu6.pooled(3, 2, true, false).normalized(ones, alone[0], alone[1], alone[2], 0.001));
        plain.put("relu6", relu6);
        plain.put("relu", relu);
        plain.put("max1", relu.pooled(2, 1, false, true));
        plain.put("sum", sum);
        plain.put(
                "both", relu.convolved(strided, 3, 5, 2, true, false).plus(bias).beside(sum));
        return plain;
    }

    private static void assertSame(Map<String, PlainMap> plain, Path network, PlainMap image) {
        try (Scope _ = new Scope();
                TeacherNetwork teacher = new TeacherNetwork(network, Device.CPU)) {
            Map<String, Tensor> layers = teacher.forward(image.tensor(), plain.keySet());
            assertThat(layers).containsOnlyKeys(plain.keySet());
            var grids = teacher.grids(image.rows, image.columns);
            plain.forEach((name, map) -> {
                Tensor layer = of(layers, name);
                assertThat(layer.sizes().vec().get()).containsExactly(1, map.channels, map.rows, map.columns);
                assertThat(of(grids, name).rows().cells()).isEqualTo(map.rows);
                assertThat(of(grids, name).columns().cells()).isEqualTo(map.columns);
                float[] numbers = Torch.toFloats(layer);
                for (int i = 0; i < numbers.length; i++) {
                    assertThat(numbers[i]).as("%s %d", name, i).isCloseTo((float) map.numbers[i], within((float)
                            ROUNDING));
                }
            });
        }
    }

    @ParameterizedTest
    @CsvSource({"8, 8", "7, 10", "13, 9"})
    void kerasModelsGiveWhatPlainLoopsGive(int rows, int columns) throws IOException {
        ScriptPackage script = new ScriptPackage(5);
        PlainMap image = image(rows, columns);
        Map<String, PlainMap> plain = keras(script, image);

        assertSame(plain, script.write(folder), image);
    }

    @ParameterizedTest
    @CsvSource({"8, 8", "7, 10"})
    void graphsGiveWhatPlainLoopsGive(int rows, int columns) throws IOException {
        ScriptPackage script = new ScriptPackage(6);
        String same =
                "{'strides':{'list':{'i':['1','2','2','1']}},'dilations':{'list':{'i':['1','1','1','1']}},'padding':{'s':'U0FNRQ=='},'data_format':{'s':'TkhXQw=='},'fused_ops':{'list':{'s':['Qmlhc0FkZA==','UmVsdTY=']}}}";
        String still = same.replace("'2','2'", "'1','1'");
        script.node("AddV2", "net/add", "{}", "net/first", "net/deep")
                .node("Placeholder", "image", "{}")
                .node("Const", "two", "{}")
                .node("Const", "one", "{}")
                .node("Const", "kernel", "{}")
                .node("Const", "bias", "{}")
                .node("Const", "deep_kernel", "{}")
                .node("Mul", "double", "{}", "two", "image")
                .node("Sub", "centred", "{}", "double", "one")
                .node("_FusedConv2D", "net/first", same, "centred", "kernel", "bias")
                .node("FusedDepthwiseConv2dNative", "net/deep", still, "net/first", "deep_kernel", "bias");
        script.scalar("two", 2);
        script.scalar("one", 1);
        float[] kernel = script.weight("kernel", "uint8", 3, 3, 3, 4);
        float[] bias = script.weight("bias", "uint8", 4);
        float[] deep = script.weight("deep_kernel", "uint8", 3, 3, 4, 1);
        PlainMap image = image(rows, columns);
        PlainMap first = PlainMap.of(3, rows, columns, (c, i, j) -> 2 * image.at(c, i, j) - 1)
                .convolved(kernel, 3, 4, 2, true, false)
                .plus(bias)
                .clamped(6);
        PlainMap last = first.convolved(deep, 3, 4, 1, true, true).plus(bias).clamped(6);

        assertSame(Map.of("net/first", first, "net/add", first.plus(last)), script.write(folder), image);
        try (TeacherNetwork network = new TeacherNetwork(folder, Device.CPU)) {
            assertThat(network.layers())
                    .containsExactly("image", "double", "centred", "net/first", "net/deep", "net/add");
            assertThat(network.layer("add")).isEqualTo("net/add");
            assertThatThrownBy(() -> network.layer("dd"))
                    .isInstanceOf(InputException.class)
                    .hasMessageContaining("no layers called dd");
            assertThat(network.files())
                    .extracting(file -> file.getFileName().toString())
                    .containsExactly("model.min.js", "group1-shard1of2.min.js", "group1-shard2of2.min.js");
        }
    }

    @Test
    void theEndOfAModelIsAProbabilityOfEachClass() throws IOException {
        ScriptPackage script = new ScriptPackage(5);
        PlainMap image = image(8, 8);
        keras(script, image);
        try (Scope _ = new Scope();
                TeacherNetwork network = new TeacherNetwork(script.write(folder), Device.CPU)) {
            float[] classes = Torch.toFloats(of(network.forward(image.tensor(), Set.of("dense")), "dense"));

            assertThat(classes).hasSize(3);
            assertThat(classes[0] + classes[1] + classes[2]).isEqualTo(1, within(1e-5f));
            assertThat(network.grids(8, 8)).containsKey("both").doesNotContainKey("flat");
        }
    }

    /** An average keeps a ramp: where it has the number 21.5, there is the centre of its cell. */
    @Test
    void aRampShowsWhereCellsLie() throws IOException {
        ScriptPackage script = new ScriptPackage(1);
        script.layer("InputLayer", "input", "{}")
                .layer("AveragePooling2D", "a", window("pool_size", 3, 2, "valid"), "input")
                .layer("AveragePooling2D", "b", window("pool_size", 3, 1, "same"), "a")
                .layer("AveragePooling2D", "c", window("pool_size", 3, 2, "same"), "b")
                .layer("ZeroPadding2D", "d", "{'padding':[[1,2],[1,2]]}", "c")
                .layer("AveragePooling2D", "e", window("pool_size", 2, 2, "valid"), "d");
        PlainMap ramp = PlainMap.of(1, 64, 48, (_, i, j) -> i + 0.5 + 1000 * (j + 0.5));
        try (Scope _ = new Scope();
                TeacherNetwork network = new TeacherNetwork(script.write(folder), Device.CPU)) {
            Map<String, Grid> grids = network.grids(64, 48);
            var layers = network.forward(ramp.tensor(), Set.of("a", "b", "c", "d", "e"));

            layers.forEach((name, layer) -> {
                Grid grid = of(grids, name);
                float[] numbers = Torch.toFloats(layer);
                int row = 3;
                int column = 2;
                assertThat(numbers[row * grid.columns().cells() + column])
                        .as(name)
                        .isCloseTo(
                                (float) (grid.rows().centre(row)
                                        + 1000 * grid.columns().centre(column)),
                                within(0.01f));
            });
            assertThat(of(grids, "e").rows().stride()).isEqualTo(8);
        }
    }

    /** The beginning of InceptionV3: 5.5 is (3-1)/2 more than 3.5, twice, as the layer before has a stride of 2. */
    @Test
    void windowsThatStayInsideBeginFartherIn() {
        Axis axis =
                Axis.ofPixels(512).windowed(3, 2).windowed(3, 1).padded(1, 1).windowed(3, 1);

        assertThat(axis).isEqualTo(new Axis(253, 2, 3.5));
        assertThat(axis.windowed(3, 2)).isEqualTo(new Axis(126, 4, 5.5));
    }

    @Test
    void unknownLayersAreNamed() throws IOException {
        ScriptPackage script = new ScriptPackage(1);
        script.layer("InputLayer", "input", "{}").layer("LSTM", "memory", "{}", "input");
        script.write(folder);

        assertThatThrownBy(() -> new TeacherNetwork(folder, Device.CPU))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("model.min.js")
                .hasMessageContaining("memory has LSTM");
    }

    @Test
    void unknownPropertiesOfLayersAreNamed() throws IOException {
        ScriptPackage script = new ScriptPackage(1);
        script.layer("InputLayer", "input", "{}")
                .layer(
                        "MaxPooling2D",
                        "pool",
                        window("pool_size", 3, 2, "valid").replace("channels_last", "channels_first"),
                        "input");
        script.write(folder);

        assertThatThrownBy(() -> new TeacherNetwork(folder, Device.CPU))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("pool has the data format channels_first");
    }

    @Test
    void damagedPackagesAreRefused() throws IOException {
        ScriptPackage script = new ScriptPackage(5);
        keras(script, image(8, 8));
        script.write(folder);
        byte[] all = script.bytes.toByteArray();

        ScriptPackage.shard(folder, 2, Arrays.copyOfRange(all, all.length / 2 + 1, all.length - 1));
        assertThatThrownBy(() -> new TeacherNetwork(folder, Device.CPU))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("too few bytes");
        ScriptPackage.shard(folder, 2, Arrays.copyOfRange(all, all.length / 2 + 1, all.length + 2));
        assertThatThrownBy(() -> new TeacherNetwork(folder, Device.CPU))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("2 bytes too many");
        ScriptPackage.module(folder.resolve("group1-shard2of2.min.js"), "\"=?\"");
        assertThatThrownBy(() -> new TeacherNetwork(folder, Device.CPU))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("group1-shard2of2.min.js is damaged");
        Files.delete(folder.resolve("group1-shard2of2.min.js"));
        assertThatThrownBy(() -> new TeacherNetwork(folder, Device.CPU))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("group1-shard2of2.min.js cannot be read");
        ScriptPackage.module(folder.resolve("model.min.js"), "{modelTopology:{");
        assertThatThrownBy(() -> new TeacherNetwork(folder, Device.CPU))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("model.min.js is damaged");
        Files.writeString(folder.resolve("model.min.js"), "alert(1)");
        assertThatThrownBy(() -> new TeacherNetwork(folder, Device.CPU))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("exports no object");
    }

    @Test
    void modelsThatDoNotHangTogetherAreRefused() throws IOException {
        ScriptPackage lost = new ScriptPackage(1);
        lost.layer("InputLayer", "input", "{}").layer("Add", "sum", "{}", "input", "nowhere");
        lost.write(folder);
        assertThatThrownBy(() -> new TeacherNetwork(folder, Device.CPU))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("sum cannot be reached");

        ScriptPackage without = new ScriptPackage(1);
        without.layer("InputLayer", "input", "{}")
                .layer("Conv2D", "conv", window("kernel_size", 3, 2, "valid"), "input");
        without.write(folder);
        assertThatThrownBy(() -> new TeacherNetwork(folder, Device.CPU))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("no weight conv/kernel");
    }

    @Test
    void imagesMustBeLargeEnough() throws IOException {
        ScriptPackage script = new ScriptPackage(1);
        script.layer("InputLayer", "input", "{}")
                .layer("MaxPooling2D", "pool", window("pool_size", 8, 8, "valid"), "input");
        try (Scope _ = new Scope();
                TeacherNetwork network = new TeacherNetwork(script.write(folder), Device.CPU)) {
            assertThatThrownBy(() -> network.grids(7, 7))
                    .isInstanceOf(InputException.class)
                    .hasMessageContaining("too small for its layer pool");
            assertThatThrownBy(() -> network.forward(image(7, 7).tensor(), Set.of("pool")))
                    .isInstanceOf(InputException.class)
                    .hasMessageContaining("pool cannot be computed");
            assertThatThrownBy(() -> network.forward(image(8, 8).tensor(), Set.of("other")))
                    .isInstanceOf(InputException.class)
                    .hasMessageContaining("no layer other");
        }
    }
}
