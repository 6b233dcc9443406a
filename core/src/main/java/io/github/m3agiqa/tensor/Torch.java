package io.github.m3agiqa.tensor;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.TensorBase;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorTensorHook;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The libtorch calls whose Java signature is awkward, with plain Java arguments. Results belong to the scope in which
 * they are made.
 */
public final class Torch {
    static {
        Engine.load();
    }

    private Torch() {}

    /** Runs a computation of which no gradient will be asked; its tensors are freed except the result. */
    public static Tensor withoutGradient(Supplier<Tensor> computation) {
        try (Scope scope = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            return scope.keep(computation.get());
        }
    }

    /** An uninitialised tensor in main memory. */
    public static Tensor empty(Dtype dtype, List<Long> shape) {
        return torch.empty(sides(shape), options(dtype, Device.CPU), null);
    }

    /** An uninitialised tensor. */
    public static Tensor empty(Dtype dtype, Device device, long... shape) {
        return torch.empty(shape, options(dtype, device), null);
    }

    /** Zeros. */
    public static Tensor zeros(Dtype dtype, Device device, long... shape) {
        return torch.zeros(shape, options(dtype, device));
    }

    /** A float32 tensor that holds one number everywhere. */
    public static Tensor full(double number, Device device, long... shape) {
        return torch.full(shape, new Scalar(number), options(Dtype.F32, device));
    }

    /** The mean over a dimension, which stays as one of size 1. */
    public static Tensor mean(Tensor tensor, long dimension) {
        return tensor.mean(new long[] {dimension}, true, new ScalarTypeOptional());
    }

    /**
     * A ridge regression: what x is to be multiplied with to be nearly y.
     *
     * @param xx the transposed x times x, (in, in)
     * @param xy the transposed x times y, (in, out)
     * @param penalty added to the diagonal of xx
     * @return (in, out)
     */
    public static Tensor ridge(Tensor xx, Tensor xy, double penalty) {
        Tensor diagonal = to(scale(torch.eye(xx.size(0)), penalty), Device.of(xx));
        return torch.linalg_solve(xx.add(diagonal), xy);
    }

    /** The sum over a dimension, which stays as one of size 1. */
    public static Tensor sum(Tensor tensor, long dimension) {
        return tensor.sum(new long[] {dimension}, true, new ScalarTypeOptional());
    }

    /** A float32 tensor in main memory with these elements, row-major. */
    public static Tensor floats(float[] elements, long... shape) {
        Tensor tensor = empty(Dtype.F32, Device.CPU, shape);
        if (elements.length != tensor.numel()) {
            throw new IllegalArgumentException(
                    "%d elements for a tensor of %d".formatted(elements.length, tensor.numel()));
        }
        if (elements.length > 0) {
            new FloatPointer(tensor.data_ptr()).put(elements);
        }
        return tensor;
    }

    /** A vector of indices. */
    public static Tensor indices(Device device, int... indices) {
        long[] elements = new long[indices.length];
        for (int i = 0; i < indices.length; i++) {
            elements[i] = indices[i];
        }
        Tensor tensor = empty(Dtype.I64, Device.CPU, elements.length);
        if (elements.length > 0) {
            new LongPointer(tensor.data_ptr()).put(elements);
        }
        return to(tensor, Dtype.I64, device);
    }

    /** The elements as float32, row-major. */
    public static float[] toFloats(Tensor tensor) {
        try (Scope _ = new Scope()) {
            Tensor floats = to(tensor, Dtype.F32, Device.CPU).contiguous();
            float[] elements = new float[Math.toIntExact(floats.numel())];
            if (elements.length > 0) {
                new FloatPointer(floats.data_ptr()).get(elements);
            }
            return elements;
        }
    }

    /** The elements of a tensor of integers, row-major. */
    public static long[] toLongs(Tensor tensor) {
        try (Scope _ = new Scope()) {
            Tensor longs = to(tensor, Dtype.I64, Device.CPU).contiguous();
            long[] elements = new long[Math.toIntExact(longs.numel())];
            if (elements.length > 0) {
                new LongPointer(longs.data_ptr()).get(elements);
            }
            return elements;
        }
    }

    /** The memory of a contiguous tensor in main memory, to be written to. */
    public static ByteBuffer bytes(Tensor tensor, long offset, int length) {
        return MemorySegment.ofAddress(tensor.data_ptr().address())
                .reinterpret(tensor.nbytes())
                .asSlice(offset, length)
                .asByteBuffer();
    }

