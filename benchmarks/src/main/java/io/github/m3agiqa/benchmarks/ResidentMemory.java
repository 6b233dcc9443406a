package io.github.m3agiqa.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What this process holds of the machine's memory, as Linux counts it. */
final class ResidentMemory {
    private ResidentMemory() {}

    /** All of it, mapped files included, in MiB. */
    static long mebibytes() {
        return field("VmRSS:");
    }

    /** What is not backed by a file and could not be given up, in MiB. */
    static long anonymousMebibytes() {
        return field("RssAnon:");
    }

    /** The most that it ever was, in MiB. */
    static long peakMebibytes() {
        return field("VmHWM:");
    }

    private static long field(String name) {
        try {
            return Files.readAllLines(Path.of("/proc/self/status")).stream()
                    .filter(line -> line.startsWith(name))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) >> 10)
                    .findFirst()
                    .orElseThrow();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
