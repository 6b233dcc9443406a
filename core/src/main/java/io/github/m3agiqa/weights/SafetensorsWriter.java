package io.github.m3agiqa.weights;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.CompleteFile;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiFunction;
import org.bytedeco.pytorch.Tensor;

/**
 * Writes one safetensors file, tensor by tensor. The file appears under its name when it is complete and on disk, and
 * not before.
 */
public final class SafetensorsWriter implements AutoCloseable {
    private static final int ALIGNMENT = 8;
    private static final int CHUNK = 1 << 24;

    private final CompleteFile file;
    private final FileChannel channel;
    private final Map<String, TensorInfo> tensors;
    private final Deque<String> missing;

    /**
     * Starts a file.
     *
     * @param tensors what will be written, in this order
     * @param metadata free text for readers, such as {@code format}
     * @throws IOException if the file cannot be written
     */
    public SafetensorsWriter(Path file, Map<String, TensorInfo> tensors, Map<String, String> metadata)
            throws IOException {
        this.file = new CompleteFile(file);
        this.tensors = new LinkedHashMap<>(tensors);
        this.missing = new ArrayDeque<>(this.tensors.keySet());
        byte[] header = header(metadata);
        this.channel = FileChannel.open(
                this.file.partial(),
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.WRITE);
        write(ByteBuffer.allocate(Long.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(header.length)
                .flip());
        write(ByteBuffer.wrap(header));
    }

    /** Writes a whole file of tensors in their own types. */
    public static void write(Path file, Map<String, Tensor> tensors) throws IOException {
        write(file, tensors, (_, tensor) -> TensorInfo.of(tensor).dtype());
    }

    /**
     * Writes a whole file of tensors.
     *
     * @param dtypes the type that a tensor has in the file, by its name and itself
     */
    public static void write(Path file, Map<String, Tensor> tensors, BiFunction<String, Tensor, Dtype> dtypes)
            throws IOException {
        Map<String, TensorInfo> header = new LinkedHashMap<>();
        tensors.forEach((name, tensor) -> header.put(
                name,
                new TensorInfo(dtypes.apply(name, tensor), TensorInfo.of(tensor).shape())));
        try (SafetensorsWriter writer = new SafetensorsWriter(file, header, Map.of("format", "pt"))) {
            for (var entry : tensors.entrySet()) {
                writer.write(entry.getKey(), entry.getValue());
            }
            writer.finish();
        }
    }

    private byte[] header(Map<String, String> metadata) throws JsonProcessingException {
        ObjectMapper json = new ObjectMapper();
        ObjectNode root = json.createObjectNode();
        if (!metadata.isEmpty()) {
            root.set("__metadata__", json.valueToTree(metadata));
        }
        long offset = 0;
        for (var entry : tensors.entrySet()) {
            TensorInfo info = entry.getValue();
            ObjectNode node =
                    root.putObject(entry.getKey()).put("dtype", info.dtype().name());
            info.shape().forEach(node.putArray("shape")::add);
            long end = offset + info.elements() * info.dtype().bytes();
            node.putArray("data_offsets").add(offset).add(end);
            offset = end;
        }
        String text = json.writeValueAsString(root);
        int length = text.getBytes(StandardCharsets.UTF_8).length;
        return (text + " ".repeat(Math.floorMod(-length, ALIGNMENT))).getBytes(StandardCharsets.UTF_8);
    }

    /**
     * Writes the next tensor, converted to its stated type.
     *
     * @throws IllegalArgumentException if it is not the next one or has another shape
     */
    public void write(String name, Tensor tensor) throws IOException {
        TensorInfo info = tensors.get(name);
        if (info == null
                || !name.equals(missing.peek())
                || !TensorInfo.of(tensor).shape().equals(info.shape())) {
            throw new IllegalArgumentException("%s was to be written next, not %s %s"
                    .formatted(missing.peek(), name, TensorInfo.of(tensor).shape()));
        }
        missing.pop();
        try (Scope _ = new Scope()) {
            Tensor stored = Torch.to(tensor.detach(), info.dtype(), Device.CPU).contiguous();
            long bytes = stored.nbytes();
            for (long at = 0; at < bytes; at += CHUNK) {
                write(Torch.bytes(stored, at, (int) Math.min(CHUNK, bytes - at)));
            }
        }
    }

    private void write(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /** Puts the complete file under its name. */
    public void finish() throws IOException {
        if (!missing.isEmpty()) {
            throw new IllegalStateException("%s was not written".formatted(missing.peek()));
        }
        channel.close();
        file.finish();
    }

    /** Drops the file if it was not {@linkplain #finish finished}. */
    @Override
    public void close() throws IOException {
        channel.close();
        file.close();
    }
}
