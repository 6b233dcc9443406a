package io.github.m3agiqa.benchmarks;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.util.function.ToDoubleBiFunction;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * What a device can do, through the engine: the best of some rounds.
 *
 * @param threads of one operation
 * @param bytes read from memory in a second, in the sum of a tensor that no cache holds
 * @param fp32 operations a second in the product of two float32 matrices of 2048 rows and columns, on a GPU 8192; a
 *     multiplication and its addition are two
 * @param bf16 the same in bfloat16
 */
record MachineRates(int threads, double bytes, double fp32, double bf16) {
    private static final long ELEMENTS = 1L << 28;
    private static final int ROUNDS = 7;
    private static final int ROUNDS_NOW = 4;

    static MachineRates measure(Device device) {
        return new MachineRates(
                Engine.threads(),
                reading(device, MachineRates::best),
                product(Dtype.F32, device, MachineRates::best),
                product(Dtype.BF16, device, MachineRates::best));
    }

    /**
     * Bytes read in a second at this moment, the mean of some rounds. A virtual machine's neighbours take of its rates what
     * they take of the work beside them, so that is what to compare work with.
     */
    static double bytesNow(Device device) {
        return reading(device, MachineRates::mean);
    }

    /**
     * Operations a second at this moment, the mean of some rounds, of the faster product: where the processor does not
     * multiply bfloat16, the engine makes bfloat16 products up.
     */
    double productsNow(Device device) {
        return product(fp32 > bf16 ? Dtype.F32 : Dtype.BF16, device, MachineRates::mean);
    }

    private static double reading(Device device, ToDoubleBiFunction<Device, Runnable> seconds) {
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            Tensor large = Torch.full(1, device, ELEMENTS);
            return 4.0 * ELEMENTS / seconds.applyAsDouble(device, large::sum);
        }
    }

    private static double product(Dtype dtype, Device device, ToDoubleBiFunction<Device, Runnable> seconds) {
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            long side = device.isCpu() ? 2048 : 8192;
            Tensor a = Torch.to(torch.randn(side, side), dtype, device);
            Tensor b = Torch.to(torch.randn(side, side), dtype, device);
            return 2.0 * side * side * side / seconds.applyAsDouble(device, () -> torch.linear(a, b));
        }
    }

    /** Waits until a device has done what it was told: a GPU only notes that. */
    static void await(Device device) {
        if (!device.isCpu()) {
            Torch.toFloats(Torch.zeros(Dtype.F32, device, 1));
        }
    }

    private static double best(Device device, Runnable work) {
        return IntStream.range(0, ROUNDS)
                .mapToDouble(_ -> seconds(device, work))
                .min()
                .getAsDouble();
    }

    private static double mean(Device device, Runnable work) {
        seconds(device, work); // takes the memory
        return IntStream.range(0, ROUNDS_NOW)
                .mapToDouble(_ -> seconds(device, work))
                .average()
                .getAsDouble();
    }

    private static double seconds(Device device, Runnable work) {
        long start = System.nanoTime();
        try (Scope _ = new Scope()) {
            work.run();
            await(device);
        }
        return (System.nanoTime() - start) / 1e9;
    }
}