    /** The tensor itself if it already has that type and device, else a copy. */
    public static Tensor to(Tensor tensor, Dtype dtype, Device device) {
        return tensor.to(device.engineDevice(), dtype.scalarType());
    }

    /** The tensor itself if it is already on that device, else a copy. */
    public static Tensor to(Tensor tensor, Device device) {
        return device.isCpu() && tensor.is_cpu() ? tensor : tensor.to(device.engineDevice(), tensor.scalar_type());
    }

    /**
     * The element type of a tensor.
     *
     * @throws IllegalArgumentException if it is none of {@link Dtype}
     */
    public static Dtype dtypeOf(Tensor tensor) {
        ScalarType type = tensor.scalar_type().intern();
        for (Dtype dtype : Dtype.values()) {
            if (dtype.scalarType() == type) {
                return dtype;
            }
        }
        throw new IllegalArgumentException("elements of type %s are not known here".formatted(type));
    }

    /** The tensor itself if it already has that type, else a copy. */
    public static Tensor to(Tensor tensor, Dtype dtype) {
        return dtypeOf(tensor) == dtype ? tensor : tensor.to(dtype.scalarType());
    }

    /** Joins tensors along a dimension. */
    public static Tensor cat(long dimension, Tensor... tensors) {
        return tensors.length == 1 ? tensors[0] : torch.cat(new TensorVector(tensors), dimension);
    }

    /** Joins tensors along a dimension. */
    public static Tensor cat(long dimension, List<Tensor> tensors) {
        return cat(dimension, tensors.toArray(Tensor[]::new));
    }

    /** Joins tensors of one shape along a new first dimension. */
    public static Tensor stack(List<Tensor> tensors) {
        return torch.stack(new TensorVector(tensors.toArray(Tensor[]::new)));
    }

    /** The gradient that was computed for a tensor; not defined if there is none. */
    public static Tensor gradient(Tensor tensor) {
        // what grad() returns lies inside the tensor and goes with it
        return new Tensor(tensor.grad());
    }

    /** Computes the gradients of all that a tensor was made from. */
    public static void backward(Tensor tensor, Tensor gradient) {
        tensor.backward(gradient, new BoolOptional(), false, new TensorArrayRefOptional());
    }

    /**
     * The gradients of what a tensor was made from, which are added to none that were computed before.
     *
     * @param gradient that of the tensor
     * @return one an input; not defined for those that the tensor was not made from
     */
    public static List<Tensor> gradients(Tensor tensor, Tensor gradient, List<Tensor> inputs) {
        return list(torch.grad(
                new TensorVector(tensor),
                new TensorVector(inputs.toArray(Tensor[]::new)),
                new TensorVector(gradient),
                new BoolOptional(),
                false,
                true));
    }

    /** Adds to the gradient of a tensor, as {@link #backward} does; nothing if there is nothing to add. */
    public static void addGradient(Tensor tensor, Tensor gradient) {
        if (gradient.defined()) {
            Tensor held = gradient(tensor);
            // a copy: the engine may give two tensors the same gradient
            tensor.mutable_grad().put(held.defined() ? held.add(gradient) : gradient.clone());
        }
    }

    /**
     * A tensor whose gradients the engine does not know how to compute. The scope in which it is made must be open until the
     * backward pass.
     *
     * @param result without a gradient of its own
     * @param inputs what it was computed from, which together have at least as many elements
     * @param gradients the gradients of the inputs, each of its input's shape, from that of the result; called at most once
     *     in each backward pass, in the thread that runs it
     */
    public static Tensor withGradient(Tensor result, List<Tensor> inputs, Function<Tensor, List<Tensor>> gradients) {
        // the result's gradient reaches the first elements of the inputs, end to end, where the right ones take its
        // place
        Tensor joined = joined(inputs);
        if (!joined.requires_grad()) {
            return result;
        }
        joined.register_hook(new GradientHook(gradient ->
                joined(gradients.apply(gradient.narrow(0, 0, result.numel()).view_as(result)))));
        Tensor carrier = joined.narrow(0, 0, result.numel()).view_as(result);
        return result.add(carrier.sub(carrier.detach()));
    }

    /** The elements of tensors, end to end. */
    private static Tensor joined(List<Tensor> tensors) {
        return torch.cat(
                new TensorVector(
                        tensors.stream().map(tensor -> tensor.reshape(-1)).toArray(Tensor[]::new)),
                0);
    }

