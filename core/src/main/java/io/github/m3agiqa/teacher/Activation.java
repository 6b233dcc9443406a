package io.github.m3agiqa.teacher;

import io.github.m3agiqa.tensor.Torch;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** What is done to every number of a layer, under the names that Keras gives it. */
enum Activation {
    LINEAR,
    RELU,
    RELU6,
    SOFTMAX;

    static Optional<Activation> named(String name) {
        return Arrays.stream(values())
                .filter(activation -> activation.name().toLowerCase(Locale.ROOT).equals(name))
                .findFirst();
    }

    Tensor apply(Tensor x) {
        return switch (this) {
            case LINEAR -> x;
            case RELU -> x.relu();
            case RELU6 -> torch.hardtanh(x, Torch.scalar(0), Torch.scalar(6));
            case SOFTMAX -> torch.softmax(x, 1);
        };
    }

    /** The same on numbers that nothing else reads, which it may write over. */
    Tensor applyOver(Tensor x) {
        // what an operation in place returns lies inside its argument and goes with it
        switch (this) {
            case RELU -> x.relu_();
            case RELU6 -> torch.hardtanh_(x, Torch.scalar(0), Torch.scalar(6));
            case LINEAR, SOFTMAX -> {
                return apply(x);
            }
        }
        return x;
    }
}
