package io.github.m3agiqa.predictor;

import static io.github.m3agiqa.predictor.XlstmConfig.CONVOLUTION;
import static io.github.m3agiqa.predictor.XlstmConfig.HEADS;

import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.Parameter;
import io.github.m3agiqa.weights.Parameters;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The sLSTM layer: a scalar memory with exponential gates and recurrent connections within each head.
 *
 * <p>Weights have the layout of the library's CUDA backend, which the published checkpoints were written by. The
 * library swaps two names: its {@code fgate} drives the input gate and its {@code igate} the forget gate.
 *
 * @see <a href="https://arxiv.org/abs/2405.04517">xLSTM</a>, equations 8 to 18
 */
final class Slstm {
    static final int GATES = 4;

    private final int headSize;
    private final Parameter convolution; // (width, 1, 4)
    private final Parameter convolutionBias;
    private final Parameter inputGate; // (heads, head size, head size)
    private final Parameter forgetGate;
    private final Parameter cellInput;
    private final Parameter outputGate;
    private final Parameter recurrent; // (heads, head size, gates * head size): gates i, f, z, o
    private final Parameter bias; // (heads * gates * head size)
    private final Parameter norm; // (width)

    Slstm(XlstmConfig config, Parameters parameters) {
        int width = config.width();
        this.headSize = width / HEADS;
        this.convolution = parameters.float32("conv1d.conv.weight", width, 1, CONVOLUTION);
        this.convolutionBias = parameters.float32("conv1d.conv.bias", width);
        this.inputGate = parameters.float32("fgate.weight", HEADS, headSize, headSize);
        this.forgetGate = parameters.float32("igate.weight", HEADS, headSize, headSize);
        this.cellInput = parameters.float32("zgate.weight", HEADS, headSize, headSize);
        this.outputGate = parameters.float32("ogate.weight", HEADS, headSize, headSize);
        Parameters cell = parameters.at("slstm_cell");
        this.recurrent = cell.float32("_recurrent_kernel_", HEADS, headSize, (long) GATES * headSize);
        this.bias = cell.float32("_bias_", (long) GATES * width);
        this.norm = parameters.float32("group_norm.weight", width);
    }

    /**
     * The layer.
     *
     * @param x (batch, steps, width), normalised
     * @return (batch, steps, width)
     */
    Tensor forward(Tensor x) {
        Tensor convolved = torch.silu(XlstmLayers.causalConvolution(x, convolution.get(), convolutionBias.get()));
        Tensor gates = Torch.cat(
                        3,
                        heads(XlstmLayers.blockDiagonal(convolved, inputGate.get())),
                        heads(XlstmLayers.blockDiagonal(convolved, forgetGate.get())),
                        heads(XlstmLayers.blockDiagonal(x, cellInput.get())),
                        heads(XlstmLayers.blockDiagonal(x, outputGate.get())))
                .add(bias.get().view(HEADS, (long) GATES * headSize)); // (batch, steps, heads, gates * head size)

        boolean learns = GradMode.is_enabled()
                && (gates.requires_grad() || recurrent.get().requires_grad());
        boolean plain = !learns && gates.is_cpu() && gates.scalar_type().intern() == Dtype.F32.scalarType();
        Tensor all = plain ? stepsOfArrays(gates) : SlstmSteps.run(gates, recurrent.get());
        return XlstmLayers.headNorm(all, norm.get());
    }

    /** (batch, steps, heads, gates * head size) to (batch, steps, heads, head size), without gradients. */
    private Tensor stepsOfArrays(Tensor gates) {
        SlstmRecurrence recurrence = new SlstmRecurrence(Torch.toFloats(recurrent.get()), HEADS, headSize);
        int batch = (int) gates.size(0);
        int steps = (int) gates.size(1);
        return Torch.floats(recurrence.run(Torch.toFloats(gates), batch, steps), batch, steps, HEADS, headSize);
    }

    /** (batch, steps, width) as (batch, steps, heads, head size). */
    private Tensor heads(Tensor x) {
        return x.view(x.size(0), x.size(1), HEADS, headSize);
    }
}