    /** Puts another gradient in the place of a tensor's. */
    private static final class GradientHook extends TensorTensorHook {
        private final UnaryOperator<Tensor> replacement;

        GradientHook(UnaryOperator<Tensor> replacement) {
            this.replacement = replacement;
        }

        @Override
        public TensorBase call(TensorBase gradient) {
            return replacement.apply(new Tensor(gradient));
        }
    }

    /** The slices of a tensor along a dimension, which they no longer have. */
    public static List<Tensor> unbind(Tensor tensor, long dimension) {
        return list(tensor.unbind(dimension));
    }

    /** Consecutive parts of a tensor along a dimension, each of {@code size}, the last perhaps smaller. */
    public static List<Tensor> split(Tensor tensor, long size, long dimension) {
        return list(tensor.split(size, dimension));
    }

    /** The tensors of a vector, each held on its own: an element as the vector gives it dies with the vector. */
    private static List<Tensor> list(TensorVector vector) {
        Tensor[] tensors = new Tensor[Math.toIntExact(vector.size())];
        for (int i = 0; i < tensors.length; i++) {
            tensors[i] = new Tensor(vector.get(i));
        }
        return List.of(tensors);
    }

    /** Each element times a number. */
    public static Tensor scale(Tensor tensor, double factor) {
        return tensor.mul(new Scalar(factor));
    }

    /** Each element divided by a number. */
    public static Tensor divide(Tensor tensor, double divisor) {
        return tensor.div(new Scalar(divisor));
    }

    /** Each element plus a number. */
    public static Tensor plus(Tensor tensor, double summand) {
        return tensor.add(new Scalar(summand));
    }

    /** Normalises the last dimension: (x - mean) / sqrt(variance + epsilon) * weight + bias, biased variance. */
    public static Tensor layerNorm(Tensor x, Tensor weight, Tensor bias, double epsilon) {
        return torch.layer_norm(
                x, new long[] {x.size(-1)}, new TensorOptional(weight), new TensorOptional(bias), epsilon, true);
    }

    /** Normalises the last dimension: (x - mean) / sqrt(variance + epsilon) * weight, biased variance. */
    public static Tensor layerNorm(Tensor x, Tensor weight, double epsilon) {
        return torch.layer_norm(
                x, new long[] {x.size(-1)}, new TensorOptional(weight), new TensorOptional(), epsilon, true);
    }

    /** Scales the last dimension: x / sqrt(mean of squares + epsilon) * weight. */
    public static Tensor rmsNorm(Tensor x, Tensor weight, double epsilon) {
        return torch.rms_norm(x, new long[] {x.size(-1)}, new TensorOptional(weight), new DoubleOptional(epsilon));
    }

    /**
     * GELU in its form with a hyperbolic tangent: {@code x (1 + tanh(u)) / 2 = x sigmoid(2 u)} with {@code u = sqrt(2 / pi)
     * (x + 0.044715 x^3)}. In main memory the sigmoid is computed, in half the time, unless there are gradients.
     *
     * @return of x's shape, in float32 where the sigmoid is computed, else of x's type
     * @see <a href="https://arxiv.org/abs/1606.08415">Gaussian error linear units</a>
     */
    public static Tensor gelu(Tensor x) {
        if (!x.is_cpu() || x.requires_grad()) {
            return torch.gelu(x, "tanh");
        }
        try (Scope scope = new Scope()) {
            double slope = 2 * Math.sqrt(2 / Math.PI);
            Tensor exact = to(x, Dtype.F32);
            Tensor u = torch.addcmul(full(slope, Device.CPU, 1), exact, exact, scalar(0.044715 * slope))
                    .mul_(exact);
            return scope.keep(u.sigmoid_().mul_(exact));
        }
    }

    /** Each element, or the bound that it lies beyond. */
    public static Tensor clamp(Tensor tensor, double least, double most) {
        return tensor.clamp(new ScalarOptional(new Scalar(least)), new ScalarOptional(new Scalar(most)));
    }

    /**
     * x times the transposed weight.
     *
     * @param x (..., in)
     * @param weight (out, in)
     * @return (..., out)
     */
    public static Tensor linear(Tensor x, Tensor weight) {
        return OneDnnProduct.isFaster(x, weight) ? OneDnnProduct.linear(x, weight, null) : torch.linear(x, weight);
    }

