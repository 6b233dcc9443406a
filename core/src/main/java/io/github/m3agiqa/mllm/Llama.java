package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.Matrix;
import io.github.m3agiqa.weights.Parameter;
import io.github.m3agiqa.weights.Parameters;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** The language model Llama-3: embeddings, decoder blocks, final norm, and the head that makes logits. */
public final class Llama {
    /**
     * How many numbers gate and up may make at a time, 56 MiB in float32. The C library keeps up to 64 MiB for a thread's
     * next tensors; a larger one is taken from the system each time, and its pages cost as much as what is computed in them.
     */
    private static final long WIDE_TOGETHER = 14 << 20;

    /**
     * The sizes of a model.
     *
     * @param heads query heads, a multiple of {@code keyValueHeads}
     * @param headSize the width of one head, even
     * @param maxPositions the longest sequence
     */
    public record Config(
            int vocabularySize,
            int hiddenSize,
            int intermediateSize,
            int layers,
            int heads,
            int keyValueHeads,
            int headSize,
            double rmsNormEpsilon,
            double ropeTheta,
            int maxPositions) {
        public Config {
            if (vocabularySize < 1
                    || hiddenSize < 1
                    || intermediateSize < 1
                    || layers < 1
                    || keyValueHeads < 1
                    || heads < 1
                    || heads % keyValueHeads != 0
                    || headSize < 2
                    || headSize % 2 != 0
                    || maxPositions < 1) {
                throw new IllegalArgumentException(
                        "%d heads of %d over %d key-value heads, %d layers and a width of %d are no Llama"
                                .formatted(heads, headSize, keyValueHeads, layers, hiddenSize));
            }
        }

        /**
         * How far each pair of channels turns at each position: position times theta^(-2k / head size), each step rounded to
         * float32 as in the published code.
         *
         * @return (positions, head size / 2), float32 in main memory
         */
        Tensor rotaryAngles(int... positions) {
            int half = headSize / 2;
            float[] place = new float[positions.length];
            for (int i = 0; i < positions.length; i++) {
                place[i] = positions[i];
            }
            float[] frequency = new float[half];
            for (int k = 0; k < half; k++) {
                frequency[k] = 1f / (float) Math.pow(ropeTheta, (float) (2 * k) / (float) headSize);
            }
            return Torch.floats(place, place.length, 1).mul(Torch.floats(frequency, 1, half));
        }
    }

    private record Layer(
            Parameter inputNorm,
            JointLinear queryKeyValue,
            Linear out,
            Parameter postAttentionNorm,
            JointLinear gateUp,
            Linear down) {
        static Layer of(Parameters layer, Config config) {
            int hidden = config.hiddenSize;
            int wide = config.intermediateSize;
            int queryWidth = config.heads * config.headSize;
            int keyWidth = config.keyValueHeads * config.headSize;
            Parameters attention = layer.at("self_attn");
            return new Layer(
                    layer.float32("input_layernorm.weight", hidden),
                    JointLinear.of(
                            attention, List.of("q_proj", "k_proj", "v_proj"), hidden, queryWidth, keyWidth, keyWidth),
                    Linear.of(attention.at("o_proj"), hidden, queryWidth),
                    layer.float32("post_attention_layernorm.weight", hidden),
                    JointLinear.of(layer.at("mlp"), List.of("gate_proj", "up_proj"), hidden, wide, wide),
                    Linear.of(layer.at("mlp.down_proj"), hidden, wide));
        }
    }

    private final Config config;
    private final Device device;
    private final Parameter embedding; // (vocabulary, hidden)
    private final List<Layer> layers;
    private final Parameter norm;
    private final Matrix head; // (vocabulary, hidden)
    private final Parameter headAsStored;
    private final Map<Integer, Integer> together = new ConcurrentHashMap<>();

    Llama(Config config, Parameters parameters) {
        this.config = config;
        this.device = parameters.device();
        Parameters model = parameters.at("model");
        this.embedding = model.asStored("embed_tokens.weight", config.vocabularySize, config.hiddenSize);
        this.layers = IntStream.range(0, config.layers)
                .mapToObj(i -> Layer.of(model.at("layers." + i), config))
                .toList();
        this.norm = model.float32("norm.weight", config.hiddenSize);
        this.head = parameters.at("lm_head").matrix(config.vocabularySize, config.hiddenSize);
        this.headAsStored = parameters.asStored("lm_head.weight", config.vocabularySize, config.hiddenSize);
    }

    public Config config() {
        return config;
    }

    public Device device() {
        return device;
    }

    /** How many sequences of so many rows each can go through it {@linkplain SideBySide#most in one pass}. */
    int together(int rows) {
        return together.computeIfAbsent(rows, count -> SideBySide.most(this, count));
    }

    /**
     * Looks up tokens.
     *
     * @return (tokens, hidden), float32
     */
    Tensor embed(int... ids) {
        return Torch.to(embedding.get().index_select(0, Torch.indices(device, ids)), Dtype.F32);
    }

