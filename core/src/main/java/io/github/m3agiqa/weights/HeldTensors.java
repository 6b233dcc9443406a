package io.github.m3agiqa.weights;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Named tensors in memory. A network that is built over them computes with these very tensors where it wants their type
 * and device, so gradients reach them and changes to them are seen.
 */
public final class HeldTensors implements TensorSource {
    private final String location;
    private final Map<String, Tensor> tensors = new LinkedHashMap<>(); // owned

    /**
     * Holds tensors until it is closed.
     *
     * @param location what they are, for messages
     */
    public HeldTensors(String location, Map<String, Tensor> tensors) {
        this.location = location;
        tensors.forEach((name, tensor) -> this.tensors.put(name, Scope.own(tensor)));
    }

    /** The tensors, in the order in which they were given. */
    public Map<String, Tensor> held() {
        return Collections.unmodifiableMap(tensors);
    }

    @Override
    public String location() {
        return location;
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
            throw new IllegalArgumentException("%s has no tensor %s".formatted(location, name));
        }
        return Torch.to(tensor, wanted, device);
    }

    @Override
    public boolean live() {
        return true;
    }

    @Override
    public void close() {
        tensors.values().forEach(Scope::release);
        tensors.clear();
    }
}
