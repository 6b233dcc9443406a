package io.github.m3agiqa.weights;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** Named tensors in files, opened by reading names and shapes only. */
public interface TensorSource extends AutoCloseable {
    /** The file or folder, for messages. */
    String location();

    /** Name, element type and shape of every tensor. */
    Map<String, TensorInfo> tensors();

    /**
     * Reads one tensor. Where stored and wanted type agree and the file allows it, the tensor lies over the mapped
     * file: it must not be written to, nor used after this source is closed.
     *
     * @param name a key of {@link #tensors()}
     * @throws io.github.m3agiqa.ModelException if the bytes cannot be read
     */
    Tensor load(String name, Dtype wanted, Device device);

    /** Whether the tensors change while they are in use, as in training: then nothing made from them is kept. */
    default boolean live() {
        return false;
    }

    @Override
    void close();
}
