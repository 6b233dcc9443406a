package io.github.m3agiqa.predictor;

import static io.github.m3agiqa.predictor.XlstmConfig.CONVOLUTION;
import static io.github.m3agiqa.predictor.XlstmConfig.HEADS;
import static io.github.m3agiqa.predictor.XlstmConfig.PROJECTION_BLOCK;

import io.github.m3agiqa.predictor.BidirectionalRnn.Cell;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Torch;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The weights of a predictor before it has learned anything: those of the published one as its training drew them, those
 * of the other heads as the libraries draw them that the published ones come from.
 */
public final class PredictorInitialization {
    private final HeadConfig config;
    private final String part;
    private final GeneratorOptional generator;
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();

    private PredictorInitialization(HeadConfig config, long seed) {
        this.config = config;
        this.part = config.kind().part() + ".";
        this.generator = Torch.generator(seed);
    }

    /**
     * Draws the weights of a new predictor, under the names of the published checkpoints. They are float32, in main memory,
     * and belong to the scope of the caller.
     *
     * @param inputSize the width of what it reads: the vocabulary's size as published, the hidden size, or that of
     *     a view of the tower
     * @param seed the same seed draws the same weights
     */
    public static Map<String, Tensor> draw(HeadConfig config, long inputSize, long seed) {
        PredictorInitialization initialization = new PredictorInitialization(config, seed);
        initialization.xavier("W", config.width(), inputSize);
        long pooled = switch (config.kind()) {
            case XLSTM -> initialization.xlstm();
            case LSTM -> initialization.recurrent(Cell.LSTM);
            case GRU -> initialization.recurrent(Cell.GRU);
            case TRANSFORMER -> initialization.transformer();
            case MAMBA2 -> initialization.mamba2();
            case MEAN -> config.width();
        };
        initialization.xavier("fc.0", config.regression(), pooled);
        initialization.xavier("fc.2", 1, config.regression());
        return initialization.tensors;
    }

    /**
     * As {@link #draw(HeadConfig, long, long)}, of a head with members.
     *
     * @param members how many, each drawn with the seed after that of the one before
     */
    public static Map<String, Tensor> draw(HeadConfig config, long inputSize, int members, long seed) {
        if (members == 1) {
            return draw(config, inputSize, seed);
        }
        Map<String, Tensor> all = new LinkedHashMap<>();
        for (int i = 0; i < members; i++) {
            String member = Predictor.MEMBER + i + ".";
            draw(config, inputSize, seed + i).forEach((name, tensor) -> {
                if (name.startsWith("W.")) {
                    all.merge(name, tensor, (before, own) -> Torch.cat(0, before, own));
                } else {
                    all.put(member + name, tensor);
                }
            });
        }
        return all;
    }

    /** Weights Xavier-uniform, biases 0. */
    private void xavier(String module, long out, long in) {
        tensors.put(module + ".weight", uniform(xavier(out, in), out, in));
        tensors.put(module + ".bias", constant(0, out));
    }

    private static double xavier(long out, long in) {
        return Math.sqrt(6.0 / (in + out));
    }

    /** As torch initialises a linear layer: weights and biases uniform up to 1/sqrt(in). */
    private void linear(String module, long out, long in) {
        double bound = 1 / Math.sqrt((double) in);
        tensors.put(module + ".weight", uniform(bound, out, in));
        tensors.put(module + ".bias", uniform(bound, out));
    }

    /** As torch initialises LSTM and GRU: everything uniform up to 1/sqrt(hidden). */
    private long recurrent(Cell cell) {
        int hidden = config.width();
        long both = (long) BidirectionalRnn.DIRECTIONS.size() * hidden;
        long rows = (long) cell.gates() * hidden;
        double bound = 1 / Math.sqrt((double) hidden);
        for (int layer = 0; layer < config.layers(); layer++) {
            for (String direction : BidirectionalRnn.DIRECTIONS) {
                String suffix = "_l" + layer + direction;
                tensors.put(part + "weight_ih" + suffix, uniform(bound, rows, layer == 0 ? hidden : both));
                tensors.put(part + "weight_hh" + suffix, uniform(bound, rows, hidden));
                tensors.put(part + "bias_ih" + suffix, uniform(bound, rows));
                tensors.put(part + "bias_hh" + suffix, uniform(bound, rows));
            }
        }
        return both;
    }

