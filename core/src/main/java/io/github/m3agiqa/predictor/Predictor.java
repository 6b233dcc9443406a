package io.github.m3agiqa.predictor;

import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.predictor.XlstmStack.Form;
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
 * The score head: every token's vector is projected, the xLSTM stack reads them in order, and their mean is regressed
 * to one number. All of it is float32.
 */
public final class Predictor implements AutoCloseable {
    private static final String STACK = "xlstm_pooler.xlstm_stack";

    private final WeightStore store;
    private final Pooler pooler;
    private final Projection projection;
    private final XlstmStack stack;
    private final Parameter hiddenWeight; // (regression, width)
    private final Parameter hiddenBias;
    private final Parameter outWeight; // (1, regression)
    private final Parameter outBias;

    /**
     * A head whose sizes follow from its weights, under the names of the published checkpoints.
     *
     * @param source closed with the predictor
     * @throws ModelException if tensors are missing, misshapen or surplus
     */
    public Predictor(TensorSource source, Pooler pooler, Device device) {
        this.store = new WeightStore(source, Precision.FP32, device);
        this.pooler = pooler;
        // Lightning prefixes all names with the attribute that holds the network
        String prefix = source.tensors().containsKey("model.W.weight") ? "model." : "";
        List<Long> inputShape = shape(source, prefix + "W.weight");
        long width = inputShape.get(0);
        long regression = shape(source, prefix + "fc.0.weight").get(0);

        ModelWeights weights = ModelWeights.of(store);
        Parameters root = prefix.isEmpty() ? weights.root() : weights.root().at("model");
        this.projection = new Projection(
                root.float32("W.weight", width, inputShape.get(1)), root.float32("W.bias", width), inputShape.get(1));
        this.stack = new XlstmStack(stackConfig(source, prefix, width), root.at(STACK));
        this.hiddenWeight = root.float32("fc.0.weight", regression, width);
        this.hiddenBias = root.float32("fc.0.bias", regression);
        this.outWeight = root.float32("fc.2.weight", 1, regression);
        this.outBias = root.float32("fc.2.bias", 1);
        weights.check();
    }

    private static List<Long> shape(TensorSource source, String name) {
        TensorInfo info = source.tensors().get(name);
        if (info == null || info.shape().size() != 2 || info.elements() < 1) {
            throw new ModelException("%s is no predictor: it has no matrix %s".formatted(source.location(), name));
        }
        return info.shape();
    }

    private static XlstmConfig stackConfig(TensorSource source, String prefix, long width) {
        String block = prefix + STACK + ".blocks.";
        Map<Boolean, Set<Integer>> slstmAt = IntStream.iterate(
                        0, i -> source.tensors().containsKey(block + i + ".xlstm_norm.weight"), i -> i + 1)
                .boxed()
                .collect(Collectors.partitioningBy(
                        i -> source.tensors().containsKey(block + i + ".ffn_norm.weight"), Collectors.toSet()));
        Set<Integer> slstm = slstmAt.getOrDefault(true, Set.of());
        int blocks = slstm.size() + slstmAt.getOrDefault(false, Set.of()).size();
        try {
            return new XlstmConfig(Math.toIntExact(width), blocks, slstm);
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw new ModelException("%s: %s".formatted(source.location(), e.getMessage()), e);
        }
    }

    /** The layer that makes the stack's input. */
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
        return Torch.toFloats(
                regress(pooler.pool(encode(projected, Form.PARALLEL).getLast())))[0];
    }

    /** What each block of the stack and its last norm make of the tokens, each (tokens, width). */
    List<Tensor> encode(Tensor projected, Form form) {
        return stack.trace(projected.unsqueeze(0), form).stream()
                .map(state -> state.squeeze(0))
                .toList();
    }

    /** (width) to (1). */
    private Tensor regress(Tensor pooled) {
        return Torch.linear(hiddenLayer(pooled), outWeight.get(), outBias.get());
    }

    /** (width) to (regression), never negative. */
    Tensor hiddenLayer(Tensor pooled) {
        return torch.relu(Torch.linear(pooled, hiddenWeight.get(), hiddenBias.get()));
    }

    @Override
    public void close() {
        store.close();
    }
}
