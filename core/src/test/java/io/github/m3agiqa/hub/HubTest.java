package io.github.m3agiqa.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.LogisticMap;
import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.testing.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HubTest {
    /** The SHA-256 of "abc", from FIPS 180-2. */
    private static final String ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    @TempDir
    private Path folder;

    @Test
    void findsDamageAtTheFirstLoadAndAfterAChange() throws IOException {
        Checksums checksums = new Checksums(folder.resolve("cache"));
        ModelFolder model = modelWithPart("abc");
        assertThatCode(() -> checksums.checkNew(model)).doesNotThrowAnyException();
        assertThatCode(() -> checksums.checkNew(model)).doesNotThrowAnyException();

        Path part = model.part("part.bin");
        Files.writeString(part, "abd");
        Files.setLastModifiedTime(part, FileTime.from(Instant.now().plusSeconds(5)));

        assertThatThrownBy(() -> checksums.checkNew(model))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining("part.bin is damaged")
                .hasMessageContaining(ABC);
        assertThatThrownBy(() -> Checksums.checkAll(model)).isInstanceOf(ModelException.class);
    }

    @Test
    void needsNoWritableCache() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "in the way");

        assertThatCode(() -> new Checksums(file).checkNew(modelWithPart("abc"))).doesNotThrowAnyException();
    }

    @Test
    void findsModelsByFolderAndByName() {
        TestModels.tinyWith(folder.resolve("models/one"), manifest -> manifest.put("name", "one"));
        ModelCatalog catalog = new ModelCatalog(java.util.List.of(folder.resolve("models"), folder.resolve("none")));

        assertThat(catalog.find("one").manifest().id()).isEqualTo("one@1");
        assertThat(catalog.find(folder.resolve("models/one").toString())
                        .manifest()
                        .id())
                .isEqualTo("one@1");
        assertThatThrownBy(() -> catalog.find("two"))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining("no model 'two'")
                .hasMessageEndingWith("[one]");
        assertThatThrownBy(() -> catalog.find("aigciqa2023"))
                .isInstanceOf(ModelException.class)
                .hasMessageEndingWith("[one]; it is published, and m3agiqa models pull aigciqa2023 fetches it");
    }

    @Test
    void manifestsTakeDefaultsAndRefuseNonsense() throws IOException {
        Path model = TestModels.tinyWith(folder.resolve("m"), manifest -> manifest.put("alpha", "drop"));
        ModelManifest manifest = ModelFolder.open(model).manifest();
        assertThat(manifest.alpha()).isEqualTo("drop");
        assertThat(manifest.vision()).isEqualTo("published");
        assertThat(manifest.aspects().values()).allSatisfy(aspect -> {
            assertThat(aspect.pooler()).isEqualTo("mean");
            assertThat(aspect.describe().beams()).isEqualTo(3);
        });

        assertRefused("\"x\"", ModelFolder.MANIFEST + ": what stands here is no keys with values");
        assertRefused("{\"name\":\"a\"}", ModelFolder.MANIFEST + ": version: the key is missing");
        assertRefused("{\"name\":\"a\",\"version\":1}", "license is missing");
        assertRefused("{\"name\":\"a\",\"aspects\":{\"beauty\":{}}}", "unknown aspect 'beauty'");
        assertRefused("null", "holds null instead of a manifest");
        String tiny = Files.readString(model.resolve(ModelFolder.MANIFEST));
        assertRefused(
                changed(tiny, root -> root.withObject("/aspects").putNull("quality")),
                "aspects.quality: what belongs here is missing");
        assertRefused(
                changed(tiny, root -> root.putObject("sha256").putNull("a")), "sha256.a: what belongs here is missing");
        assertRefused(tiny + "{}", "Trailing token");
        assertRefused(
                changed(
                        tiny,
                        root -> root.withObject("/aspects/quality/calibration").put("halfWidth", 1)),
                "aspects.quality.calibration: map is missing");
        assertRefused(
                changed(
                        tiny,
                        root -> root.withObject("/aspects/quality/calibration")
                                .set("map", new ObjectMapper().valueToTree(new LogisticMap(0, 0, 0, 1, 0)))),
                "aspects.quality.calibration: halfWidths is missing");
        assertRefused(
                changed(tiny, root -> root.withObject("/aspects/quality").put("scale", "0 to 5")),
                "aspects.quality.scale: what stands here is no list of the worst score and the best");
        assertRefused(
                changed(tiny, root -> root.withObject("/aspects/quality/rate").put("maxSlices", 1.5)),
                "aspects.quality.rate.maxSlices: '1.5' is no whole number");
        assertRefused(
                changed(tiny, root -> root.withObject("/aspects/quality/rate").put("maxSlice", 1)),
                "aspects.quality.rate: unknown key 'maxSlice'; known here are maxLength, maxSlices, question");
    }

    private static String changed(String manifest, Consumer<ObjectNode> change) throws IOException {
        ObjectNode root = (ObjectNode) new ObjectMapper().readTree(manifest);
        change.accept(root);
        return root.toString();
    }

    @Test
    void aPartIsARelativePath() {
        ModelFolder model =
                ModelFolder.open(TestModels.tinyWith(folder.resolve("m"), manifest -> manifest.put("base", "ba\0se")));

        assertThatThrownBy(model::small).isInstanceOf(ModelException.class).hasMessageContaining("is no path");
        assertThatThrownBy(() -> model.part("/etc"))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining("must be relative");
    }

    private void assertRefused(String json, String why) {
        assertThatThrownBy(() -> {
                    Files.writeString(folder.resolve(ModelFolder.MANIFEST), json);
                    ModelFolder.open(folder);
                })
                .isInstanceOf(ModelException.class)
                .hasMessageContaining(why);
    }

    private ModelFolder modelWithPart(String content) throws IOException {
        Path model = folder.resolve("model" + content);
        if (!ModelFolder.isModel(model)) {
            TestModels.tinyWith(model, manifest -> manifest.putObject("sha256").put("part.bin", ABC));
        }
        Files.writeString(model.resolve("part.bin"), content);
        return ModelFolder.open(model);
    }
}
