package io.github.m3agiqa.predictor;

import static io.github.m3agiqa.predictor.XlstmConfig.CONVOLUTION;
import static io.github.m3agiqa.predictor.XlstmConfig.HEADS;
import static io.github.m3agiqa.predictor.XlstmConfig.PROJECTION_BLOCK;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Torch;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** The weights of a predictor before it has learned anything, as the published training drew them. */
public final class PredictorInitialization {
    private static final String STACK = "xlstm_pooler.xlstm_stack.";

    private final HeadConfig config;
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();

    private PredictorInitialization(HeadConfig config) {
        this.config = config;
    }

    /**
     * Draws the weights of a new predictor, under the names of the published checkpoints.
     *
     * @param inputSize the width of what it reads: the vocabulary's size as published, or the hidden size
     * @param seed the same seed draws the same weights
     */
    public static Map<String, Tensor> draw(HeadConfig config, long inputSize, long seed) {
        Engine.seed(seed);
        PredictorInitialization initialization = new PredictorInitialization(config);
        initialization.linear("W", config.width(), inputSize);
        long pooled = switch (config.kind()) {
            case XLSTM -> initialization.xlstm();
            case MEAN -> config.width();
        };
        initialization.linear("fc.0", config.regression(), pooled);
        initialization.linear("fc.2", 1, config.regression());
        return initialization.tensors;
    }

    /** Xavier-uniform, bias 0. */
    private void linear(String module, long out, long in) {
        double bound = Math.sqrt(6.0 / (in + out));
        tensors.put(module + ".weight", uniform(bound, out, in));
        tensors.put(module + ".bias", constant(0, out));
    }

    /** The stack of xlstm 1.0.6; its second block is the sLSTM, if there is a second one. */
    private long xlstm() {
        Set<Integer> slstm = config.layers() > 1 ? Set.of(1) : Set.of();
        XlstmConfig stack = new XlstmConfig(config.width(), config.layers(), slstm);
        for (int block = 0; block < stack.blocks(); block++) {
            String name = STACK + "blocks." + block + ".";
            tensors.put(name + "xlstm_norm.weight", constant(0, stack.width()));
            if (slstm.contains(block)) {
                slstm(stack, name, block);
            } else {
                mlstm(stack, name + "xlstm.");
            }
        }
        tensors.put(STACK + "post_blocks_norm.weight", constant(0, stack.width()));
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
    private static Tensor small(int d, long... shape) {
        return normal(Math.sqrt(2.0 / (5 * d)), shape);
    }

    /** Normal with standard deviation 2 / (blocks sqrt(d)). */
    private static Tensor wang(XlstmConfig stack, long... shape) {
        return normal(2 / (stack.blocks() * Math.sqrt(stack.width())), shape);
    }

    private static Tensor normal(double deviation, long... shape) {
        return Torch.scale(torch.randn(shape), deviation);
    }

    private static Tensor uniform(double bound, long... shape) {
        return Torch.scale(Torch.plus(torch.rand(shape), -0.5), 2 * bound);
    }

    private static Tensor constant(double value, long... shape) {
        return Torch.full(value, Device.CPU, shape);
    }
}
