package io.github.m3agiqa.predictor;

import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.ModelWeights;
import io.github.m3agiqa.weights.Parameter;
import io.github.m3agiqa.weights.Parameters;
import io.github.m3agiqa.weights.TensorInfo;
import io.github.m3agiqa.weights.TensorSource;
import io.github.m3agiqa.weights.WeightStore;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The score head: every token's vector is projected, a network reads them in order, and their mean is regressed to one
 * number. All of it is float32.
 */
public final class Predictor implements AutoCloseable {
    private static final String STACK = "xlstm_pooler.xlstm_stack";
    private static final String LIGHTNING = "model.";

    private final WeightStore store;
    private final Pooler pooler;
    private final Projection projection;
    private final SequenceHead head;
    private final Parameter hiddenWeight; // (regression, pooled)
    private final Parameter hiddenBias;
    private final Parameter outWeight; // (1, regression)
    private final Parameter outBias;

    /**
     * A head whose sizes follow from its weights, under the names of the published checkpoints.
     *
     * @param source closed with the predictor
     * @throws ModelException if tensors are missing, misshapen or surplus
     */
    public Predictor(TensorSource source, HeadKind kind, Pooler pooler, Device device) {
        this.store = new WeightStore(source, Precision.FP32, device);
        this.pooler = pooler;
        // Lightning prefixes all names with the attribute that holds the network
        String prefix = source.tensors().containsKey(LIGHTNING + "W.weight") ? LIGHTNING : "";
        List<Long> inputShape = shape(source, prefix + "W.weight");
        int width = Math.toIntExact(inputShape.get(0));
        List<Long> regression = shape(source, prefix + "fc.0.weight");

        ModelWeights weights = ModelWeights.of(store);
        Parameters root = prefix.isEmpty() ? weights.root() : weights.root().at("model");
        this.projection = new Projection(
                root.float32("W.weight", width, inputShape.get(1)), root.float32("W.bias", width), inputShape.get(1));
        this.head = head(kind, source, prefix, width, root);
        this.hiddenWeight = root.float32("fc.0.weight", regression.get(0), head.outputWidth());
        this.hiddenBias = root.float32("fc.0.bias", regression.get(0));
        this.outWeight = root.float32("fc.2.weight", 1, regression.get(0));
        this.outBias = root.float32("fc.2.bias", 1);
        weights.check();
    }

    private static SequenceHead head(HeadKind kind, TensorSource source, String prefix, int width, Parameters root) {
        return switch (kind) {
            case XLSTM -> new XlstmStack(stackConfig(source, prefix, width), root.at(STACK));
            case MEAN -> new PlainHead(width);
        };
    }

    private static List<Long> shape(TensorSource source, String name) {
        TensorInfo info = source.tensors().get(name);
        if (info == null || info.shape().size() != 2 || info.elements() < 1) {
            throw new ModelException("%s is no predictor: it has no matrix %s".formatted(source.location(), name));
        }
        return info.shape();
    }

    private static XlstmConfig stackConfig(TensorSource source, String prefix, int width) {
        String block = prefix + STACK + ".blocks.";
        Map<Boolean, Set<Integer>> slstmAt = IntStream.iterate(
                        0, i -> source.tensors().containsKey(block + i + ".xlstm_norm.weight"), i -> i + 1)
                .boxed()
                .collect(Collectors.partitioningBy(
                        i -> source.tensors().containsKey(block + i + ".ffn_norm.weight"), Collectors.toSet()));
        Set<Integer> slstm = slstmAt.getOrDefault(true, Set.of());
        int blocks = slstm.size() + slstmAt.getOrDefault(false, Set.of()).size();
        try {
            return new XlstmConfig(width, blocks, slstm);
        } catch (IllegalArgumentException e) {
            throw new ModelException("%s: %s".formatted(source.location(), e.getMessage()), e);
        }
    }

    /** The layer that makes the input of the network. */
    public Projection projection() {
        return projection;
    }

    /**
     * Predicts the score of one conversation.
     *
     * @param projected (tokens, width), from {@link #projection}
     * @return the score as it comes out, not clamped, perhaps not finite
     */
    public float predict(Tensor projected) {
        return Torch.toFloats(forward(projected.unsqueeze(0), (int) projected.size(0)))[0];
    }

    /**
     * Predicts the scores of several conversations. None depends on the others or on padding.
     *
     * @param projected (batch, steps, width), from {@link #projection}, padded at the ends
     * @param lengths the tokens of each conversation
     * @return (batch), differentiable
     */
    public Tensor forward(Tensor projected, int... lengths) {
        Tensor pooled = pooler.pool(head.forward(projected, lengths), lengths);
        return Torch.linear(hiddenLayer(pooled), outWeight.get(), outBias.get()).squeeze(-1);
    }

    /** The network that reads the projected vectors. */
    SequenceHead head() {
        return head;
    }

    /** (..., pooled) to (..., regression), never negative. */
    Tensor hiddenLayer(Tensor pooled) {
        return torch.relu(Torch.linear(pooled, hiddenWeight.get(), hiddenBias.get()));
    }

    @Override
    public void close() {
        store.close();
    }
}
