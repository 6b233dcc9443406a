package io.github.m3agiqa.mllm;

import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.Parameter;
import io.github.m3agiqa.weights.Parameters;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The SigLIP vision tower: image patches through a pre-norm transformer.
 *
 * <p>A small tower may have a stem: convolutions that shrink the image before it is cut into patches. They see texture
 * that a few narrow transformer blocks do not learn to see from a few thousand images.
 *
 * @see <a href="https://arxiv.org/abs/2106.14881">Early convolutions help transformers see better</a>
 */
public final class SiglipVision {
    private static final double LAYER_NORM_EPSILON = 1e-6;
    /** More at a time make a processor no faster, and need more memory. */
    private static final int PATCHES_TOGETHER = 1024;
    /** From so many channels on, {@link WinogradConvolution} is faster than the engine's convolution. */
    private static final int IN_TILES_FROM = 128;

    /**
     * The sizes of a tower.
     *
     * @param hiddenSize the width, a multiple of {@code heads}
     * @param imageSize the side of the image that the position table was trained for, in pixels
     * @param patchSize the side of a patch, in pixels
     * @param stem the convolutions before the patches, none in the published model
     */
    public record Config(
            int hiddenSize,
            int intermediateSize,
            int layers,
            int heads,
            int imageSize,
            int patchSize,
            List<Convolution> stem) {
        public Config {
            stem = List.copyOf(stem);
            if (hiddenSize < 1 || intermediateSize < 1 || layers < 0 || heads < 1 || hiddenSize % heads != 0) {
                throw new IllegalArgumentException(
                        "a tower of %d heads cannot be %d wide".formatted(heads, hiddenSize));
            }
            if (patchSize < 1 || imageSize < patchSize) {
                throw new IllegalArgumentException(
                        "patches of %d pixels do not fit an image of %d".formatted(patchSize, imageSize));
            }
            if (patchSize % shrinking(stem) != 0) {
                throw new IllegalArgumentException("the stem's strides, %d together, do not divide the patch size %d"
                        .formatted(shrinking(stem), patchSize));
            }
        }

        /** How many numbers say what is seen in a piece of a picture, see {@link Session#view}. */
        public int viewSize() {
            return 2 * hiddenSize;
        }

        /** The side of the position table. */
        int positions() {
            return imageSize / patchSize;
        }

        int headSize() {
            return hiddenSize / heads;
        }

        int patchElements() {
            return 3 * patchSize * patchSize;
        }

        /** The channels of what is cut into patches. */
        int stemChannels() {
            return stem.isEmpty() ? 3 : stem.getLast().channels;
        }

        /** The side of a patch of what the stem makes. */
        int stemPatchSize() {
            return patchSize / shrinking(stem);
        }

        private static int shrinking(List<Convolution> stem) {
            return stem.stream().mapToInt(Convolution::stride).reduce(1, Math::multiplyExact);
        }
    }

    /**
     * A convolution of the stem, followed by a rectifier. It pads with half its kernel.
     *
     * @param channels how many it makes
     * @param kernel the side of its filters, odd
     * @param stride every how many pixels it is computed
     */
    public record Convolution(int channels, int kernel, int stride) {
        public Convolution {
            if (channels < 1 || kernel < 1 || kernel % 2 == 0 || stride < 1) {
                throw new IllegalArgumentException(
                        "a stem of %d channels, kernel %d and stride %d is none".formatted(channels, kernel, stride));
            }
        }
    }

    /** Rows and columns of the patches of one image. */
    record PatchGrid(int rows, int columns) {
        int patches() {
            return rows * columns;
        }
    }

    private record Layer(
            Parameter norm1Weight,
            Parameter norm1Bias,
            JointLinear queryKeyValue,
            Linear out,
            Parameter norm2Weight,
            Parameter norm2Bias,
            Linear fc1,
            Linear fc2) {
        static Layer of(Parameters layer, Config config) {
            int hidden = config.hiddenSize;
            Parameters attention = layer.at("self_attn");
            return new Layer(
                    layer.float32("layer_norm1.weight", hidden),
                    layer.float32("layer_norm1.bias", hidden),
                    JointLinear.withBiases(
                            attention, List.of("q_proj", "k_proj", "v_proj"), hidden, hidden, hidden, hidden),
                    Linear.withBias(attention.at("out_proj"), hidden, hidden),
                    layer.float32("layer_norm2.weight", hidden),
                    layer.float32("layer_norm2.bias", hidden),
                    Linear.withBias(layer.at("mlp.fc1"), config.intermediateSize, hidden),
                    Linear.withBias(layer.at("mlp.fc2"), hidden, config.intermediateSize));
        }
    }

