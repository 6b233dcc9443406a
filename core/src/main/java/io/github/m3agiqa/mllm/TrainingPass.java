package io.github.m3agiqa.mllm;

import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
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
    private final int targets;

    /**
     * Reads conversations.
     *
     * @param seed decides what dropout drops
     */
    public TrainingPass(MiniCpmV model, List<Example> examples, Settings settings, long seed) {
        LayerChain blocks = seeded(settings.recomputed ? recomputed : LayerChain.PLAIN, seed);
        List<Tensor> embeddings = new ArrayList<>();
        List<Integer> rows = new ArrayList<>();
        List<Integer> labels = new ArrayList<>();
        int first = 0;
        for (Example example : examples) {
            TokenizedConversation conversation = example.conversation;
            embeddings.add(embed(model, example, settings));
            int[] wanted = conversation.labels();
            for (int i = 0; i < wanted.length; i++) {
                if (wanted[i] != TokenizedConversation.IGNORED) {
                    rows.add(first + i);
                    labels.add(wanted[i]);
                }
            }
            first += conversation.length();
        }
        if (labels.isEmpty()) {
            throw new IllegalArgumentException("the conversations have no answer to learn from");
        }
        int[] lengths = examples.stream()
                .mapToInt(example -> example.conversation.length())
                .toArray();
        Llama llama = model.llama();
        Tensor hidden = llama.forward(Torch.cat(0, embeddings), new PackedContext(lengths), blocks);
        Tensor answering = hidden.index_select(0, Torch.indices(llama.device(), ints(rows))); // (targets, hidden)
        this.loss = torch.cross_entropy_loss(
                llama.logits(answering),
                Torch.indices(llama.device(), ints(labels)),
                new TensorOptional(),
                REDUCE_SUM,
                TokenizedConversation.IGNORED,
                0);
        this.targets = labels.size();
    }

    private Tensor embed(MiniCpmV model, Example example, Settings settings) {
        if (settings.recomputed && settings.visionTrained) {
            return embed(model, example, recomputed); // the backward pass wants what the tower was given
        }
        try (Scope scope = new Scope()) {
            return scope.keep(embed(model, example, LayerChain.PLAIN));
        }
    }

    /** (tokens, hidden) */
    private static Tensor embed(MiniCpmV model, Example example, LayerChain tower) {
        List<Tensor> pictures = model.encode(example.image, example.plan, tower);
        return model.embed(example.conversation, pictures, 0, example.conversation.length());
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

    /**
     * Adds to the gradients of all trained weights.
     *
     * @param weight what the sum of the cross-entropies is multiplied by, such as one over the number of labels
     */
    public void backward(double weight) {
        Torch.scale(loss, weight).backward();
        recomputed.backward();
    }
}
