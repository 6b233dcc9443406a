package io.github.m3agiqa.scoring;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelManifest;
import io.github.m3agiqa.image.AlphaMode;
import io.github.m3agiqa.mllm.BaseModel;
import io.github.m3agiqa.mllm.MiniCpmV;
import io.github.m3agiqa.mllm.VisionMode;
import io.github.m3agiqa.weights.ModelWeights.LoraMode;
import io.github.m3agiqa.weights.PeftAdapter;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The networks of a model folder that speak: one base, and a tuned variant of it for each adapter. */
final class LoadedMllm implements AutoCloseable {
    /** The base with one adapter, or none, and the aspects that it serves. */
    record Variant(MiniCpmV mllm, List<Aspect> aspects) {}

    private final AlphaMode alpha;
    private final VisionMode visionMode;
    private final List<Variant> variants = new ArrayList<>();
    /** What is to be closed, the latest first. */
    private final Deque<Runnable> closers = new ArrayDeque<>();

    private LoadedMllm(ModelFolder folder, ScoringOptions options) {
        ModelManifest manifest = folder.manifest();
        try {
            this.alpha = AlphaMode.of(manifest.alpha());
            this.visionMode = VisionMode.of(manifest.vision());
        } catch (IllegalArgumentException e) {
            throw new ModelException(
                    "%s: %s".formatted(folder.path().resolve(ModelFolder.MANIFEST), e.getMessage()), e);
        }
        try {
            load(folder, manifest, options);
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /**
     * Opens the variants that the aspects asked for need.
     *
     * @throws ModelException if files are missing, damaged or do not fit together
     */
    static LoadedMllm open(ModelFolder folder, ScoringOptions options) {
        return new LoadedMllm(folder, options);
    }

    private void load(ModelFolder folder, ModelManifest manifest, ScoringOptions options) {
        BaseModel base = new BaseModel(folder.part(manifest.base()), visionMode, options.precision(), options.device());
        closers.push(base::close);
        Map<Optional<String>, List<Aspect>> byAdapter = new LinkedHashMap<>();
        manifest.aspects().forEach((aspect, settings) -> {
            if (options.aspects().isEmpty() || options.aspects().contains(aspect)) {
                byAdapter
                        .computeIfAbsent(Optional.ofNullable(settings.adapter()), _ -> new ArrayList<>())
                        .add(aspect);
            }
        });
        LoraMode loraMode = options.loraModeFor(folder);
        byAdapter.forEach((adapter, aspects) -> {
            MiniCpmV mllm = adapter.map(path -> base.with(new PeftAdapter(folder.part(path)), loraMode))
                    .orElseGet(base::alone);
            closers.push(mllm::close);
            variants.add(new Variant(mllm, List.copyOf(aspects)));
        });
    }

    AlphaMode alpha() {
        return alpha;
    }

    List<Variant> variants() {
        return variants;
    }

    @Override
    public void close() {
        closers.forEach(Runnable::run);
        closers.clear();
    }
}
