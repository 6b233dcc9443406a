package io.github.m3agiqa.teacher;

import io.github.m3agiqa.teacher.Window.Padding;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Torch;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** What a layer computes. Images and maps are (images, channels, rows, columns). */
sealed interface Operation {
    Tensor apply(List<Tensor> inputs);

    /** Where its cells lie, given where those of its inputs do; empty if it has none. */
    Optional<Grid> grid(List<Grid> inputs);

    /** The tensors that it holds. */
    default List<Tensor> weights() {
        return List.of();
    }

    /** The images themselves. */
    record Input() implements Operation {
        @Override
        public Tensor apply(List<Tensor> inputs) {
            throw new IllegalStateException("the images are given");
        }

        @Override
        public Optional<Grid> grid(List<Grid> inputs) {
            return Optional.empty();
        }
    }

    /** What it is given, after an activation. */
    record Activate(Activation activation) implements Operation {
        @Override
        public Tensor apply(List<Tensor> inputs) {
            return activation.apply(inputs.getFirst());
        }

        @Override
        public Optional<Grid> grid(List<Grid> inputs) {
            return Optional.of(inputs.getFirst());
        }
    }

    /** Every number times {@code factor}, plus {@code summand}. */
    record Shift(double factor, double summand) implements Operation {
        @Override
        public Tensor apply(List<Tensor> inputs) {
            return Torch.plus(Torch.scale(inputs.getFirst(), factor), summand);
        }

        @Override
        public Optional<Grid> grid(List<Grid> inputs) {
            return Optional.of(inputs.getFirst());
        }
    }

    /** A factor and a summand for each channel, both (channels, 1, 1). */
    record Normalization(Tensor factor, Tensor summand) implements Operation {
        @Override
        public Tensor apply(List<Tensor> inputs) {
            return inputs.getFirst().mul(factor).add(summand);
        }

        @Override
        public Optional<Grid> grid(List<Grid> inputs) {
            return Optional.of(inputs.getFirst());
        }

        @Override
        public List<Tensor> weights() {
            return List.of(factor, summand);
        }
    }

    /**
     * A convolution.
     *
     * @param kernel (outputs, inputs of a group, height, width)
     * @param bias (outputs)
     * @param depthwise whether every channel is a group of its own
     */
    record Convolution(Tensor kernel, Tensor bias, Window window, boolean depthwise, Activation activation)
            implements Operation {
        @Override
        public Tensor apply(List<Tensor> inputs) {
            Tensor x = inputs.getFirst();
            Padding padding = window.padding(x.size(2), x.size(3));
            boolean inside = padding.symmetric();
            Tensor sums = torch.conv2d(
                    inside ? x : pad(x, padding, 0),
                    kernel,
                    new TensorOptional(bias),
                    new long[] {window.rowStep(), window.columnStep()},
                    inside ? new long[] {padding.top(), padding.left()} : new long[] {0, 0},
                    new long[] {1, 1},
                    depthwise ? x.size(1) : 1);
            return activation.applyOver(sums);
        }

        @Override
        public Optional<Grid> grid(List<Grid> inputs) {
            return Optional.of(window.of(inputs.getFirst()));
        }

        @Override
        public List<Tensor> weights() {
            return List.of(kernel, bias);
        }
    }

    /** Zeros around a map. */
    record ZeroPadding(Padding padding) implements Operation {
        @Override
        public Tensor apply(List<Tensor> inputs) {
            return pad(inputs.getFirst(), padding, 0);
        }

        @Override
        public Optional<Grid> grid(List<Grid> inputs) {
            return Optional.of(padding.of(inputs.getFirst()));
        }
    }

    /** The largest number that a window sees. */
    record MaxPool(Window window) implements Operation {
        @Override
        public Tensor apply(List<Tensor> inputs) {
            Tensor x = inputs.getFirst();
            return torch.max_pool2d(
                    pad(x, window.padding(x.size(2), x.size(3)), Double.NEGATIVE_INFINITY),
                    new long[] {window.height(), window.width()},
                    new long[] {window.rowStep(), window.columnStep()},
                    new long[] {0, 0},
                    new long[] {1, 1},
                    false);
        }

        @Override
        public Optional<Grid> grid(List<Grid> inputs) {
            return Optional.of(window.of(inputs.getFirst()));
        }
    }

    /** The mean of the numbers that a window sees; padding is not counted. */
    record AveragePool(Window window) implements Operation {
        @Override
        public Tensor apply(List<Tensor> inputs) {
            Tensor x = inputs.getFirst();
            Padding padding = window.padding(x.size(2), x.size(3));
            if (padding.symmetric()) {
                return pool(x, padding.top(), padding.left(), new LongOptional());
            }
            Tensor ones = Torch.full(1, Device.of(x), 1, 1, x.size(2), x.size(3));
            Tensor counts = pool(pad(ones, padding, 0), 0, 0, Torch.optional(1));
            return pool(pad(x, padding, 0), 0, 0, Torch.optional(1)).div(counts);
        }

        private Tensor pool(Tensor x, int rows, int columns, LongOptional divisor) {
            return torch.avg_pool2d(
                    x,
                    new long[] {window.height(), window.width()},
                    new long[] {window.rowStep(), window.columnStep()},
                    new long[] {rows, columns},
                    false,
                    false,
                    divisor);
        }

        @Override
        public Optional<Grid> grid(List<Grid> inputs) {
            return Optional.of(window.of(inputs.getFirst()));
        }
    }

    /** The channels of all inputs, one after the other. */
    record Concatenation() implements Operation {
        @Override
        public Tensor apply(List<Tensor> inputs) {
            return Torch.cat(1, inputs);
        }

        @Override
        public Optional<Grid> grid(List<Grid> inputs) {
            return Optional.of(inputs.getFirst());
        }
    }

    /** The sum of two inputs. */
    record Addition() implements Operation {
        @Override
        public Tensor apply(List<Tensor> inputs) {
            return inputs.getFirst().add(inputs.getLast());
        }

        @Override
        public Optional<Grid> grid(List<Grid> inputs) {
            return Optional.of(inputs.getFirst());
        }
    }

    /** A map as one row, channels varying fastest. */
    record Flattening() implements Operation {
        @Override
        public Tensor apply(List<Tensor> inputs) {
            return inputs.getFirst().permute(0, 2, 3, 1).flatten(1, -1);
        }

        @Override
        public Optional<Grid> grid(List<Grid> inputs) {
            return Optional.empty();
        }
    }

    /** A fully connected layer, {@code weight} (outputs, inputs) and {@code bias} (outputs). */
    record FullyConnected(Tensor weight, Tensor bias, Activation activation) implements Operation {
        @Override
        public Tensor apply(List<Tensor> inputs) {
            return activation.apply(Torch.linear(inputs.getFirst(), weight, bias));
        }

        @Override
        public Optional<Grid> grid(List<Grid> inputs) {
            return Optional.empty();
        }

        @Override
        public List<Tensor> weights() {
            return List.of(weight, bias);
        }
    }

    private static Tensor pad(Tensor x, Padding padding, double number) {
        long[] sides = {padding.left(), padding.right(), padding.top(), padding.bottom()};
        return padding.equals(new Padding(0, 0, 0, 0)) ? x : torch.constant_pad_nd(x, sides, Torch.scalar(number));
    }
}
