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
 * What the machine can do at the moment, through the engine.
 *
 * @param threads of one operation
 * @param bytes read from memory in a second, in the sum of a tensor that no cache holds
 * @param fp32 operations a second in the product of two float32 matrices of 2048 rows and columns; a multiplication and
 *     its addition are two
 * @param bf16 the same in bfloat16
 */
record MachineRates(int threads, double bytes, double fp32, double bf16) {
    private static final int SIDE = 2048;
    private static final long ELEMENTS = 1L << 28;
    private static final int ROUNDS = 7;

    static MachineRates measure() {
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            Tensor large = Torch.full(1, Device.CPU, ELEMENTS);
            double reading = 4.0 * ELEMENTS / best(() -> large.sum());
            return new MachineRates(Engine.threads(), reading, product(Dtype.F32), product(Dtype.BF16));
        }
    }

    private static double product(Dtype dtype) {
        Tensor a = Torch.to(torch.randn(SIDE, SIDE), dtype);
        Tensor b = Torch.to(torch.randn(SIDE, SIDE), dtype);
        return 2.0 * SIDE * SIDE * SIDE / best(() -> torch.linear(a, b));
    }

    /** Seconds. */
    private static double best(Runnable work) {
        double best = Double.POSITIVE_INFINITY;
        for (int round = 0; round < ROUNDS; round++) {
            long start = System.nanoTime();
            try (Scope _ = new Scope()) {
                work.run();
            }
            best = Math.min(best, (System.nanoTime() - start) / 1e9);
        }
        return best;
    }
}
