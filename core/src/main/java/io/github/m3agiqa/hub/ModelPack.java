package io.github.m3agiqa.hub;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Puts a model, whose parts may lie in the folders of several training runs, into one folder that can be moved: the base,
 * each adapter and predictor once, the model card, and the checksums of all files but the card.
 */
public final class ModelPack {
    private final ModelFolder source;
    private final Path target;
    private final Map<String, String> packed = new HashMap<>(); // where a part was, and where it is now

    private ModelPack(ModelFolder source, Path target) {
        this.source = source;
        this.target = target;
    }

    /**
     * Packs a model.
     *
     * @param target a folder that does not exist yet, or is empty
     * @param version the version that the packed model has
     * @throws InputException if the folder holds something or cannot be written to
     * @throws ModelException if a part is missing or holds no file
     */
    public static ModelFolder pack(ModelFolder source, Path target, int version) {
        try {
            Files.createDirectories(target);
            try (Stream<Path> files = Files.list(target)) {
                if (files.findAny().isPresent()) {
                    throw new InputException("%s is not empty; name another folder".formatted(target));
                }
            }
            return new ModelPack(source, target).pack(version);
        } catch (IOException | UncheckedIOException e) {
            throw new InputException("%s cannot be written to: %s".formatted(target, e), e);
        }
    }

    private ModelFolder pack(int version) throws IOException {
        ModelManifest manifest = source.manifest();
        copy(manifest.base(), "base");
        Map<Aspect, AspectManifest> aspects = new EnumMap<>(Aspect.class);
        for (var entry : manifest.aspects().entrySet()) {
            String aspect = entry.getKey().id();
            aspects.put(entry.getKey(), entry.getValue().moved((part, path) -> copy(path, name(part, path, aspect))));
        }
        Map<String, String> checksums = checksums();
        Path card = source.path().resolve(ModelFolder.CARD);
        if (Files.exists(card)) {
            Files.copy(card, target.resolve(ModelFolder.CARD));
        }
        return ModelFolder.write(
                target,
                new ModelManifest(
                        manifest.name(),
                        version,
                        manifest.architecture(),
                        manifest.license(),
                        "base",
                        manifest.alpha(),
                        manifest.vision(),
                        aspects,
                        checksums));
    }

    /** What a part of an aspect is called: an adapter that all aspects share is not named after one. */
    private String name(String part, String path, String aspect) {
        Path from = source.part(path);
        if (from.toFile().isFile()) {
            return part + "-" + aspect + suffix(String.valueOf(from.getFileName()));
        }
        boolean shared =
                source.manifest().aspects().values().stream().allMatch(settings -> path.equals(settings.adapter()));
        return shared ? part : part + "-" + aspect;
    }

    /** The last dot of a file's name and what follows it; nothing without one. */
    private static String suffix(String file) {
        int dot = file.lastIndexOf('.');
        return dot < 0 ? "" : file.substring(dot);
    }

    /** Copies a part unless it was copied before; where it is now. */
    private String copy(String part, String name) {
        String before = packed.putIfAbsent(part, name);
        if (before != null) {
            return before;
        }
        Path from = source.part(part);
        try (Stream<Path> walked = Files.walk(from, FileVisitOption.FOLLOW_LINKS)) {
            List<Path> files = walked.filter(Files::isRegularFile).toList();
            if (files.isEmpty()) {
                throw new ModelException("%s holds no file; get the model again".formatted(from));
            }
            for (Path file : files) {
                Path to = from.equals(file)
                        ? target.resolve(name)
                        : target.resolve(name).resolve(from.relativize(file));
                Files.createDirectories(Objects.requireNonNull(to.getParent()));
                Files.copy(file, to);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return name;
    }

    private Map<String, String> checksums() throws IOException {
        Map<String, String> checksums = new TreeMap<>();
        try (Stream<Path> files = Files.walk(target)) {
            List<Path> all = files.filter(Files::isRegularFile).toList();
            for (Path file : all) {
                checksums.put(target.relativize(file).toString().replace('\\', '/'), Sha256.of(file));
            }
        }
        return checksums;
    }
}