    /** As torch initialises its encoder layer; the feed-forward width is four times the width. */
    private long transformer() {
        int width = config.width();
        for (int i = 0; i < config.layers(); i++) {
            String layer = part + "layers." + i + ".";
            String attention = layer + "self_attn.";
            tensors.put(attention + "in_proj_weight", uniform(xavier(3L * width, width), 3L * width, width));
            tensors.put(attention + "in_proj_bias", constant(0, 3L * width));
            linear(attention + "out_proj", width, width);
            tensors.put(attention + "out_proj.bias", constant(0, width));
            linear(layer + "linear1", 4L * width, width);
            linear(layer + "linear2", width, 4L * width);
            for (String norm : new String[] {"norm1", "norm2"}) {
                tensors.put(layer + norm + ".weight", constant(1, width));
                tensors.put(layer + norm + ".bias", constant(0, width));
            }
        }
        return width;
    }

    /**
     * As mamba-ssm initialises its layer: A from -1 to -16, uniformly; steps Δ from 0.001 to 0.1, uniformly in their
     * logarithm, through the inverse of the softplus.
     */
    private long mamba2() {
        Mamba2.Sizes sizes = Mamba2.Sizes.of(config.width());
        double kernel = 1 / Math.sqrt(Mamba2.CONVOLUTION);
        tensors.put(
                part + "in_proj.weight",
                uniform(1 / Math.sqrt((double) sizes.width()), sizes.projected(), sizes.width()));
        tensors.put(part + "conv1d.weight", uniform(kernel, sizes.convolved(), 1, Mamba2.CONVOLUTION));
        tensors.put(part + "conv1d.bias", uniform(kernel, sizes.convolved()));
        Tensor step = between(Math.log(0.001), Math.log(0.1), sizes.heads()).exp();
        tensors.put(part + "dt_bias", step.add(torch.expm1(step.neg()).neg().log()));
        tensors.put(part + "A_log", between(1, 16, sizes.heads()).log());
        tensors.put(part + "D", constant(1, sizes.heads()));
        tensors.put(part + "norm.weight", constant(1, sizes.inner()));
        tensors.put(
                part + "out_proj.weight", uniform(1 / Math.sqrt((double) sizes.inner()), sizes.width(), sizes.inner()));
        return sizes.width();
    }

    /** The stack of xlstm 1.0.6; its second block is the sLSTM, if there is a second one. */
    private long xlstm() {
        Set<Integer> slstm = config.layers() > 1 ? Set.of(1) : Set.of();
        XlstmConfig stack = new XlstmConfig(config.width(), config.layers(), slstm);
        for (int block = 0; block < stack.blocks(); block++) {
            String name = part + "blocks." + block + ".";
            tensors.put(name + "xlstm_norm.weight", constant(0, stack.width()));
            if (slstm.contains(block)) {
                slstm(stack, name, block);
            } else {
                mlstm(stack, name + "xlstm.");
            }
        }
        tensors.put(part + "post_blocks_norm.weight", constant(0, stack.width()));
        return stack.width();
    }

