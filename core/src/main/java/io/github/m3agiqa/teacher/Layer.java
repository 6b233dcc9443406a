package io.github.m3agiqa.teacher;

import io.github.m3agiqa.tensor.Device;
import java.util.List;

/**
 * One layer of a network.
 *
 * @param inputs names of layers before it
 */
record Layer(String name, Operation operation, List<String> inputs) {
    Layer {
        inputs = List.copyOf(inputs);
    }

    /** The same with its tensors on a device. */
    Layer on(Device device) {
        return new Layer(name, operation.on(device), inputs);
    }
}
