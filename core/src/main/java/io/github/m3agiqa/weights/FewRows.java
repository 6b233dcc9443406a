package io.github.m3agiqa.weights;

import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Torch;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Products of a few rows with a matrix in 8 bits or bfloat16, which is what every decoded token consists of: the matrix
 * is read once, whatever the number of rows, and nothing else takes time. It needs a JVM that was started with
 * {@code --add-modules jdk.incubator.vector}; the engine's own products read a matrix at half the speed.
 *
 * <p>Inputs and sums are float32, and a row's product is the same whatever other rows there are.
 */
final class FewRows {
    /** With more rows arithmetic takes longer than reading, and the engine is better at it. */
    static final int MOST = 16;

    private static final boolean VECTORS =
            ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();

    /** How many weights a core takes at a time: some 50 microseconds' worth. */
    private static final int WEIGHTS = 1 << 18;

    private FewRows() {}

    /**
     * Whether these can be multiplied here.
     *
     * @param x (rows, in)
     * @param matrix (out, in)
     */
    static boolean multiplies(Tensor x, Tensor matrix) {
        return VECTORS
                && x.dim() == 2
                && x.size(0) <= MOST
                && matrix.is_cpu()
                && matrix.is_contiguous()
                && !x.requires_grad()
                && matrix.size(1) % VectorKernels.block(weightsAnInt(matrix)) == 0;
    }

    /**
     * Multiplies by the transposed matrix.
     *
     * @param x (rows, in), of any floating type
     * @param matrix (out, in), in 8 bits or bfloat16
     * @return (rows, out), in float32
     */
    static Tensor linear(Tensor x, Tensor matrix) {
        int rows = (int) x.size(0);
        int in = (int) matrix.size(1);
        int out = Math.toIntExact(matrix.size(0));
        MemorySegment weights = Torch.memory(matrix);
        int weightsAnInt = weightsAnInt(matrix);
        float[] inputs = VectorKernels.ordered(Torch.toFloats(x), weightsAnInt);
        float[] products = new float[rows * out];
        int part = Math.max(1, WEIGHTS / in);
        IntStream parts = IntStream.range(0, Math.ceilDiv(out, part));
        (Engine.threads() > 1 ? parts.parallel() : parts).forEach(index -> {
            int last = Math.min(out, (index + 1) * part);
            if (weightsAnInt == 4) {
                VectorKernels.bytes(weights, index * part, last, inputs, in, products);
            } else {
                VectorKernels.bfloat16(weights, index * part, last, inputs, in, products);
            }
        });
        return Torch.floats(products, rows, out);
    }

    private static int weightsAnInt(Tensor matrix) {
        return (int) (Integer.BYTES / matrix.element_size());
    }
}