    /**
     * x times the transposed weight, plus the bias.
     *
     * @param x (..., in)
     * @param weight (out, in)
     * @param bias (out)
     * @return (..., out)
     */
    public static Tensor linear(Tensor x, Tensor weight, Tensor bias) {
        return OneDnnProduct.isFaster(x, weight)
                ? OneDnnProduct.linear(x, weight, bias)
                : torch.linear(x, weight, new TensorOptional(bias));
    }

    /**
     * A convolution over images, in the type of the images.
     *
     * @param images (images, channels, height, width)
     * @param weight (filters, channels, side, side)
     * @param bias (filters)
     * @param padding zeros at each border
     * @return (images, filters, rows, columns)
     */
    public static Tensor convolution(Tensor images, Tensor weight, Tensor bias, long stride, long padding) {
        Dtype dtype = dtypeOf(images);
        return torch.conv2d(
                images,
                to(weight, dtype),
                new TensorOptional(to(bias, dtype)),
                new long[] {stride, stride},
                new long[] {padding, padding},
                new long[] {1, 1},
                1);
    }

    /**
     * Brings every channel to mean 0 and variance 1, then to the scale and shift that were learned.
     *
     * @param images (images, channels, height, width)
     * @param mean running mean of each channel, of which this batch's becomes a part in training
     * @param variance as the mean
     * @param momentum that part
     * @param training whether this batch's own mean and variance are taken, not the running ones
     */
    public static Tensor batchNorm(
            Tensor images,
            Tensor scale,
            Tensor shift,
            Tensor mean,
            Tensor variance,
            boolean training,
            double momentum,
            double epsilon) {
        return torch.batch_norm(
                images,
                new TensorOptional(scale),
                new TensorOptional(shift),
                new TensorOptional(mean),
                new TensorOptional(variance),
                training,
                momentum,
                epsilon,
                false);
    }

    /** How many neighbours in a long row are passed over together where none of them is large. */
    private static final long NEIGHBOURS = 64;

    /** The largest elements of the last dimension in descending order, with their indices. */
    public record Top(Tensor values, Tensor indices) {}

    /** The {@code count} largest elements of the last dimension. */
    public static Top top(Tensor tensor, int count) {
        long size = tensor.size(-1);
        return tensor.dim() == 1 && size % NEIGHBOURS == 0 && size > 4L * count * NEIGHBOURS
                ? topOfMany(tensor, count)
                : topOfAll(tensor, count);
    }

    private static Top topOfAll(Tensor tensor, int count) {
        var both = torch.topk(tensor, count, -1, true, true);
        return new Top(both.get0(), both.get1());
    }

    /** They can only be in those {@code count} groups of neighbours whose largest are the largest. */
    private static Top topOfMany(Tensor row, int count) {
        Tensor groups = row.view(-1, NEIGHBOURS);
        Tensor best = topOfAll(groups.amax(new long[] {-1}, false), count).indices;
        Top among = topOfAll(groups.index_select(0, best).view(-1), count);
        Scalar neighbours = new Scalar(NEIGHBOURS);
        Tensor within = torch.arange(neighbours, best.options());
        Tensor places = best.unsqueeze(1).mul(neighbours).add(within).view(-1);
        return new Top(among.values, places.index_select(0, among.indices));
    }

    /**
     * Calls an operator that has no Java method, through the engine's dispatcher.
     *
     * @param operator its full name, such as {@code quantized::linear_prepack}
     * @param arguments all that it has, also those with a default
     */
    static IValue run(String operator, IValue... arguments) {
        IValueVector stack = new IValueVector();
        for (IValue argument : arguments) {
            stack.push_back(argument);
        }
        Dispatcher.singleton().findSchemaOrThrow(operator, "").callBoxed(stack);
        return new IValue(stack.get(0));
    }

    /** Random numbers of their own, which nothing else draws from: the same seed gives the same ones. */
    public static GeneratorOptional generator(long seed) {
        return new GeneratorOptional(torch.createCPUGenerator(seed));
    }

    /** A shape as the engine takes it. */
    public static long[] sides(List<Long> shape) {
        return shape.stream().mapToLong(Long::longValue).toArray();
    }

    /** A number as the engine takes it. */
    public static Scalar scalar(double number) {
        return new Scalar(number);
    }

    /** A number where the engine takes one or none. */
    public static LongOptional optional(long number) {
        return new LongOptional(number);
    }

    private static TensorOptions options(Dtype dtype, Device device) {
        return new TensorOptions(dtype.scalarType())
                .device(new org.bytedeco.pytorch.DeviceOptional(device.engineDevice()));
    }
}
