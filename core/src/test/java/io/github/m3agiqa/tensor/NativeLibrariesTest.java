package io.github.m3agiqa.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.ClassProperties;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeLibrariesTest {
    @BeforeAll
    static void load() {
        Engine.load();
    }

    /** Also a library that comes with no jar, under another name. */
    @Test
    void findsWhatLiesInTheLibraryPath(@TempDir Path folder) throws Exception {
        Files.createFile(folder.resolve(System.mapLibraryName("mkl_mc")));
        String before = System.getProperty("java.library.path");
        System.setProperty("java.library.path", folder.toString());
        try {
            assertThat(NativeLibraries.find().get("mkl_mc@.2#mkl_mc@.2"))
                    .asString()
                    .endsWith("#" + System.mapLibraryName("mkl_mc"));
            assertSameAsJavaCpp(NativeLibraries.find());
        } finally {
            System.setProperty("java.library.path", before);
        }
    }

    @Test
    void findsWhatJavaCppFindsItself() throws Exception {
        Map<String, @Nullable URL> found = NativeLibraries.find();

        assertThat(found).containsKeys("jnijavacpp", "jnitorch", "torch_cpu", "mkl_rt@.2#openblas@.0", "cudart@.13");
        assertSameAsJavaCpp(found);
    }

    private static void assertSameAsJavaCpp(Map<String, @Nullable URL> found) {
        ClassProperties properties = Loader.loadProperties(torch.class, Loader.loadProperties(), true);
        properties
                .get("platform.preloadresource")
                .addAll(List.of("/org/bytedeco/mkl/", "/org/bytedeco/openblas/", "/org/bytedeco/javacpp/"));
        Map<String, @Nullable URL> itself = new LinkedHashMap<>();
        for (String library : found.keySet()) {
            URL[] urls = Loader.findLibrary(torch.class, properties, library, false);
            itself.put(library, urls.length == 0 ? null : urls[0]);
        }
        assertThat(found).isEqualTo(itself);
    }

    @Test
    void javaCppCanBeTold() {
        assertThat(NativeLibraries.announce()).isTrue();
    }
}