    private void mlstm(XlstmConfig stack, String layer) {
        int width = stack.width();
        int inner = stack.innerWidth();
        tensors.put(layer + "learnable_skip", constant(1, inner));
        tensors.put(layer + "proj_up.weight", small(width, 2L * inner, width));
        for (String projection : new String[] {"q_proj", "k_proj", "v_proj"}) {
            tensors.put(
                    layer + projection + ".weight",
                    small(width, inner / PROJECTION_BLOCK, PROJECTION_BLOCK, PROJECTION_BLOCK));
        }
        convolution(layer, inner);
        tensors.put(layer + "mlstm_cell.igate.weight", constant(0, HEADS, 3L * inner));
        tensors.put(layer + "mlstm_cell.igate.bias", normal(0.1, HEADS));
        tensors.put(layer + "mlstm_cell.fgate.weight", constant(0, HEADS, 3L * inner));
        tensors.put(layer + "mlstm_cell.fgate.bias", Torch.floats(new float[] {3, 4, 5, 6}, HEADS));
        tensors.put(layer + "mlstm_cell.outnorm.weight", constant(0, inner));
        tensors.put(layer + "proj_down.weight", wang(stack, width, inner));
    }

    private void slstm(XlstmConfig stack, String block, int index) {
        int width = stack.width();
        int headSize = width / HEADS;
        String layer = block + "xlstm.";
        convolution(layer, width);
        for (String gate : new String[] {"fgate", "igate", "zgate", "ogate"}) {
            tensors.put(layer + gate + ".weight", small(width, HEADS, headSize, headSize));
        }
        tensors.put(layer + "slstm_cell._recurrent_kernel_", constant(0, HEADS, headSize, 4L * headSize));
        tensors.put(layer + "slstm_cell._bias_", slstmBias(stack, headSize, index));
        tensors.put(layer + "group_norm.weight", constant(0, width));
        int feedForward = stack.feedForwardWidth();
        tensors.put(block + "ffn_norm.weight", constant(0, width));
        tensors.put(block + "ffn.proj_up.weight", small(width, 2L * feedForward, width));
        tensors.put(block + "ffn.proj_down.weight", wang(stack, width, feedForward));
    }

    /**
     * Zero but for the forget gate, whose biases fall from 5 to -7 over the channels of a head, so that some remember long
     * and some forget at once: 5 - 12 (k / (size - 1))^(0.3 + 1.3 block / (blocks - 1)).
     */
    private static Tensor slstmBias(XlstmConfig stack, int headSize, int block) {
        float[] bias = new float[4 * stack.width()];
        double exponent = 0.3 + 1.3 * block / Math.max(1, stack.blocks() - 1);
        for (int head = 0; head < HEADS; head++) {
            for (int k = 0; k < headSize; k++) {
                double place = headSize == 1 ? 0 : k / (headSize - 1.0);
                bias[(4 * head + 1) * headSize + k] = (float) (5 - 12 * Math.pow(place, exponent));
            }
        }
        return Torch.floats(bias, bias.length);
    }

    /** As torch initialises a convolution that sees each channel on its own: uniform up to 1/sqrt(kernel). */
    private void convolution(String layer, long channels) {
        double bound = 1 / Math.sqrt(CONVOLUTION);
        tensors.put(layer + "conv1d.conv.weight", uniform(bound, channels, 1, CONVOLUTION));
        tensors.put(layer + "conv1d.conv.bias", uniform(bound, channels));
    }

    /** Normal with standard deviation sqrt(2 / (5 d)). */
    private Tensor small(int d, long... shape) {
        return normal(Math.sqrt(2.0 / (5 * d)), shape);
    }

    /** Normal with standard deviation 2 / (blocks sqrt(d)). */
    private Tensor wang(XlstmConfig stack, long... shape) {
        return normal(2 / (stack.blocks() * Math.sqrt(stack.width())), shape);
    }

    private Tensor normal(double deviation, long... shape) {
        return Torch.scale(torch.randn(shape, generator), deviation);
    }

    private Tensor uniform(double bound, long... shape) {
        return between(-bound, bound, shape);
    }

    private Tensor between(double low, double high, long... shape) {
        return Torch.plus(Torch.scale(torch.rand(shape, generator), high - low), low);
    }

    private static Tensor constant(double value, long... shape) {
        return Torch.full(value, Device.CPU, shape);
    }
}
