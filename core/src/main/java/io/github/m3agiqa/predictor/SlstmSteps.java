package io.github.m3agiqa.predictor;

import static io.github.m3agiqa.predictor.Slstm.GATES;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.util.List;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The steps of an sLSTM over tensors, for many sequences at once, and their gradients. A step is one product with R and a
 * dozen small operations, whose number is what it costs. The engine's own gradients would take some thirty operations a
 * step; here they take seven, as all that does not wait for later steps is computed for all steps together.
 *
 * <p>c and n are those of the equations over e^m, which cancels in c / n. Which m it is does not matter, so no gradient
 * flows through it; but for the first, which is the logarithm of what was written.
 */
final class SlstmSteps {
    private final Tensor kernel; // R, (heads, size, gates * size)
    private final long steps;
    private final long heads;
    private final long batch;
    private final long size;

    // (steps, gates, heads, batch, size): W x + R y + b; of the forget gate log f' = m of the step before + log sigmoid
    private final Tensor gates;

    private final Tensor memory; // c and n, (steps, 2, heads, batch, size)
    private final Tensor outputs; // y, (steps, heads, batch, size)
    private final Tensor stabilizers; // m, (steps, heads, batch, size)

    private SlstmSteps(Tensor inputs, Tensor kernel) {
        this.kernel = kernel;
        this.batch = inputs.size(0);
        this.steps = inputs.size(1);
        this.heads = inputs.size(2);
        this.size = kernel.size(1);
        this.gates = inputs.view(batch, steps, heads, GATES, size)
                .permute(1, 3, 2, 0, 4)
                .clone()
                .contiguous();
        this.memory = like(inputs, steps, 2, heads, batch, size);
        this.outputs = like(inputs, steps, heads, batch, size);
        this.stabilizers = like(inputs, steps, heads, batch, size);
    }

    /**
     * Runs all steps.
     *
     * @param inputs W x + b, (batch, steps, heads, gates * size), gates i, f, z, o
     * @param kernel R, (heads, size, gates * size)
     * @return y, (batch, steps, heads, size)
     */
    static Tensor run(Tensor inputs, Tensor kernel) {
        SlstmSteps run;
        try (NoGradGuard _ = new NoGradGuard()) {
            run = new SlstmSteps(inputs.detach(), kernel.detach());
            run.forward();
        }
        return Torch.withGradient(
                run.outputs.permute(2, 0, 1, 3),
                List.of(inputs, kernel),
                upstream -> run.backward(upstream.permute(1, 2, 0, 3)));
    }

    /** An uninitialised tensor of the type and device of another one. */
    private static Tensor like(Tensor other, long... shape) {
        return Torch.empty(Torch.dtypeOf(other), Device.of(other), shape);
    }

    private void forward() {
        List<Tensor> all = Torch.unbind(gates, 0);
        List<Tensor> inputAndForget = Torch.unbind(gates.narrow(1, 0, 2), 0);
        List<Tensor> input = Torch.unbind(gates.select(1, 0), 0);
        List<Tensor> forget = Torch.unbind(gates.select(1, 1), 0);
        List<Tensor> candidate = Torch.unbind(gates.select(1, 2), 0);
        List<Tensor> out = Torch.unbind(gates.select(1, 3), 0);
        List<Tensor> both = Torch.unbind(memory, 0);
        List<Tensor> c = Torch.unbind(memory.select(1, 0), 0);
        List<Tensor> n = Torch.unbind(memory.select(1, 1), 0);
        List<Tensor> y = Torch.unbind(outputs, 0);
        List<Tensor> m = Torch.unbind(stabilizers, 0);
        Tensor written = torch.ones_like(both.getFirst()); // z for c, and 1 for n
        Tensor open = torch.ones_like(m.getFirst()); // sigmoid(o)
        Tensor z = written.select(0, 0);
        // the memory is empty, and only the input counts: m is its logarithm, so that n is 1
        m.getFirst().copy_(input.getFirst());
        torch.tanh_out(z, candidate.getFirst());
        both.getFirst().copy_(written);
        torch.mul_out(y.getFirst(), torch.sigmoid_out(open, out.getFirst()), z);
        for (int t = 1; t < steps; t++) {
            try (Scope _ = new Scope()) {
                Tensor recurrent = y.get(t - 1).bmm(kernel); // (heads, batch, gates * size)
                all.get(t).add_(recurrent.view(heads, batch, GATES, size).permute(2, 0, 1, 3));
                torch.add_out(forget.get(t), torch.log_sigmoid(forget.get(t)), m.get(t - 1));
                torch.maximum_out(m.get(t), input.get(t), forget.get(t));
                Tensor parts = inputAndForget.get(t).sub(m.get(t)).exp_(); // i' and f' over e^m
                torch.tanh_out(z, candidate.get(t));
                torch.mul_out(both.get(t), both.get(t - 1), parts.select(0, 1)).addcmul_(written, parts.select(0, 0));
                torch.mul_out(y.get(t), torch.sigmoid_out(open, out.get(t)), c.get(t))
                        .div_(n.get(t));
            }
        }
    }

