package io.github.m3agiqa.predictor;

import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.predictor.BidirectionalRnn.Cell;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.ModelWeights;
import io.github.m3agiqa.weights.Parameter;
import io.github.m3agiqa.weights.Parameters;
import io.github.m3agiqa.weights.TensorSource;
import io.github.m3agiqa.weights.WeightStore;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The score head: every token's vector is projected, a network reads them in order, and what the {@link Pooler} makes
 * of its steps is regressed to one number. All of it is float32.
 *
 * <p>A head may have members: as many networks, which differ in what they began with and of whose numbers the mean is the
 * score. Each has its own rows of the projection.
 *
 * @see <a href="https://arxiv.org/abs/1612.01474">Simple and scalable predictive uncertainty estimation using deep
 *     ensembles</a>
 */
public final class Predictor implements AutoCloseable {
    /** What Lightning puts before all names: the attribute that holds the network. */
    static final String LIGHTNING = "model";
    /** What is before the number of a member where its weights are, apart from its rows of {@code W}. */
    static final String MEMBER = "members.";

    /**
     * A network and the two layers that make its score.
     *
     * @param hiddenWeight (regression, pooled)
     * @param outWeight (1, regression)
     */
    private record Member(
            SequenceHead head, Parameter hiddenWeight, Parameter hiddenBias, Parameter outWeight, Parameter outBias) {
        static Member of(HeadKind kind, int width, WeightShapes shapes, Parameters parameters) {
            int regression = shapes.side("fc.0.weight", 0, 2);
            SequenceHead head = Predictor.head(kind, width, shapes, parameters);
            return new Member(
                    head,
                    parameters.float32("fc.0.weight", regression, head.outputWidth()),
                    parameters.float32("fc.0.bias", regression),
                    parameters.float32("fc.2.weight", 1, regression),
                    parameters.float32("fc.2.bias", 1));
        }

        /** (batch, steps, width) to (batch, 1). */
        Tensor forward(Tensor projected, Pooler pooler, int... lengths) {
            Tensor pooled = pooler.pool(head.forward(projected, lengths), lengths);
            return Torch.linear(hiddenLayer(pooled), outWeight.get(), outBias.get());
        }

        Tensor hiddenLayer(Tensor pooled) {
            return torch.relu(Torch.linear(pooled, hiddenWeight.get(), hiddenBias.get()));
        }
    }

    private final WeightStore store;
    private final Pooler pooler;
    private final Projection projection;
    private final List<Member> members;
    private final int width; // of a member

    /**
     * A head whose sizes follow from its weights, under the names of the published checkpoints, with or without the
     * {@code model.} that Lightning puts before them: {@code W}, {@code fc.0}, {@code fc.2}, and between them the network
     * at the name of its {@linkplain HeadKind kind}. With several members all but {@code W} are at {@code members.0} and so
     * on.
     *
     * @param source closed with the predictor
     * @param kind the network, which the weights must be of
     * @throws ModelException if tensors are missing, misshapen or surplus
     */
    public Predictor(TensorSource source, HeadKind kind, Pooler pooler, Device device) {
        this.store = new WeightStore(source, Precision.FP32, device);
        this.pooler = pooler;
        boolean prefixed = source.tensors().containsKey(LIGHTNING + ".W.weight");
        WeightShapes unprefixed = new WeightShapes(source, "");
        WeightShapes shapes = prefixed ? unprefixed.at(LIGHTNING) : unprefixed;
        int rows = shapes.side("W.weight", 0, 2);
        int inputSize = shapes.side("W.weight", 1, 2);
        int count = shapes.count(MEMBER, ".fc.0.weight");
        if (count > 0 && rows % count != 0) {
            throw new ModelException("%s: W has %d rows for %d members".formatted(source.location(), rows, count));
        }
        this.width = rows / Math.max(1, count);

        ModelWeights weights = ModelWeights.of(store);
        Parameters root = prefixed ? weights.root().at(LIGHTNING) : weights.root();
        this.projection =
                new Projection(root.float32("W.weight", rows, inputSize), root.float32("W.bias", rows), inputSize);
        this.members = count == 0
                ? List.of(Member.of(kind, width, shapes, root))
                : IntStream.range(0, count)
                        .mapToObj(member -> MEMBER + member)
                        .map(member -> Member.of(kind, width, shapes.at(member), root.at(member)))
                        .toList();
        weights.check();
    }

    private static SequenceHead head(HeadKind kind, int width, WeightShapes shapes, Parameters parameters) {
        String part = kind.part();
        return switch (kind) {
            case XLSTM -> XlstmStack.of(width, shapes.at(part), parameters.at(part));
            case LSTM -> BidirectionalRnn.of(Cell.LSTM, width, shapes.at(part), parameters.at(part));
            case GRU -> BidirectionalRnn.of(Cell.GRU, width, shapes.at(part), parameters.at(part));
            case TRANSFORMER -> TransformerEncoder.of(width, shapes.at(part), parameters.at(part));
            case MAMBA2 -> Mamba2.of(width, shapes.at(part), parameters.at(part));
            case MEAN -> new PlainHead(width);
        };
    }

    /** The layer that makes the input of the networks. */
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
     * @throws IllegalArgumentException if there is not one length a conversation, from 1 to the steps
     */
    public Tensor forward(Tensor projected, int... lengths) {
        return Torch.mean(each(projected, lengths), 1).squeeze(-1);
    }

    /**
     * As {@link #forward}, what each member predicts.
     *
     * @return (batch, members)
     */
    public Tensor each(Tensor projected, int... lengths) {
        long steps = projected.size(1);
        if (lengths.length != projected.size(0)
                || Arrays.stream(lengths).anyMatch(length -> length < 1 || length > steps)) {
            throw new IllegalArgumentException("%s are not the lengths of %d conversations of at most %d steps"
                    .formatted(Arrays.toString(lengths), projected.size(0), steps));
        }
        List<Tensor> each = new ArrayList<>();
        for (int i = 0; i < members.size(); i++) {
            each.add(members.get(i).forward(projected.narrow(2, (long) i * width, width), pooler, lengths));
        }
        return Torch.cat(1, each);
    }

    /** The network of the first member. */
    SequenceHead head() {
        return members.getFirst().head;
    }

    /** Of the first member, (..., pooled) to (..., regression), never negative. */
    Tensor hiddenLayer(Tensor pooled) {
        return members.getFirst().hiddenLayer(pooled);
    }

    @Override
    public void close() {
        store.close();
    }
}