    /**
     * A layer of the stem.
     *
     * @param transformed what {@link WinogradConvolution} makes of the weight, where it is for this layer
     */
    private record StemLayer(
            Convolution shape,
            Parameter weight,
            Parameter bias,
            @Nullable Parameter transformed) {
        Tensor forward(Tensor x) {
            return transformed != null && !weight.get().requires_grad()
                    ? WinogradConvolution.apply(x, transformed.get(), bias.get())
                    : plain(x);
        }

        Tensor plain(Tensor x) {
            return Torch.convolution(x, weight.get(), bias.get(), shape.stride, shape.kernel / 2);
        }
    }

    private final Config config;
    private final VisionMode mode;
    private final Device device;
    private final Precision precision;
    private final List<StemLayer> stem;
    private final Parameter patchWeight; // (hidden, 3, patch, patch), or (hidden, channels, ...) after a stem
    private final Parameter patchBias; // (hidden)
    private final Parameter positionTable; // (positions * positions, hidden)
    private final List<Layer> layers;
    private final Parameter postNormWeight;
    private final Parameter postNormBias;

    SiglipVision(Config config, VisionMode mode, Parameters parameters) {
        int hidden = config.hiddenSize;
        this.config = config;
        this.mode = mode;
        this.device = parameters.device();
        this.precision = parameters.precision();
        Parameters embeddings = parameters.at("embeddings");
        this.stem = stem(config, embeddings);
        if (!stem.isEmpty() && mode == VisionMode.PUBLISHED) {
            throw new ModelException("a vision tower with a stem needs \"vision\": \"corrected\" in "
                    + "m3agiqa.json, as the published way to pad cuts images into patches first");
        }
        this.patchWeight = embeddings.float32(
                "patch_embedding.weight",
                hidden,
                config.stemChannels(),
                config.stemPatchSize(),
                config.stemPatchSize());
        this.patchBias = embeddings.float32("patch_embedding.bias", hidden);
        this.positionTable =
                embeddings.float32("position_embedding.weight", (long) config.positions() * config.positions(), hidden);
        this.layers = IntStream.range(0, config.layers)
                .mapToObj(i -> Layer.of(parameters.at("encoder.layers." + i), config))
                .toList();
        this.postNormWeight = parameters.float32("post_layernorm.weight", hidden);
        this.postNormBias = parameters.float32("post_layernorm.bias", hidden);
    }

    Config config() {
        return config;
    }

    VisionMode mode() {
        return mode;
    }

    private static List<StemLayer> stem(Config config, Parameters embeddings) {
        List<StemLayer> layers = new ArrayList<>();
        int channels = 3;
        for (int i = 0; i < config.stem.size(); i++) {
            Convolution shape = config.stem.get(i);
            Parameters layer = embeddings.at("stem." + i);
            Parameter weight = layer.float32("weight", shape.channels, channels, shape.kernel, shape.kernel);
            boolean inTiles = shape.kernel == 3
                    && shape.stride == 1
                    && Math.min(channels, shape.channels) >= IN_TILES_FROM
                    && layer.device().isCpu()
                    && layer.precision().operandDtype(layer.device()) == Dtype.F32;
            layers.add(new StemLayer(
                    shape,
                    weight,
                    layer.float32("bias", shape.channels),
                    inTiles ? layer.derived(() -> WinogradConvolution.transformed(weight.get())) : null));
            channels = shape.channels;
        }
        return layers;
    }

    /**
     * Encodes the images that one picture was cut into.
     *
     * @param images sizes are multiples of the patch size
     * @return for each image (patches, hidden), row by row of its patches
     */
    List<Tensor> forward(List<RgbImage> images, LayerChain chain) {
        return forward(
                images.stream().map(this::patches).toList(),
                images.stream().map(this::grid).toList(),
                chain);
    }

    /**
     * Encodes images that are patches already.
     *
     * @param patches for each image (patches, 3 * patch * patch)
     * @param grids for each image the rows and columns of its patches
     */
    List<Tensor> forward(List<Tensor> patches, List<PatchGrid> grids, LayerChain chain) {
        return switch (mode) {
            case PUBLISHED -> {
                Tensor encoded = encodePadded(patches, chain);
                yield IntStream.range(0, grids.size())
                        .mapToObj(i ->
                                encoded.select(0, i).narrow(0, 0, grids.get(i).patches()))
                        .toList();
            }
            case CORRECTED -> encodeEachOnItsOwn(patches, grids, chain);
        };
    }

