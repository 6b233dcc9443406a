package io.github.m3agiqa.training;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.m3agiqa.predictor.HeadKind;
import io.github.m3agiqa.predictor.Pooler;
import io.github.m3agiqa.predictor.Predictor;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.Parity;
import io.github.m3agiqa.testing.Release;
import io.github.m3agiqa.weights.HeldTensors;
import io.github.m3agiqa.weights.SafetensorsFolder;
import io.github.m3agiqa.weights.TorchCheckpoint;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Training of the tiny release's predictor, W over the whole vocabulary, against the numbers of the published code. */
@Tag("shared")
class ReleasePredictorTrainingTest {
    private static final Parity PARITY = new Parity("predictor training");
    private static final JsonNode EXPECTED = Release.expected().path("predictor_training");
    private static final Optimization ADAMW =
            new Optimization(1e-3, List.of(0.9, 0.999), 1e-8, 1e-5, 0, new Schedule(Schedule.Kind.CONSTANT, 0));
    private static final LossSettings MSE = new LossSettings(LossSettings.Kind.MSE, 0, 0);

    private static final String BLOCKS = "model.xlstm_pooler.xlstm_stack.blocks.";
    private static final GoldenStep GOLDEN = new GoldenStep(
            PARITY,
            EXPECTED,
            Map.ofEntries(
                    Map.entry("W.weight", "model.W.weight"),
                    Map.entry("W.bias", "model.W.bias"),
                    Map.entry("slstm_recurrent_kernel", BLOCKS + "1.xlstm.slstm_cell._recurrent_kernel_"),
                    Map.entry("slstm_bias", BLOCKS + "1.xlstm.slstm_cell._bias_"),
                    Map.entry("mlstm0.q_proj", BLOCKS + "0.xlstm.q_proj.weight"),
                    Map.entry("mlstm0.igate.weight", BLOCKS + "0.xlstm.mlstm_cell.igate.weight"),
                    Map.entry("mlstm0.fgate.bias", BLOCKS + "0.xlstm.mlstm_cell.fgate.bias"),
                    Map.entry("mlstm3.conv.weight", BLOCKS + "3.xlstm.conv1d.conv.weight"),
                    Map.entry("mlstm3.learnable_skip", BLOCKS + "3.xlstm.learnable_skip"),
                    Map.entry("slstm_zgate", BLOCKS + "1.xlstm.zgate.weight"),
                    Map.entry("slstm_ffn.proj_up", BLOCKS + "1.ffn.proj_up.weight"),
                    Map.entry("slstm_group_norm", BLOCKS + "1.xlstm.group_norm.weight"),
                    Map.entry("post_blocks_norm", "model.xlstm_pooler.xlstm_stack.post_blocks_norm.weight"),
                    Map.entry("fc.0.weight", "model.fc.0.weight"),
                    Map.entry("fc.2.weight", "model.fc.2.weight"),
                    Map.entry("fc.2.bias", "model.fc.2.bias")));

    /** With W over logits as published, and with W folded into the language model's head, through which gradients go. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void threeStepsAreThoseOfTheReference(boolean folded) {
        String how = folded ? ", W folded" : "";
        try (Scope _ = new Scope();
                SafetensorsFolder base = new SafetensorsFolder(Release.folder().resolve("base"));
                HeldTensors weights = weights();
                Predictor predictor = new Predictor(weights, HeadKind.XLSTM, Pooler.MEAN, Device.CPU);
                AdamWOptimizer optimizer = new AdamWOptimizer(weights.held(), _ -> true, ADAMW)) {
            Tensor languageHead = base.load("llm.lm_head.weight", Dtype.F32, Device.CPU);
            Tensor hidden = Release.tensor("case%d.predictor.last_hidden"
                    .formatted(EXPECTED.path("case").asInt()));

            List<Double> losses = new ArrayList<>();
            for (int step = 0; step < 3; step++) {
                try (Scope _ = new Scope()) {
                    losses.add(learn(predictor, hidden, languageHead, folded));
                    if (step == 0) {
                        GOLDEN.compareGradients(weights.held(), how);
                    }
                    double norm = optimizer.step(step, 3);
                    if (step == 0) {
                        double expected = EXPECTED.path("global_grad_norm").asDouble();
                        PARITY.compare("length of the gradient over its own" + how, norm / expected, 1, 1e-4);
                        GOLDEN.compareWeights(weights.held(), how);
                    }
                }
            }
            losses.add(learn(predictor, hidden, languageHead, folded));
            GOLDEN.compareLosses(losses, how);
        }
    }

    /** Copies of the checkpoint's weights, of which gradients can be asked. */
    private static HeldTensors weights() {
        try (TorchCheckpoint checkpoint = new TorchCheckpoint(Release.folder().resolve("predictor.ckpt"))) {
            Map<String, Tensor> copies = new LinkedHashMap<>();
            checkpoint
                    .tensors()
                    .keySet()
                    .forEach(name -> copies.put(
                            name,
                            checkpoint.load(name, Dtype.F32, Device.CPU).clone().requires_grad_(true)));
            return new HeldTensors("predictor.ckpt in training", copies);
        }
    }

    private static double learn(Predictor predictor, Tensor hidden, Tensor languageHead, boolean folded) {
        try (Scope _ = new Scope()) {
            Tensor projected = folded
                    ? Torch.linear(
                            hidden,
                            predictor.projection().weight().get().matmul(languageHead),
                            predictor.projection().bias().get())
                    : predictor.projection().apply(torch.linear(hidden, languageHead));
            Tensor mos = Torch.full(EXPECTED.path("mos").asDouble(), Device.CPU, 1);
            Tensor loss = MSE.of(predictor.forward(projected.unsqueeze(0), (int) hidden.size(0)), mos);
            loss.backward();
            return Torch.toFloats(loss)[0];
        }
    }

    @AfterAll
    static void write() {
        PARITY.write();
    }
}
