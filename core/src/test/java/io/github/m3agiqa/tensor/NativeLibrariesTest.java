package io.github.m3agiqa.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URL;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.ClassProperties;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class NativeLibrariesTest {
    @Test
    void findsWhatJavaCppFindsItself() throws Exception {
        Engine.load();

        Map<String, @Nullable URL> found = NativeLibraries.find();

        assertThat(found).containsKeys("jnijavacpp", "jnitorch", "torch_cpu", "mkl_rt@.2#openblas@.0", "cudart@.13");
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
