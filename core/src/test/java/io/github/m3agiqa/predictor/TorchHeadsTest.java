package io.github.m3agiqa.predictor;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.predictor.BidirectionalRnn.Cell;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.HeldTensors;
import io.github.m3agiqa.weights.ModelWeights;
import io.github.m3agiqa.weights.Parameters;
import io.github.m3agiqa.weights.WeightStore;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiFunction;
import org.assertj.core.data.Offset;
import org.bytedeco.pytorch.GRUImpl;
import org.bytedeco.pytorch.GRUOptions;
import org.bytedeco.pytorch.LSTMImpl;
import org.bytedeco.pytorch.LSTMOptions;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.StringTensorDict;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TransformerEncoderLayerImpl;
import org.bytedeco.pytorch.TransformerEncoderLayerOptions;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The heads that torch has modules of, with the weights and names of those modules. Tolerance 1e-6 at unit scale. */
class TorchHeadsTest {
    private static final int WIDTH = 8;
    private static final int STEPS = 7;

    private Scope scope;

    @BeforeEach
    void open() {
        scope = new Scope();
        torch.manual_seed(23);
    }

    @AfterEach
    void close() {
        scope.close();
    }

    @Test
    void lstmIsThatOfTorch() {
        LSTMOptions options = new LSTMOptions(WIDTH, 5);
        options.num_layers().put(3);
        options.bidirectional().put(true);
        options.batch_first().put(true);
        LSTMImpl module = new LSTMImpl(options);
        Tensor x = torch.randn(2, STEPS, WIDTH);

        SequenceHead head =
                head(module, "", (shapes, weights) -> BidirectionalRnn.of(Cell.LSTM, WIDTH, shapes, weights));

        assertThat(head.outputWidth()).isEqualTo(10);
        assertSame(head.forward(x, STEPS, STEPS), module.forward(x).get0());
    }

    @Test
    void gruIsThatOfTorch() {
        GRUOptions options = new GRUOptions(WIDTH, 5);
        options.num_layers().put(2);
        options.bidirectional().put(true);
        options.batch_first().put(true);
        GRUImpl module = new GRUImpl(options);
        Tensor x = torch.randn(2, STEPS, WIDTH);

        SequenceHead head =
                head(module, "", (shapes, weights) -> BidirectionalRnn.of(Cell.GRU, WIDTH, shapes, weights));

        assertSame(head.forward(x, STEPS, STEPS), module.forward(x).get0());
    }

    /** Torch's module takes (steps, batch, width); ours is given what ours means by it. */
    @Test
    void theTransformerLayerIsThatOfTorch() {
        TransformerEncoderLayerOptions options = new TransformerEncoderLayerOptions(WIDTH, TransformerEncoder.HEADS);
        options.dim_feedforward().put(12);
        options.dropout().put(0);
        TransformerEncoderLayerImpl module = new TransformerEncoderLayerImpl(options);
        Tensor x = torch.randn(2, STEPS, WIDTH);

        SequenceHead head =
                head(module, "layers.0.", (shapes, weights) -> TransformerEncoder.of(WIDTH, shapes, weights));

        assertSame(
                head.forward(x, STEPS, STEPS), module.forward(x.transpose(0, 1)).transpose(0, 1));
    }

    /** Unlike the published one, whose steps do not see each other. */
    @Test
    void theTransformerAttendsOverTheSteps() {
        TransformerEncoderLayerImpl module =
                new TransformerEncoderLayerImpl(new TransformerEncoderLayerOptions(WIDTH, TransformerEncoder.HEADS));
        SequenceHead head =
                head(module, "layers.0.", (shapes, weights) -> TransformerEncoder.of(WIDTH, shapes, weights));
        Tensor x = torch.randn(1, STEPS, WIDTH);
        Tensor other = Torch.cat(1, x.narrow(1, 0, STEPS - 1), torch.randn(1, 1, WIDTH));

        float[] first = Torch.toFloats(head.forward(x, STEPS).select(1, 0));
        float[] firstOfOther = Torch.toFloats(head.forward(other, STEPS).select(1, 0));

        assertThat(Math.abs(first[0] - firstOfOther[0])).isGreaterThan(1e-3f);
    }

    private static SequenceHead head(
            Module module, String prefix, BiFunction<WeightShapes, Parameters, SequenceHead> network) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        StringTensorDict parameters = module.named_parameters();
        for (long i = 0; i < parameters.size(); i++) {
            tensors.put(
                    prefix + parameters.get(i).key().getString(),
                    parameters.get(i).value().detach());
        }
        HeldTensors held = new HeldTensors("module", tensors);
        ModelWeights weights = ModelWeights.of(new WeightStore(held, Precision.FP32, Device.CPU));
        SequenceHead head = network.apply(new WeightShapes(held, ""), weights.root());
        weights.check();
        return head;
    }

    private static void assertSame(Tensor actual, Tensor expected) {
        assertThat(Torch.toFloats(actual)).containsExactly(Torch.toFloats(expected.detach()), Offset.offset(1e-6f));
    }
}
