package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.Parameter;
import io.github.m3agiqa.weights.Parameters;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** {@code LlamaForCausalLM} as {@code transformers} 4.44 computes it, operation by operation, on the same weights. */
final class PublishedLlama {
    private record Layer(
            Parameter inputNorm,
            PublishedLinear query,
            PublishedLinear key,
            PublishedLinear value,
            PublishedLinear out,
            Parameter postAttentionNorm,
            PublishedLinear gate,
            PublishedLinear up,
            PublishedLinear down) {
        static Layer of(Parameters layer, Llama.Config config) {
            int hidden = config.hiddenSize();
            int wide = config.intermediateSize();
            long queryWidth = (long) config.heads() * config.headSize();
            long keyWidth = (long) config.keyValueHeads() * config.headSize();
            Parameters attention = layer.at("self_attn");
            Parameters feedForward = layer.at("mlp");
            return new Layer(
                    PublishedLinear.weight(layer, "input_layernorm.weight", hidden),
                    PublishedLinear.of(attention.at("q_proj"), queryWidth, hidden),
                    PublishedLinear.of(attention.at("k_proj"), keyWidth, hidden),
                    PublishedLinear.of(attention.at("v_proj"), keyWidth, hidden),
                    PublishedLinear.of(attention.at("o_proj"), hidden, queryWidth),
                    PublishedLinear.weight(layer, "post_attention_layernorm.weight", hidden),
                    PublishedLinear.of(feedForward.at("gate_proj"), wide, hidden),
                    PublishedLinear.of(feedForward.at("up_proj"), wide, hidden),
                    PublishedLinear.of(feedForward.at("down_proj"), hidden, wide));
        }
    }

    private final Llama.Config config;
    private final Device device;
    private final Dtype dtype;
    private final Dtype attentionDtype;
    private final List<Layer> layers;
    private final Parameter norm;
    private final PublishedLinear head;

    /**
     * Builds the network.
     *
     * @param literalAttention whether attention is in the type of the activations even where the engine is faster in float32
     */
    PublishedLlama(Llama.Config config, Parameters parameters, boolean literalAttention) {
        this.config = config;
        this.device = parameters.device();
        this.dtype = PublishedLinear.activations(parameters);
        this.attentionDtype = literalAttention || device.attendsInBf16() ? dtype : Dtype.F32;
        Parameters model = parameters.at("model");
        this.layers = IntStream.range(0, config.layers())
                .mapToObj(i -> Layer.of(model.at("layers." + i), config))
                .toList();
        this.norm = PublishedLinear.weight(model, "norm.weight", config.hiddenSize());
        this.head = PublishedLinear.of(parameters.at("lm_head"), config.vocabularySize(), config.hiddenSize());
    }

    /**
     * Reads tokens that follow those held.
     *
     * @param embeddings (sequences, tokens, hidden)
     * @param held grows by these tokens
     * @return (sequences, tokens, hidden), after the final norm
     */
    Tensor forward(Tensor embeddings, Held held) {
        Rotary rotary = new Rotary(held.tokens(), (int) embeddings.size(1));
        List<UnaryOperator<Tensor>> blocks = IntStream.range(0, layers.size())
                .<UnaryOperator<Tensor>>mapToObj(i -> x -> block(i, x, rotary, held))
                .toList();
        return rmsNorm(LayerChain.PLAIN.run(Torch.to(embeddings, dtype), blocks), norm);
    }

    /** The scores of all tokens as the next one, for every token that was read: (..., vocabulary), float32. */
    Tensor logits(Tensor hidden) {
        return Torch.to(head.forward(hidden), Dtype.F32);
    }

    private Tensor block(int index, Tensor x, Rotary rotary, Held held) {
        Layer layer = layers.get(index);
        Tensor normed = rmsNorm(x, layer.inputNorm);
        Tensor query = rotary.apply(heads(layer.query.forward(normed), config.heads()));
        Tensor key = rotary.apply(heads(layer.key.forward(normed), config.keyValueHeads()));
        Tensor value = heads(layer.value.forward(normed), config.keyValueHeads());
        held.add(index, key, value);
        Tensor mixed = attention(query, repeated(held.keys[index]), repeated(held.values[index]));
        Tensor attended = x.add(layer.out.forward(mixed.transpose(1, 2).flatten(2, 3)));

        Tensor again = rmsNorm(attended, layer.postAttentionNorm);
        Tensor wide = torch.silu(layer.gate.forward(again)).mul(layer.up.forward(again));
        return attended.add(layer.down.forward(wide));
    }

