package io.github.m3agiqa.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import io.github.m3agiqa.scoring.Scorer;
import io.github.m3agiqa.scoring.ScoringOptions;
import io.github.m3agiqa.testing.DrawnImages;
import io.github.m3agiqa.testing.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelPackTest {
    @TempDir
    private Path folder;

    /** A model as training leaves it: its manifest beside parts that lie elsewhere. */
    private ModelFolder scattered() throws IOException {
        Path model = Files.createDirectories(folder.resolve("run/model"));
        Path parts = TestModels.tiny().toAbsolutePath();
        String elsewhere = model.toAbsolutePath().relativize(parts).toString().replace('\\', '/');
        ModelManifest tiny = ModelFolder.open(parts).manifest();
        Map<Aspect, AspectManifest> aspects = new EnumMap<>(tiny.aspects());
        aspects.replaceAll((_, settings) -> settings.moved((_, path) -> elsewhere + "/" + path));
        return ModelFolder.write(model, tiny.derived("random", elsewhere + "/base", aspects));
    }

    @Test
    void scoresAsBeforeWhereverItIsMoved() throws IOException {
        ModelFolder packed = ModelPack.pack(scattered(), folder.resolve("packed"), 3);
        Path moved = Files.move(packed.path(), folder.resolve("moved"));

        ModelFolder model = ModelFolder.open(moved);
        assertThat(model.manifest().id()).isEqualTo("random@3");
        assertThat(model.manifest().base()).isEqualTo("base");
        assertThat(model.manifest().sha256())
                .containsKeys("base/config.json", "base/model.safetensors", "adapter/adapter_model.safetensors");
        new Checksums(folder.resolve("cache")).checkNew(model);
        assertThat(score(model).aspects()).isEqualTo(score(scattered()).aspects());
    }

    /** A model as it is pulled: its parts are links into a cache. */
    private ModelFolder pulled() throws IOException {
        Path model = Files.createDirectories(folder.resolve("pulled"));
        Path parts = TestModels.tiny().toAbsolutePath();
        try (Stream<Path> files = Files.list(parts)) {
            for (Path part : files.toList()) {
                Files.createSymbolicLink(model.resolve(parts.relativize(part)), part);
            }
        }
        return ModelFolder.open(model);
    }

    @Test
    void holdsWhatAPulledModelLinksTo() throws IOException {
        ModelFolder pulled = pulled();

        ModelFolder packed = ModelPack.pack(pulled, folder.resolve("packed"), 3);

        assertThat(packed.manifest().sha256())
                .containsKeys("base/config.json", "base/model.safetensors", "adapter/adapter_model.safetensors");
        Checksums.checkAll(packed);
        assertThat(score(packed).aspects()).isEqualTo(score(pulled).aspects());
    }

    @Test
    void namesPartsAfterTheirFilesAlone() throws IOException {
        ModelFolder model = scattered();
        Path predictors = Files.createDirectories(folder.resolve("run/v1.2"));
        Files.copy(
                model.part(Objects.requireNonNull(
                        model.manifest().aspect(Aspect.QUALITY).predictor())),
                predictors.resolve("weights"));
        Map<Aspect, AspectManifest> aspects = new EnumMap<>(model.manifest().aspects());
        aspects.replaceAll(
                (_, settings) -> settings.moved((part, path) -> part.equals("predictor") ? "../v1.2/weights" : path));

        ModelFolder packed = ModelPack.pack(
                ModelFolder.write(model.path(), model.manifest().withAspects(aspects)), folder.resolve("packed"), 3);

        assertThat(packed.manifest().aspect(Aspect.QUALITY).predictor()).isEqualTo("predictor-quality");
        assertThat(packed.part("predictor-quality")).hasSameBinaryContentAs(predictors.resolve("weights"));
    }

    @Test
    void takesTheCardAlong() throws IOException {
        ModelFolder model = scattered();
        Files.writeString(model.path().resolve(ModelFolder.CARD), "# A model");

        ModelFolder packed = ModelPack.pack(model, folder.resolve("packed"), 3);

        assertThat(packed.card()).isEqualTo("# A model");
    }

    @Test
    void refusesAPartWithoutFiles() throws IOException {
        Files.createDirectories(folder.resolve("empty"));
        ModelFolder model = scattered();
        ModelFolder lacking = ModelFolder.write(
                model.path(),
                model.manifest()
                        .derived("random", "../../empty", model.manifest().aspects()));

        assertThatThrownBy(() -> ModelPack.pack(lacking, folder.resolve("packed"), 1))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining("empty holds no file");
    }

    private static Assessment score(ModelFolder model) throws IOException {
        byte[] image = DrawnImages.encode(DrawnImages.landscape(60, 40, 1), "png");
        try (Scorer scorer = Scorer.open(model, ScoringOptions.DEFAULT)) {
            return scorer.score(ImagePrompt.of("drawn.png", image, "hills"));
        }
    }

    @Test
    void neverWritesOverSomething() throws IOException {
        Path taken = Files.createDirectories(folder.resolve("taken"));
        Files.writeString(taken.resolve("note.txt"), "mine");
        ModelFolder model = scattered();

        assertThatThrownBy(() -> ModelPack.pack(model, taken, 1))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("not empty");
    }
}
