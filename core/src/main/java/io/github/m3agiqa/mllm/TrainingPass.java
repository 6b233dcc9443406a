package io.github.m3agiqa.mllm;

import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * One reading of whole conversations with all their answers, of which gradients are wanted.
 *
 * <p>Dropout draws from the engine's random numbers, which are seeded anew for every block: the same seed drops the same
 * inputs, whether a block is run once or computed again.
 */
public final class TrainingPass {
    private static final int REDUCE_SUM = 2;

    /**
     * A conversation and the picture that it is about.
     *
     * @param plan how the picture is cut
     */
    public record Example(RgbImage image, SlicePlan plan, TokenizedConversation conversation) {}

    /**
     * How gradients are computed.
     *
     * @param visionTrained whether gradients reach the vision tower
     * @param recomputed whether activations are computed again in the backward pass, which takes a third more time and
     *     a fraction of the memory
     */
    public record Settings(boolean visionTrained, boolean recomputed) {}

    private final RecomputedChain recomputed = new RecomputedChain();
    private final Tensor loss;
    private final Tensor towerError;
    private final int targets;

    /**
     * Reads conversations.
     *
     * @param examples at least one; where none has an answer, nothing is learned from them
     * @param readout what reads from the hidden states of each picture what the tower saw; null if nothing does
     * @param seed decides what dropout drops
     */
    public TrainingPass(
            MiniCpmV model, List<Example> examples, Settings settings, @Nullable TowerReadout readout, long seed) {
        LayerChain blocks = seeded(settings.recomputed ? recomputed : LayerChain.PLAIN, seed);
        List<Tensor> embeddings = new ArrayList<>();
        List<Tensor> seen = new ArrayList<>(); // for each picture what the tower sees in it
        List<Integer> rows = new ArrayList<>();
        List<Integer> labels = new ArrayList<>();
        int first = 0;
        for (Example example : examples) {
            TokenizedConversation conversation = example.conversation;
            embeddings.add(embed(model, example, settings, seen));
            int[] wanted = conversation.labels();
            for (int i = 0; i < wanted.length; i++) {
                if (wanted[i] != TokenizedConversation.IGNORED) {
                    rows.add(first + i);
                    labels.add(wanted[i]);
                }
            }
            first += conversation.length();
        }
        int[] lengths = examples.stream()
                .mapToInt(example -> example.conversation.length())
                .toArray();
        Llama llama = model.llama();
        Tensor hidden = llama.forward(Torch.cat(0, embeddings), new PackedContext(lengths), blocks);
        this.loss = labels.isEmpty() ? Torch.scale(hidden.sum(), 0) : loss(llama, hidden, rows, labels);
        this.targets = labels.size();
        this.towerError = readout == null
                ? Torch.zeros(Dtype.F32, llama.device())
                : readout.error(
                        PictureStates.means(
                                hidden,
                                examples.stream().map(Example::conversation).toList()),
                        seen);
    }

    private static Tensor loss(Llama llama, Tensor hidden, List<Integer> rows, List<Integer> labels) {
        Tensor answering = hidden.index_select(0, Torch.indices(llama.device(), ints(rows))); // (targets, hidden)
        return torch.cross_entropy_loss(
                llama.logits(answering),
                Torch.indices(llama.device(), ints(labels)),
                new TensorOptional(),
                REDUCE_SUM,
                TokenizedConversation.IGNORED,
                0);
    }

    /** (tokens, hidden); what the tower sees in the picture is added to what it saw in others. */
    private Tensor embed(MiniCpmV model, Example example, Settings settings, List<Tensor> seen) {
        if (settings.recomputed && settings.visionTrained) {
            return embed(model, example, recomputed, seen); // the backward pass wants what the tower was given
        }
        try (Scope scope = new Scope()) {
            Tensor embedded = embed(model, example, LayerChain.PLAIN, seen);
            scope.keep(seen.getLast());
            return scope.keep(embedded);
        }
    }

    private static Tensor embed(MiniCpmV model, Example example, LayerChain tower, List<Tensor> seen) {
        List<RgbImage> pieces = example.plan.cut(example.image);
        List<Tensor> features = model.vision().forward(pieces, tower);
        seen.add(TowerReadout.view(features));
        return model.embed(example.conversation, model.tokens(pieces, features), 0, example.conversation.length());
    }

    private static LayerChain seeded(LayerChain chain, long seed) {
        return (x, layers) -> chain.run(
                x,
                IntStream.range(0, layers.size())
                        .<UnaryOperator<Tensor>>mapToObj(i -> state -> {
                            Engine.seed(31 * seed + i);
                            return layers.get(i).apply(state);
                        })
                        .toList());
    }

    private static int[] ints(List<Integer> numbers) {
        return numbers.stream().mapToInt(Integer::intValue).toArray();
    }

    /** The number of labels. */
    public int targets() {
        return targets;
    }

    /** The sum of the cross-entropies of all labels, in nats. */
    public double lossSum() {
        return Torch.toFloats(loss)[0];
    }

    /** The mean squared error of what the readout says that the tower saw; 0 without one. */
    public double towerError() {
        return Torch.toFloats(towerError)[0];
    }

    /**
     * Adds to the gradients of all trained weights.
     *
     * @param weight what the sum of the cross-entropies is multiplied by, such as one over the number of labels
     * @param towerWeight what the readout's error is multiplied by
     */
    public void backward(double weight, double towerWeight) {
        Torch.scale(loss, weight).add(Torch.scale(towerError, towerWeight)).backward();
        recomputed.backward();
    }
}
