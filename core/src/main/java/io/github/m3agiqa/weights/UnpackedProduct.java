package io.github.m3agiqa.weights;

import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** Products of a matrix that is held in another type than the one that the machine multiplies fast. */
final class UnpackedProduct {
    /** How many rows of the matrix are unpacked at a time, few enough that a processor's cache holds them. */
    private static final long ROWS = 512;

    private UnpackedProduct() {}

    /**
     * Multiplies by the transposed matrix, some of whose rows at a time are brought into another type.
     *
     * @param x (..., in), of any floating type
     * @param matrix (out, in), whose elements the operands' type can hold
     * @param operands the type that is multiplied in
     * @return (..., out), in that type
     */
    static Tensor linear(Tensor x, Tensor matrix, Dtype operands) {
        Tensor input = Torch.to(x, operands);
        List<Tensor> parts = new ArrayList<>();
        for (long first = 0; first < matrix.size(0); first += ROWS) {
            try (Scope scope = new Scope()) {
                Tensor some = matrix.narrow(0, first, Math.min(ROWS, matrix.size(0) - first));
                parts.add(scope.keep(Torch.linear(input, Torch.to(some, operands))));
            }
        }
        return Torch.cat(-1, parts);
    }
}
