package io.github.m3agiqa.mllm;

import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * A conversation held as the published code holds it, over the same networks: to compare with what it costs and what comes
 * out of it. The image is encoded in each round; the first question is read once a beam, and each beam has its keys and
 * values on its own, put in order and grown by copying at every token; the second round reads everything anew; and both
 * make the logits of every token they read.
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
        try (Scope _ = new Scope();
                CopiedBeams beams = new CopiedBeams(model.llama(), generation.beams())) {
            Tensor embeddings = embed(question);
            Tensor hidden = embeddings;
            for (int beam = 0; beam < generation.beams(); beam++) {
                try (KvCache cache = cache(question.length())) {
                    hidden = read(embeddings, cache).hidden;
                    beams.add(cache);
                }
            }
            beams.begin();
            int[] stopIds = model.template().stopIds();
            Tensor last = hidden.narrow(0, question.length() - 1L, 1);
            BeamSearch search = new BeamSearch(beams, last, generation, stopIds, (_, _) -> {});
            Decoding.run(model.llama(), List.of(search));
            List<Integer> tokens = search.found().getFirst().tokens();
            return model.template()
                    .text(tokens.stream().mapToInt(Integer::intValue).toArray());
        }
    }

    /**
     * What the second round makes of a conversation.
     *
     * @param hidden (tokens, hidden), float32
     * @param logits (tokens, vocabulary), float32
     */
    public record Read(Tensor hidden, Tensor logits) {}

    /** The second round. */
    public Read read(TokenizedConversation conversation) {
        try (Scope scope = new Scope();
                KvCache cache = cache(conversation.length())) {
            Read read = read(embed(conversation), cache);
            return new Read(scope.keep(read.hidden), scope.keep(read.logits));
        }
    }

    private Read read(Tensor embeddings, KvCache cache) {
        int tokens = (int) embeddings.size(0);
        Tensor hidden = model.llama().forward(embeddings, cache.extension(tokens));
        cache.grow(tokens);
        return new Read(hidden, model.llama().logits(hidden));
    }

    private Tensor embed(TokenizedConversation conversation) {
        return model.embed(conversation, model.encode(image, plan), 0, conversation.length());
    }

    private KvCache cache(int capacity) {
        return new KvCache(model.llama().config(), model.llama().device(), capacity);
    }

    /** Beams as {@code transformers} 4.44 holds them: every beam's keys and values from the first token on. */
    private static final class CopiedBeams implements Beams, AutoCloseable {
        private final Llama.Config config;
        private final int beams;
        private final List<List<Tensor>> keysOfBeams = new ArrayList<>();
        private final List<List<Tensor>> valuesOfBeams = new ArrayList<>();
        private final Tensor[] keys; // per layer (beams, key-value heads, tokens, head size)
        private final Tensor[] values;
        private final Device device;
        private int steps;

        CopiedBeams(Llama llama, int beams) {
            this.config = llama.config();
            this.device = llama.device();
            this.beams = beams;
            this.keys = new Tensor[config.layers()];
            this.values = new Tensor[config.layers()];
        }

        /** One beam more, which continues what a cache holds. */
        void add(KvCache cache) {
            keysOfBeams.add(IntStream.range(0, keys.length)
                    .mapToObj(layer -> cache.keys(layer).clone())
                    .toList());
            valuesOfBeams.add(IntStream.range(0, keys.length)
                    .mapToObj(layer -> cache.values(layer).clone())
                    .toList());
        }

        /** All beams are there. */
        void begin() {
            for (int i = 0; i < keys.length; i++) {
                int layer = i;
                keys[i] = Scope.own(Torch.stack(
                        keysOfBeams.stream().map(beam -> beam.get(layer)).toList()));
                values[i] = Scope.own(Torch.stack(
                        valuesOfBeams.stream().map(beam -> beam.get(layer)).toList()));
            }
        }

        @Override
        public int nextRow(int beam) {
            return steps * beams + beam;
        }

        @Override
        public AttentionContext step(List<List<Integer>> rows) {
            if (steps > 0) {
                int[] parents = rows.stream()
                        .mapToInt(own -> own.get(own.size() - 2) % beams)
                        .toArray();
                for (int layer = 0; layer < keys.length; layer++) {
                    replace(keys, layer, keys[layer].index_select(0, Torch.indices(device, parents)));
                    replace(values, layer, values[layer].index_select(0, Torch.indices(device, parents)));
                }
            }
            return new Step();
        }

        @Override
        public void stepped(Tensor hidden) {
            steps++;
        }

        private static void replace(Tensor[] held, int layer, Tensor other) {
            Scope.release(held[layer]);
            held[layer] = Scope.own(other);
        }

        private final class Step implements AttentionContext {
            private final int position = (int) keys[0].size(2);

            @Override
            public int[] positions() {
                return IntStream.range(0, beams).map(_ -> position).toArray();
            }

            @Override
            public Tensor attend(int layer, Tensor query, Tensor key, Tensor value) {
                replace(keys, layer, Torch.cat(2, keys[layer], key.unsqueeze(2)));
                replace(values, layer, Torch.cat(2, values[layer], value.unsqueeze(2)));
                return torch.scaled_dot_product_attention(
                                query.unsqueeze(2), repeatHeads(keys[layer]), repeatHeads(values[layer]))
                        .reshape(beams, (long) config.heads() * config.headSize());
            }

            /** Each key-value head for each of its query heads: (beams, heads, tokens, head size). */
            private Tensor repeatHeads(Tensor x) {
                return x.unsqueeze(2)
                        .expand(
                                beams,
                                config.keyValueHeads(),
                                config.heads() / config.keyValueHeads(),
                                x.size(2),
                                config.headSize())
                        .flatten(1, 2);
            }
        }

        @Override
        public void close() {
            for (int layer = 0; layer < keys.length; layer++) {
                Scope.release(keys[layer]);
                Scope.release(values[layer]);
            }
        }
    }
}
