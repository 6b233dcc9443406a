package io.github.m3agiqa.predictor;

import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.Parameter;
import io.github.m3agiqa.weights.Parameters;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * One Mamba-2 layer that is applied four times with the same weights, as published, each time to its own output. Its
 * state space is computed for all steps at once like attention, in memory that grows with the square of the steps. Names
 * of the weights are those of mamba-ssm.
 *
 * <p>Every step sees only itself and the steps before it, so what follows the end of a padded sequence changes nothing.
 *
 * @see <a href="https://arxiv.org/abs/2405.21060">Transformers are SSMs</a>, the state space duality
 */
final class Mamba2 implements SequenceHead {
    /** How often the layer is applied, of which the weights do not tell. */
    static final int REPEATS = 4;

    static final int CONVOLUTION = 4;

    private static final double NORM_EPSILON = 1e-5;

    /**
     * The sizes of a layer.
     *
     * @param width the width of its input and output
     * @param inner the width of x, y and z
     * @param heads the heads that x is cut into, each with its own decay
     * @param state the size N of the state that each channel keeps
     */
    record Sizes(int width, int inner, int heads, int state) {
        private static final int EXPANSION = 2;
        private static final int LARGEST_HEAD = 64;
        private static final int STATE = 128;

        Sizes {
            if (inner % heads != 0 || state < 1) {
                throw new IllegalArgumentException("%d heads of an inner width of %d with a state of %d are no Mamba-2"
                        .formatted(heads, inner, state));
            }
        }

        /** The sizes that mamba-ssm chooses for a width; heads of less than 64 where the width has no such divisor. */
        static Sizes of(int width) {
            int inner = EXPANSION * width;
            return new Sizes(width, inner, inner / Math.min(LARGEST_HEAD, Integer.lowestOneBit(inner)), STATE);
        }

        private static Sizes of(int width, WeightShapes shapes) {
            int inner = shapes.side("out_proj.weight", 1, 2);
            int heads = shapes.side("A_log", 0, 1);
            int state = (shapes.side("in_proj.weight", 0, 2) - 2 * inner - heads) / 2;
            return new Sizes(width, inner, heads, state);
        }

        /** The channels that the convolution reads: x, B and C. */
        int convolved() {
            return inner + 2 * state;
        }

        /** What the input projection makes: z, x, B, C and the step of each head. */
        int projected() {
            return inner + convolved() + heads;
        }
    }

    private final Sizes sizes;
    private final Parameter inProjection; // (projected, width)
    private final Parameter convolution; // (convolved, 1, 4)
    private final Parameter convolutionBias;
    private final Parameter logDecay; // (heads): A = -exp(A_log)
    private final Parameter skip; // (heads): D
    private final Parameter stepBias; // (heads)
    private final Parameter norm; // (inner)
    private final Parameter outProjection; // (width, inner)

    private Mamba2(Sizes sizes, Parameters parameters) {
        this.sizes = sizes;
        this.inProjection = parameters.float32("in_proj.weight", sizes.projected(), sizes.width());
        this.convolution = parameters.float32("conv1d.weight", sizes.convolved(), 1, CONVOLUTION);
        this.convolutionBias = parameters.float32("conv1d.bias", sizes.convolved());
        this.logDecay = parameters.float32("A_log", sizes.heads());
        this.skip = parameters.float32("D", sizes.heads());
        this.stepBias = parameters.float32("dt_bias", sizes.heads());
        this.norm = parameters.float32("norm.weight", sizes.inner());
        this.outProjection = parameters.float32("out_proj.weight", sizes.width(), sizes.inner());
    }

    /** The network whose sizes follow from its weights. */
    static Mamba2 of(int width, WeightShapes shapes, Parameters parameters) {
        try {
            return new Mamba2(Sizes.of(width, shapes), parameters);
        } catch (IllegalArgumentException e) {
            throw new ModelException("%s: %s".formatted(shapes.source().location(), e.getMessage()), e);
        }
    }

    @Override
    public int outputWidth() {
        return sizes.width();
    }

    @Override
    public Tensor forward(Tensor x, int... lengths) {
        Tensor state = x;
        for (int i = 0; i < REPEATS; i++) {
            state = layer(state);
        }
        return state;
    }

    private Tensor layer(Tensor u) {
        long batch = u.size(0);
        long steps = u.size(1);
        int inner = sizes.inner();
        int state = sizes.state();
        Tensor projected = Torch.linear(u, inProjection.get()); // (batch, steps, projected)
        Tensor z = projected.narrow(2, 0, inner);
        Tensor read = projected.narrow(2, inner, sizes.convolved());
        Tensor step = torch.softplus(projected
                .narrow(2, (long) inner + sizes.convolved(), sizes.heads())
                .add(stepBias.get())); // Δ

        Tensor convolved = torch.silu(XlstmLayers.causalConvolution(read, convolution.get(), convolutionBias.get()));
        Tensor x = convolved.narrow(2, 0, inner).reshape(batch, steps, sizes.heads(), inner / sizes.heads());
        Tensor b = convolved.narrow(2, inner, state); // (batch, steps, state)
        Tensor c = convolved.narrow(2, (long) inner + state, state);

        Tensor decay = step.mul(logDecay.get().exp().neg()); // Δ A, (batch, steps, heads)
        Tensor y = stateSpace(x.mul(step.unsqueeze(3)), decay, b, c)
                .add(x.mul(skip.get().unsqueeze(1))); // (batch, steps, heads, head size)
        Tensor gated = y.reshape(batch, steps, inner).mul(torch.silu(z));
        Tensor normed = torch.rms_norm(
                gated, new long[] {inner}, new TensorOptional(norm.get()), new DoubleOptional(NORM_EPSILON));
        return Torch.linear(normed, outProjection.get());
    }

    /**
     * The state space h_t = exp(a_t) h_(t-1) + b_t x_tᵀ, y_t = h_tᵀ c_t of each head in its quadratic form
     * Y = (L ∘ C Bᵀ) X with L = exp(segsum(a)).
     *
     * @param x (batch, steps, heads, head size), already times Δ
     * @param a (batch, steps, heads), not positive
     * @param b (batch, steps, state), of all heads; likewise c
     * @return (batch, steps, heads, head size)
     */
    static Tensor stateSpace(Tensor x, Tensor a, Tensor b, Tensor c) {
        Tensor decay = segmentSums(a.transpose(1, 2)).exp(); // L, (batch, heads, steps, steps)
        Tensor scores = c.matmul(b.transpose(1, 2)).unsqueeze(1).mul(decay);
        return scores.matmul(x.transpose(1, 2)).transpose(1, 2);
    }

    /**
     * The sums a_(s+1) + ... + a_t for every step t and every earlier one s, minus infinity for later ones. They are
     * summed apart and not taken as differences of sums from the start, which lose digits.
     *
     * @param a (batch, heads, steps)
     * @return (batch, heads, t, s)
     */
    private static Tensor segmentSums(Tensor a) {
        long steps = a.size(2);
        Tensor future =
                Torch.full(Float.NEGATIVE_INFINITY, Device.of(a), steps, steps).triu(1);
        return a.unsqueeze(3)
                .expand(a.size(0), a.size(1), steps, steps)
                .tril(-1)
                .cumsum(2)
                .add(future);
    }
}
