package io.github.m3agiqa.training;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.StepListener;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.Sha256;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.mllm.MiniCpmV;
import io.github.m3agiqa.mllm.PictureStates;
import io.github.m3agiqa.mllm.Session;
import io.github.m3agiqa.mllm.TokenizedConversation;
import io.github.m3agiqa.mllm.Turn;
import io.github.m3agiqa.predictor.PredictorInput;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.weights.PeftAdapter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What predictors read of conversations, made by a tuned model as {@code score} makes it, and kept in a cache: what is there
 * is not read again. That is their hidden states, or what the vision tower sees in the picture.
 */
final class FeatureReader implements AutoCloseable {
    /** An image, what is done to it, and how finely it is cut. */
    private record Picture(Path file, Alteration alteration, int maxSlices) {}

    private final ModelFolder folder;
    private final @Nullable String adapter;
    private final PredictorInput input;
    private final Dataset dataset;
    private final Precision precision;
    private final Device device;
    private final String fingerprint;
    private final FeatureCache cache;
    private final Map<Path, String> imageHashes = new HashMap<>();

    /**
     * Opens the cache of a model.
     *
     * @param adapter the adapter of the aspect that is read for, as the manifest names it; null for none
     * @param input what of a conversation is read
     * @param caches the folder of the caches of all models
     * @param width of what is read
     */
    FeatureReader(
            ModelFolder folder,
            @Nullable String adapter,
            PredictorInput input,
            Dataset dataset,
            Precision precision,
            Device device,
            Path caches,
            int width) {
        this.folder = folder;
        this.adapter = adapter;
        this.input = input;
        this.dataset = dataset;
        this.precision = precision;
        this.device = device;
        List<Path> parts = new ArrayList<>(List.of(folder.part(folder.manifest().base())));
        if (adapter != null) {
            parts.add(folder.part(adapter));
        }
        String settings = "%s %s %s %s"
                .formatted(folder.manifest().vision(), folder.manifest().alpha(), precision.id(), device.kind());
        if (input != PredictorInput.HIDDEN) {
            settings += " " + input.id();
        }
        this.fingerprint = new ModelFingerprint(caches).of(parts, settings);
        this.cache = new FeatureCache(caches.resolve(fingerprint.substring(0, 16)), width);
    }

    FeatureCache cache() {
        return cache;
    }

    /** What stands for all that the states of a conversation are computed from, besides the model. */
    String key(Reading reading) {
        StringBuilder all = new StringBuilder();
        all.append(imageHashes.computeIfAbsent(dataset.image(reading.sample()), FeatureReader::hash));
        all.append('\n').append(reading.maxSlices()).append(' ').append(reading.maxLength());
        if (!reading.alteration().equals(Alteration.NONE)) {
            all.append('\n').append(reading.alteration());
        }
        for (Turn turn : reading.turns()) {
            String text = turn.text();
            all.append('\n')
                    .append(turn.role())
                    .append(' ')
                    .append(text.length())
                    .append(' ')
                    .append(text);
        }
        return Sha256.of(all.toString().getBytes(StandardCharsets.UTF_8));
    }

    /** What stands for the states of some conversations: others, of other images or by another model, have another. */
    String hash(Collection<Reading> readings) {
        String keys = readings.stream().map(this::key).sorted().collect(Collectors.joining("\n"));
        return Sha256.of((fingerprint + '\n' + keys).getBytes(StandardCharsets.UTF_8));
    }

    private static String hash(Path image) {
        try {
            return Sha256.of(image);
        } catch (IOException e) {
            throw new InputException("%s cannot be read: %s".formatted(image, e), e);
        }
    }

