package io.github.m3agiqa.predictor;

import static io.github.m3agiqa.predictor.XlstmConfig.CONVOLUTION;
import static io.github.m3agiqa.predictor.XlstmConfig.HEADS;
import static io.github.m3agiqa.predictor.XlstmConfig.PROJECTION_BLOCK;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.Parameter;
import io.github.m3agiqa.weights.Parameters;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The mLSTM layer: a matrix memory with exponential gates, computed for many steps at once like attention.
 *
 * @see <a href="https://arxiv.org/abs/2405.04517">xLSTM</a>, equations 19 to 27
 */
final class Mlstm {
    private static final double DENOMINATOR_EPSILON = 1e-6;

    /**
     * How many steps look at one another, at least; what came before they see through the memory, so work grows with the
     * steps. A memory that is larger than a chunk costs more than it saves.
     */
    private static final long CHUNK = 64;

    private final int inner;
    private final int headSize;
    private final Parameter projectUp; // (2 * inner, width)
    private final Parameter convolution; // (inner, 1, 4)
    private final Parameter convolutionBias;
    private final Parameter queryProjection; // (inner / 4, 4, 4)
    private final Parameter keyProjection;
    private final Parameter valueProjection;
    private final Parameter inputGate; // (heads, 3 * inner)
    private final Parameter inputGateBias;
    private final Parameter forgetGate;
    private final Parameter forgetGateBias;
    private final Parameter outputNorm; // (inner)
    private final Parameter skip; // (inner)
    private final Parameter projectDown; // (width, inner)

    Mlstm(XlstmConfig config, Parameters parameters) {
        this.inner = config.innerWidth();
        this.headSize = inner / HEADS;
        int blocks = inner / PROJECTION_BLOCK;
        Parameters cell = parameters.at("mlstm_cell");
        this.projectUp = parameters.float32("proj_up.weight", 2L * inner, config.width());
        this.convolution = parameters.float32("conv1d.conv.weight", inner, 1, CONVOLUTION);
        this.convolutionBias = parameters.float32("conv1d.conv.bias", inner);
        this.queryProjection = parameters.float32("q_proj.weight", blocks, PROJECTION_BLOCK, PROJECTION_BLOCK);
        this.keyProjection = parameters.float32("k_proj.weight", blocks, PROJECTION_BLOCK, PROJECTION_BLOCK);
        this.valueProjection = parameters.float32("v_proj.weight", blocks, PROJECTION_BLOCK, PROJECTION_BLOCK);
        this.inputGate = cell.float32("igate.weight", HEADS, 3L * inner);
        this.inputGateBias = cell.float32("igate.bias", HEADS);
        this.forgetGate = cell.float32("fgate.weight", HEADS, 3L * inner);
        this.forgetGateBias = cell.float32("fgate.bias", HEADS);
        this.outputNorm = cell.float32("outnorm.weight", inner);
        this.skip = parameters.float32("learnable_skip", inner);
        this.projectDown = parameters.float32("proj_down.weight", config.width(), inner);
    }

    /** How the memory is computed. */
    interface Cell {
        /**
         * Runs the memory.
         *
         * @param query (batch, heads, steps, head size), like key and value
         * @param inputGate (batch, heads, steps), like the forget gate; both before their nonlinearities
         * @return (batch, heads, steps, head size)
         */
        Tensor run(Tensor query, Tensor key, Tensor value, Tensor inputGate, Tensor forgetGate);
    }

    /**
     * The layer with its memory computed in either form.
     *
     * @param x (batch, steps, width), normalised
     * @return (batch, steps, width)
     */
    Tensor forward(Tensor x, Cell cell) {
        Tensor up = Torch.linear(x, projectUp.get());
        Tensor main = up.narrow(2, 0, inner); // (batch, steps, inner)
        Tensor gate = up.narrow(2, inner, inner);
        Tensor convolved = torch.silu(XlstmLayers.causalConvolution(main, convolution.get(), convolutionBias.get()));

        Tensor query = XlstmLayers.blockDiagonal(convolved, queryProjection.get());
        Tensor key = XlstmLayers.blockDiagonal(convolved, keyProjection.get());
        Tensor value = XlstmLayers.blockDiagonal(main.contiguous(), valueProjection.get());
        Tensor all = Torch.cat(2, query, key, value);
        Tensor input = Torch.linear(all, inputGate.get(), inputGateBias.get()).transpose(1, 2);
        Tensor forget =
                Torch.linear(all, forgetGate.get(), forgetGateBias.get()).transpose(1, 2);

        Tensor memory = cell.run(heads(query), heads(key), heads(value), input, forget);
        Tensor normed = XlstmLayers.headNorm(memory.transpose(1, 2), outputNorm.get()); // (batch, steps, inner)
        Tensor mixed = normed.add(skip.get().mul(convolved)).mul(torch.silu(gate));
        return Torch.linear(mixed, projectDown.get());
    }

    /** (batch, steps, inner) as (batch, heads, steps, head size). */
    private Tensor heads(Tensor x) {
        return x.view(x.size(0), x.size(1), HEADS, headSize).transpose(1, 2);
    }

