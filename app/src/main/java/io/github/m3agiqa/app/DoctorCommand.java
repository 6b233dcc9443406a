package io.github.m3agiqa.app;

import io.github.m3agiqa.M3AgiqaException;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Engine;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.bytedeco.javacpp.Loader;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code m3agiqa doctor}: what this machine has, a line each, with the cure where something is missing. */
@Command(
        name = "doctor",
        description = "Says what this machine has, a line each, with the cure where something is missing.",
        mixinStandardHelpOptions = true,
        footer = {"", "Example:", "  m3agiqa doctor"})
final class DoctorCommand implements Callable<Integer> {
    private static final long GIB = 1L << 30;

    @Spec
    private CommandSpec spec;

    private boolean healthy = true;

    @Override
    public Integer call() {
        good("m3agiqa", Version.number());
        good("JDK", "%s, %s".formatted(Runtime.version(), System.getProperty("java.home")));
        good(
                "memory",
                "%d MiB of heap, %d processors"
                        .formatted(
                                Runtime.getRuntime().maxMemory() >> 20,
                                Runtime.getRuntime().availableProcessors()));
        engine();
        engineCache();
        folder("m3agiqa cache", Installation.cacheFolder());
        models();
        return healthy ? ExitCode.DONE : ExitCode.MODEL;
    }

    private void engine() {
        try {
            Engine.load();
        } catch (LinkageError e) {
            bad(
                    "engine",
                    "the natives cannot be loaded: %s".formatted(e.getMessage()),
                    "this build's natives are for linux-x86_64; build with -Dengine.platform=PLATFORM for another");
            return;
        }
        good("engine", "libtorch %s, %d threads".formatted(Engine.version(), Engine.threads()));
        good("BLAS", Engine.blas());
        good("device cpu", "ready, " + fastest());
        if (Engine.cudaAvailable()) {
            good("device cuda", "ready");
        } else {
            note(
                    "device cuda",
                    "not available",
                    "docs/cuda.md says how to build with -Dcuda; not needed on a processor");
        }
    }

    /** What this processor multiplies fastest, as docs/results/performance.md has measured it on one of each kind. */
    private static String fastest() {
        if (Device.CPU.attendsInBf16()) {
            return "has a matrix unit for bf16, the default of --dtype";
        }
        return Device.CPU.multipliesBf16()
                ? "multiplies bf16 by vectors; --dtype int8 is the fastest for large models, then bf16"
                : "does not multiply bf16; --dtype int8 is the fastest for large models, then fp16";
    }

    /** The first folder of several that the engine's libraries can be unpacked into. */
    private void engineCache() {
        try {
            folder("engine cache", Loader.getCacheDir().toPath());
        } catch (IOException e) {
            bad(
                    "engine cache",
                    "the engine's libraries cannot be unpacked: %s".formatted(e.getMessage()),
                    "set M3AGIQA_OPTS=-Dorg.bytedeco.javacpp.cachedir=FOLDER to a writable one");
        }
    }

    private void folder(String name, Path folder) {
        Path existing = folder.toAbsolutePath();
        while (!Files.exists(existing) && existing.getParent() != null) {
            existing = existing.getParent();
        }
        if (!Files.isDirectory(existing)) {
            bad(
                    name,
                    "%s cannot be made: %s is no folder".formatted(folder, existing),
                    "set M3AGIQA_CACHE to another one");
            return;
        }
        try {
            FileStore store = Files.getFileStore(existing);
            String free = "%s, %d GiB free".formatted(folder, store.getUsableSpace() / GIB);
            if (!Files.isWritable(existing)) {
                bad(name, free + ", not writable", "make it writable, or set M3AGIQA_CACHE to another folder");
            } else {
                good(name, free);
            }
        } catch (IOException e) {
            bad(name, "%s cannot be looked at: %s".formatted(folder, e.getMessage()), "check the disk");
        }
    }

    private void models() {
        List<Path> models = Installation.catalog().models();
        if (models.isEmpty()) {
            note(
                    "models",
                    "none in %s".formatted(Installation.catalog().folders()),
                    "name a folder with --model FOLDER");
        }
        for (Path model : models) {
            try {
                ModelFolder folder = ModelFolder.open(model);
                folder.checkParts();
                good("model", "%s, %d MiB, %s".formatted(folder.manifest().id(), folder.bytes() >> 20, model));
            } catch (M3AgiqaException e) {
                bad("model", e.getMessage(), "get the model again, or delete its folder");
            }
        }
    }

    private void good(String what, String state) {
        line("ok", what, state);
    }

    private void note(String what, String state, String cure) {
        line("--", what, "%s: %s".formatted(state, cure));
    }

    private void bad(String what, String state, String cure) {
        healthy = false;
        line("!!", what, "%s: %s".formatted(state, cure));
    }

    private void line(String mark, String what, String state) {
        PrintWriter out = spec.commandLine().getOut();
        out.printf("%-2s  %-13s  %s%n", mark, what, state);
        out.flush();
    }
}
