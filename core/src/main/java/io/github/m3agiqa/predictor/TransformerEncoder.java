package io.github.m3agiqa.predictor;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.Parameter;
import io.github.m3agiqa.weights.Parameters;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * Layers of attention over the whole sequence and a feed-forward network, each added to its input and normalised.
 * Equations and names of the weights are those of torch's {@code nn.TransformerEncoder}, without dropout and position
 * codes: the hidden states know their positions.
 *
 * <p>The published one is fed (batch, steps) where it expects (steps, batch), so it attends over the batch, and at its
 * batch size of one every step sees only itself. This one attends over the steps.
 */
final class TransformerEncoder implements SequenceHead {
    /** The attention heads, of which the weights do not tell. */
    static final int HEADS = 2;

    private static final double NORM_EPSILON = 1e-5;

    private final int width;
    private final List<Layer> layers;

    private TransformerEncoder(int width, List<Layer> layers) {
        this.width = width;
        this.layers = layers;
    }

    /** The network whose sizes follow from its weights. */
    static TransformerEncoder of(int width, WeightShapes shapes, Parameters parameters) {
        int feedForward = shapes.side("layers.0.linear1.weight", 0, 2);
        List<Layer> layers = IntStream.range(0, shapes.count("layers.", ".linear1.weight"))
                .mapToObj(i -> new Layer(width, feedForward, parameters.at("layers." + i)))
                .toList();
        return new TransformerEncoder(width, layers);
    }

    @Override
    public int outputWidth() {
        return width;
    }

    @Override
    public Tensor forward(Tensor x, int... lengths) {
        TensorOptional mask = paddingMask(x, lengths);
        Tensor state = x;
        for (Layer layer : layers) {
            state = layer.forward(state, mask);
        }
        return state;
    }

    /** (batch, 1, 1, steps): 0 for a step, minus infinity for padding; nothing if there is none. */
    private static TensorOptional paddingMask(Tensor x, int... lengths) {
        int steps = (int) x.size(1);
        if (Arrays.stream(lengths).allMatch(length -> length == steps)) {
            return new TensorOptional();
        }
        float[] mask = new float[lengths.length * steps];
        for (int i = 0; i < lengths.length; i++) {
            Arrays.fill(mask, i * steps + lengths[i], (i + 1) * steps, Float.NEGATIVE_INFINITY);
        }
        return new TensorOptional(Torch.to(Torch.floats(mask, lengths.length, 1, 1, steps), Device.of(x)));
    }

    private static final class Layer {
        private final int width;
        private final Parameter inProjection; // (3 * width, width): queries, keys, values
        private final Parameter inProjectionBias;
        private final Parameter outProjection; // (width, width)
        private final Parameter outProjectionBias;
        private final Parameter wide; // (feed-forward width, width)
        private final Parameter wideBias;
        private final Parameter narrow; // (width, feed-forward width)
        private final Parameter narrowBias;
        private final Parameter attentionNorm;
        private final Parameter attentionNormBias;
        private final Parameter feedForwardNorm;
        private final Parameter feedForwardNormBias;

        Layer(int width, int feedForward, Parameters parameters) {
            this.width = width;
            Parameters attention = parameters.at("self_attn");
            this.inProjection = attention.float32("in_proj_weight", 3L * width, width);
            this.inProjectionBias = attention.float32("in_proj_bias", 3L * width);
            this.outProjection = attention.float32("out_proj.weight", width, width);
            this.outProjectionBias = attention.float32("out_proj.bias", width);
            this.wide = parameters.float32("linear1.weight", feedForward, width);
            this.wideBias = parameters.float32("linear1.bias", feedForward);
            this.narrow = parameters.float32("linear2.weight", width, feedForward);
            this.narrowBias = parameters.float32("linear2.bias", width);
            this.attentionNorm = parameters.float32("norm1.weight", width);
            this.attentionNormBias = parameters.float32("norm1.bias", width);
            this.feedForwardNorm = parameters.float32("norm2.weight", width);
            this.feedForwardNormBias = parameters.float32("norm2.bias", width);
        }

        Tensor forward(Tensor x, TensorOptional mask) {
            Tensor attended =
                    Torch.layerNorm(x.add(attend(x, mask)), attentionNorm.get(), attentionNormBias.get(), NORM_EPSILON);
            Tensor inner = torch.relu(Torch.linear(attended, wide.get(), wideBias.get()));
            Tensor fed = Torch.linear(inner, narrow.get(), narrowBias.get());
            return Torch.layerNorm(attended.add(fed), feedForwardNorm.get(), feedForwardNormBias.get(), NORM_EPSILON);
        }

        private Tensor attend(Tensor x, TensorOptional mask) {
            Tensor all = Torch.linear(x, inProjection.get(), inProjectionBias.get()); // (batch, steps, 3 * width)
            Tensor mixed = torch.scaled_dot_product_attention(
                    heads(all.narrow(2, 0, width)),
                    heads(all.narrow(2, width, width)),
                    heads(all.narrow(2, 2L * width, width)),
                    mask,
                    0,
                    false,
                    new DoubleOptional(),
                    false);
            Tensor joined = mixed.transpose(1, 2).reshape(x.size(0), x.size(1), width);
            return Torch.linear(joined, outProjection.get(), outProjectionBias.get());
        }

        /** (batch, steps, width) as (batch, heads, steps, head size). */
        private Tensor heads(Tensor x) {
            return x.view(x.size(0), x.size(1), HEADS, width / HEADS).transpose(1, 2);
        }
    }
}
