package io.github.m3agiqa.tensor;

import org.bytedeco.pytorch.Argument;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.GenericList;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Products of float32 by oneDNN. The engine leaves them to MKL, which keeps its fastest kernels for Intel's processors: on
 * others that have AVX-512 it takes twice as long.
 */
final class OneDnnProduct {
    private static final String OPERATOR = "mkldnn::_linear_pointwise";
    /** Its argument that is a list of scalars. */
    private static final int SCALARS = 4;

    /** MKL takes 0.2 ms for so many multiplications; of fewer, finding the operator is too large a part. */
    private static final long WORTHWHILE = 1 << 24;

    private OneDnnProduct() {}

    /** Whether it takes less time than what the engine does, and no gradient is wanted, as none flows through it. */
    static boolean isFaster(Tensor x, Tensor weight) {
        return Processor.ONEDNN_FASTER_IN_FLOAT32
                && x.numel() * weight.size(0) > WORTHWHILE
                && Torch.dtypeOf(x) == Dtype.F32
                && Torch.dtypeOf(weight) == Dtype.F32
                && Device.of(x).isCpu()
                && !x.requires_grad()
                && !weight.requires_grad();
    }

    /**
     * x times the transposed weight, plus the bias.
     *
     * @param x (..., in), float32
     * @param weight (out, in), float32
     * @param bias (out), float32, or none
     * @return (..., out), float32
     */
    static Tensor linear(Tensor x, Tensor weight, @Nullable Tensor bias) {
        try (Scope scope = new Scope()) {
            IValue none = new IValue();
            IValue product = Torch.run(
                    OPERATOR,
                    new IValue(x),
                    new IValue(weight),
                    bias == null ? none : new IValue(bias),
                    new IValue("none"), // no function of the result
                    noScalars(),
                    none);
            return scope.keep(new Tensor(product.toTensor()));
        }
    }

    /** An empty list of the type that the operator names. */
    private static IValue noScalars() {
        Argument scalars = Dispatcher.singleton()
                .findSchemaOrThrow(OPERATOR, "")
                .schema()
                .arguments()
                .getPointer(Argument.class, SCALARS);
        return new IValue(new GenericList(scalars.real_type().get().containedType(0)));
    }
}
