package io.github.m3agiqa.mllm;

import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.mllm.SiglipVision.PatchGrid;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * One reading of pictures and texts by a model that knows nothing yet. It learns
 *
 * <ul>
 *   <li><b>dense</b>: to say from each patch of a tile what a teacher's layers saw there,
 *   <li><b>global</b>: to say from the language model's hidden states of the picture what teachers saw in the whole,
 *   <li><b>caption</b>: to answer a question about the picture, such as what its prompt was,
 *   <li><b>text</b>: to go on with conversations without a picture, word by word,
 *   <li><b>score</b>: to say from the hidden states of the picture what people scored it, where they did,
 *   <li><b>tower</b>: to say from the hidden states of the picture what the vision tower saw in the whole.
 * </ul>
 */
public final class PretrainingPass {
    private static final int REDUCE_MEAN = 1;
    /** Of the scores' range: what is predicted is the distance from it. */
    private static final double MIDDLE = 2.5;

    /**
     * A picture, what was said about it, what teachers saw in it and what people thought of it.
     *
     * @param pieces what the picture was cut into
     * @param dense (rows * columns, dense size), row by row of the patches of all tiles together; null without teachers
     * @param global (global size); null without teachers
     * @param scores of each aspect that is learned, from 0 to 5; NaN where nobody scored the picture
     */
    public record Picture(
            List<RgbImage> pieces,
            SlicePlan plan,
            TokenizedConversation conversation,
            @Nullable Tensor dense,
            @Nullable Tensor global,
            List<Double> scores) {}

    /**
     * What turns the model's vectors into the teachers' and into scores; of no use after the pretraining.
     *
     * @param weights {@code heads.dense.weight} (dense size, vision width), {@code heads.global.weight} (global size,
     *     hidden width), {@code heads.score.weight} (aspects, hidden width), and their biases; those of a loss that is
     *     not computed may be absent
     */
    public record Heads(Map<String, Tensor> weights) {
        private Tensor apply(String head, Tensor x) {
            return Torch.linear(x, weight(head + ".weight"), weight(head + ".bias"));
        }

        private Tensor weight(String name) {
            return Objects.requireNonNull(weights.get("heads." + name), name);
        }

        private boolean has(String head) {
            return weights.containsKey("heads." + head + ".weight");
        }
    }

    /** What each loss counts. */
    public record Weights(double dense, double global, double caption, double text, double score, double tower) {
        /** The weights in the order of {@link PretrainingPass#losses}. */
        public double[] inOrder() {
            return new double[] {dense, global, caption, text, score, tower};
        }
    }

    private final List<Tensor> losses;

    /**
     * Reads pictures and texts, of which there may be none.
     *
     * @param readout what reads from the hidden states of each picture what the tower saw; null if nothing does
     */
    public PretrainingPass(
            MiniCpmV model,
            Heads heads,
            @Nullable TowerReadout readout,
            List<Picture> pictures,
            List<TokenizedConversation> texts) {
        List<PatchGrid> grids = new ArrayList<>();
        List<Tensor> patches = new ArrayList<>();
        for (Picture picture : pictures) {
            for (RgbImage piece : picture.pieces) {
                grids.add(model.vision().grid(piece));
                patches.add(model.vision().patches(piece));
            }
        }
        List<Tensor> features = model.vision().forward(patches, grids, LayerChain.PLAIN);
        List<Tensor> tokens = model.resampler().forward(features, grids);
        List<Tensor> embeddings = new ArrayList<>();
        List<TokenizedConversation> conversations = new ArrayList<>();
        List<Tensor> seen = new ArrayList<>(); // for each picture the vision tower's vectors of its tiles' patches
        List<Tensor> views = new ArrayList<>();
        int piece = 0;
        for (Picture picture : pictures) {
            int count = picture.conversation.images().size();
            List<Tensor> own = features.subList(piece, piece + count);
            seen.add(inRows(picture.plan, own, grids.subList(piece, piece + count)));
            views.add(TowerReadout.view(own));
            embeddings.add(model.embed(
                    picture.conversation, tokens.subList(piece, piece + count), 0, picture.conversation.length()));
            conversations.add(picture.conversation);
            piece += count;
        }
        for (TokenizedConversation text : texts) {
            embeddings.add(model.embed(text, List.of(), 0, text.length()));
            conversations.add(text);
        }
        Llama llama = model.llama();
        int[] lengths =
                conversations.stream().mapToInt(TokenizedConversation::length).toArray();
        Tensor hidden = llama.forward(Torch.cat(0, embeddings), new PackedContext(lengths)); // (tokens, hidden)

        Targets captions = new Targets();
        Targets continuations = new Targets();
        int first = 0;
        for (int i = 0; i < conversations.size(); i++) {
            TokenizedConversation conversation = conversations.get(i);
            if (i < pictures.size()) {
                captions.add(first, conversation.labels());
            } else {
                continuations.add(first, next(conversation.ids()));
            }
            first += lengths[i];
        }
        List<Tensor> states = PictureStates.means(hidden, conversations.subList(0, pictures.size()));
        this.losses = List.of(
                squaredError(heads, "dense", seen, pictures, Picture::dense, llama.device()),
                squaredError(heads, "global", states, pictures, Picture::global, llama.device()),
                captions.crossEntropy(llama, hidden),
                continuations.crossEntropy(llama, hidden),
                scoreError(heads, states, pictures, llama.device()),
                readout == null || pictures.isEmpty()
                        ? Torch.zeros(Dtype.F32, llama.device())
                        : readout.error(states, views));
    }

