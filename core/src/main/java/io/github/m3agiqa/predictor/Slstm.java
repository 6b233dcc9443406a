package io.github.m3agiqa.predictor;

import static io.github.m3agiqa.predictor.XlstmConfig.CONVOLUTION;
import static io.github.m3agiqa.predictor.XlstmConfig.HEADS;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.Parameter;
import io.github.m3agiqa.weights.Parameters;
import java.util.ArrayList;
import java.util.List;
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
    private static final int GATES = 4;

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
        long batch = x.size(0);
        long steps = x.size(1);
        Tensor convolved = torch.silu(XlstmLayers.causalConvolution(x, convolution.get(), convolutionBias.get()));
        Tensor gates = Torch.cat(
                        3,
                        heads(XlstmLayers.blockDiagonal(convolved, inputGate.get())),
                        heads(XlstmLayers.blockDiagonal(convolved, forgetGate.get())),
                        heads(XlstmLayers.blockDiagonal(x, cellInput.get())),
                        heads(XlstmLayers.blockDiagonal(x, outputGate.get())))
                .add(bias.get().view(HEADS, (long) GATES * headSize)); // (batch, steps, heads, gates * head size)

        Tensor kernel = recurrent.get();
        Tensor zero = Torch.zeros(Dtype.F32, Device.of(x), batch, HEADS, headSize);
        Tensor output = zero; // y, (batch, heads, head size)
        Tensor cell = zero; // c
        Tensor normalizer = zero; // n
        Tensor stabilizer = zero; // m
        List<Tensor> outputs = new ArrayList<>();
        for (long t = 0; t < steps; t++) {
            Tensor before = gates.select(1, t); // (batch, heads, gates * head size)
            if (t > 0) {
                before = before.add(output.transpose(0, 1).matmul(kernel).transpose(0, 1)); // R y
            }
            Tensor logInput = before.narrow(2, 0, headSize);
            Tensor forgetIn = before.narrow(2, headSize, headSize);
            Tensor candidate = before.narrow(2, 2L * headSize, headSize).tanh();
            Tensor out = before.narrow(2, 3L * headSize, headSize).sigmoid();

            Tensor logForget = stabilizer.add(torch.log_sigmoid(forgetIn));
            // the memory is empty at first, and then only the input counts
            stabilizer = t == 0 ? logInput : torch.max(logInput, logForget);
            Tensor write = logInput.sub(stabilizer).exp();
            Tensor keep = logForget.sub(stabilizer).exp().clamp_max(Torch.scalar(1));
            cell = keep.mul(cell).add(write.mul(candidate));
            normalizer = keep.mul(normalizer).add(write);
            output = out.mul(cell).div(normalizer);
            outputs.add(output);
        }
        return XlstmLayers.headNorm(Torch.stack(outputs).transpose(0, 1), norm.get());
    }

    /** (batch, steps, width) as (batch, steps, heads, head size). */
    private Tensor heads(Tensor x) {
        return x.view(x.size(0), x.size(1), HEADS, headSize);
    }
}
