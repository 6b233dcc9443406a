package io.github.m3agiqa.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Calibration;
import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.Scale;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collection;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The models whose weights their authors published on a hub: the 8B base, an adapter an aspect and a predictor an aspect.
 * Pulled, each is a model folder whose parts are links into the hub's cache.
 */
public final class PublishedModels {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String REVISION = "revision";
    private static final String REPOSITORY = "repository";
    private static final Pattern BASE_FILES = Pattern.compile(
            "config\\.json|tokenizer\\.json|model\\.safetensors\\.index\\.json|model(-\\d+-of-\\d+)?\\.safetensors");
    private static final Pattern ADAPTER_FILES = Pattern.compile("adapter_config\\.json|adapter_model\\.safetensors");

    private final JsonNode published;

    /** The published models. */
    public PublishedModels() {
        try (InputStream in = PublishedModels.class.getResourceAsStream("published.json")) {
            if (in == null) {
                throw new IllegalStateException("published.json is not on the class path");
            }
            published = JSON.readTree(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    PublishedModels(JsonNode published) {
        this.published = published;
    }

    /** Their names. */
    public List<String> names() {
        return published.path("models").propertyStream().map(Map.Entry::getKey).toList();
    }

    /**
     * Pulls a model. One that is there already keeps the prediction intervals that it was given.
     *
     * @param folder where model folders are; the model gets one of its name
     * @throws HubException if it is none of these, or a part of it cannot be had
     */
    public ModelFolder pull(String name, HubPull hub, Path folder) {
        JsonNode aspects = published.path("models").path(name);
        if (aspects.isMissingNode()) {
            throw new HubException("no model '%s' is published; these are: %s".formatted(name, names()));
        }
        try {
            Path model = Files.createDirectories(folder.resolve(name));
            JsonNode base = published.path("base");
            Map<String, String> shards = new LinkedHashMap<>();
            base.path("sha256")
                    .propertyStream()
                    .forEach(
                            shard -> shards.put(shard.getKey(), shard.getValue().asText()));
            Path baseFiles = hub.pull(text(base, REPOSITORY), text(base, REVISION), BASE_FILES.asMatchPredicate());
            checkWhole(baseFiles, List.of("config.json", "tokenizer.json"));
            checkWhole(baseFiles, shards.keySet());
            link(model.resolve("base"), baseFiles);
            Map<Aspect, AspectManifest> manifests = new EnumMap<>(Aspect.class);
            for (Map.Entry<String, JsonNode> entry : aspects.properties()) {
                manifests.put(Aspect.of(entry.getKey()), pull(entry.getKey(), entry.getValue(), hub, model));
            }
            calibrations(model)
                    .forEach((aspect, intervals) -> manifests.computeIfPresent(
                            aspect, (_, settings) -> settings.withCalibration(true, intervals)));
            Map<String, String> hashes = new LinkedHashMap<>();
            shards.forEach((shard, hash) -> hashes.put("base/" + shard, hash));
            return ModelFolder.write(
                    model,
                    new ModelManifest(
                            name,
                            1,
                            ModelManifest.ARCHITECTURE,
                            text(published, "license"),
                            "base",
                            "drop",
                            "published",
                            manifests,
                            hashes));
        } catch (IOException e) {
            throw new HubException("%s cannot be written: %s".formatted(folder, e), e);
        }
    }

    /** What intervals are made of in a model that is there already. */
    private static Map<Aspect, Calibration> calibrations(Path model) {
        Map<Aspect, Calibration> calibrations = new EnumMap<>(Aspect.class);
        try {
            ModelFolder.open(model).manifest().aspects().forEach((aspect, settings) -> {
                if (settings.calibration() != null) {
                    calibrations.put(aspect, settings.calibration());
                }
            });
        } catch (ModelException _) {
            // there is none yet, or it is damaged and made anew
        }
        return calibrations;
    }

    private AspectManifest pull(String aspect, JsonNode settings, HubPull hub, Path model) throws IOException {
        String adapter = aspect + "-adapter";
        Path adapterFiles = hub.pull(text(settings, "adapter"), "main", ADAPTER_FILES.asMatchPredicate());
        checkWhole(adapterFiles, List.of("adapter_config.json", "adapter_model.safetensors"));
        link(model.resolve(adapter), adapterFiles);
        JsonNode predictors = published.path("predictors");
        String prefix = text(settings, "predictor");
        Path found = only(hub.pull(
                        text(predictors, REPOSITORY),
                        text(predictors, REVISION),
                        file -> file.startsWith(prefix) && file.endsWith(".ckpt"))
                .resolve(prefix));
        String predictor = aspect + "-predictor.ckpt";
        link(model.resolve(predictor), found);
        return new AspectManifest(
                adapter,
                predictor,
                "xlstm",
                "mean",
                Scale.ZERO_TO_FIVE,
                null,
                null,
                null,
                null,
                JSON.treeToValue(settings.path("describe"), ModelManifest.Describe.class),
                JSON.treeToValue(settings.path("rate"), ModelManifest.Rate.class));
    }

    /** A cache that other tools filled, or that lost a file, may have a part of a repository. */
    private static void checkWhole(Path folder, Collection<String> files) {
        List<String> missing = files.stream()
                .filter(file -> !Files.exists(folder.resolve(file)))
                .toList();
        if (!missing.isEmpty()) {
            throw lacking(folder, String.join(", ", missing));
        }
    }

    private static HubException lacking(Path folder, String what) {
        return new HubException(
                "%s lacks %s; pull without HF_HUB_OFFLINE gets what the repository has".formatted(folder, what));
    }

    private static Path only(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            throw lacking(folder, "all of it");
        }
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> found =
                    files.filter(file -> file.toString().endsWith(".ckpt")).toList();
            if (found.size() != 1) {
                throw new HubException("%s has %d checkpoints, not one: %s".formatted(folder, found.size(), found));
            }
            return found.getFirst();
        }
    }

    private static String text(JsonNode node, String field) {
        return node.path(field).asText();
    }

    /**
     * Makes a place lead to what is in the cache; where links cannot be made, it is copied. A link that another pull makes
     * at the same time is replaced, as a copy would go through it into the cache.
     */
    private static void link(Path place, Path target) throws IOException {
        Path link = place.resolveSibling("%s.%s.partial".formatted(place.getFileName(), UUID.randomUUID()));
        try {
            Files.createSymbolicLink(link, target.toAbsolutePath());
            Files.move(link, place, StandardCopyOption.ATOMIC_MOVE);
        } catch (UnsupportedOperationException | IOException e) {
            Files.deleteIfExists(link);
            if (Files.isSymbolicLink(place)) {
                throw new IOException("%s cannot be linked anew: %s".formatted(place, e), e);
            }
            copy(target, place);
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        if (!Files.isDirectory(from)) {
            Files.copy(from, to, StandardCopyOption.REPLACE_EXISTING);
            return;
        }
        Files.createDirectories(to);
        try (Stream<Path> files = Files.list(from)) {
            for (Path file : files.toList()) {
                copy(file, to.resolve(String.valueOf(file.getFileName())));
            }
        }
    }
}
