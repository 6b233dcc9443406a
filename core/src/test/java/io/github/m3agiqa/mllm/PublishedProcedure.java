package io.github.m3agiqa.mllm;

import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.Parameters;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * A conversation held as the published code holds it, on the same weights: to compare with what it costs and what comes out
 * of it. The image is encoded in each round; the first question is read by all beams, and each beam has its keys and values
 * on its own, put in order and grown by copying at every token; the second round reads everything anew; and both make the
 * logits of every token they read. {@link PublishedTower} and {@link PublishedLlama} compute as {@code transformers} 4.44
 * does; the resampler is ours, and so is a tower of a kind that was not published.
 *
 * <p>The engine's gradients must be off, and an adapter must not be merged.
 */
public final class PublishedProcedure {
    private final MiniCpmV model;
    private final Optional<PublishedTower> tower;
    private final PublishedLlama llama;

    /** The procedure with attention in float32 where the engine is slower in the type of the activations. */
    public PublishedProcedure(MiniCpmV model) {
        this(model, false);
    }

    /**
     * The procedure.
     *
     * @param literalAttention whether the language model's attention is in the type of the activations even where the engine is
     *     faster in float32
     */
    public PublishedProcedure(MiniCpmV model, boolean literalAttention) {
        Parameters parameters = model.weights().root();
        SiglipVision vision = model.vision();
        this.model = model;
        this.tower = vision.mode() == VisionMode.PUBLISHED
                ? Optional.of(new PublishedTower(vision.config(), parameters.at("vpm")))
                : Optional.empty();
        this.llama = new PublishedLlama(model.llama().config(), parameters.at("llm"), literalAttention);
    }

    /** The first round's answer. */
    public String describe(RgbImage image, SlicePlan plan, TokenizedConversation question, Generation generation) {
        int beams = generation.beams();
        try (Scope _ = new Scope();
                PublishedLlama.Held held = new PublishedLlama.Held(model.llama().config())) {
            Read asked = read(embed(image, plan, question).repeat(beams, 1, 1), held);
            Tensor last = asked.hidden.select(0, 0).narrow(0, question.length() - 1L, 1);
            int[] stopIds = model.template().stopIds();
            BeamSearch search = new BeamSearch(new CopiedBeams(held, beams), last, generation, stopIds, (_, _) -> {});
            List<Integer> tokens = search.choose(asked.logits.select(0, 0).narrow(0, question.length() - 1L, 1));
            while (!tokens.isEmpty()) {
                try (Scope _ = new Scope()) {
                    search.step();
                    Read read = read(model.llama().embed(Session.ints(tokens)).unsqueeze(1), held);
                    search.stepped(read.hidden.squeeze(1));
                    tokens = search.choose(read.logits.squeeze(1));
                }
            }
            return model.template().text(Session.ints(search.found().getFirst().tokens()));
        }
    }

    /**
     * What is made of tokens.
     *
     * @param hidden (..., tokens, hidden), float32
     * @param logits (..., tokens, vocabulary), float32
     */
    public record Read(Tensor hidden, Tensor logits) {}

    /** The second round. */
    public Read read(RgbImage image, SlicePlan plan, TokenizedConversation conversation) {
        try (Scope scope = new Scope();
                PublishedLlama.Held held = new PublishedLlama.Held(model.llama().config())) {
            Read read = read(embed(image, plan, conversation).unsqueeze(0), held);
            return new Read(scope.keep(read.hidden.squeeze(0)), scope.keep(read.logits.squeeze(0)));
        }
    }

    private Read read(Tensor embeddings, PublishedLlama.Held held) {
        Tensor hidden = llama.forward(embeddings, held);
        return new Read(Torch.to(hidden, Dtype.F32), llama.logits(hidden));
    }

    private Tensor embed(RgbImage image, SlicePlan plan, TokenizedConversation conversation) {
        List<RgbImage> pieces = plan.cut(image);
        List<Tensor> features = tower.map(own ->
                        own.forward(pieces.stream().map(model.vision()::patches).toList()))
                .orElseGet(() -> model.see(pieces));
        return model.embed(conversation, model.tokens(pieces, features), 0, conversation.length());
    }

    /** Beams that are the sequences of one batch, in which the network looks up by itself what each has read. */
    private static final class CopiedBeams implements Beams, AttentionContext {
        private final PublishedLlama.Held held;
        private final int beams;
        private int steps;

        CopiedBeams(PublishedLlama.Held held, int beams) {
            this.held = held;
            this.beams = beams;
        }

        @Override
        public int nextRow(int beam) {
            return steps * beams + beam;
        }

        @Override
        public AttentionContext step(List<List<Integer>> rows) {
            if (steps > 0) {
                held.reorder(rows.stream()
                        .mapToInt(own -> own.get(own.size() - 2) % beams)
                        .toArray());
            }
            return this;
        }

        @Override
        public void stepped(Tensor hidden) {
            steps++;
        }

        @Override
        public int[] positions() {
            return IntStream.range(0, beams).map(_ -> held.tokens()).toArray();
        }

        @Override
        public Tensor attend(int layer, Tensor query, Tensor key, Tensor value) {
            throw new UnsupportedOperationException("PublishedLlama attends by itself");
        }
    }
}
