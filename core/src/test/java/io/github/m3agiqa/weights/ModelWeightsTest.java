package io.github.m3agiqa.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.PackedMatrix;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.ModelWeights.LoraMode;
import io.github.m3agiqa.weights.ModelWeights.LowRank;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelWeightsTest {
    @TempDir
    private Path folder;

    private Scope scope;

    @BeforeEach
    void open() {
        scope = new Scope();
        torch.manual_seed(5);
    }

    @AfterEach
    void close() {
        scope.close();
    }

    @Test
    void listsEverythingThatDoesNotFit() {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put("layer.weight", torch.randn(3, 2));
        tensors.put("left.over", torch.randn(5));
        tensors.put("counts", Torch.indices(Device.CPU, 1, 2));
        ModelWeights weights = ModelWeights.of(store(tensors, Precision.FP32));
        Parameters root = weights.root();
        root.at("layer").matrix(2, 3);
        root.float32("layer.bias", 2);
        root.float32("counts", 2);

        assertThatThrownBy(weights::check)
                .isInstanceOf(ModelException.class)
                .hasMessageContaining("4 problems")
                .hasMessageContaining("misshapen: layer.weight is [3, 2] in memory, the configuration needs [2, 3]")
                .hasMessageContaining("missing: layer.bias [2]")
                .hasMessageContaining("mistyped: counts is I64")
                .hasMessageContaining("surplus: left.over [5]");
    }

    /** Tolerance: steps of a 63rd of a row's largest weight and a 127th of its largest input, added up like a random walk. */
    @ParameterizedTest
    @CsvSource({"1, 64, 32", "3, 256, 96", "16, 256, 96", "17, 256, 96", "200, 130, 64", "20, 64, 600"})
    void int8IsCloseToFloat32(int rows, int in, int out) {
        Map<String, Tensor> tensors = Map.of("m.weight", torch.randn(out, in));
        Tensor x = torch.randn(rows, in);

        Tensor exact = matrix(tensors, Precision.FP32, out, in).multiply(x);
        Tensor packed = matrix(tensors, Precision.INT8, out, in).multiply(x);

        assertThat(relativeDifference(packed, exact)).isBetween(1e-4, 0.02);
    }

    /** Of few rows against those of many, and with a bias against one that is added afterwards. */
    @Test
    void int8FormsAgree() {
        Map<String, Tensor> tensors = Map.of("m.weight", torch.randn(96, 256));
        Matrix matrix = matrix(tensors, Precision.INT8, 96, 256);
        Tensor many = torch.randn(17, 256);
        Tensor bias = torch.randn(96);

        Tensor among = matrix.multiply(many).narrow(0, 0, 4);
        Tensor alone = matrix.multiply(many.narrow(0, 0, 4));

        assertThat(relativeDifference(alone, among)).isLessThan(0.01);
        assertThat(relativeDifference(
                        matrix.multiply(many, bias), matrix.multiply(many).add(bias)))
                .isLessThan(1e-6);
    }

    /** Bit for bit, with an adapter's branches merged or not. */
    @ParameterizedTest
    @EnumSource(LoraMode.class)
    void int8MatricesBelowOneAnotherMultiplyAsEach(LoraMode mode) throws IOException {
        adapter("{\"peft_type\":\"LORA\",\"r\":4,\"lora_alpha\":8}");
        Map<String, Tensor> base = Map.of("m.weight", torch.randn(32, 64), "n.weight", torch.randn(300, 64));
        Tensor x = torch.randn(5, 64);
        try (ModelWeights weights = ModelWeights.of(store(base, Precision.INT8), new PeftAdapter(folder), mode)) {
            Parameters root = weights.root();
            Optional<Matrix> joint = root.jointMatrix(List.of("m", "n"), 64, 32, 300);
            root.at("m").lowRank(32, 64);
            weights.check();

            Tensor first = root.at("m").matrix(32, 64).multiply(x);
            Tensor second = root.at("n").matrix(300, 64).multiply(x);
            assertThat(joint.isPresent()).isEqualTo(PackedMatrix.supported());
            joint.ifPresent(matrix -> assertThat(matrix.multiply(x).equal(Torch.cat(1, first, second)))
                    .isTrue());
        }
        try (ModelWeights weights = ModelWeights.of(store(base, Precision.BF16))) {
            assertThat(weights.root().jointMatrix(List.of("m", "n"), 64, 32, 300))
                    .isEmpty();
        }
    }

    /** Tolerance: products of more columns may be added up in another order before they are rounded. */
    @ParameterizedTest
    @EnumSource
    void mergedMatricesAreOneBelowTheOther(Precision precision) throws IOException {
        adapter("{\"peft_type\":\"LORA\",\"r\":4,\"lora_alpha\":8}", List.of("m", "n"));
        Map<String, Tensor> base = Map.of("m.weight", torch.randn(32, 64), "n.weight", torch.randn(32, 64));
        Tensor x = torch.randn(5, 64);
        try (ModelWeights weights = ModelWeights.of(store(base, precision), new PeftAdapter(folder), LoraMode.MERGED)) {
            Parameters root = weights.root();
            Matrix joint = root.jointMatrix(List.of("m", "n"), 64, 32, 32).orElseThrow();
            weights.check();

            Tensor first = root.at("m").matrix(32, 64).multiply(x);
            Tensor second = root.at("n").matrix(32, 64).multiply(x);
            assertThat(relativeDifference(joint.multiply(x), Torch.cat(1, first, second)))
                    .isLessThan(1e-3);
        }
    }

    /** What 16 bits hold of two products, and how precise a row is beside one a thousand times as large. */
    @Test
    void int8RowsNeitherOverflowNorLoseToLargeOnes() {
        Map<String, Tensor> tensors = Map.of("m.weight", torch.ones(8, 256));
        Matrix matrix = matrix(tensors, Precision.INT8, 8, 256);
        Tensor x = torch.ones(4, 256);
        x.select(0, 1).mul_(Torch.scalar(1e-3));
        x.select(0, 2).zero_();
        x.select(0, 3).neg_();

        float[] first = Torch.toFloats(matrix.multiply(x).select(1, 0));

        assertThat(first[0]).isCloseTo(256, Offset.offset(2f));
        assertThat(first[1]).isCloseTo(0.256f, Offset.offset(0.002f));
        assertThat(first[2]).isZero();
        assertThat(first[3]).isCloseTo(-256, Offset.offset(2f));
    }

    /** Tolerance: the 8 bits of a bfloat16 mantissa. */
    @ParameterizedTest
    @CsvSource({"1, 64, 32", "3, 256, 96", "200, 128, 64"})
    void bfloat16IsCloseToFloat32(int rows, int in, int out) {
        Tensor weight = torch.randn(out, in);
        Tensor x = torch.randn(rows, in);

        try (Matrix rounding = new DenseMatrix(() -> weight, Dtype.BF16, Dtype.BF16)) {
            Tensor rounded = Torch.to(rounding.multiply(x), Dtype.F32);
            assertThat(relativeDifference(rounded, torch.linear(x, weight))).isBetween(1e-5, 0.01);
        }
    }

    /** What a machine that is slow at bfloat16 computes: the stored matrix is the same, its product is exact. */
    @ParameterizedTest
    @CsvSource({"4, 64, 32", "40, 256, 1100"})
    void bfloat16IsUnpackedWhereItIsSlow(int rows, int in, int out) {
        Tensor weight = torch.randn(out, in);
        Tensor bias = torch.randn(out);
        Tensor x = torch.randn(rows, in);
        Tensor exact = Torch.linear(x, Torch.to(Torch.to(weight, Dtype.BF16), Dtype.F32), bias);

        try (Matrix unpacking = new DenseMatrix(() -> weight, Dtype.BF16, Dtype.F32)) {
            assertThat(relativeDifference(unpacking.multiply(x, bias), exact)).isLessThan(1e-6);
            assertThat(relativeDifference(unpacking.multiply(x).add(bias), exact))
                    .isLessThan(1e-6);
        }
    }

    /** Tolerances: the 11 bits of a float16 mantissa, and the order of a sum where one row is alone. */
    @ParameterizedTest
    @CsvSource({"1, 64, 32", "3, 256, 96", "200, 130, 64"})
    void float16IsCloseToFloat32(int rows, int in, int out) {
        Map<String, Tensor> tensors = Map.of("m.weight", torch.randn(out, in));
        Tensor x = torch.randn(rows, in);

        Matrix matrix = matrix(tensors, Precision.FP16, out, in);
        Tensor half = matrix.multiply(x);

        assertThat(relativeDifference(half, torch.linear(x, tensors.get("m.weight"))))
                .isBetween(1e-7, 1e-3);
        Tensor alone = matrix.multiply(x.narrow(0, rows - 1, 1));
        assertThat(relativeDifference(alone, half.narrow(0, rows - 1, 1))).isLessThan(1e-6);
    }

    /** Tolerances: 1e-4 for float32, the mantissa of the merged matrix for the others. */
    @ParameterizedTest
    @CsvSource({
        "FP32, 1, 1e-5",
        "FP32, 40, 1e-5",
        "BF16, 1, 0.02",
        "BF16, 40, 0.02",
        "FP16, 40, 1e-3",
        "INT8, 1, 0.03",
        "INT8, 40, 0.03"
    })
    void mergedAndUnmergedLoraAgree(Precision precision, int rows, double tolerance) throws IOException {
        adapter("{\"peft_type\":\"LORA\",\"r\":4,\"lora_alpha\":8}");
        Map<String, Tensor> base = Map.of("m.weight", torch.randn(32, 64));
        Tensor x = torch.randn(rows, 64);

        Tensor unmerged = adapted(base, precision, LoraMode.UNMERGED, x);
        Tensor merged = adapted(base, precision, LoraMode.MERGED, x);
        Tensor alone = Torch.to(matrix(base, Precision.FP32, 32, 64).multiply(x), Dtype.F32);

        assertThat(relativeDifference(merged, unmerged)).isLessThan(tolerance);
        assertThat(relativeDifference(alone, unmerged))
                .as("the adapter changes something")
                .isGreaterThan(0.1);
    }

    /** Kernels for float16 would make a number of it, and so a score of a damaged file. */
    @ParameterizedTest
    @CsvSource({
        "FP16, UNMERGED, m.weight",
        "FP16, MERGED, m.weight",
        "FP16, UNMERGED, base_model.model.m.lora_A.weight",
        "FP16, MERGED, base_model.model.m.lora_A.weight",
        "INT8, UNMERGED, base_model.model.m.lora_B.weight",
        "INT8, MERGED, base_model.model.m.lora_B.weight",
        "INT8, UNMERGED, m.weight",
        "BF16, UNMERGED, base_model.model.m.lora_B.weight"
    })
    void aWeightThatIsNoNumberMakesNone(Precision precision, LoraMode mode, String damaged) throws IOException {
        Map<String, Tensor> base = Map.of("m.weight", torch.randn(32, 64));
        Map<String, Tensor> adapter = Map.of(
                "base_model.model.m.lora_A.weight", torch.randn(4, 64),
                "base_model.model.m.lora_B.weight", torch.randn(32, 4));
        for (float value : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            Stream.of(base, adapter)
                    .flatMap(tensors -> tensors.entrySet().stream())
                    .filter(tensor -> tensor.getKey().equals(damaged))
                    .forEach(
                            tensor -> tensor.getValue().view(-1).narrow(0, 0, 1).fill_(Torch.scalar(value)));
            Files.writeString(
                    folder.resolve("adapter_config.json"), "{\"peft_type\":\"LORA\",\"r\":4,\"lora_alpha\":8}");
            SafetensorsWriter.write(folder.resolve("adapter_model.safetensors"), adapter);

            assertThat(outcome(() -> adapted(base, precision, mode, torch.ones(1, 64))))
                    .as("%s %s", precision, value)
                    .matches("NaN or infinity|.* holds NaN or infinity in .*m.*; get the file again");
        }
    }

    private static String outcome(Supplier<Tensor> product) {
        try {
            return torch.isfinite(product.get()).all().item_bool() ? "numbers" : "NaN or infinity";
        } catch (ModelException e) {
            return e.getMessage();
        }
    }

    private Tensor adapted(Map<String, Tensor> base, Precision precision, LoraMode mode, Tensor x) {
        try (ModelWeights weights = ModelWeights.of(store(base, precision), new PeftAdapter(folder), mode)) {
            Parameters module = weights.root().at("m");
            Matrix matrix = module.matrix(32, 64);
            var lowRank = module.lowRank(32, 64);
            weights.check();
            Tensor y = Torch.to(matrix.multiply(x), Dtype.F32);
            if (lowRank.isPresent()) {
                LowRank branch = lowRank.get();
                Tensor update = branch.b().multiply(branch.a().multiply(x));
                y = y.add(Torch.scale(update, branch.adapter().scale()));
            }
            return y.clone();
        }
    }

    @Test
    void anAdapterReplacesWholeTensors() throws IOException {
        Files.writeString(
                folder.resolve("adapter_config.json"), "{\"peft_type\":\"LORA\",\"r\":4,\"lora_alpha\":8,\"extra\":1}");
        SafetensorsWriter.write(
                folder.resolve("adapter_model.safetensors"),
                Map.of("base_model.model.table", Torch.floats(new float[] {5, 6}, 2)));
        Map<String, Tensor> base = Map.of("table", Torch.floats(new float[] {1, 2}, 2));

        try (ModelWeights weights =
                ModelWeights.of(store(base, Precision.FP32), new PeftAdapter(folder), LoraMode.UNMERGED)) {
            Parameter table = weights.root().float32("table", 2);
            assertThatCode(weights::check).doesNotThrowAnyException();
            assertThat(Torch.toFloats(table.get())).containsExactly(5, 6);
        }
    }

    @Test
    void anAdapterWithATensorThatNobodyWantsIsRefused() throws IOException {
        adapter("{\"peft_type\":\"LORA\",\"r\":4,\"lora_alpha\":8}");
        Map<String, Tensor> base = Map.of("other.weight", torch.randn(2, 2));

        try (ModelWeights weights =
                ModelWeights.of(store(base, Precision.FP32), new PeftAdapter(folder), LoraMode.UNMERGED)) {
            weights.root().at("other").matrix(2, 2);
            assertThatThrownBy(weights::check)
                    .isInstanceOf(ModelException.class)
                    .hasMessageContaining("surplus: m.lora_A.weight [4, 64]");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'peft_type':'IA3','r':4,'lora_alpha':8}                     | only LORA",
                "{'peft_type':'LORA','r':4,'lora_alpha':8,'use_dora':true}    | use_dora",
                "{'peft_type':'LORA','r':4,'lora_alpha':8,'bias':'all'}       | bias",
                "{'peft_type':'LORA','r':4,'lora_alpha':8,'rank_pattern':{'a':1}} | rank_pattern",
                "{'peft_type':'LORA','r':4,'lora_alpha':8,'alora_invocation_tokens':[1]} | alora_invocation_tokens",
                "{'peft_type':'LORA','r':4,'lora_alpha':8,'arrow_config':{'top_k':3}} | arrow_config",
                "{'peft_type':'LORA','r':4,'lora_alpha':8,'init_lora_weights':'pissa_niter_16'} | init_lora_weights is pissa_niter_16",
                "{'peft_type':'LORA','r':4,'lora_alpha':8,'init_lora_weights':'olora'} | plain LoRA",
                "{'peft_type':'LORA','lora_alpha':8}                          | r is missing and lora_alpha 8; both must be positive",
                "{'peft_type':'LORA','r':4,'lora_alpha':true}                 | lora_alpha true; both must be positive",
                "{'peft_type':'LORA','r':4.5,'lora_alpha':8}                  | r is 4.5",
                "{'peft_type':'LORA','r':4,'lora_alpha':8,'use_rslora':'yes'} | use_rslora is \"yes\"",
                "{'r':4,'lora_alpha':8}                                       | peft_type is missing",
                "{                                                            | cannot be read",
            })
    void refusesOtherAdapters(String config, String why) throws IOException {
        adapter(config.replace('\'', '"'));

        assertThatThrownBy(() -> new PeftAdapter(folder))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining(why)
                .hasMessageNotContaining("jackson");
    }

    @ParameterizedTest
    @ValueSource(strings = {"true", "false", "null", "\"gaussian\"", "\"eva\"", "\"orthogonal\""})
    void readsAdaptersThatLeftTheBaseAsItWas(String beginning) throws IOException {
        adapter("{\"peft_type\":\"LORA\",\"r\":4,\"lora_alpha\":8,\"init_lora_weights\":%s,\"arrow_config\":null}"
                .formatted(beginning));

        try (PeftAdapter adapter = new PeftAdapter(folder)) {
            assertThat(adapter.scale()).isEqualTo(2);
        }
    }

    private void adapter(String config) throws IOException {
        adapter(config, List.of("m"));
    }

    private void adapter(String config, List<String> modules) throws IOException {
        Files.writeString(folder.resolve("adapter_config.json"), config);
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (String module : modules) {
            tensors.put("base_model.model.%s.lora_A.weight".formatted(module), torch.randn(4, 64));
            tensors.put("base_model.model.%s.lora_B.weight".formatted(module), torch.randn(32, 4));
        }
        SafetensorsWriter.write(folder.resolve("adapter_model.safetensors"), tensors);
    }

    private static WeightStore store(Map<String, Tensor> tensors, Precision precision) {
        return new WeightStore(new HeldTensors("memory", tensors), precision, Device.CPU);
    }

    private static Matrix matrix(Map<String, Tensor> tensors, Precision precision, int out, int in) {
        return ModelWeights.of(store(tensors, precision)).root().at("m").matrix(out, in);
    }

    private static double relativeDifference(Tensor actual, Tensor expected) {
        return actual.sub(expected).norm().item().toDouble()
                / expected.norm().item().toDouble();
    }
}