    /**
     * All steps at once: each against those of its own chunk, and against what the chunks before it left in the memory.
     *
     * <p>With F the summed forget gates, step t sees step s with the weight exp(F_t - F_s + i_s - m_t), where m_t is the
     * largest exponent of a row but for the last term, F_t + max (i_s - F_s). So F_t falls out, and the weight is
     * exp(w_s - l_t) with w = i - F and l its largest so far. A chunk's memory is added up with the l of its last step,
     * which is never less than a w of the chunk and never more than the l of a step after it.
     */
    static Tensor parallel(Tensor query, Tensor key, Tensor value, Tensor inputGate, Tensor forgetGate) {
        long steps = query.size(2);
        long size = query.size(3);
        Tensor decay = torch.log_sigmoid(forgetGate).cumsum(2); // F, (batch, heads, steps)
        Tensor written = inputGate.sub(decay); // w
        Tensor largest = written.cummax(2).get0(); // l
        Tensor least = largest.add(decay).neg().exp().unsqueeze(3); // e^-m, (batch, heads, steps, 1)

        // a last channel of ones adds up the weights themselves
        Tensor ones = torch.ones_like(value.narrow(3, 0, 1));
        long chunk = Math.min(steps, Math.max(CHUNK, 2 * size));
        Tensor q = chunks(Torch.scale(query, 1 / Math.sqrt((double) size)), chunk, 0);
        Tensor k = chunks(key, chunk, 0); // (batch, heads, chunks, steps of a chunk, size)
        Tensor v = chunks(Torch.cat(3, value, ones), chunk, 0);
        Tensor w = chunks(written.unsqueeze(3), chunk, 0);
        Tensor l = chunks(largest.unsqueeze(3), chunk, Double.POSITIVE_INFINITY); // steps behind the last see nothing
        Tensor weight = decayed(w.transpose(3, 4), l);
        Tensor sums = q.matmul(k.transpose(3, 4)).mul(weight).matmul(v);
        long before = q.size(2) - 1;
        if (before > 0) {
            Tensor last = l.narrow(2, 0, before).narrow(3, chunk - 1, 1); // (batch, heads, chunks, 1, 1)
            Tensor writing = w.narrow(2, 0, before).sub(last).exp();
            Tensor added = k.narrow(2, 0, before).mul(writing).transpose(3, 4).matmul(v.narrow(2, 0, before));
            Tensor kept = decayed(last.flatten(2, 4).unsqueeze(2), last.flatten(3, 4));
            Tensor memory = kept.matmul(added.flatten(3, 4)).view(added.sizes());
            Tensor reading = last.sub(l.narrow(2, 1, before)).exp();
            Tensor seen = q.narrow(2, 1, before).mul(reading).matmul(memory);
            sums = Torch.cat(2, sums.narrow(2, 0, 1), sums.narrow(2, 1, before).add(seen));
        }
        Tensor all = sums.flatten(2, 3).narrow(2, 0, steps); // (batch, heads, steps, size + 1)
        Tensor normalizer = torch.max(all.narrow(3, size, 1).abs(), least); // n
        return all.narrow(3, 0, size).div(Torch.plus(normalizer, DENOMINATOR_EPSILON));
    }

    /** Cuts (batch, heads, steps, size) into (batch, heads, chunks, chunk, size), filled up behind the last step. */
    private static Tensor chunks(Tensor x, long chunk, double behind) {
        long chunks = Math.ceilDiv(x.size(2), chunk);
        Tensor padded = torch.constant_pad_nd(x, new long[] {0, 0, 0, chunks * chunk - x.size(2)}, new Scalar(behind));
        return padded.view(x.size(0), x.size(1), chunks, chunk, x.size(3));
    }

    /** exp(w_s - l_t) for every t and each s up to it, else 0: (..., t, s) from (..., 1, s) and (..., t, 1). */
    private static Tensor decayed(Tensor written, Tensor largest) {
        long steps = largest.size(-2);
        Tensor future = Torch.full(Float.NEGATIVE_INFINITY, Device.of(written), steps, steps);
        return written.sub(largest).add(future.triu(1)).exp();
    }

    /** Step by step; memory does not grow with the steps. */
    static Tensor recurrent(Tensor query, Tensor key, Tensor value, Tensor inputGate, Tensor forgetGate) {
        long batch = query.size(0);
        long steps = query.size(2);
        long size = query.size(3);
        Device device = Device.of(query);
        Tensor logForget = torch.log_sigmoid(forgetGate);
        Tensor scaledKey = Torch.scale(key, 1 / Math.sqrt((double) size));
        Tensor memory = Torch.zeros(Dtype.F32, device, batch, HEADS, size, size);
        Tensor normalizer = Torch.zeros(Dtype.F32, device, batch, HEADS, 1, size);
        Tensor largest = Torch.full(Float.NEGATIVE_INFINITY, device, batch, HEADS, 1, 1);
        List<Tensor> outputs = new ArrayList<>();
        for (long t = 0; t < steps; t++) {
            Tensor input = inputGate.narrow(2, t, 1).unsqueeze(3); // (batch, heads, 1, 1)
            Tensor kept = logForget.narrow(2, t, 1).unsqueeze(3).add(largest);
            largest = torch.max(kept, input);
            Tensor forget = kept.sub(largest).exp();
            Tensor write = input.sub(largest).exp();
            Tensor k = scaledKey.narrow(2, t, 1); // (batch, heads, 1, size)
            Tensor v = value.narrow(2, t, 1);
            Tensor q = query.narrow(2, t, 1);
            memory = memory.mul(forget).add(k.transpose(2, 3).matmul(v).mul(write));
            normalizer = normalizer.mul(forget).add(k.mul(write));
            Tensor sum = q.matmul(normalizer.transpose(2, 3)).abs(); // (batch, heads, 1, 1)
            Tensor denominator = Torch.plus(torch.max(sum, largest.neg().exp()), DENOMINATOR_EPSILON);
            outputs.add(q.matmul(memory).div(denominator));
        }
        return Torch.cat(2, outputs);
    }
}