    /**
     * Runs rows through all blocks and the final norm.
     *
     * @param embeddings (rows, hidden), float32
     * @return (rows, hidden), float32
     */
    Tensor forward(Tensor embeddings, AttentionContext context) {
        return forward(embeddings, context, LayerChain.PLAIN);
    }

    /** As {@link #forward(Tensor, AttentionContext)}, with the blocks run as the chain does it. */
    Tensor forward(Tensor embeddings, AttentionContext context, LayerChain chain) {
        Rotary rotary = new Rotary(context.positions());
        List<UnaryOperator<Tensor>> blocks = IntStream.range(0, layers.size())
                .<UnaryOperator<Tensor>>mapToObj(i -> x -> block(i, x, rotary, context))
                .toList();
        return rmsNorm(chain.run(embeddings, blocks), norm);
    }

    /** One decoder block on (rows, hidden). */
    private Tensor block(int index, Tensor x, Rotary rotary, AttentionContext context) {
        Layer layer = layers.get(index);
        List<Tensor> projected = layer.queryKeyValue.forward(rmsNorm(x, layer.inputNorm));
        Tensor query = rotary.apply(heads(projected.get(0), config.heads));
        Tensor key = rotary.apply(heads(projected.get(1), config.keyValueHeads));
        Tensor value = heads(projected.get(2), config.keyValueHeads);
        Tensor attended = x.add(layer.out.forward(context.attend(index, query, key, value)));

        return attended.add(feedForward(layer, rmsNorm(attended, layer.postAttentionNorm)));
    }

    /** A block's feed-forward layers, on a processor for no more rows at a time than {@link #WIDE_TOGETHER} allows. */
    private Tensor feedForward(Layer layer, Tensor x) {
        long rows = x.size(0);
        long most = device.isCpu() ? Math.max(1, WIDE_TOGETHER / (2L * config.intermediateSize)) : rows;
        long together = Math.ceilDiv(rows, Math.ceilDiv(rows, most));
        List<Tensor> made = new ArrayList<>();
        for (long first = 0; first < rows; first += together) {
            try (Scope scope = new Scope()) {
                List<Tensor> wide = layer.gateUp.forward(x.narrow(0, first, Math.min(together, rows - first)));
                made.add(scope.keep(layer.down.forward(torch.silu(wide.get(0)).mul(wide.get(1)))));
            }
        }
        return Torch.cat(0, made);
    }

    /**
     * Scores every token of the vocabulary as the next one.
     *
     * @param hidden (rows, hidden), after the final norm
     * @return (rows, vocabulary), float32
     */
    Tensor logits(Tensor hidden) {
        return Torch.to(head.multiply(hidden), Dtype.F32);
    }

    /**
     * Puts a linear layer over the logits directly onto the hidden states: {@code W (H h) = (W H) h}.
     *
     * @param weight W, (out, vocabulary)
     * @return W H, (out, hidden), float32
     */
    public Tensor foldIntoHead(Tensor weight) {
        int chunk = 8192;
        Tensor folded = Torch.zeros(Dtype.F32, device, weight.size(0), config.hiddenSize);
        for (int first = 0; first < config.vocabularySize; first += chunk) {
            int from = first;
            int count = Math.min(chunk, config.vocabularySize - first);
            Tensor part = folded;
            folded = Torch.withoutGradient(() -> part.add(weight.narrow(1, from, count)
                    .matmul(Torch.to(headAsStored.get().narrow(0, from, count), Dtype.F32))));
        }
        return folded;
    }

    /** (rows, heads * head size) as (rows, heads, head size), float32. */
    private Tensor heads(Tensor x, int heads) {
        return Torch.to(x, Dtype.F32).view(x.size(0), heads, config.headSize);
    }

    private Tensor rmsNorm(Tensor x, Parameter weight) {
        return Torch.rmsNorm(x, weight.get(), config.rmsNormEpsilon);
    }

    /** Rotary position embedding: pairs of channels half a head apart turn by an angle that grows with the position. */
    private final class Rotary {
        private final Tensor cosine; // (rows, 1, head size)
        private final Tensor sine; // as cosine, that of the first half with the other sign

        Rotary(int... positions) {
            Tensor angles = config.rotaryAngles(positions);
            this.cosine = onDevice(Torch.cat(1, angles, angles).cos());
            this.sine = onDevice(Torch.cat(1, angles.neg(), angles).sin());
        }

        private Tensor onDevice(Tensor table) {
            return Torch.to(table.unsqueeze(1), Dtype.F32, device);
        }

        Tensor apply(Tensor x) {
            Tensor halvesSwapped = torch.roll(x, new long[] {config.headSize / 2}, -1);
            return x.mul(cosine).addcmul_(halvesSwapped, sine);
        }
    }
}