    /**
     * All images as one batch, padded with grey to the longest.
     *
     * @return (images, longest, hidden), the padding's rows included
     */
    Tensor encodePadded(List<Tensor> patches, LayerChain chain) {
        long longest = patches.stream().mapToLong(image -> image.size(0)).max().orElseThrow();
        List<Tensor> padded = patches.stream()
                .map(image -> image.size(0) == longest
                        ? image
                        : Torch.cat(
                                0,
                                image,
                                Torch.zeros(Dtype.F32, device, longest - image.size(0), config.patchElements())))
                .toList();
        int[] positions = PositionBuckets.of((int) longest, config.positions());
        return inBatches(padded, batch -> encode(embed(batch), positions, chain));
    }

    /** Images of equal size share a batch, which changes nothing as none is padded. */
    private List<Tensor> encodeEachOnItsOwn(List<Tensor> patches, List<PatchGrid> grids, LayerChain chain) {
        Tensor[] encoded = new Tensor[grids.size()];
        for (PatchGrid grid : new LinkedHashSet<>(grids)) {
            int[] alike = IntStream.range(0, grids.size())
                    .filter(i -> grids.get(i).equals(grid))
                    .toArray();
            Tensor made =
                    encodeAlike(Arrays.stream(alike).mapToObj(patches::get).toList(), grid, chain);
            for (int i = 0; i < alike.length; i++) {
                encoded[alike[i]] = made.select(0, i);
            }
        }
        return List.of(encoded);
    }

    private Tensor encodeAlike(List<Tensor> patches, PatchGrid grid, LayerChain chain) {
        int[] positions = gridIds(grid);
        return inBatches(
                patches,
                batch -> encode(stem.isEmpty() ? embed(batch) : embedThroughStem(batch, grid), positions, chain));
    }

    /**
     * Encodes as many images at a time as are good for the device.
     *
     * @param patches for each image (patches, 3 * patch * patch), as many for each
     * @param encode from (images, patches, 3 * patch * patch) to (images, patches, hidden)
     * @return (images, patches, hidden)
     */
    private Tensor inBatches(List<Tensor> patches, UnaryOperator<Tensor> encode) {
        int images = patches.size();
        int together = device.isCpu()
                ? (int) Math.max(1, PATCHES_TOGETHER / patches.getFirst().size(0))
                : images;
        List<Tensor> encoded = new ArrayList<>();
        for (int first = 0; first < images; first += together) {
            encoded.add(encode.apply(Torch.stack(patches.subList(first, Math.min(images, first + together)))));
        }
        return encoded.size() == 1 ? encoded.getFirst() : Torch.cat(0, encoded);
    }

    private int[] gridIds(PatchGrid grid) {
        int[] rows = PositionBuckets.of(grid.rows, config.positions());
        int[] columns = PositionBuckets.of(grid.columns, config.positions());
        return IntStream.range(0, grid.patches())
                .map(i -> rows[i / grid.columns] * config.positions() + columns[i % grid.columns])
                .toArray();
    }

    /**
     * Patches as vectors.
     *
     * @param patches (images, patches, 3 * patch * patch)
     * @return (images, patches, hidden)
     */
    private Tensor embed(Tensor patches) {
        Tensor filters = patchWeight.get().view(config.hiddenSize, config.patchElements());
        return Torch.linear(patches, filters, patchBias.get());
    }

    /**
     * As {@link #embed}, with the patches put together to images again, which go through the stem.
     *
     * @param patches (images, patches, 3 * patch * patch), of one grid
     * @return (images, patches, hidden)
     */
    private Tensor embedThroughStem(Tensor patches, PatchGrid grid) {
        try (Scope scope = new Scope()) {
            Tensor x = Torch.to(unpatched(patches, grid), precision.operandDtype(device));
            for (StemLayer layer : stem) {
                x = layer.forward(x).relu_();
            }
            Tensor embedded = Torch.convolution(x, patchWeight.get(), patchBias.get(), config.stemPatchSize(), 0);
            return scope.keep(Torch.to(embedded.flatten(2, -1).transpose(1, 2), Dtype.F32));
        }
    }

    /** Images (images, 3, height, width) of their patches, channels last in memory. */
    private Tensor unpatched(Tensor patches, PatchGrid grid) {
        int patch = config.patchSize;
        return patches.view(patches.size(0), grid.rows, grid.columns, 3, patch, patch)
                .permute(0, 1, 4, 2, 5, 3) // (images, rows, patch, columns, patch, 3)
                .reshape(patches.size(0), (long) grid.rows * patch, (long) grid.columns * patch, 3)
                .permute(0, 3, 1, 2);
    }

