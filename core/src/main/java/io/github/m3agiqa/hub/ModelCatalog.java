package io.github.m3agiqa.hub;

import io.github.m3agiqa.ModelException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The models at hand: those in a list of folders, each in a folder of its name. */
public final class ModelCatalog {
    private final List<Path> folders;

    public ModelCatalog(List<Path> folders) {
        this.folders = List.copyOf(folders);
    }

    /** The folders that are looked into. */
    public List<Path> folders() {
        return folders;
    }

    /**
     * The folders of all models: folder by folder as they are looked into, in each by name.
     *
     * @throws UncheckedIOException if a folder cannot be read
     */
    public List<Path> models() {
        List<Path> found = new ArrayList<>();
        for (Path folder : folders) {
            if (Files.isDirectory(folder)) {
                try (Stream<Path> children = Files.list(folder)) {
                    children.filter(ModelFolder::isModel).sorted().forEach(found::add);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
        }
        return found;
    }

    /**
     * Finds a model by its folder or its name; of two of one name the first.
     *
     * @throws ModelException naming the models at hand if there is no such one, or if it is damaged
     */
    public ModelFolder find(String nameOrFolder) {
        Path folder = Path.of(nameOrFolder);
        if (ModelFolder.isModel(folder)) {
            return ModelFolder.open(folder);
        }
        return models().stream()
                .filter(model -> String.valueOf(model.getFileName()).equals(nameOrFolder))
                .findFirst()
                .map(ModelFolder::open)
                .orElseThrow(() -> new ModelException("no model '%s': it is neither a folder with %s nor one of %s%s"
                        .formatted(
                                nameOrFolder,
                                ModelFolder.MANIFEST,
                                models().stream()
                                        .map(model -> String.valueOf(model.getFileName()))
                                        .collect(Collectors.joining(", ", "[", "]")),
                                new PublishedModels().names().contains(nameOrFolder)
                                        ? "; it is published, and m3agiqa models pull %s fetches it"
                                                .formatted(nameOrFolder)
                                        : "")));
    }
}
