package io.github.m3agiqa.teacher;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.io.ByteArrayOutputStream;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * The weights of a TensorFlow.js model, from a manifest and base64 shards, as float32.
 *
 * @see <a href="https://github.com/tensorflow/tfjs/blob/tfjs-v4.22.0/tfjs-core/src/io/types.ts">the format</a>
 */
final class PackedWeights implements AutoCloseable {
    private final Path folder;
    private final Device device;
    private final Map<String, Tensor> tensors = new HashMap<>(); // owned
    private final List<Path> shards = new ArrayList<>();

    /**
     * Reads all weights.
     *
     * @param device where they are put
     * @throws InputException if the manifest asks for what is not there, or for a type that is not known here
     */
    PackedWeights(Path folder, JsonNode manifest, Device device) {
        this.folder = folder;
        this.device = device;
        try {
            manifest.forEach(this::readGroup);
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    private void readGroup(JsonNode group) {
        ByteArrayOutputStream joined = new ByteArrayOutputStream();
        for (JsonNode path : group.path("paths")) {
            Path shard = folder.resolve(path.asText() + ".min.js");
            shards.add(shard);
            try {
                joined.writeBytes(
                        Base64.getDecoder().decode(ScriptModule.read(shard).asText()));
            } catch (IllegalArgumentException e) {
                throw new InputException(
                        "%s is damaged: %s; unpack the package again".formatted(shard, e.getMessage()), e);
            }
        }
        ByteBuffer bytes = ByteBuffer.wrap(joined.toByteArray()).order(ByteOrder.LITTLE_ENDIAN);
        try {
            group.path("weights").forEach(weight -> read(weight, bytes));
        } catch (BufferUnderflowException e) {
            throw new InputException(
                    "%s: its shards have too few bytes; unpack the package again".formatted(folder), e);
        }
        if (bytes.hasRemaining()) {
            throw new InputException("%s: its shards have %d bytes too many; unpack the package again"
                    .formatted(folder, bytes.remaining()));
        }
    }

    private void read(JsonNode weight, ByteBuffer bytes) {
        String name = weight.path("name").asText();
        JsonNode quantization = weight.path("quantization");
        String type = quantization.path("dtype").asText(weight.path("dtype").asText());
        if (!weight.path("dtype").asText().equals("float32")) {
            throw unknownType(name, weight.path("dtype").asText());
        }
        long[] shape = new long[weight.path("shape").size()];
        long elements = 1;
        for (int i = 0; i < shape.length; i++) {
            shape[i] = weight.path("shape").path(i).asLong();
            elements = Math.multiplyExact(elements, shape[i]);
        }
        if (elements < 0 || elements > bytes.remaining()) {
            throw new BufferUnderflowException();
        }
        double scale = quantization.path("scale").asDouble(1);
        double least = quantization.path("min").asDouble(0);
        float[] numbers = new float[(int) elements];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = switch (type) {
                case "float32" -> bytes.getFloat();
                case "float16" -> Float.float16ToFloat(bytes.getShort());
                case "uint8" -> (float) ((bytes.get() & 0xff) * scale + least);
                case "uint16" -> (float) ((bytes.getShort() & 0xffff) * scale + least);
                default -> throw unknownType(name, type);
            };
        }
        try (Scope _ = new Scope()) {
            tensors.put(name, Scope.own(Torch.to(Torch.floats(numbers, shape), device)));
        }
    }

    private InputException unknownType(String name, String type) {
        return new InputException("%s: the weight %s is of type '%s', which is not known here; take another network"
                .formatted(folder, name, type));
    }

    /** The files that were read. */
    List<Path> shards() {
        return shards;
    }

    boolean contains(String name) {
        return tensors.containsKey(name);
    }

    /**
     * A weight as it is stored.
     *
     * @throws InputException if there is none of that name and rank
     */
    Tensor get(String name, int rank) {
        Tensor tensor = tensors.get(name);
        if (tensor == null || tensor.dim() != rank) {
            throw new InputException(
                    "%s has no weight %s with %d sides; unpack the package again".formatted(folder, name, rank));
        }
        return tensor;
    }

    @Override
    public void close() {
        tensors.values().forEach(Scope::release);
        tensors.clear();
    }
}
