package io.github.m3agiqa.training;

import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.image.AlphaMode;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.mllm.MiniCpmV;
import io.github.m3agiqa.mllm.MiniCpmVConfig;
import io.github.m3agiqa.mllm.Tokenizer;
import io.github.m3agiqa.mllm.VisionMode;
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
import org.jspecify.annotations.Nullable;

/** The base model of a model folder, to be trained or read with an adapter. */
final class TrainableModel implements AutoCloseable {
    private final Path basePath;
    private final MiniCpmVConfig config;
    private final VisionMode visionMode;
    private final AlphaMode alpha;
    private final Tokenizer tokenizer;
    private final TensorSource base;
    private final WeightStore store;
    private final ImageDecoder decoder = new ImageDecoder(ImageDecoder.Limits.DEFAULT);

    /**
     * Opens a base.
     *
     * @throws ModelException if its files are missing or damaged
     */
    TrainableModel(ModelFolder folder, Precision precision, Device device) {
        if (precision.packed()) {
            throw new ModelException(
                    "no gradients flow through weights in %s; use dtype bf16 or fp32".formatted(precision.id()));
        }
        if (!device.isCpu() && !Engine.cudaAvailable()) {
            throw new ModelException(
                    "device %s: no CUDA device answers; m3agiqa doctor says what is missing".formatted(device));
        }
        this.basePath = folder.part(folder.manifest().base());
        this.config = MiniCpmVConfig.read(basePath.resolve("config.json"));
        try {
            this.visionMode = VisionMode.of(folder.manifest().vision());
            this.alpha = AlphaMode.of(folder.manifest().alpha());
        } catch (IllegalArgumentException e) {
            throw new ModelException("%s: %s".formatted(folder.path(), e.getMessage()), e);
        }
        this.tokenizer = new Tokenizer(basePath.resolve("tokenizer.json"));
        this.base = new SafetensorsFolder(basePath);
        this.store = new WeightStore(base, precision, device);
    }

    Path basePath() {
        return basePath;
    }

    /** The stored weights of the base. */
    TensorSource base() {
        return base;
    }

    /** The networks with an adapter, or without one; to be closed before the base. */
    MiniCpmV with(@Nullable Adapter adapter) {
        ModelWeights weights =
                adapter == null ? ModelWeights.of(store) : ModelWeights.of(store, adapter, LoraMode.UNMERGED);
        return new MiniCpmV(config, visionMode, weights, tokenizer);
    }

    /** An image as this model shall see it. */
    RgbImage decode(Path file) {
        return decoder.decode(file, alpha);
    }

    @Override
    public void close() {
        store.close();
        tokenizer.close();
    }
}
