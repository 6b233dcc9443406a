package io.github.m3agiqa.scoring;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Calibration;
import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelManifest;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import io.github.m3agiqa.hub.ModelManifest.ScoreHead;
import io.github.m3agiqa.image.AlphaMode;
import io.github.m3agiqa.mllm.Llama;
import io.github.m3agiqa.mllm.MiniCpmV;
import io.github.m3agiqa.mllm.PictureStates;
import io.github.m3agiqa.mllm.TokenizedConversation;
import io.github.m3agiqa.predictor.HeadKind;
import io.github.m3agiqa.predictor.Pooler;
import io.github.m3agiqa.predictor.Predictor;
import io.github.m3agiqa.predictor.PredictorInput;
import io.github.m3agiqa.predictor.Projection;
import io.github.m3agiqa.predictor.PromptMatcher;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.weights.SafetensorsFile;
import io.github.m3agiqa.weights.TensorSource;
import io.github.m3agiqa.weights.TorchCheckpoint;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** The networks of a model folder, built from its manifest: one base, its tuned variants, and a head an aspect. */
final class LoadedModel implements AutoCloseable {
    /** The base with one adapter, or none, and the aspects that it serves. */
    record Tuned(MiniCpmV mllm, List<Scored> aspects) {}

    /** One aspect, and what scores it: perhaps the same head whether the image was described or not. */
    record Scored(Aspect aspect, AspectManifest settings, Head described, Head undescribed) {}

    /** A predictor, perhaps with what matches pictures and prompts, and what its intervals are made of. */
    record Head(
            PredictorInput reads,
            Projection projection,
            Predictor predictor,
            @Nullable PromptMatcher matcher,
            @Nullable Calibration calibration) {
        /**
         * A score, on whatever scale the predictor learned, by what the vision tower sees.
         *
         * @param view (pieces, 2 * vision width)
         */
        double score(Tensor view) {
            return predictor.predict(projection.apply(view));
        }

        /**
         * A score, on whatever scale the predictor learned.
         *
         * @param hidden (tokens, hidden), of the whole conversation
         * @param prompt the image's, for the matcher; null if it has none
         */
        double score(Tensor hidden, TokenizedConversation conversation, @Nullable String prompt) {
            float predicted = predictor.predict(projection.apply(hidden));
            return matcher == null
                    ? predicted
                    : predicted
                            + matcher.points(PictureStates.mean(hidden, conversation), prompt == null ? "" : prompt);
        }
    }

    private final ModelManifest manifest;
    private final LoadedMllm mllm;
    private final List<Tuned> tuned = new ArrayList<>();
    private final List<Aspect> unavailable;
    /** What is to be closed, the latest first. */
    private final Deque<Runnable> closers = new ArrayDeque<>();

