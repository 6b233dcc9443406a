package io.github.m3agiqa.benchmarks;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * What a device can do at the moment, through the engine.
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

    static MachineRates measure(Device device) {
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            Tensor large = Torch.full(1, device, ELEMENTS);
            double reading = 4.0 * ELEMENTS / best(device, () -> large.sum());
            return new MachineRates(Engine.threads(), reading, product(Dtype.F32, device), product(Dtype.BF16, device));
        }
    }

    private static double product(Dtype dtype, Device device) {
        long side = device.isCpu() ? 2048 : 8192;
        Tensor a = Torch.to(torch.randn(side, side), dtype, device);
        Tensor b = Torch.to(torch.randn(side, side), dtype, device);
        return 2.0 * side * side * side / best(device, () -> torch.linear(a, b));
    }

    /** The faster of the two: where the processor does not multiply bfloat16, the engine makes bfloat16 products up. */
    double products() {
        return Math.max(fp32, bf16);
    }

    /** Waits until a device has done what it was told: a GPU only notes that. */
    static void await(Device device) {
        if (!device.isCpu()) {
            Torch.toFloats(Torch.zeros(Dtype.F32, device, 1));
        }
    }

    /** Seconds. */
    private static double best(Device device, Runnable work) {
        double best = Double.POSITIVE_INFINITY;
        for (int round = 0; round < ROUNDS; round++) {
            long start = System.nanoTime();
            try (Scope _ = new Scope()) {
                work.run();
                await(device);
            }
            best = Math.min(best, (System.nanoTime() - start) / 1e9);
        }
        return best;
    }
}
