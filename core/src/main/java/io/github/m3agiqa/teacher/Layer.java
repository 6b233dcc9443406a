package io.github.m3agiqa.teacher;

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
}
