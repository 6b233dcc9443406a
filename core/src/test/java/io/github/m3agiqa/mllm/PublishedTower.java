package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.Parameter;
import io.github.m3agiqa.weights.Parameters;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * {@code Idefics2VisionTransformer} as {@code transformers} 4.44 computes it without flash attention, operation by operation,
 * on the same weights: all images of a picture as one padded batch, with all scores of all heads in memory.
 */
final class PublishedTower {
    private static final double LAYER_NORM_EPSILON = 1e-6;

    private record Norm(Parameter weight, Parameter bias) {
        static Norm of(Parameters parent, String name, int width) {
            return new Norm(
                    PublishedLinear.weight(parent, name + ".weight", width),
                    PublishedLinear.weight(parent, name + ".bias", width));
        }

        Tensor forward(Tensor x) {
            return Torch.layerNorm(x, weight.get(), bias.get(), LAYER_NORM_EPSILON);
        }
    }

    private record Layer(
            Norm norm1,
            PublishedLinear query,
            PublishedLinear key,
            PublishedLinear value,
            PublishedLinear out,
            Norm norm2,
            PublishedLinear fc1,
            PublishedLinear fc2) {
        static Layer of(Parameters layer, SiglipVision.Config config) {
            int hidden = config.hiddenSize();
            int wide = config.intermediateSize();
            Parameters attention = layer.at("self_attn");
            return new Layer(
                    Norm.of(layer, "layer_norm1", hidden),
                    PublishedLinear.withBias(attention.at("q_proj"), hidden, hidden),
                    PublishedLinear.withBias(attention.at("k_proj"), hidden, hidden),
                    PublishedLinear.withBias(attention.at("v_proj"), hidden, hidden),
                    PublishedLinear.withBias(attention.at("out_proj"), hidden, hidden),
                    Norm.of(layer, "layer_norm2", hidden),
                    PublishedLinear.withBias(layer.at("mlp.fc1"), wide, hidden),
                    PublishedLinear.withBias(layer.at("mlp.fc2"), hidden, wide));
        }
    }

    private final SiglipVision.Config config;
    private final Device device;
    private final Dtype dtype;
    private final Parameter patchWeight; // (hidden, 3, patch, patch)
    private final Parameter patchBias;
    private final Parameter positionTable;
    private final List<Layer> layers;
    private final Norm postNorm;

    PublishedTower(SiglipVision.Config config, Parameters parameters) {
        int hidden = config.hiddenSize();
        int patch = config.patchSize();
        long positions = (long) config.positions() * config.positions();
        Parameters embeddings = parameters.at("embeddings");
        this.config = config;
        this.device = parameters.device();
        this.dtype = PublishedLinear.activations(parameters);
        this.patchWeight = PublishedLinear.weight(embeddings, "patch_embedding.weight", hidden, 3, patch, patch);
        this.patchBias = PublishedLinear.weight(embeddings, "patch_embedding.bias", hidden);
        this.positionTable = PublishedLinear.weight(embeddings, "position_embedding.weight", positions, hidden);
        this.layers = IntStream.range(0, config.layers())
                .mapToObj(i -> Layer.of(parameters.at("encoder.layers." + i), config))
                .toList();
        this.postNorm = Norm.of(parameters, "post_layernorm", hidden);
    }

    /**
     * Encodes the images of one picture.
     *
     * @param images for each (patches, 3 * patch * patch)
     * @return for each (patches, hidden)
     */
    List<Tensor> forward(List<Tensor> images) {
        long longest = images.stream().mapToLong(image -> image.size(0)).max().orElseThrow();
        Tensor padded = Torch.stack(images.stream()
                .map(image -> torch.constant_pad_nd(image, 0, 0, 0, longest - image.size(0)))
                .toList());
        int[] positions = PositionBuckets.of((int) longest, config.positions());
        Tensor filters = patchWeight.get().flatten(1, -1);
        Tensor embedded = Torch.linear(Torch.to(padded, dtype), filters, patchBias.get())
                .add(positionTable.get().index_select(0, Torch.indices(device, positions)));
        List<UnaryOperator<Tensor>> blocks = layers.stream()
                .<UnaryOperator<Tensor>>map(layer -> x -> block(layer, x))
                .toList();
        Tensor encoded = postNorm.forward(LayerChain.PLAIN.run(embedded, blocks));
        return IntStream.range(0, images.size())
                .mapToObj(i -> encoded.select(0, i).narrow(0, 0, images.get(i).size(0)))
                .toList();
    }

    private Tensor block(Layer layer, Tensor x) {
        Tensor attended = x.add(attention(layer, layer.norm1.forward(x)));
        Tensor wide = torch.gelu(layer.fc1.forward(layer.norm2.forward(attended)), "tanh");
        return attended.add(layer.fc2.forward(wide));
    }

    /** With the softmax in float32. */
    private Tensor attention(Layer layer, Tensor x) {
        Tensor query = heads(layer.query.forward(x));
        Tensor key = heads(layer.key.forward(x));
        Tensor value = heads(layer.value.forward(x));
        double scale = 1 / Math.sqrt(config.headSize());
        Tensor scores = Torch.scale(query.matmul(key.transpose(2, 3)), scale);
        Tensor weights = Torch.to(torch.softmax(Torch.to(scores, Dtype.F32), -1), dtype);
        return layer.out.forward(weights.matmul(value).transpose(1, 2).flatten(2, 3));
    }

    /** (images, patches, hidden) as (images, heads, patches, head size). */
    private Tensor heads(Tensor x) {
        return x.view(x.size(0), x.size(1), config.heads(), config.headSize()).transpose(1, 2);
    }
}
