package io.github.m3agiqa.benchmarks;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import io.github.m3agiqa.mllm.BaseModel;
import io.github.m3agiqa.mllm.MiniCpmV;
import io.github.m3agiqa.mllm.MiniCpmVConfig;
import io.github.m3agiqa.mllm.VisionMode;
import io.github.m3agiqa.predictor.HeadKind;
import io.github.m3agiqa.predictor.Pooler;
import io.github.m3agiqa.predictor.Predictor;
import io.github.m3agiqa.predictor.Projection;
import io.github.m3agiqa.scoring.ScoringOptions;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.weights.ModelWeights.LoraMode;
import io.github.m3agiqa.weights.PeftAdapter;
import io.github.m3agiqa.weights.SafetensorsFile;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Objects;

/** The networks of a model's quality, to be run part by part. */
final class OpenedModel implements AutoCloseable {
    final AspectManifest aspect;
    final MiniCpmVConfig config;
    final MiniCpmV network;
    final Predictor predictor;
    private final Deque<Runnable> closers = new ArrayDeque<>();

    /** The model as a scorer opens it. */
    OpenedModel(ModelFolder folder, Precision precision, Device device) {
        this(
                folder,
                precision,
                device,
                ScoringOptions.DEFAULT.withPrecision(precision).loraModeFor(folder));
    }

    OpenedModel(ModelFolder folder, Precision precision, Device device, LoraMode loraMode) {
        aspect = folder.manifest().aspect(Aspect.QUALITY);
        BaseModel base = opened(new BaseModel(
                folder.part(folder.manifest().base()),
                VisionMode.of(folder.manifest().vision()),
                precision,
                device));
        config = base.config();
        String adapter = aspect.adapter();
        network = opened(adapter == null ? base.alone() : base.with(new PeftAdapter(folder.part(adapter)), loraMode));
        SafetensorsFile head = opened(new SafetensorsFile(folder.part(Objects.requireNonNull(aspect.predictor()))));
        predictor = opened(new Predictor(head, HeadKind.of(aspect.head()), Pooler.of(aspect.pooler()), device));
    }

    private <C extends AutoCloseable> C opened(C part) {
        closers.push(() -> {
            try {
                part.close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
        return part;
    }

    /** The predictor's first layer for hidden states. */
    Projection projection() {
        Projection projection = predictor.projection();
        int hidden = config.llama().hiddenSize();
        return projection.inputSize() == hidden ? projection : projection.folded(network.llama()::foldIntoHead, hidden);
    }

    @Override
    public void close() {
        closers.forEach(Runnable::run);
    }
}