    /**
     * Scales and shifts the stem's filters and those that embed patches so that what each makes of these images has mean 0
     * and variance 1, for a pretraining to begin with.
     *
     * @param images of one size
     * @param stemToo false to leave the stem's filters as they are
     * @see <a href="https://arxiv.org/abs/1511.06856">Data-dependent initializations of convolutional neural networks</a>
     */
    void normalizeStem(List<RgbImage> images, boolean stemToo) {
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            Tensor patches = Torch.stack(images.stream().map(this::patches).toList());
            Tensor x = unpatched(patches, grid(images.getFirst()));
            for (StemLayer layer : stem) {
                Tensor made = layer.plain(x);
                x = (stemToo ? normalized(made, layer.weight, layer.bias) : made).relu();
            }
            Tensor embedded = Torch.convolution(x, patchWeight.get(), patchBias.get(), config.stemPatchSize(), 0);
            normalized(embedded, patchWeight, patchBias);
        }
    }

    /** What a convolution makes after its weights are changed so that its mean is 0 and its variance 1. */
    private static Tensor normalized(Tensor made, Parameter weight, Parameter bias) {
        Tensor perChannel = made.transpose(0, 1).flatten(1, -1); // (channels, all positions)
        Tensor mean = Torch.mean(perChannel, 1);
        Tensor scale =
                Torch.plus(Torch.mean(perChannel.sub(mean).square(), 1), 1e-6).rsqrt(); // (channels, 1)
        weight.get().copy_(weight.get().mul(scale.view(-1, 1, 1, 1)));
        bias.get().copy_(bias.get().sub(mean.view(-1)).mul(scale.view(-1)));
        return made.sub(mean.view(1, -1, 1, 1)).mul(scale.view(1, -1, 1, 1));
    }

    /**
     * The transformer.
     *
     * @param embedded (images, patches, hidden)
     * @param positionIds for each patch its row of the position table, the same for every image
     * @return (images, patches, hidden)
     */
    private Tensor encode(Tensor embedded, int[] positionIds, LayerChain chain) {
        Tensor positions = positionTable.get().index_select(0, Torch.indices(device, positionIds));
        Tensor x = embedded.add(positions);
        List<UnaryOperator<Tensor>> blocks = layers.stream()
                .<UnaryOperator<Tensor>>map(layer -> state -> block(layer, state))
                .toList();
        return layerNorm(chain.run(x, blocks), postNormWeight, postNormBias);
    }

    /** One encoder block on (images, patches, hidden). */
    private Tensor block(Layer layer, Tensor x) {
        Tensor attended = x.add(attention(layer, layerNorm(x, layer.norm1Weight, layer.norm1Bias)));
        Tensor wide = layer.fc1.forward(layerNorm(attended, layer.norm2Weight, layer.norm2Bias));
        return attended.add(layer.fc2.forward(Torch.gelu(wide)));
    }

    private Tensor attention(Layer layer, Tensor x) {
        List<Tensor> projected = layer.queryKeyValue.forward(x);
        Tensor mixed = PatchAttention.attend(
                heads(projected.get(0)),
                heads(projected.get(1)),
                heads(projected.get(2)),
                precision.operandDtype(device));
        return layer.out.forward(mixed.transpose(1, 2).reshape(x.sizes().vec().get()));
    }

    /** (images, patches, hidden) as (images, heads, patches, head size). */
    private Tensor heads(Tensor x) {
        return x.view(x.size(0), x.size(1), config.heads, config.headSize()).transpose(1, 2);
    }

    private static Tensor layerNorm(Tensor x, Parameter weight, Parameter bias) {
        return Torch.layerNorm(x, weight.get(), bias.get(), LAYER_NORM_EPSILON);
    }

    PatchGrid grid(RgbImage image) {
        return new PatchGrid(image.height() / config.patchSize, image.width() / config.patchSize);
    }

    /**
     * The patches of an image, row by row, each flattened as (channel, row, column), scaled to -1..1.
     *
     * @return (patches, 3 * patch * patch)
     */
    Tensor patches(RgbImage image) {
        PatchGrid grid = grid(image);
        int patch = config.patchSize;
        try (Scope scope = new Scope()) {
            Tensor bytes = Torch.empty(Dtype.U8, Device.CPU, grid.rows, patch, grid.columns, patch, 3);
            ByteBuffer memory = Torch.bytes(bytes, 0, image.pixels().length);
            memory.put(image.pixels());
            Tensor ordered = bytes.permute(0, 2, 4, 1, 3) // (rows, columns, 3, patch, patch)
                    .reshape(grid.patches(), config.patchElements());
            Tensor unit = Torch.divide(Torch.to(ordered, Dtype.F32, device), 255);
            return scope.keep(Torch.divide(Torch.plus(unit, -0.5), 0.5));
        }
    }
}
