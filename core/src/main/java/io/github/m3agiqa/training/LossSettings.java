package io.github.m3agiqa.training;

import io.github.m3agiqa.Required;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Torch;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * What predictor training minimises: one loss, or a mix of the mean squared error with one that compares pairs.
 *
 * <p>Losses of pairs compare every image of a batch with every other, as the published code does; in a batch of one they
 * are constant, so they need larger batches.
 *
 * @param kind the loss
 * @param margin for {@code margin}, the difference that a better image shall have, in scores
 * @param mse the share of the mean squared error, from 0 to 1; the published mixes have 0.8
 */
public record LossSettings(Kind kind, double margin, double mse) {
    /** The losses, of predictions p and mean opinion scores y. */
    public enum Kind {
        /** (p - y)², averaged. */
        MSE,
        /** |p - y|, averaged. */
        MAE,
        /** (p - y)² / 2 up to a difference of 1, |p - y| - 1/2 beyond, averaged. */
        HUBER,
        /**
         * The fidelity loss of Tsai et al. 2007 on the probability that j beats i, Φ(p_j - p_i), averaged over all pairs.
         */
        FIDELITY,
        /** max(0, margin - (p_i - p_j)) over the pairs with y_i > y_j, as published: see {@link #margin}. */
        MARGIN,
        /** The cross-entropy of σ(p_i - p_j) with y_i > y_j, averaged over all pairs (Burges et al. 2005). */
        RANKNET
    }

    private static final double FIDELITY_EPSILON = 1e-6;

    public LossSettings {
        Required.of("kind", kind);
        if (!(margin >= 0) || !(mse >= 0 && mse <= 1)) {
            throw new IllegalArgumentException("margin must not be negative, mse from 0 to 1");
        }
    }

    /**
     * The loss of a batch.
     *
     * @param predicted (batch)
     * @param mos (batch)
     * @return a scalar, differentiable
     */
    Tensor of(Tensor predicted, Tensor mos) {
        Tensor own = switch (kind) {
            case MSE -> meanSquared(predicted, mos);
            case MAE -> predicted.sub(mos).abs().mean();
            case HUBER -> torch.smooth_l1_loss(predicted, mos);
            case FIDELITY -> fidelity(predicted, mos);
            case MARGIN -> margin(predicted, mos);
            case RANKNET -> ranknet(predicted, mos);
        };
        return mse == 0 || kind == Kind.MSE
                ? own
                : Torch.scale(own, 1 - mse).add(Torch.scale(meanSquared(predicted, mos), mse));
    }

    private static Tensor meanSquared(Tensor predicted, Tensor mos) {
        return predicted.sub(mos).square().mean();
    }

    /** x_i - x_j for every i (row) and j (column). */
    static Tensor differences(Tensor x) {
        return x.unsqueeze(1).sub(x.unsqueeze(0));
    }

    /** 1 where y_i > y_j, else 0. */
    private static Tensor better(Tensor mos) {
        return differences(mos).gt(Torch.scalar(0)).to(mos.scalar_type());
    }

    /** Mean of 1 - √(p p̂ + ε) - √((1-p)(1-p̂) + ε), p = [y_j ≥ y_i], p̂ = Φ(p_j - p_i). */
    private static Tensor fidelity(Tensor predicted, Tensor mos) {
        Tensor wins = Torch.plus(better(mos).neg(), 1); // not y_i > y_j
        Tensor probability = Torch.scale(
                Torch.plus(
                        Torch.divide(differences(predicted).neg(), Math.sqrt(2)).erf(), 1),
                0.5);
        Tensor both = Torch.plus(wins.mul(probability), FIDELITY_EPSILON).sqrt();
        Tensor neither = Torch.plus(Torch.plus(wins.neg(), 1).mul(Torch.plus(probability.neg(), 1)), FIDELITY_EPSILON)
                .sqrt();
        return Torch.plus(both.add(neither).neg(), 1).mean();
    }

    /**
     * Σ max(0, margin - (p_i - p_j) [y_i > y_j]) over all i and j, over the number of pairs with y_i > y_j: as published,
     * every other pair adds the margin, which moves no gradient. 0 if there is no pair.
     */
    private Tensor margin(Tensor predicted, Tensor mos) {
        Tensor pairs = better(mos);
        double count = Torch.toFloats(pairs.sum())[0];
        if (count == 0) {
            return Torch.zeros(Dtype.F32, Device.of(predicted));
        }
        Tensor missing = Torch.plus(differences(predicted).mul(pairs).neg(), margin);
        return Torch.divide(torch.relu(missing).sum(), count);
    }

    private static Tensor ranknet(Tensor predicted, Tensor mos) {
        return torch.binary_cross_entropy_with_logits(differences(predicted), better(mos));
    }
}
