package io.github.m3agiqa.mllm;

import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.tensor.Scope;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * A conversation held as the published code holds it, over the same networks: to compare with what it costs and what comes
 * out of it. The image is encoded in each round; the first question is read once a beam; the second round reads everything
 * anew, and makes the logits of every token. Decoding is left as it is here, which is to the published code's advantage.
 *
 * <p>The engine's gradients must be off.
 */
public final class PublishedProcedure {
    private final MiniCpmV model;
    private final RgbImage image;
    private final SlicePlan plan;

    public PublishedProcedure(MiniCpmV model, RgbImage image, SlicePlan plan) {
        this.model = model;
        this.image = image;
        this.plan = plan;
    }

    /** The first round's answer. */
    public String describe(TokenizedConversation question, Generation generation) {
        List<KvCache> caches = new ArrayList<>();
        try (Scope _ = new Scope()) {
            Tensor embeddings = embed(question);
            Tensor hidden = embeddings;
            for (int beam = 0; beam < generation.beams(); beam++) {
                KvCache cache = cache(question.length() + generation.maxNewTokens());
                caches.add(cache);
                hidden = model.llama().forward(embeddings, cache.extension(question.length()));
                cache.grow(question.length());
            }
            try (BeamCache beams =
                    new BeamCache(caches.getFirst(), model.llama(), generation.beams(), generation.maxNewTokens())) {
                int[] stopIds = model.template().stopIds();
                BeamSearch search = new BeamSearch(model.llama(), beams, generation, stopIds, (_, _) -> {});
                List<Integer> tokens = search.run(hidden.narrow(0, question.length() - 1L, 1))
                        .getFirst()
                        .tokens();
                return model.template()
                        .text(tokens.stream().mapToInt(Integer::intValue).toArray());
            }
        } finally {
            caches.forEach(KvCache::close);
        }
    }

    /** What the predictor reads: (tokens, vocabulary), float32. */
    public Tensor logits(TokenizedConversation conversation) {
        try (Scope scope = new Scope();
                KvCache cache = cache(conversation.length())) {
            Tensor hidden = model.llama().forward(embed(conversation), cache.extension(conversation.length()));
            return scope.keep(model.llama().logits(hidden));
        }
    }

    private Tensor embed(TokenizedConversation conversation) {
        return model.embed(conversation, model.encode(image, plan), 0, conversation.length());
    }

    private KvCache cache(int capacity) {
        return new KvCache(model.llama().config(), model.llama().device(), capacity);
    }
}
