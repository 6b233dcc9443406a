package io.github.m3agiqa.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What a process holds of the machine's memory, as Linux counts it. */
final class ResidentMemory {
    private ResidentMemory() {}

    /** All of it, mapped files included, in MiB. */
    static long mebibytes() {
        return field("self", "VmRSS:");
    }

    /** As {@link #mebibytes()}, of another process. */
    static long mebibytes(long process) {
        return field(String.valueOf(process), "VmRSS:");
    }

    /** What is not backed by a file and could not be given up, in MiB. */
    static long anonymousMebibytes() {
        return field("self", "RssAnon:");
    }

    /** The most that it ever was, in MiB. */
    static long peakMebibytes() {
        return field("self", "VmHWM:");
    }

    private static long field(String process, String name) {
        try {
            return Files.readAllLines(Path.of("/proc", process, "status")).stream()
                    .filter(line -> line.startsWith(name))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) >> 10)
                    .findFirst()
                    .orElseThrow();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
