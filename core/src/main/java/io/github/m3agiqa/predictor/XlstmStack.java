package io.github.m3agiqa.predictor;

import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.Parameter;
import io.github.m3agiqa.weights.Parameters;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * A stack of xLSTM blocks: each adds its layer's answer to what it got, and a last norm closes the stack.
 *
 * <p>Every step sees only itself and the steps before it, so what follows the end of a padded sequence changes nothing.
 */
public final class XlstmStack implements SequenceHead {
    /** How the memories of mLSTM layers are computed; the results agree up to rounding. */
    public enum Form {
        /** Many steps at once, each against all before it: fast. */
        PARALLEL,
        /** Step by step, in constant memory. */
        RECURRENT;

        private Mlstm.Cell cell() {
            return switch (this) {
                case PARALLEL -> Mlstm::parallel;
                case RECURRENT -> Mlstm::recurrent;
            };
        }
    }

    private interface Block {
        Tensor forward(Tensor x, Form form);
    }

    private final XlstmConfig config;
    private final List<Block> blocks;
    private final Parameter postNorm;

    XlstmStack(XlstmConfig config, Parameters parameters) {
        this.config = config;
        this.blocks = IntStream.range(0, config.blocks())
                .mapToObj(i -> block(config, i, parameters.at("blocks." + i)))
                .toList();
        this.postNorm = parameters.float32("post_blocks_norm.weight", config.width());
    }

    /** The stack whose sizes follow from its weights. */
    static XlstmStack of(int width, WeightShapes shapes, Parameters parameters) {
        int blocks = shapes.count("blocks.", ".xlstm_norm.weight");
        // only the sLSTM's blocks have a feed-forward layer
        Set<Integer> slstm = IntStream.range(0, blocks)
                .filter(i -> shapes.has("blocks." + i + ".ffn_norm.weight"))
                .boxed()
                .collect(Collectors.toSet());
        try {
            return new XlstmStack(new XlstmConfig(width, blocks, slstm), parameters);
        } catch (IllegalArgumentException e) {
            throw new ModelException("%s: %s".formatted(shapes.source().location(), e.getMessage()), e);
        }
    }

    private static Block block(XlstmConfig config, int index, Parameters parameters) {
        Parameter norm = parameters.float32("xlstm_norm.weight", config.width());
        if (!config.slstmBlocks().contains(index)) {
            Mlstm mlstm = new Mlstm(config, parameters.at("xlstm"));
            return (x, form) -> x.add(mlstm.forward(XlstmLayers.layerNorm(x, norm.get()), form.cell()));
        }
        Slstm slstm = new Slstm(config, parameters.at("xlstm"));
        FeedForward feedForward = new FeedForward(config, parameters);
        return (x, _) -> feedForward.forward(x.add(slstm.forward(XlstmLayers.layerNorm(x, norm.get()))));
    }

    /** The gated feed-forward layer behind an sLSTM, with its own norm and residual. */
    private static final class FeedForward {
        private final int width;
        private final Parameter norm;
        private final Parameter projectUp; // (2 * feed-forward width, width)
        private final Parameter projectDown; // (width, feed-forward width)

        FeedForward(XlstmConfig config, Parameters parameters) {
            this.width = config.feedForwardWidth();
            this.norm = parameters.float32("ffn_norm.weight", config.width());
            this.projectUp = parameters.float32("ffn.proj_up.weight", 2L * width, config.width());
            this.projectDown = parameters.float32("ffn.proj_down.weight", config.width(), width);
        }

        Tensor forward(Tensor x) {
            Tensor up = Torch.linear(XlstmLayers.layerNorm(x, norm.get()), projectUp.get());
            Tensor gated = torch.gelu(up.narrow(2, 0, width)).mul(up.narrow(2, width, width));
            return x.add(Torch.linear(gated, projectDown.get()));
        }
    }

    @Override
    public Tensor forward(Tensor x, int... lengths) {
        return trace(x, Form.PARALLEL).getLast();
    }

    @Override
    public int outputWidth() {
        return config.width();
    }

    /** What every block makes of its input, then what the last norm makes of that. */
    List<Tensor> trace(Tensor x, Form form) {
        List<Tensor> outputs = new ArrayList<>();
        Tensor state = x;
        for (Block block : blocks) {
            state = block.forward(state, form);
            outputs.add(state);
        }
        outputs.add(XlstmLayers.layerNorm(state, postNorm.get()));
        return outputs;
    }
}
