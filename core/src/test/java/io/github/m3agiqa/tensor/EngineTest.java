package io.github.m3agiqa.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

class EngineTest {
    private static final Path THREADS = Path.of("/proc/self/task");
    private static final String NAME = "sharing";

    @Test
    void endsTheThreadsThatSharedAnOperation() throws Exception {
        assumeThat(THREADS).exists();
        Engine.load();
        assumeThat(Engine.threads()).isGreaterThan(1);
        // those that share its work are called what it is called
        try (ExecutorService thread =
                Executors.newSingleThreadExecutor(Thread.ofPlatform().name(NAME).factory())) {
            List<Long> counts = thread.submit(() -> {
                        long alone = namesakes();
                        sum();
                        long shared = namesakes();
                        Engine.releaseThreads();
                        long released = namesakesOnce(alone);
                        sum();
                        return List.of(alone, shared, released);
                    })
                    .get();

            assertThat(counts).containsExactly(1L, (long) Engine.threads(), 1L);
        }
    }

    private static void sum() {
        try (Scope _ = new Scope()) {
            int count = 1 << 20;
            assertThat(Torch.full(1, Device.CPU, count).sum().item().toDouble()).isEqualTo(count);
        }
    }

    /** The system lists a thread for a moment after it has ended. */
    private static long namesakesOnce(long expected) throws Exception {
        long end = System.nanoTime() + Duration.ofSeconds(10).toNanos();
        while (namesakes() != expected && System.nanoTime() < end) {
            Thread.sleep(1);
        }
        return namesakes();
    }

    private static long namesakes() throws IOException {
        try (var threads = Files.list(THREADS)) {
            return threads.filter(thread -> NAME.equals(name(thread))).count();
        }
    }

    private static String name(Path thread) {
        try {
            return Files.readString(thread.resolve("comm")).strip();
        } catch (IOException e) {
            return ""; // it has ended since it was listed
        }
    }
}
