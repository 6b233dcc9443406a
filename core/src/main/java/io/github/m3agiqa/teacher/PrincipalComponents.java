package io.github.m3agiqa.teacher;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.tensor.Torch;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The directions in which vectors vary most. Coordinates along them keep their relation and are all multiplied by one
 * factor, so that their variances add up to their number: who predicts them by their mean errs by 1 on average.
 */
final class PrincipalComponents {
    /** A variance below this part of the largest one is rounding. */
    private static final double RANK_TOLERANCE = 1e-9;

    private PrincipalComponents() {}

    /**
     * The directions of a covariance, times the factor.
     *
     * @param covariance (dimensions, dimensions), float64
     * @param size how many directions
     * @return (dimensions, size)
     * @throws InputException if the vectors do not vary in so many directions
     */
    static Tensor ofCovariance(Tensor covariance, int size) {
        check(size, covariance.size(0));
        var both = torch.linalg_eigh(covariance);
        Tensor variances = largest(both.get0(), 0, size);
        check(variances, size);
        return scaled(largest(both.get1(), 1, size), variances);
    }

    /**
     * The directions of vectors whose coordinates are weighted first.
     *
     * @param covariance (dimensions, dimensions) of the vectors themselves, float64
     * @param weight (dimensions)
     * @return (dimensions, size), for the vectors themselves
     */
    static Tensor ofWeighted(Tensor covariance, Tensor weight, int size) {
        Tensor weighted = covariance.mul(weight.unsqueeze(0)).mul(weight.unsqueeze(1));
        return ofCovariance(weighted, size).mul(weight.unsqueeze(1));
    }

    /**
     * The directions of centred vectors, times the factor, through the smaller of covariance and Gram matrix.
     *
     * @param rows (vectors, dimensions), float64
     */
    static Tensor ofRows(Tensor rows, int size) {
        long vectors = rows.size(0);
        if (rows.size(1) <= vectors) {
            return ofCovariance(Torch.divide(rows.t().matmul(rows), (double) vectors), size);
        }
        check(size, vectors);
        var both = torch.linalg_eigh(Torch.divide(rows.matmul(rows.t()), (double) vectors));
        Tensor variances = largest(both.get0(), 0, size);
        check(variances, size);
        Tensor lengths = Torch.scale(variances, (double) vectors).sqrt();
        Tensor directions = rows.t().matmul(largest(both.get1(), 1, size)).div(lengths);
        return scaled(directions, variances);
    }

    /** The last ones, as eigenvalues ascend, in descending order. */
    private static Tensor largest(Tensor ascending, long dimension, int size) {
        return ascending
                .narrow(dimension, ascending.size(dimension) - size, size)
                .flip(dimension);
    }

    private static void check(long size, long most) {
        if (size > most) {
            throw new InputException(
                    "%d components are more than the %d that so few images or channels have; ask for less"
                            .formatted(size, most));
        }
    }

    private static void check(Tensor variances, int size) {
        float[] numbers = Torch.toFloats(variances);
        if (!(numbers[size - 1] > RANK_TOLERANCE * numbers[0])) {
            throw new InputException(
                    "the images do not vary in %d directions; ask for fewer components or fit on more images"
                            .formatted(size));
        }
    }

    /** The sign of a direction is free: its largest number is made positive. */
    private static Tensor scaled(Tensor directions, Tensor variances) {
        Tensor largest = directions.abs().argmax(Torch.optional(0), true);
        Tensor signs = directions.gather(0, largest).sign();
        Tensor factor =
                Torch.divide(variances.sum(), (double) variances.size(0)).rsqrt();
        return directions.mul(signs).mul(factor);
    }

    /** Numbers that are at least {@code least}, so that nothing is divided by zero. */
    static Tensor atLeast(Tensor numbers, double least) {
        return numbers.clamp_min(Torch.scalar(least));
    }
}
