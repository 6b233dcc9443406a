package io.github.m3agiqa.mllm;

import io.github.m3agiqa.mllm.SiglipVision.PatchGrid;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.DenseMatrix;
import io.github.m3agiqa.weights.Parameter;
import io.github.m3agiqa.weights.Parameters;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Learned queries that look at the patches of one image and sum it up in as many tokens for the language model. */
public final class Resampler {
    private static final double LAYER_NORM_EPSILON = 1e-6;
    private static final int HEAD_SIZE = 128;

    /**
     * The sizes of a resampler.
     *
     * @param queries the number of tokens an image becomes
     * @param hiddenSize the width of the language model, a multiple of 128
     * @param visionSize the width of the vision tower
     */
    public record Config(int queries, int hiddenSize, int visionSize) {
        public Config {
            if (queries < 1 || visionSize < 1 || hiddenSize < HEAD_SIZE || hiddenSize % HEAD_SIZE != 0) {
                throw new IllegalArgumentException(
                        "a resampler of %d queries needs a width that is a multiple of %d, not %d"
                                .formatted(queries, HEAD_SIZE, hiddenSize));
            }
        }
    }

    private final Config config;
    private final Device device;
    private final Parameter query; // (queries, hidden)
    private final DenseMatrix keyValueProjection; // (hidden, vision)
    private final DenseMatrix inProjection; // (3 * hidden, hidden): query, key, value
    private final Parameter inProjectionBias; // (3 * hidden)
    private final Linear outProjection;
    private final Parameter queryNormWeight;
    private final Parameter queryNormBias;
    private final Parameter keyValueNormWeight;
    private final Parameter keyValueNormBias;
    private final Parameter postNormWeight;
    private final Parameter postNormBias;
    private final DenseMatrix projection; // (hidden, hidden), multiplied from the right

    Resampler(Config config, Parameters parameters) {
        int hidden = config.hiddenSize;
        this.config = config;
        this.device = parameters.device();
        this.query = parameters.float32("query", config.queries, hidden);
        this.keyValueProjection = parameters.denseMatrix("kv_proj.weight", hidden, config.visionSize);
        this.inProjection = parameters.denseMatrix("attn.in_proj_weight", 3L * hidden, hidden);
        this.inProjectionBias = parameters.float32("attn.in_proj_bias", 3L * hidden);
        this.outProjection = Linear.withBias(parameters.at("attn.out_proj"), hidden, hidden);
        this.queryNormWeight = parameters.float32("ln_q.weight", hidden);
        this.queryNormBias = parameters.float32("ln_q.bias", hidden);
        this.keyValueNormWeight = parameters.float32("ln_kv.weight", hidden);
        this.keyValueNormBias = parameters.float32("ln_kv.bias", hidden);
        this.postNormWeight = parameters.float32("ln_post.weight", hidden);
        this.postNormBias = parameters.float32("ln_post.bias", hidden);
        this.projection = parameters.denseMatrix("proj", hidden, hidden);
    }

    /**
     * Sums up images.
     *
     * @param features for each image (patches, vision)
     * @param grids for each image the rows and columns of its patches
     * @return for each image (queries, hidden)
     */
    List<Tensor> forward(List<Tensor> features, List<PatchGrid> grids) {
        Tensor q = heads(project(layerNorm(query.get(), queryNormWeight, queryNormBias), 0));
        List<Tensor> mixed = new ArrayList<>();
        for (int i = 0; i < grids.size(); i++) {
            Tensor patches = features.get(i);
            PatchGrid grid = grids.get(i);
            mixed.add(scoped(() -> look(q, patches, grid)));
        }
        Tensor out = layerNorm(outProjection.forward(Torch.cat(0, mixed)), postNormWeight, postNormBias);
        Tensor tokens = Torch.to(projection.multiplyUntransposed(out), Dtype.F32); // (images * queries, hidden)
        List<Tensor> perImage = new ArrayList<>();
        for (int i = 0; i < grids.size(); i++) {
            perImage.add(tokens.narrow(0, (long) i * config.queries, config.queries));
        }
        return perImage;
    }

    /**
     * What the queries see in one image.
     *
     * @param q (1, heads, queries, head size)
     * @param patches (patches, vision)
     * @return (queries, hidden)
     */
    private Tensor look(Tensor q, Tensor patches, PatchGrid grid) {
        Tensor values =
                scoped(() -> layerNorm(keyValueProjection.multiply(patches), keyValueNormWeight, keyValueNormBias));
        Tensor k = scoped(() -> heads(project(values.add(positions(grid)), 1)));
        Tensor v = scoped(() -> heads(project(values, 2)));
        Tensor seen = torch.scaled_dot_product_attention(q, k, v);
        return seen.squeeze(0).transpose(0, 1).reshape(config.queries, config.hiddenSize);
    }

    private static Tensor scoped(Supplier<Tensor> made) {
        try (Scope scope = new Scope()) {
            return scope.keep(made.get());
        }
    }

    /** The third of the joint projection that makes queries (0), keys (1) or values (2). */
    private Tensor project(Tensor x, int third) {
        long first = (long) third * config.hiddenSize;
        return inProjection.multiplyRows(x, inProjectionBias.get(), first, config.hiddenSize);
    }

    /** (rows, hidden) as (1, heads, rows, head size). */
    private static Tensor heads(Tensor x) {
        return Torch.to(x, Dtype.F32)
                .view(1, x.size(0), x.size(1) / HEAD_SIZE, HEAD_SIZE)
                .transpose(1, 2);
    }

    private static Tensor layerNorm(Tensor x, Parameter weight, Parameter bias) {
        return Torch.layerNorm(Torch.to(x, Dtype.F32), weight.get(), bias.get(), LAYER_NORM_EPSILON);
    }

    /**
     * The code of each patch's place in its grid: that of its column, then that of its row.
     *
     * @return (patches, hidden)
     */
    private Tensor positions(PatchGrid grid) {
        int half = config.hiddenSize / 2;
        Tensor codes = Torch.to(codes(Math.max(grid.rows(), grid.columns()), half), Dtype.F32, device);
        long[] shape = {grid.rows(), grid.columns(), half};
        Tensor columns = codes.narrow(0, 0, grid.columns()).unsqueeze(0).expand(shape);
        Tensor rows = codes.narrow(0, 0, grid.rows()).unsqueeze(1).expand(shape);
        return Torch.cat(2, columns, rows).view(grid.patches(), config.hiddenSize);
    }

    /**
     * The sine and cosine code of the first places along an axis: frequencies 10000^(-k / (half/2)), each step rounded
     * to float32 as in the published code.
     *
     * @return (places, half): sines, then cosines
     */
    static Tensor codes(int places, int half) {
        float[] place = new float[places];
        for (int i = 0; i < places; i++) {
            place[i] = i;
        }
        float[] frequency = new float[half / 2];
        for (int k = 0; k < frequency.length; k++) {
            frequency[k] = 1f / (float) Math.pow(10000, (float) k / (float) frequency.length);
        }
        Tensor angles = Torch.floats(place, places, 1).mul(Torch.floats(frequency, 1, frequency.length));
        return Torch.cat(1, angles.sin(), angles.cos());
    }
}