    /**
     * Reads the conversations whose states are not there yet. The model is opened only if there are some.
     *
     * @throws InputException naming an image that cannot be read or leaves no room for the conversation
     */
    void read(List<Reading> readings, StepListener listener) {
        Map<String, Reading> missing = new LinkedHashMap<>();
        for (Reading reading : readings) {
            String key = key(reading);
            if (!cache.contains(key)) {
                missing.put(key, reading);
            }
        }
        listener.started(readings.size(), readings.size() - missing.size());
        if (missing.isEmpty()) {
            return;
        }
        Map<Picture, Map<String, Reading>> byPicture = new LinkedHashMap<>();
        missing.forEach((key, reading) -> byPicture
                .computeIfAbsent(
                        new Picture(dataset.image(reading.sample()), reading.alteration(), reading.maxSlices()),
                        _ -> new LinkedHashMap<>())
                .put(key, reading));
        try (TrainableModel model = new TrainableModel(folder, precision, device);
                MiniCpmV mllm = model.with(adapter == null ? null : new PeftAdapter(folder.part(adapter)))) {
            Queue<Map.Entry<Picture, Map<String, Reading>>> left = new ConcurrentLinkedQueue<>(byPicture.entrySet());
            int atATime = device.isCpu() && folder.small() ? Engine.threads() : 1;
            try (SingleThreads threads = new SingleThreads(atATime)) {
                CompletableFuture<?>[] begun = new CompletableFuture<?>[atATime];
                Arrays.setAll(begun, _ -> CompletableFuture.runAsync(() -> read(model, mllm, left, listener), threads));
                Futures.await(CompletableFuture.allOf(begun));
            }
        }
    }

    /** Pictures until none is left, or one cannot be read. */
    private void read(
            TrainableModel model,
            MiniCpmV mllm,
            Queue<Map.Entry<Picture, Map<String, Reading>>> left,
            StepListener listener) {
        try {
            for (var next = left.poll(); next != null; next = left.poll()) {
                read(model, mllm, next.getKey(), next.getValue());
                synchronized (this) {
                    next.getValue().forEach((_, _) -> listener.step());
                }
            }
        } catch (RuntimeException | Error e) {
            left.clear();
            throw e;
        }
    }

    /** Conversations about one picture, which is encoded once. */
    private void read(TrainableModel model, MiniCpmV mllm, Picture picture, Map<String, Reading> about) {
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard()) {
            RgbImage image = picture.alteration.of(model.decode(picture.file));
            SlicePlan plan = mllm.plan(image, picture.maxSlices);
            if (input == PredictorInput.TOWER) {
                Tensor view = mllm.view(image, plan);
                about.keySet().forEach(key -> cache.put(key, view));
                return;
            }
            Map<String, TokenizedConversation> conversations = new LinkedHashMap<>();
            about.forEach((key, reading) -> conversations.put(key, tokenize(mllm, picture, plan, reading)));
            int longest = conversations.values().stream()
                    .mapToInt(TokenizedConversation::length)
                    .max()
                    .orElseThrow();
            try (Session session = new Session(mllm, image, plan, longest)) {
                conversations.forEach((key, conversation) -> {
                    session.rewind(); // so that the states do not depend on what else is read
                    Tensor states = session.read(conversation);
                    boolean alone =
                            Objects.requireNonNull(about.get(key)).turns().isEmpty();
                    cache.put(
                            key,
                            alone ? PictureStates.mean(states, conversation).unsqueeze(0) : states);
                });
            }
        }
    }

    private TokenizedConversation tokenize(MiniCpmV mllm, Picture picture, SlicePlan plan, Reading reading) {
        if (reading.turns().isEmpty()) {
            return mllm.template().picture(plan);
        }
        return mllm.template()
                .tokenizeWithin(plan, reading.turns(), reading.maxLength())
                .orElseThrow(() -> new InputException(
                        "%s: image and questions take more than the %d tokens that the predictor reads; raise maxLength in %s"
                                .formatted(
                                        picture.file,
                                        reading.maxLength(),
                                        folder.path().resolve(ModelFolder.MANIFEST))));
    }

    @Override
    public void close() {
        cache.close();
    }
}
