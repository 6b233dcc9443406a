package io.github.m3agiqa.predictor;

import static io.github.m3agiqa.predictor.XlstmConfig.CONVOLUTION;
import static io.github.m3agiqa.predictor.XlstmConfig.HEADS;
import static io.github.m3agiqa.predictor.XlstmConfig.PROJECTION_BLOCK;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.Parameters;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * An xLSTM stack as the published library computes it without its CUDA kernels, on the same weights: every step of the mLSTM
 * against every other one, the sLSTM step by step, the engine's own gradients for all. To compare results with, and what they
 * cost.
 */
public final class PublishedXlstm {
    private final XlstmConfig config;
    private final Parameters parameters;

    public PublishedXlstm(XlstmConfig config, Parameters parameters) {
        this.config = config;
        this.parameters = parameters;
    }

    /** (batch, steps, width) to the same shape. */
    public Tensor forward(Tensor x) {
        Tensor state = x;
        for (int i = 0; i < config.blocks(); i++) {
            Parameters block = parameters.at("blocks." + i);
            boolean slstm = config.slstmBlocks().contains(i);
            Tensor normed = norm(state, block, "xlstm_norm");
            Parameters layer = block.at("xlstm");
            state = state.add(slstm ? slstm(normed, layer) : mlstm(normed, layer));
            if (slstm) {
                state = state.add(feedForward(norm(state, block, "ffn_norm"), block.at("ffn")));
            }
        }
        return norm(state, parameters, "post_blocks_norm");
    }

    private Tensor norm(Tensor x, Parameters parent, String name) {
        Tensor weight = parent.float32(name + ".weight", config.width()).get();
        return Torch.layerNorm(x, Torch.plus(weight, 1), XlstmConfig.NORM_EPSILON);
    }

    private Tensor feedForward(Tensor x, Parameters layer) {
        int inner = config.feedForwardWidth();
        List<Tensor> halves = halves(linear(x, layer, "proj_up", 2L * inner, config.width()));
        return linear(torch.gelu(halves.getFirst()).mul(halves.getLast()), layer, "proj_down", config.width(), inner);
    }

    private Tensor mlstm(Tensor x, Parameters layer) {
        int inner = config.innerWidth();
        List<Tensor> halves = halves(linear(x, layer, "proj_up", 2L * inner, config.width()));
        Tensor main = halves.getFirst();
        Tensor convolved = convolution(main, layer, inner);
        Tensor q = headwise(convolved, layer, "q_proj", inner / PROJECTION_BLOCK);
        Tensor k = headwise(convolved, layer, "k_proj", inner / PROJECTION_BLOCK);
        Tensor v = headwise(main, layer, "v_proj", inner / PROJECTION_BLOCK);
        Parameters cell = layer.at("mlstm_cell");
        Tensor gates = Torch.cat(2, q, k, v);
        Tensor memory = memory(
                heads(q),
                heads(k),
                heads(v),
                gate(gates, cell, "igate", inner),
                torch.log_sigmoid(gate(gates, cell, "fgate", inner)));
        Tensor normed = headNorm(memory.transpose(1, 2), cell, "outnorm", inner);
        Tensor skip = layer.float32("learnable_skip", inner).get();
        Tensor mixed = normed.add(skip.mul(convolved)).mul(torch.silu(halves.getLast()));
        return linear(mixed, layer, "proj_down", config.width(), inner);
    }

    /** (batch, heads, steps, size) to the same shape; the library's {@code parallel_stabilized_simple}. */
    private static Tensor memory(Tensor q, Tensor k, Tensor v, Tensor inputGate, Tensor logForget) {
        long steps = q.size(2);
        Tensor summed = logForget.cumsum(2); // (batch, heads, steps, 1)
        Tensor future = torch.ones(steps, steps).triu(1).to(ScalarType.Bool);
        Tensor decay = summed.sub(summed.transpose(2, 3))
                .add(inputGate.transpose(2, 3))
                .masked_fill(future, Torch.scalar(Double.NEGATIVE_INFINITY)); // (batch, heads, steps, steps)
        Tensor largest = decay.amax(new long[] {-1}, true);
        Tensor weights = q.matmul(Torch.divide(k, Math.sqrt((double) k.size(3))).transpose(2, 3))
                .mul(decay.sub(largest).exp());
        Tensor normalizer = torch.max(Torch.sum(weights, 3).abs(), largest.neg().exp());
        return weights.div(Torch.plus(normalizer, 1e-6)).matmul(v);
    }