    /**
     * The gradients of inputs and kernel.
     *
     * @param upstream that of y, (steps, heads, batch, size)
     */
    private List<Tensor> backward(Tensor upstream) {
        try (Scope scope = new Scope()) {
            Tensor ofGates = stepBack(upstream).permute(3, 0, 2, 1, 4); // (batch, steps, heads, gates, size)
            // the y of every step but the last is multiplied by R for the next one
            Tensor y = earlier(outputs).permute(1, 3, 0, 2).flatten(2, 3);
            Tensor ofNext = ofGates.narrow(1, 1, steps - 1)
                    .permute(2, 1, 0, 3, 4)
                    .reshape(heads, (steps - 1) * batch, GATES * size);
            return List.of(scope.keep(ofGates.reshape(batch, steps, heads, GATES * size)), scope.keep(y.bmm(ofNext)));
        }
    }

    /** The gradients of W x + R y + b, (steps, gates, heads, batch, size), the last step first. */
    private Tensor stepBack(Tensor upstream) {
        Tensor z = gates.select(1, 2).tanh();
        Tensor o = gates.select(1, 3).sigmoid();
        Tensor byNormalizer =
                gates.narrow(1, 0, 2).sub(stabilizers.unsqueeze(1)).exp_(); // i' and f' over e^m
        Tensor input = byNormalizer.select(1, 0);
        Tensor forget = byNormalizer.select(1, 1).clone();
        Tensor slope =
                later(gates.select(1, 1)).sub(earlier(stabilizers)).exp_(); // sigmoid(f), then f' (1 - sigmoid(f))
        torch.addcmul_out(slope, later(forget), later(forget), slope, Torch.scalar(-1));

        // what the gradients of c, n and y are to be multiplied by
        Tensor ofGates = like(gates, steps, GATES, heads, batch, size);
        torch.mul_out(ofGates.select(1, 0), input, z);
        torch.mul_out(later(ofGates.select(1, 1)), slope, earlier(memory.select(1, 0)));
        torch.addcmul_out(ofGates.select(1, 2), input, ofGates.select(1, 0), z, Torch.scalar(-1));
        torch.addcmul_out(ofGates.select(1, 3), outputs, outputs, o, Torch.scalar(-1));
        torch.mul_out(later(byNormalizer.select(1, 1)), slope, earlier(memory.select(1, 1)));
        Tensor byOutput = like(memory, steps, 2, heads, batch, size);
        torch.div_out(byOutput.select(1, 0), o, memory.select(1, 1));
        torch.div_out(byOutput.select(1, 1), outputs, memory.select(1, 1)).neg_();

        List<Tensor> memoryByOutput = Torch.unbind(byOutput, 0);
        List<Tensor> gatesByNormalizer = Torch.unbind(byNormalizer, 0);
        List<Tensor> kept = Torch.unbind(forget, 0);
        List<Tensor> all = Torch.unbind(ofGates.permute(0, 2, 3, 1, 4), 0);
        List<Tensor> withCell = Torch.unbind(ofGates.narrow(1, 0, 3), 0); // i, f, z
        List<Tensor> withNormalizer = Torch.unbind(ofGates.narrow(1, 0, 2), 0); // i, f
        List<Tensor> withOutput = Torch.unbind(ofGates.select(1, 3), 0); // o
        List<Tensor> ofOutputs = Torch.unbind(upstream.clone().contiguous(), 0);
        Tensor transposed = kernel.transpose(1, 2).contiguous();
        Tensor ofMemory = torch.zeros_like(memory.select(0, 0));
        Tensor ofCell = ofMemory.select(0, 0);
        Tensor ofNormalizer = ofMemory.select(0, 1);
        for (int t = (int) steps - 1; t > 0; t--) {
            try (Scope _ = new Scope()) {
                ofMemory.addcmul_(memoryByOutput.get(t), ofOutputs.get(t));
                withCell.get(t).mul_(ofCell);
                withNormalizer.get(t).addcmul_(gatesByNormalizer.get(t), ofNormalizer);
                withOutput.get(t).mul_(ofOutputs.get(t));
                ofMemory.mul_(kept.get(t));
                ofOutputs.get(t - 1).baddbmm_(all.get(t).reshape(heads, batch, GATES * size), transposed);
            }
        }
        // the first m is the first i, and it was kept like all that had been written; there was nothing to forget
        Tensor first = ofGates.select(0, 0);
        first.select(0, 0).copy_(Torch.sum(ofMemory.mul(memory.select(0, 0)), 0).squeeze(0));
        ofMemory.addcmul_(memoryByOutput.getFirst(), ofOutputs.getFirst());
        first.select(0, 1).zero_();
        first.select(0, 2).mul_(ofCell);
        first.select(0, 3).mul_(ofOutputs.getFirst());
        return ofGates;
    }

    /** All steps but the first. */
    private static Tensor later(Tensor all) {
        return all.narrow(0, 1, all.size(0) - 1);
    }

    /** All steps but the last. */
    private static Tensor earlier(Tensor all) {
        return all.narrow(0, 0, all.size(0) - 1);
    }
}
