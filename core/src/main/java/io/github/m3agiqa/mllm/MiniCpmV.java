package io.github.m3agiqa.mllm;

import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.mllm.TokenizedConversation.Span;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.ModelWeights;
import io.github.m3agiqa.weights.Parameters;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * MiniCPM-Llama3-V: a vision tower and a resampler turn the pieces of a picture into tokens, which a language model
 * reads among the words of a conversation.
 */
public final class MiniCpmV implements AutoCloseable {
    private final MiniCpmVConfig config;
    private final ModelWeights weights;
    private final ChatTemplate template;
    private final SiglipVision vision;
    private final Resampler resampler;
    private final Llama llama;

    /**
     * Builds the networks; no weight is read before it is used.
     *
     * @param weights closed with the model
     * @param tokenizer may be shared; it is not closed with the model
     * @throws io.github.m3agiqa.ModelException if weights or tokenizer do not fit the configuration
     */
    public MiniCpmV(MiniCpmVConfig config, VisionMode visionMode, ModelWeights weights, Tokenizer tokenizer) {
        Parameters parameters = weights.root();
        tokenizer.checkWithin(config.llama().vocabularySize());
        this.config = config;
        this.weights = weights;
        this.template = new ChatTemplate(tokenizer, config.resampler().queries());
        this.vision = new SiglipVision(config.vision(), visionMode, parameters.at("vpm"));
        this.resampler = new Resampler(config.resampler(), parameters.at("resampler"));
        this.llama = new Llama(config.llama(), parameters.at("llm"));
        weights.check();
    }

    public ChatTemplate template() {
        return template;
    }

    public Llama llama() {
        return llama;
    }

    ModelWeights weights() {
        return weights;
    }

    SiglipVision vision() {
        return vision;
    }

    Resampler resampler() {
        return resampler;
    }

    /** How many numbers say what the tower sees in a piece of a picture, see {@link Session#view}. */
    public int viewSize() {
        return config.vision().viewSize();
    }

    /** How an image of that size is cut for this model. */
    public SlicePlan plan(RgbImage image, int maxSlices) {
        return SlicePlan.of(
                image.width(),
                image.height(),
                new SlicePlan.Settings(
                        maxSlices, config.tileResolution(), config.vision().patchSize()));
    }

    /**
     * Sets the scale of the vision tower's stem, and of what embeds its patches, by what they make of the tiles of these
     * images; nothing without a stem.
     *
     * @param stemToo false for a stem that was trained before
     */
    public void normalizeStem(List<RgbImage> images, int maxSlices, boolean stemToo) {
        if (!config.vision().stem().isEmpty()) {
            List<RgbImage> pieces = images.stream()
                    .flatMap(image -> plan(image, maxSlices).cut(image).stream())
                    .toList();
            RgbImage last = pieces.getLast();
            vision.normalizeStem(
                    pieces.stream()
                            .filter(piece -> piece.width() == last.width() && piece.height() == last.height())
                            .toList(),
                    stemToo);
        }
    }

    /**
     * Turns a picture into tokens.
     *
     * @return for each of its pieces (queries, hidden)
     */
    public List<Tensor> encode(RgbImage image, SlicePlan plan) {
        List<RgbImage> pieces = plan.cut(image);
        return tokens(pieces, see(pieces));
    }

    /**
     * What the tower sees in a picture, as {@link Session#view}, if nothing is to be said about it.
     *
     * @return (pieces, 2 * vision width)
     */
    public Tensor view(RgbImage image, SlicePlan plan) {
        return TowerView.ofEach(see(plan.cut(image)));
    }

    /** For each piece of a picture what the tower makes of it, (patches, vision width). */
    List<Tensor> see(List<RgbImage> pieces) {
        return vision.forward(pieces, LayerChain.PLAIN);
    }

    /**
     * The tokens of what the tower saw.
     *
     * @param features for each piece (patches, vision width)
     * @return for each piece (queries, hidden)
     */
    List<Tensor> tokens(List<RgbImage> pieces, List<Tensor> features) {
        return resampler.forward(features, pieces.stream().map(vision::grid).toList());
    }

    /**
     * The embeddings of a part of a conversation, images included.
     *
     * @param pictures for each image (queries, hidden)
     * @param from the first token of the part
     * @param to the token after the last of the part
     * @return (to - from, hidden)
     */
    Tensor embed(TokenizedConversation conversation, List<Tensor> pictures, int from, int to) {
        List<Tensor> parts = new ArrayList<>();
        int at = from;
        for (int i = 0; i < pictures.size() && at < to; i++) {
            Span span = conversation.images().get(i);
            int start = Math.clamp(span.start(), at, to);
            int end = Math.clamp(span.end(), at, to);
            addWords(conversation, at, start, parts);
            if (start < end) {
                parts.add(pictures.get(i).narrow(0, start - span.start(), end - start));
            }
            at = end;
        }
        addWords(conversation, at, to, parts);
        return Torch.cat(0, parts);
    }

    private void addWords(TokenizedConversation conversation, int from, int to, List<Tensor> parts) {
        if (from < to) {
            parts.add(llama.embed(Arrays.copyOfRange(conversation.ids(), from, to)));
        }
    }

    @Override
    public void close() {
        weights.close();
    }
}