    private Tensor slstm(Tensor x, Parameters layer) {
        int width = config.width();
        long size = width / HEADS;
        Tensor convolved = convolution(x, layer, width);
        // the library's fgate drives the input gate, and its igate the forget gate
        List<Tensor> inputs = List.of(
                headwise(convolved, layer, "fgate", HEADS),
                headwise(convolved, layer, "igate", HEADS),
                headwise(x, layer, "zgate", HEADS),
                headwise(x, layer, "ogate", HEADS));
        Parameters cell = layer.at("slstm_cell");
        Tensor recurrent = cell.float32("_recurrent_kernel_", HEADS, size, Slstm.GATES * size)
                .get();
        Tensor bias = cell.float32("_bias_", Slstm.GATES * (long) width).get().view(HEADS, 1, Slstm.GATES, size);

        Tensor y = Torch.zeros(Dtype.F32, Device.CPU, HEADS, x.size(0), size);
        Tensor c = y;
        Tensor n = y;
        Tensor m = y;
        List<Tensor> outputs = new ArrayList<>();
        for (long t = 0; t < x.size(1); t++) {
            long step = t;
            Tensor given = Torch.stack(inputs.stream()
                    .map(input ->
                            input.select(1, step).view(x.size(0), HEADS, size).transpose(0, 1))
                    .toList()); // (gates, heads, batch, size)
            Tensor gates = y.matmul(recurrent)
                    .view(HEADS, x.size(0), Slstm.GATES, size)
                    .add(bias)
                    .permute(2, 0, 1, 3)
                    .add(given);
            Tensor kept = m.add(torch.log_sigmoid(gates.select(0, 1)));
            m = t == 0 ? gates.select(0, 0) : torch.max(gates.select(0, 0), kept);
            Tensor write = gates.select(0, 0).sub(m).exp();
            Tensor forget = kept.sub(m).exp();
            c = forget.mul(c).add(write.mul(gates.select(0, 2).tanh()));
            n = forget.mul(n).add(write);
            y = gates.select(0, 3).sigmoid().mul(c).div(n);
            outputs.add(y);
        }
        return headNorm(Torch.stack(outputs).permute(2, 0, 1, 3), layer, "group_norm", width);
    }

    /** Normalises (batch, steps, heads, size) head by head, to (batch, steps, heads * size). */
    private static Tensor headNorm(Tensor x, Parameters parent, String name, long width) {
        Tensor weight = parent.float32(name + ".weight", width).get();
        return torch.layer_norm(x, x.size(3)).flatten(2, 3).mul(Torch.plus(weight, 1));
    }

    private static Tensor convolution(Tensor x, Parameters parent, long channels) {
        Tensor weight =
                parent.float32("conv1d.conv.weight", channels, 1, CONVOLUTION).get();
        Tensor bias = parent.float32("conv1d.conv.bias", channels).get();
        Tensor padded = torch.constant_pad_nd(x.transpose(1, 2), CONVOLUTION - 1L, 0);
        Tensor convolved = torch.conv1d(
                padded, weight, new TensorOptional(bias), new long[] {1}, new long[] {0}, new long[] {1}, channels);
        return torch.silu(convolved.transpose(1, 2));
    }

    /** Every block of channels through a matrix of its own. */
    private static Tensor headwise(Tensor x, Parameters parent, String name, long blocks) {
        long size = x.size(2) / blocks;
        Tensor weight = parent.float32(name + ".weight", blocks, size, size).get();
        Tensor columns = x.view(x.size(0), x.size(1), blocks, 1, size).matmul(weight.transpose(1, 2));
        return columns.reshape(x.size(0), x.size(1), x.size(2));
    }

    private static Tensor gate(Tensor x, Parameters cell, String name, int inner) {
        Tensor weight = cell.float32(name + ".weight", HEADS, 3L * inner).get();
        Tensor bias = cell.float32(name + ".bias", HEADS).get();
        return Torch.linear(x, weight, bias).transpose(1, 2).unsqueeze(3);
    }

    private static Tensor linear(Tensor x, Parameters parent, String name, long out, long in) {
        return torch.linear(x, parent.float32(name + ".weight", out, in).get());
    }

    private static List<Tensor> halves(Tensor x) {
        return Torch.split(x, x.size(2) / 2, 2);
    }

    private static Tensor heads(Tensor x) {
        return x.view(x.size(0), x.size(1), HEADS, x.size(2) / HEADS).transpose(1, 2);
    }
}
