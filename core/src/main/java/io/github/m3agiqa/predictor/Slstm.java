package io.github.m3agiqa.predictor;

import static io.github.m3agiqa.predictor.XlstmConfig.CONVOLUTION;
import static io.github.m3agiqa.predictor.XlstmConfig.HEADS;

import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.Parameter;
import io.github.m3agiqa.weights.Parameters;
import java.util.ArrayList;
import java.util.List;
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

        boolean plain =
                !GradMode.is_enabled() && gates.is_cpu() && gates.scalar_type().intern() == Dtype.F32.scalarType();
        Tensor all = plain ? stepsOfArrays(gates) : stepsOfTensors(gates);
        return XlstmLayers.headNorm(all, norm.get());
    }

    /** (batch, steps, heads, gates * head size) to (batch, steps, heads, head size), without gradients. */
    private Tensor stepsOfArrays(Tensor gates) {
        SlstmRecurrence recurrence = new SlstmRecurrence(Torch.toFloats(recurrent.get()), HEADS, headSize);
        int batch = (int) gates.size(0);
        int steps = (int) gates.size(1);
        return Torch.floats(recurrence.run(Torch.toFloats(gates), batch, steps), batch, steps, HEADS, headSize);
    }

    /** (batch, steps, heads, gates * head size) to (batch, steps, heads, head size). */
    private Tensor stepsOfTensors(Tensor gates) {
        // one a step, each (heads, batch, gates * head size), as the product with R wants it
        List<Tensor> inputs = Torch.unbind(gates.permute(1, 2, 0, 3).contiguous(), 0);
        Tensor kernel = recurrent.get();
        State state = first(inputs.getFirst());
        List<Tensor> outputs = new ArrayList<>();
        outputs.add(state.output);
        for (Tensor input : inputs.subList(1, inputs.size())) {
            state = next(state, input.add(state.output.matmul(kernel)));
            outputs.add(state.output);
        }
        return Torch.stack(outputs).permute(2, 0, 1, 3);
    }

    /**
     * What a step leaves to the next, each (heads, batch, head size).
     *
     * @param output y
     * @param cell c
     * @param normalizer n
     * @param stabilizer m: c and n are those of the equations over e^m, which cancels in c / n
     */
    private record State(Tensor output, Tensor cell, Tensor normalizer, Tensor stabilizer) {}

    /** The first step: the memory is empty, and only the input counts; m is its logarithm, so that n is 1. */
    private State first(Tensor before) {
        List<Tensor> gates = Torch.split(before, headSize, 2);
        Tensor candidate = gates.get(2).tanh();
        Tensor output = gates.get(3).sigmoid().mul(candidate);
        return new State(output, candidate, torch.ones_like(candidate), gates.get(0));
    }

    /**
     * Any other step. Its m is a constant: which one does not matter, so no gradient flows through it.
     *
     * @param before W x + R y + b, (heads, batch, gates * head size)
     */
    private State next(State state, Tensor before) {
        List<Tensor> gates = Torch.split(before, headSize, 2);
        Tensor logInput = gates.get(0);
        Tensor logForget = state.stabilizer.add(torch.log_sigmoid(gates.get(1)));
        Tensor candidate = gates.get(2).tanh();
        Tensor stabilizer = torch.max(logInput.detach(), logForget.detach());
        Tensor write = logInput.sub(stabilizer).exp();
        Tensor keep = logForget.sub(stabilizer).exp();
        Tensor cell = keep.mul(state.cell).add(write.mul(candidate));
        Tensor normalizer = keep.mul(state.normalizer).add(write);
        Tensor output = gates.get(3).sigmoid().mul(cell).div(normalizer);
        return new State(output, cell, normalizer, stabilizer);
    }

    /** (batch, steps, width) as (batch, steps, heads, head size). */
    private Tensor heads(Tensor x) {
        return x.view(x.size(0), x.size(1), HEADS, headSize);
    }
}