    private LoadedModel(ModelFolder folder, ScoringOptions options) {
        this.manifest = folder.manifest();
        Set<Aspect> scored = manifest.scoredAspects();
        this.unavailable = options.aspects().stream()
                .filter(aspect -> !scored.contains(aspect))
                .toList();
        this.mllm = LoadedMllm.open(folder, options);
        closers.push(mllm::close);
        try {
            mllm.variants().forEach(variant -> {
                List<Scored> aspects = variant.aspects().stream()
                        .filter(scored::contains)
                        .map(aspect -> heads(folder, aspect, variant.mllm(), options.device()))
                        .toList();
                tuned.add(new Tuned(variant.mllm(), aspects));
            });
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    static LoadedModel open(ModelFolder folder, ScoringOptions options) {
        return new LoadedModel(folder, options);
    }

    private Scored heads(ModelFolder folder, Aspect aspect, MiniCpmV mllm, Device device) {
        AspectManifest settings = manifest.aspect(aspect);
        Head described = head(folder, settings.scoreHead().orElseThrow(), mllm, device);
        ScoreHead undescribed = settings.undescribed();
        return new Scored(
                aspect, settings, described, undescribed == null ? described : head(folder, undescribed, mllm, device));
    }

    private Head head(ModelFolder folder, ScoreHead settings, MiniCpmV mllm, Device device) {
        Path file = folder.part(settings.predictor());
        TensorSource source =
                file.toString().endsWith(".safetensors") ? new SafetensorsFile(file) : new TorchCheckpoint(file);
        closers.push(source::close);
        HeadKind kind;
        Pooler pooler;
        PredictorInput reads;
        try {
            kind = HeadKind.of(settings.head());
            pooler = Pooler.of(settings.pooler());
            reads = PredictorInput.of(settings.reads());
        } catch (IllegalArgumentException e) {
            throw new ModelException("%s: %s".formatted(folder.path(), e.getMessage()), e);
        }
        Predictor predictor = new Predictor(source, kind, pooler, device);
        closers.push(predictor::close);
        return new Head(
                reads,
                switch (reads) {
                    case HIDDEN -> projection(file, predictor, mllm.llama());
                    case TOWER -> ofViews(file, predictor, mllm.viewSize());
                },
                predictor,
                settings.matcher() == null ? null : matcher(folder.part(settings.matcher()), mllm.llama(), device),
                settings.calibration());
    }

    /** The predictor's first layer, of one that reads what the tower sees. */
    private static Projection ofViews(Path file, Predictor predictor, int viewSize) {
        Projection projection = predictor.projection();
        if (projection.inputSize() != viewSize) {
            throw new ModelException("%s reads vectors of %d, what the base's tower sees of a piece are %d numbers"
                    .formatted(file, projection.inputSize(), viewSize));
        }
        return projection;
    }

    private PromptMatcher matcher(Path file, Llama llama, Device device) {
        TensorSource source = new SafetensorsFile(file);
        closers.push(source::close);
        PromptMatcher matcher = new PromptMatcher(source, llama.config().hiddenSize(), device);
        closers.push(matcher::close);
        return matcher;
    }

    /** The predictor's first layer for hidden states, whatever it was trained on. */
    private Projection projection(Path file, Predictor predictor, Llama llama) {
        Projection projection = predictor.projection();
        Llama.Config config = llama.config();
        if (projection.inputSize() == config.hiddenSize()) {
            return projection;
        }
        if (projection.inputSize() != config.vocabularySize()) {
            throw new ModelException("%s reads vectors of %d, the base makes %d logits of %d hidden numbers"
                    .formatted(file, projection.inputSize(), config.vocabularySize(), config.hiddenSize()));
        }
        Projection folded = projection.folded(llama::foldIntoHead, config.hiddenSize());
        closers.push(folded.weight()::close);
        return folded;
    }

    String id() {
        return manifest.id();
    }

    AlphaMode alpha() {
        return mllm.alpha();
    }

    List<Tuned> tuned() {
        return tuned;
    }

    /** The aspects that it was opened for and that it scores. */
    Set<Aspect> aspects() {
        return tuned.stream()
                .flatMap(variant -> variant.aspects.stream())
                .map(Scored::aspect)
                .collect(Collectors.toCollection(() -> EnumSet.noneOf(Aspect.class)));
    }

    /** Whether the model scores an aspect, be it opened for it or not. */
    boolean has(Aspect aspect) {
        return manifest.scoredAspects().contains(aspect);
    }

    /**
     * The aspects that are asked for and are not scored.
     *
     * @param aspects those asked for now; empty for those that it was opened for
     */
    List<Aspect> unavailable(Set<Aspect> aspects) {
        Set<Aspect> scored = aspects();
        return aspects.isEmpty()
                ? unavailable
                : aspects.stream()
                        .filter(aspect -> !scored.contains(aspect))
                        .sorted()
                        .toList();
    }

    @Override
    public void close() {
        closers.forEach(Runnable::run);
        closers.clear();
    }
}
