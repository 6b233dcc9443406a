package io.github.m3agiqa.training;

import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.image.AlphaMode;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.mllm.BaseModel;
import io.github.m3agiqa.mllm.MiniCpmV;
import io.github.m3agiqa.mllm.VisionMode;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.weights.Adapter;
import io.github.m3agiqa.weights.ModelWeights.LoraMode;
import io.github.m3agiqa.weights.TensorSource;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** The base model of a model folder, to be trained or read with an adapter. */
final class TrainableModel implements AutoCloseable {
    private final Path basePath;
    private final AlphaMode alpha;
    private final BaseModel base;
    private final ImageDecoder decoder = new ImageDecoder(ImageDecoder.Limits.DEFAULT);

    /**
     * Opens a base.
     *
     * @throws ModelException if its files are missing or damaged, or no such device answers
     */
    TrainableModel(ModelFolder folder, Precision precision, Device device) {
        if (precision.packed()) {
            throw new ModelException(
                    "no gradients flow through weights in %s; use dtype bf16 or fp32".formatted(precision.id()));
        }
        this.basePath = folder.part(folder.manifest().base());
        VisionMode visionMode;
        try {
            visionMode = VisionMode.of(folder.manifest().vision());
            this.alpha = AlphaMode.of(folder.manifest().alpha());
        } catch (IllegalArgumentException e) {
            throw new ModelException("%s: %s".formatted(folder.path(), e.getMessage()), e);
        }
        this.base = new BaseModel(basePath, visionMode, precision, device);
    }

    Path basePath() {
        return basePath;
    }

    /** The stored weights of the base. */
    TensorSource base() {
        return base.stored();
    }

    /** The networks with an adapter, or without one; to be closed before the base. */
    MiniCpmV with(@Nullable Adapter adapter) {
        return adapter == null ? base.alone() : base.with(adapter, LoraMode.UNMERGED);
    }

    /** An image as this model shall see it. */
    RgbImage decode(Path file) {
        return decoder.decode(file, alpha);
    }

    @Override
    public void close() {
        base.close();
    }
}