    /** For each token the one after it. */
    private static int[] next(int[] ids) {
        int[] labels = Arrays.copyOfRange(ids, 1, ids.length + 1);
        labels[ids.length - 1] = TokenizedConversation.IGNORED;
        return labels;
    }

    /**
     * The vectors of a picture's patches, row by row over all its tiles; those of the whole if it was not cut.
     *
     * @param features for each piece (patches, width), the thumbnail first
     */
    private static Tensor inRows(SlicePlan plan, List<Tensor> features, List<PatchGrid> grids) {
        SlicePlan.Grid tiles = plan.grid();
        if (tiles == null) {
            return features.getFirst();
        }
        PatchGrid grid = grids.getLast();
        Tensor together = Torch.stack(features.subList(1, features.size())); // (tiles, patches, width)
        return together.view(tiles.rows(), tiles.columns(), grid.rows(), grid.columns(), together.size(2))
                .transpose(1, 2)
                .reshape((long) tiles.cells() * grid.patches(), together.size(2));
    }

    private static Tensor squaredError(
            Heads heads,
            String head,
            List<Tensor> seen,
            List<Picture> pictures,
            Function<Picture, @Nullable Tensor> target,
            Device device) {
        List<Tensor> wanted = new ArrayList<>();
        List<Tensor> found = new ArrayList<>();
        for (int i = 0; i < pictures.size(); i++) {
            Tensor known = target.apply(pictures.get(i));
            if (known != null) {
                wanted.add(known);
                found.add(seen.get(i));
            }
        }
        if (wanted.isEmpty()) {
            return Torch.zeros(Dtype.F32, device);
        }
        return torch.mse_loss(heads.apply(head, Torch.stack(found)), Torch.to(Torch.stack(wanted), device));
    }

    /** The mean squared error of the scores that are known. */
    private static Tensor scoreError(Heads heads, List<Tensor> seen, List<Picture> pictures, Device device) {
        if (pictures.isEmpty() || !heads.has("score")) {
            return Torch.zeros(Dtype.F32, device);
        }
        int aspects = pictures.getFirst().scores.size();
        float[] wanted = new float[pictures.size() * aspects];
        float[] known = new float[wanted.length];
        int count = 0;
        for (int i = 0; i < wanted.length; i++) {
            double score = pictures.get(i / aspects).scores.get(i % aspects);
            if (!Double.isNaN(score)) {
                wanted[i] = (float) (score - MIDDLE);
                known[i] = 1;
                count++;
            }
        }
        Tensor found = heads.apply("score", Torch.stack(seen));
        Tensor error = found.sub(Torch.to(Torch.floats(wanted, pictures.size(), aspects), device))
                .mul(Torch.to(Torch.floats(known, pictures.size(), aspects), device));
        return Torch.divide(error.square().sum(), Math.max(1, count));
    }

    /** Rows of the hidden states, and the token that shall be predicted from each. */
    private static final class Targets {
        private final IntStream.Builder rows = IntStream.builder();
        private final IntStream.Builder labels = IntStream.builder();

        void add(int first, int[] wanted) {
            for (int i = 0; i < wanted.length; i++) {
                if (wanted[i] != TokenizedConversation.IGNORED) {
                    rows.add(first + i);
                    labels.add(wanted[i]);
                }
            }
        }

        /** The mean cross-entropy, in nats; 0 without targets. */
        Tensor crossEntropy(Llama llama, Tensor hidden) {
            int[] chosen = rows.build().toArray();
            if (chosen.length == 0) {
                return Torch.scale(hidden.sum(), 0);
            }
            return torch.cross_entropy_loss(
                    llama.logits(hidden.index_select(0, Torch.indices(llama.device(), chosen))),
                    Torch.indices(llama.device(), labels.build().toArray()),
                    new TensorOptional(),
                    REDUCE_MEAN,
                    TokenizedConversation.IGNORED,
                    0);
        }
    }

    /**
     * The losses in the order dense, global, caption, text, score, tower, 0 where there is nothing to learn from: caption and
     * text are mean cross-entropies in nats, the others mean squared errors.
     */
    public float[] losses() {
        return Torch.toFloats(Torch.stack(losses));
    }

    /** Adds the gradients of the weighted sum of the losses. */
    public void backward(Weights weights) {
        double[] each = weights.inOrder();
        Tensor sum = Torch.scale(losses.getFirst(), each[0]);
        for (int i = 1; i < each.length; i++) {
            sum = sum.add(Torch.scale(losses.get(i), each[i]));
        }
        sum.backward();
    }
}
