package io.github.m3agiqa.testing;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.github.m3agiqa.M3AgiqaException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * Feeds damaged files to a reader and watches that it answers with typed errors only, soon, and without allocating more
 * than it is allowed.
 */
public final class Fuzz {
    /** A reader of untrusted bytes. */
    @FunctionalInterface
    public interface Reader {
        void read(byte[] bytes) throws Exception;
    }

    private static final Duration LIMIT = Duration.ofSeconds(10);

    private final List<byte[]> seeds;
    private final long maxAllocatedBytes;

    /**
     * A fuzzer.
     *
     * @param seeds whole files that are damaged in many ways
     * @param maxAllocatedBytes what reading one of them may allocate on the heap
     */
    public Fuzz(List<byte[]> seeds, long maxAllocatedBytes) {
        this.seeds = seeds;
        this.maxAllocatedBytes = maxAllocatedBytes;
    }

    /** The number of inputs that the build asks for. */
    public static int inputs() {
        return Integer.getInteger("fuzz.inputs", 1000);
    }

    /** Reads that many damaged files; returns how often each outcome came. */
    public Map<String, Integer> run(int inputs, Reader reader) {
        Map<String, Integer> outcomes = new TreeMap<>();
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        for (int i = 0; i < inputs; i++) {
            SplittableRandom random = new SplittableRandom(i);
            byte[] input = mutate(seeds.get(i % seeds.size()), random);
            long start = System.nanoTime();
            long before = threads.getCurrentThreadAllocatedBytes();
            String outcome = read(reader, input, i);
            long allocated = threads.getCurrentThreadAllocatedBytes() - before;
            Duration time = Duration.ofNanos(System.nanoTime() - start);
            if (allocated > maxAllocatedBytes || time.compareTo(LIMIT) > 0) {
                throw new AssertionError(
                        "input %d, %s: %d bytes allocated in %s".formatted(i, keep(input), allocated, time));
            }
            outcomes.merge(outcome, 1, Integer::sum);
        }
        return outcomes;
    }

    private static String read(Reader reader, byte[] input, int number) {
        try {
            reader.read(input);
            return "read";
        } catch (M3AgiqaException e) {
            assertThat(e.getMessage()).isNotBlank();
            return e.code().name();
        } catch (Exception | Error e) {
            throw new AssertionError("input %d, %s: %s".formatted(number, keep(input), e), e);
        }
    }

    /** Writes an input that did harm where it can be looked at; returns the file's name. */
    private static String keep(byte[] input) {
        try {
            return Files.write(
                            Files.createDirectories(Path.of("target", "fuzz")).resolve("harmful.bin"), input)
                    .toString();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** One to eight changes: a bit, a byte, a number, a cut, a repeated or a removed stretch. */
    private static byte[] mutate(byte[] seed, SplittableRandom random) {
        byte[] bytes = seed.clone();
        int changes = 1 + random.nextInt(8);
        for (int change = 0; change < changes && bytes.length > 8; change++) {
            int at = random.nextInt(random.nextBoolean() ? bytes.length : Math.min(bytes.length, 400));
            switch (random.nextInt(7)) {
                case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> bytes[at] = (byte) random.nextInt(256);
                case 2 -> bytes[at] = new byte[] {0, -1, 127, -128, 1}[random.nextInt(5)];
                case 3 -> writeNumber(bytes, at, random);
                case 4 -> bytes = random.nextInt(4) == 0 ? Arrays.copyOf(bytes, at) : bytes;
                case 5 -> bytes = splice(bytes, at, Math.min(bytes.length, at + 1 + random.nextInt(64)));
                default -> bytes = splice(bytes, Math.min(bytes.length, at + 1 + random.nextInt(64)), at);
            }
        }
        return bytes;
    }

    private static void writeNumber(byte[] bytes, int at, SplittableRandom random) {
        int number =
                new int[] {Integer.MAX_VALUE, Integer.MIN_VALUE, -1, 0, 65_535, 1 << 24, 50_000}[random.nextInt(7)];
        for (int i = 0; i < 4 && at + i < bytes.length; i++) {
            bytes[at + i] = (byte) (number >> (random.nextBoolean() ? 8 * i : 24 - 8 * i));
        }
    }

    /** The bytes up to {@code to}, then those from {@code from} on: a repetition or a gap. */
    private static byte[] splice(byte[] bytes, int to, int from) {
        byte[] spliced = Arrays.copyOf(bytes, to + bytes.length - from);
        System.arraycopy(bytes, from, spliced, to, bytes.length - from);
        return spliced;
    }
}
