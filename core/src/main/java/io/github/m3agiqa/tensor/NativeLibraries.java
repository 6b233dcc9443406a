package io.github.m3agiqa.tensor;

import java.io.File;
import java.io.IOException;
import java.lang.reflect.Field;
import java.net.JarURLConnection;
import java.net.MalformedURLException;
import java.net.URI;
import java.net.URL;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.jar.JarEntry;
import org.bytedeco.javacpp.ClassProperties;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.openblas.global.openblas;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * Where the engine's libraries lie, told to JavaCPP before it looks. It looks for each of them, and for thirty of CUDA's
 * that the engine for processors does without, in every jar of the class path some twenty times: half a second of a
 * command's start. The natives' own jars say in a few milliseconds what is in them.
 */
final class NativeLibraries {
    /** What loads libraries, in the order in which it does. */
    private static final List<Class<?>> LOADING =
            List.of(Pointer.class, openblas_nolapack.class, openblas.class, torch.class);

    private static final List<String> FOLDERS = List.of("javacpp", "openblas", "mkl", "pytorch");

    private NativeLibraries() {}

    /**
     * Tells JavaCPP. To be called when the properties that choose a BLAS library are set, and before anything of JavaCPP's
     * is loaded.
     *
     * @return whether it could be told; if not, as with another version of it, nothing is lost but time
     */
    static boolean announce() {
        try {
            Field field = Loader.class.getDeclaredField("foundLibraries");
            field.setAccessible(true);
            @SuppressWarnings("unchecked")
            Map<String, URL[]> found = (Map<String, URL[]>) field.get(null);
            find().forEach((library, url) -> found.putIfAbsent(library, url == null ? new URL[0] : new URL[] {url}));
            return true;
        } catch (ReflectiveOperationException | IOException | RuntimeException _) {
            return false; // it looks for them itself
        }
    }

    /**
     * The libraries as JavaCPP names them, {@code name@version#alias}, each with the first place that {@link
     * Loader#findLibrary} finds, or null. None where the user wants paths to be looked at first, or where the natives are
     * those for a graphics card, whose libraries lie in more jars.
     *
     * @throws IOException if a jar cannot be read
     */
    static Map<String, @Nullable URL> find() throws IOException {
        String platform = Loader.getPlatform();
        ClassLoader classes = NativeLibraries.class.getClassLoader();
        if (System.getProperty("org.bytedeco.javacpp.pathsFirst") != null
                || classes.getResource("org/bytedeco/pytorch/" + platform + "-gpu/") != null) {
            return Map.of();
        }
        Map<String, URL> inJars = new HashMap<>();
        for (String folder : FOLDERS) {
            for (URL url : Collections.list(classes.getResources("org/bytedeco/" + folder + "/" + platform + "/"))) {
                if (url.openConnection() instanceof JarURLConnection jar) {
                    addFiles(jar, inJars);
                }
            }
        }
        Map<String, @Nullable URL> found = new LinkedHashMap<>();
        for (Class<?> loading : LOADING) {
            ClassProperties properties = Loader.loadProperties(loading, Loader.loadProperties(), true);
            List<String> libraries = new ArrayList<>(properties.get("platform.preload"));
            libraries.addAll(properties.get("platform.link"));
            libraries.add(properties.getProperty("platform.library"));
            for (String library : libraries) {
                found.put(library, find(library, properties, inJars));
            }
        }
        return found;
    }

    private static void addFiles(JarURLConnection folder, Map<String, URL> inJars) throws IOException {
        String start = folder.getEntryName();
        for (JarEntry entry : Collections.list(folder.getJarFile().entries())) {
            if (entry.getName().startsWith(start) && !entry.isDirectory()) {
                String file = entry.getName().substring(start.length());
                inJars.putIfAbsent(file, URI.create(folder.getURL() + file).toURL());
            }
        }
    }

    /** In a jar, else in a path; where the library has an alias, the URL ends with the name that its file is to have. */
    private static @Nullable URL find(String library, ClassProperties properties, Map<String, URL> inJars)
            throws MalformedURLException {
        String[] nameAndAlias = library.split("#", 2);
        boolean renamed = nameAndAlias.length > 1;
        List<String> files = files(nameAndAlias[0], properties);
        List<String> paths = paths(properties, renamed);
        for (Place place : List.<Place>of(inJars::get, file -> inPath(file, paths))) {
            for (int i = 0; i < files.size(); i++) {
                URL found = place.find(files.get(i));
                if (found != null) {
                    return renamed
                            ? URI.create(found + "#"
                                            + files(nameAndAlias[1], properties).get(i))
                                    .toURL()
                            : found;
                }
            }
        }
        return null;
    }

    /** Where files lie. */
    private interface Place {
        @Nullable
        URL find(String file) throws MalformedURLException;
    }

    /** Those that the class names, and for what is to be renamed the JVM's, too: it finds the rest there itself. */
    private static List<String> paths(ClassProperties properties, boolean renamed) {
        List<String> paths = new ArrayList<>(properties.get("platform.linkpath"));
        paths.addAll(properties.get("platform.preloadpath"));
        if (renamed) {
            for (String property : List.of("sun.boot.library.path", "java.library.path")) {
                paths.addAll(List.of(System.getProperty(property, "").split(File.pathSeparator)));
            }
        }
        return paths;
    }

    private static @Nullable URL inPath(String file, List<String> paths) throws MalformedURLException {
        for (String path : paths) {
            File inPath = new File(path, file);
            if (!path.isEmpty() && inPath.exists()) {
                return inPath.toURI().toURL();
            }
        }
        return null;
    }

    /** The names of a library's file by the customs of Linux, of macOS, and without the version. */
    private static List<String> files(String library, ClassProperties properties) {
        String[] nameAndVersion = library.split("@", 2);
        String name = properties.getProperty("platform.library.prefix", "") + nameAndVersion[0];
        String version = nameAndVersion.length == 1 ? "" : nameAndVersion[1];
        List<String> files = new ArrayList<>();
        for (String suffix : properties.get("platform.library.suffix")) {
            files.addAll(List.of(name + suffix + version, name + version + suffix, name + suffix));
        }
        return files;
    }
}
