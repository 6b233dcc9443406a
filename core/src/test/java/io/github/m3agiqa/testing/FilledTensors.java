package io.github.m3agiqa.testing;

import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.HeldTensors;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.bytedeco.pytorch.Tensor;

/** Tensors whose elements follow a rule, or a distribution. */
public final class FilledTensors {
    /** The value of element {@code index} (from 0) of the tensor at {@code position} (from 0) in lexicographic order. */
    public interface Fill {
        double value(String name, int position, int index);
    }

    private FilledTensors() {}

    /** Numbers of a normal distribution with mean 0 and variance 1. */
    public static Tensor normal(Random random, long... shape) {
        float[] elements = new float[Math.toIntExact(Arrays.stream(shape).reduce(1, Math::multiplyExact))];
        for (int i = 0; i < elements.length; i++) {
            elements[i] = (float) random.nextGaussian();
        }
        return Torch.floats(elements, shape);
    }

    /** Tensors of these shapes, filled by a rule. */
    public static HeldTensors of(Map<String, long[]> shapes, Fill fill) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        int position = 0;
        for (var entry : new TreeMap<>(shapes).entrySet()) {
            int size = 1;
            for (long side : entry.getValue()) {
                size = Math.toIntExact(size * side);
            }
            float[] elements = new float[size];
            for (int i = 0; i < elements.length; i++) {
                elements[i] = (float) fill.value(entry.getKey(), position, i);
            }
            tensors.put(entry.getKey(), Torch.floats(elements, entry.getValue()));
            position++;
        }
        return new HeldTensors("memory", tensors);
    }
}
