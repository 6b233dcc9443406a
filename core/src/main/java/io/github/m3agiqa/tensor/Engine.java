package io.github.m3agiqa.tensor;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;

/**
 * The native tensor engine, libtorch. It is one to a process, so what is set here holds for every model in it.
 *
 * <p>Every class that touches a tensor goes through {@link #load()} first: the system properties that choose the BLAS
 * library and switch off JavaCPP's own memory limits count only if they are set before the natives are loaded.
 */
public final class Engine {
    /** What the natives need to know before they are loaded; what a user has set himself is left alone. */
    private static final Map<String, String> DEFAULTS = Map.of(
            // MKL shares libtorch's OpenMP threads, OpenBLAS's own threads fight with them
            "org.bytedeco.openblas.load", "mkl",
            // JavaCPP would count mapped weights as a leak and refuse to allocate
            "org.bytedeco.javacpp.maxBytes", "0",
            "org.bytedeco.javacpp.maxPhysicalBytes", "0");

    static {
        DEFAULTS.forEach((name, value) -> {
            if (System.getProperty(name) == null) {
                System.setProperty(name, value);
            }
        });
        NativeLibraries.announce();
        Loader.load(torch.class);
        if (System.getenv("OMP_NUM_THREADS") == null) {
            // on virtual machines the engine's own guess is often a single thread
            torch.set_num_threads(Runtime.getRuntime().availableProcessors());
        }
        // it is never faster than MKL's convolutions, and warns at each of them on processors that it does not know
        torch.globalContext().setUserEnabledNNPACK(false);
    }

    private Engine() {}

    /** Loads the natives if that has not happened yet: about a second, the first time ever some seconds. */
    public static void load() {
        // the static initialiser has done it
    }

    /**
     * Sets how many threads one operation may use, in the calling thread and in all that have not used the engine yet; those that
     * have keep the number that was set when they began. So it is best set before anything is scored.
     *
     * @param threads at least 1
     */
    public static void setThreads(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("threads must be at least 1, not " + threads);
        }
        torch.set_num_threads(threads);
    }

    /** How many threads one operation of the calling thread may use. */
    public static int threads() {
        return torch.get_num_threads();
    }

    /**
     * Gives memory that the natives have freed back to the system, which the C library keeps between what is in use. Worth
     * it after something that needed much and does not come back, as what is next asked for has to be cleared again. Does
     * nothing where the C library has no such call.
     */
    public static void releaseFreeMemory() {
        call(Linker.nativeLinker().defaultLookup(), "malloc_trim", ValueLayout.JAVA_LONG, 0L);
    }

    /**
     * Ends the threads with which operations of the calling thread share their work; its next operation starts them anew, in
     * some 0.1 ms. Worth it when a thread has done its part: GNU's OpenMP counts such threads, idle ones, too, and while there
     * are more than processors, it has all of them sleep between two operations instead of watching out for the next, and
     * waking them takes longer than a small operation. Does nothing with another OpenMP.
     */
    public static void releaseThreads() {
        if (threads() > 1) {
            int soft = 1; // what is set for the threads stays
            call(GnuOpenMp.FUNCTIONS, "omp_pause_resource_all", ValueLayout.JAVA_INT, soft);
        }
    }

    /** The OpenMP library that the engine has on Linux; MKL brings another one, which does nothing here. */
    private static final class GnuOpenMp {
        static final SymbolLookup FUNCTIONS = Loader.getLoadedLibraries().values().stream()
                .filter(path -> path.contains("libgomp"))
                .findFirst()
                .map(path -> SymbolLookup.libraryLookup(path, Arena.global()))
                .orElse(_ -> Optional.empty());
    }

    /** Calls a function of C that takes one number and returns an int, if there is one of this name. */
    private static void call(SymbolLookup functions, String name, ValueLayout parameter, Number argument) {
        functions.find(name).ifPresent(function -> {
            FunctionDescriptor signature = FunctionDescriptor.of(ValueLayout.JAVA_INT, parameter);
            try {
                Object _ = Linker.nativeLinker()
                        .downcallHandle(function, signature)
                        .invoke(argument);
            } catch (Throwable e) {
                throw new IllegalStateException(name, e);
            }
        });
    }

    /** Seeds the engine's random numbers: dropout and random weights, nothing that scoring uses. */
    public static void seed(long seed) {
        torch.manual_seed(seed);
    }

    /** Whether a CUDA device can be used: the CUDA natives are on the class path and a device answers. */
    public static boolean cudaAvailable() {
        return torch.cuda_is_available();
    }

    /** The version of libtorch and its Java binding. */
    public static String version() {
        try {
            return Loader.getVersion("org.bytedeco", "pytorch");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The library that multiplies float32 matrices. */
    public static String blas() {
        boolean mkl = Loader.getLoadedLibraries().values().stream().anyMatch(path -> path.contains("mkl_rt"));
        return mkl ? "MKL" : "OpenBLAS";
    }
}
