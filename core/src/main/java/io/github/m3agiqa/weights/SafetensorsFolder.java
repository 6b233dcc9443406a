package io.github.m3agiqa.weights;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * The weights of a Hugging Face model folder: {@code model.safetensors}, or the shards that
 * {@code model.safetensors.index.json} names. The index's {@code total_size} is not checked: in the published model it
 * is the size in another type.
 */
public final class SafetensorsFolder implements TensorSource {
    private static final String SINGLE = "model.safetensors";
    private static final String INDEX = "model.safetensors.index.json";
    private static final ObjectMapper JSON = new ObjectMapper().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);

    private final Path folder;
    private final Map<String, SafetensorsFile> shards = new LinkedHashMap<>();
    private final Map<String, SafetensorsFile> shardOf = new LinkedHashMap<>();
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();

    /**
     * Opens every shard.
     *
     * @throws ModelException if a file is missing, damaged, or not what the index says
     */
    public SafetensorsFolder(Path folder) {
        this.folder = folder;
        try {
            if (Files.exists(folder.resolve(INDEX))) {
                openShards(folder.resolve(INDEX));
            } else if (Files.exists(folder.resolve(SINGLE))) {
                shards.put(SINGLE, new SafetensorsFile(folder.resolve(SINGLE)));
            } else {
                throw new ModelException("%s has neither %s nor %s".formatted(folder, SINGLE, INDEX));
            }
            for (SafetensorsFile shard : shards.values()) {
                shard.tensors().forEach((name, info) -> {
                    tensors.put(name, info);
                    SafetensorsFile other = shardOf.putIfAbsent(name, shard);
                    if (other != null && other != shard) {
                        throw new ModelException(
                                "tensor %s is in %s and in %s".formatted(name, other.location(), shard.location()));
                    }
                });
            }
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    private void openShards(Path index) {
        JsonNode weightMap;
        try {
            weightMap = JSON.readTree(Files.readAllBytes(index)).path("weight_map");
        } catch (IOException e) {
            throw new ModelException("%s cannot be read: %s".formatted(index, e.getMessage()), e);
        }
        if (!weightMap.isObject() || weightMap.isEmpty()) {
            throw new ModelException("%s has no weight_map".formatted(index));
        }
        weightMap.properties().forEach(entry -> {
            String tensor = entry.getKey();
            String file = entry.getValue().asText();
            if (!file.matches("[\\w.-]+\\.safetensors")) {
                throw new ModelException("%s names the file '%s', which is no plain file name".formatted(index, file));
            }
            SafetensorsFile shard = shards.computeIfAbsent(file, _ -> new SafetensorsFile(folder.resolve(file)));
            if (!shard.tensors().containsKey(tensor)) {
                throw new ModelException(
                        "%s says that tensor %s is in %s, which has none of that name".formatted(index, tensor, file));
            }
        });
    }

    @Override
    public String location() {
        return folder.toString();
    }

    @Override
    public Map<String, TensorInfo> tensors() {
        return Collections.unmodifiableMap(tensors);
    }

    @Override
    public Tensor load(String name, Dtype wanted, Device device) {
        SafetensorsFile shard = shardOf.get(name);
        if (shard == null) {
            throw new ModelException("%s has no tensor %s".formatted(folder, name));
        }
        return shard.load(name, wanted, device);
    }

    @Override
    public void close() {
        shards.values().forEach(SafetensorsFile::close);
    }
}
