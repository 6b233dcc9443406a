package io.github.m3agiqa.hub;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonSerializer;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.CompleteFile;
import io.github.m3agiqa.JsonProblem;
import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.StrictJson;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * A model on disk.
 *
 * @param path the folder
 * @param manifest what its manifest says
 */
public record ModelFolder(Path path, ModelManifest manifest) {
    /** The file that makes a folder a model. */
    public static final String MANIFEST = "m3agiqa.json";

    /** The file that says what a model is, what it was made from and what it is not for: its model card. */
    public static final String CARD = "README.md";

    /** In bytes of the base. */
    private static final long SMALL = 1_000_000_000;

    private static final ObjectMapper JSON = StrictJson.strict(JsonMapper.builder())
            .defaultPropertyInclusion(
                    JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, JsonInclude.Include.NON_NULL))
            .addModule(new SimpleModule("keys").addKeySerializer(Aspect.class, new JsonSerializer<>() {
                @Override
                public void serialize(Aspect aspect, JsonGenerator json, SerializerProvider provider)
                        throws IOException {
                    json.writeFieldName(aspect.id());
                }
            }))
            .build();

    /**
     * Writes a manifest, which makes the folder a model.
     *
     * @param folder made if it does not exist
     */
    public static ModelFolder write(Path folder, ModelManifest manifest) throws IOException {
        Files.createDirectories(folder);
        CompleteFile.writeBesideOthers(
                folder.resolve(MANIFEST),
                partial -> JSON.writerWithDefaultPrettyPrinter().writeValue(partial.toFile(), manifest));
        return new ModelFolder(folder, manifest);
    }

    /** Whether a folder holds a model. */
    public static boolean isModel(Path folder) {
        return Files.isRegularFile(folder.resolve(MANIFEST));
    }

    /**
     * Reads a folder's manifest.
     *
     * @throws ModelException if it is missing or damaged
     */
    public static ModelFolder open(Path folder) {
        Path file = folder.resolve(MANIFEST);
        try {
            ModelManifest manifest = JSON.readValue(Files.readAllBytes(file), ModelManifest.class);
            if (manifest == null) {
                throw new ModelException("%s holds null instead of a manifest".formatted(file));
            }
            return new ModelFolder(folder, manifest);
        } catch (JsonProcessingException e) {
            throw new ModelException("%s: %s".formatted(file, JsonProblem.at(e)), e);
        } catch (IOException e) {
            throw new ModelException("%s is no model folder: %s cannot be read (%s)".formatted(folder, MANIFEST, e), e);
        }
    }

    /**
     * A part of the model.
     *
     * @param relative its path as the manifest has it
     * @throws ModelException if it is absolute or does not exist
     */
    public Path part(String relative) {
        Path part;
        try {
            part = Path.of(relative);
        } catch (InvalidPathException e) {
            throw new ModelException("%s: '%s' is no path".formatted(path.resolve(MANIFEST), relative), e);
        }
        if (part.isAbsolute()) {
            throw new ModelException("%s: the path '%s' must be relative".formatted(path.resolve(MANIFEST), relative));
        }
        part = path.resolve(part);
        if (!Files.exists(part)) {
            throw new ModelException("%s names %s, which does not exist".formatted(path.resolve(MANIFEST), part));
        }
        return part;
    }

    /**
     * The model card as it was written, in Markdown.
     *
     * @throws ModelException if the model has none, or it cannot be read
     */
    public String card() {
        Path file = path.resolve(CARD);
        if (!Files.isRegularFile(file)) {
            throw new ModelException(
                    "%s has no model card: there is no %s in %s; ask whoever made the model, or write one"
                            .formatted(manifest.id(), CARD, path));
        }
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new ModelException("%s cannot be read as UTF-8: %s".formatted(file, e), e);
        }
    }

    /**
     * What the files in the folder take on disk, in bytes, with those that it has links to.
     *
     * @throws ModelException if they cannot be looked at
     */
    public long bytes() {
        return bytes(path, FileVisitOption.FOLLOW_LINKS);
    }

    /**
     * A hash of all that is the model's own: the manifest, adapters, predictors and matchers. One that was trained anew under its
     * old name and version has another. The base is not read for it, nor what the manifest has the checksum of.
     *
     * @throws ModelException if a part is missing or cannot be read
     */
    public String fingerprint() {
        StringBuilder all = new StringBuilder(Checksums.of(path.resolve(MANIFEST)));
        for (String part : ownParts()) {
            try (Stream<Path> files = Files.walk(part(part), FileVisitOption.FOLLOW_LINKS)) {
                for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                    String name = path.relativize(file).toString();
                    all.append('\n').append(name).append(' ');
                    String known = manifest.sha256().get(name);
                    all.append(known == null ? Checksums.of(file) : known);
                }
            } catch (IOException | UncheckedIOException e) {
                throw new ModelException("%s cannot be looked at: %s".formatted(part(part), e), e);
            }
        }
        return Sha256.of(all.toString().getBytes(StandardCharsets.UTF_8));
    }

    /** Adapters, predictors and matchers, as the manifest names them. */
    private Set<String> ownParts() {
        Set<String> parts = new TreeSet<>();
        manifest.aspects()
                .values()
                .forEach(aspect -> aspect.moved((_, part) -> {
                    parts.add(part);
                    return part;
                }));
        return parts;
    }

    /**
     * Looks whether all parts are there, without reading them.
     *
     * @throws ModelException naming one that is not
     */
    public void checkParts() {
        part(manifest.base());
        ownParts().forEach(this::part);
    }

    /**
     * Whether its operations are too short for several threads: several images at a time, each in a thread of its own, are
     * faster.
     *
     * @throws ModelException if the base is missing or cannot be looked at
     */
    public boolean small() {
        return bytes(part(manifest.base()), FileVisitOption.FOLLOW_LINKS) < SMALL;
    }

    private static long bytes(Path folder, FileVisitOption... options) {
        try (Stream<Path> files = Files.walk(folder, options)) {
            return files.filter(Files::isRegularFile)
                    .mapToLong(file -> file.toFile().length())
                    .sum();
        } catch (IOException | UncheckedIOException e) {
            throw new ModelException("%s cannot be looked at: %s".formatted(folder, e), e);
        }
    }
}
