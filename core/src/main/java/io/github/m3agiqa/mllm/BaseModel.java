package io.github.m3agiqa.mllm;

import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.weights.Adapter;
import io.github.m3agiqa.weights.ModelWeights;
import io.github.m3agiqa.weights.ModelWeights.LoraMode;
import io.github.m3agiqa.weights.SafetensorsFolder;
import io.github.m3agiqa.weights.TensorSource;
import io.github.m3agiqa.weights.WeightStore;
import java.nio.file.Path;

/**
 * A base as Hugging Face lays it out, {@code config.json}, {@code tokenizer.json} and safetensors in one folder, opened
 * once for all networks over it: with each adapter, and without one.
 */
public final class BaseModel implements AutoCloseable {
    private final MiniCpmVConfig config;
    private final VisionMode visionMode;
    private final Tokenizer tokenizer;
    private final TensorSource stored;
    private final WeightStore store;

    /**
     * Opens a base.
     *
     * @throws ModelException if files are missing or damaged, or the device is CUDA and none answers; that there is no card
     *     of its number is found out when a weight is read
     */
    public BaseModel(Path folder, VisionMode visionMode, Precision precision, Device device) {
        if (!device.isCpu() && !Engine.cudaAvailable()) {
            throw new ModelException(
                    "device %s: no CUDA device answers; m3agiqa doctor says what is missing".formatted(device));
        }
        this.config = MiniCpmVConfig.read(folder.resolve("config.json"));
        this.visionMode = visionMode;
        this.stored = new SafetensorsFolder(folder);
        this.store = new WeightStore(stored, precision, device);
        try {
            this.tokenizer = new Tokenizer(folder.resolve("tokenizer.json"));
        } catch (RuntimeException e) {
            store.close();
            throw e;
        }
    }

    public MiniCpmVConfig config() {
        return config;
    }

    /** The weights as the files hold them. */
    public TensorSource stored() {
        return stored;
    }

    /**
     * The networks without an adapter, to be closed before the base.
     *
     * @throws ModelException if weights or tokenizer do not fit the configuration
     */
    public MiniCpmV alone() {
        return over(ModelWeights.of(store));
    }

    /**
     * The networks with an adapter, to be closed before the base.
     *
     * @param adapter closed with the networks
     * @throws ModelException if weights, adapter or tokenizer do not fit the configuration
     */
    public MiniCpmV with(Adapter adapter, LoraMode loraMode) {
        return over(ModelWeights.of(store, adapter, loraMode));
    }

    private MiniCpmV over(ModelWeights weights) {
        try {
            return new MiniCpmV(config, visionMode, weights, tokenizer);
        } catch (RuntimeException e) {
            weights.close();
            throw e;
        }
    }

    @Override
    public void close() {
        store.close();
        tokenizer.close();
    }
}
