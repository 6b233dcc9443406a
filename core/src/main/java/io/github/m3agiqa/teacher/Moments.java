package io.github.m3agiqa.teacher;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** Mean and covariance of vectors that come in parts. */
final class Moments implements AutoCloseable {
    private long vectors;
    private @Nullable Tensor sum; // owned, (1, numbers)
    private @Nullable Tensor products; // owned, (numbers, numbers)

    /** Takes vectors in, (vectors, numbers), float64. */
    void add(Tensor rows) {
        Tensor heldSum = sum;
        Tensor heldProducts = products;
        if (heldSum == null || heldProducts == null) {
            sum = Scope.own(Torch.sum(rows, 0));
            products = Scope.own(rows.t().matmul(rows));
        } else {
            heldSum.add_(Torch.sum(rows, 0));
            heldProducts.addmm_(rows.t(), rows);
        }
        vectors += rows.size(0);
    }

    /** (numbers), in main memory. */
    Tensor mean() {
        return Torch.divide(Torch.to(held(sum), Device.CPU), (double) vectors).squeeze(0);
    }

    /** The population's covariance, (numbers, numbers), in main memory. */
    Tensor covariance() {
        Tensor mean = mean();
        return Torch.divide(Torch.to(held(products), Device.CPU), (double) vectors)
                .sub(mean.unsqueeze(1).mul(mean.unsqueeze(0)));
    }

    private static Tensor held(@Nullable Tensor tensor) {
        if (tensor == null) {
            throw new IllegalStateException("there are no vectors");
        }
        return tensor;
    }

    @Override
    public void close() {
        if (sum != null) {
            Scope.release(sum);
        }
        if (products != null) {
            Scope.release(products);
        }
    }
}