    private Tensor attention(Tensor query, Tensor key, Tensor value) {
        Tensor mixed = GroupedQueryAttention.product(
                Torch.to(query, attentionDtype),
                Torch.to(key, attentionDtype),
                Torch.to(value, attentionDtype),
                new TensorOptional(),
                query.size(2) > 1);
        return Torch.to(mixed, dtype);
    }

    /** (sequences, tokens, heads * size) as (sequences, heads, tokens, size). */
    private Tensor heads(Tensor x, int heads) {
        return x.view(x.size(0), x.size(1), heads, config.headSize()).transpose(1, 2);
    }

    /** Each key-value head for each of its query heads, copied. */
    private Tensor repeated(Tensor x) {
        long each = (long) config.heads() / config.keyValueHeads();
        return x.unsqueeze(2)
                .expand(x.size(0), x.size(1), each, x.size(2), x.size(3))
                .reshape(x.size(0), x.size(1) * each, x.size(2), x.size(3));
    }

    private Tensor rmsNorm(Tensor x, Parameter weight) {
        Tensor exact = Torch.to(x, Dtype.F32);
        Tensor variance = Torch.mean(exact.square(), -1);
        Tensor normed = exact.mul(Torch.plus(variance, config.rmsNormEpsilon()).rsqrt());
        return weight.get().mul(Torch.to(normed, dtype));
    }

    /** The keys and values of sequences of one length, which are copied whenever they grow or change places. */
    static final class Held implements AutoCloseable {
        private final Tensor[] keys; // per layer (sequences, key-value heads, tokens, head size)
        private final Tensor[] values;

        Held(Llama.Config config) {
            this.keys = new Tensor[config.layers()];
            this.values = new Tensor[config.layers()];
        }

        int tokens() {
            return keys[0] == null ? 0 : (int) keys[0].size(2);
        }

        private void add(int layer, Tensor key, Tensor value) {
            boolean first = keys[layer] == null;
            replace(keys, layer, first ? key.clone() : Torch.cat(2, keys[layer], key));
            replace(values, layer, first ? value.clone() : Torch.cat(2, values[layer], value));
        }

        /** Lets each sequence go on from another one. */
        void reorder(int... parents) {
            Tensor places = Torch.indices(Device.of(keys[0]), parents);
            for (int layer = 0; layer < keys.length; layer++) {
                replace(keys, layer, keys[layer].index_select(0, places));
                replace(values, layer, values[layer].index_select(0, places));
            }
        }

        private static void replace(Tensor[] held, int layer, Tensor other) {
            if (held[layer] != null) {
                Scope.release(held[layer]);
            }
            held[layer] = Scope.own(other);
        }

        @Override
        public void close() {
            for (Tensor[] held : List.of(keys, values)) {
                for (Tensor tensor : held) {
                    if (tensor != null) {
                        Scope.release(tensor);
                    }
                }
            }
        }
    }

    private final class Rotary {
        private final Tensor cosine; // (tokens, head size)
        private final Tensor sine;

        Rotary(int from, int tokens) {
            Tensor angles =
                    config.rotaryAngles(IntStream.range(from, from + tokens).toArray());
            Tensor twice = Torch.cat(1, angles, angles);
            this.cosine = Torch.to(twice.cos(), dtype, device);
            this.sine = Torch.to(twice.sin(), dtype, device);
        }

        Tensor apply(Tensor x) {
            List<Tensor> halves = Torch.split(x, config.headSize() / 2, 3);
            Tensor rotated = Torch.cat(3, halves.getLast().neg(), halves.getFirst());
            return x.mul(cosine).add(rotated.mul(sine));
        }
    }
}
