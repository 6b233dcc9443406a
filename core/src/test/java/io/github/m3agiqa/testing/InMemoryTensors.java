package io.github.m3agiqa.testing;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.TensorInfo;
import io.github.m3agiqa.weights.TensorSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.bytedeco.pytorch.Tensor;

/** Tensors that a test has made up. */
public final class InMemoryTensors implements TensorSource {
    /** The value of element {@code index} (from 0) of the tensor at {@code position} (from 0) in lexicographic order. */
    public interface Fill {
        double value(String name, int position, int index);
    }

    private final Map<String, Tensor> tensors = new LinkedHashMap<>();

    public InMemoryTensors(Map<String, Tensor> tensors) {
        this.tensors.putAll(tensors);
    }

    /** Tensors filled by a rule. */
    public static InMemoryTensors filled(Map<String, long[]> shapes, Fill fill) {
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
        return new InMemoryTensors(tensors);
    }

    @Override
    public String location() {
        return "memory";
    }

    @Override
    public Map<String, TensorInfo> tensors() {
        Map<String, TensorInfo> infos = new LinkedHashMap<>();
        tensors.forEach((name, tensor) -> infos.put(name, TensorInfo.of(tensor)));
        return infos;
    }

    @Override
    public Tensor load(String name, Dtype wanted, Device device) {
        Tensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new IllegalArgumentException("no tensor " + name);
        }
        return Torch.to(tensor, wanted, device);
    }

    @Override
    public void close() {}
}
