package io.github.m3agiqa.tensor;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What this machine's processor is good at. */
final class Processor {
    /** What the engine calls its sets of instructions that have those of Intel's matrix unit. */
    static final Pattern SETS_WITH_MATRIX_UNIT = Pattern.compile("AMX");

    /** Those that have vectors of 512 bits. */
    static final Pattern SETS_WITH_AVX512 = Pattern.compile("AVX512|AVX10|AMX");

    /** Those that have products of bfloat16 by vectors. */
    static final Pattern SETS_WITH_BF16_VECTORS = Pattern.compile("AVX512_CORE_(BF|FP)16|AVX10|AMX");

    /** Whether the engine's attention is fast in bfloat16, for which it asks for the matrix unit. */
    static final boolean ATTENDS_IN_BF16;

    /**
     * Whether it multiplies bfloat16 numbers: by Intel's matrix unit, or by vectors as processors of AMD since Zen 4 and some
     * of Intel do. Without either the engine's bfloat16 products take 2 to 13 times as long as its float32 ones.
     */
    static final boolean MULTIPLIES_BF16;

    /**
     * Whether oneDNN multiplies float32 numbers faster than MKL, which has kernels of AVX-512 for Intel's processors alone.
     */
    static final boolean ONEDNN_FASTER_IN_FLOAT32;

    static {
        Path cpuinfo = Path.of("/proc/cpuinfo");
        Set<String> flags = words(cpuinfo, "flags");
        String most = System.getenv("ONEDNN_MAX_CPU_ISA");
        ONEDNN_FASTER_IN_FLOAT32 = flags.contains("avx512f")
                && !words(cpuinfo, "vendor_id").contains("GenuineIntel")
                && allowed(SETS_WITH_AVX512, most);
        ATTENDS_IN_BF16 = flags.contains("amx_bf16") && allowed(SETS_WITH_MATRIX_UNIT, most);
        MULTIPLIES_BF16 = ATTENDS_IN_BF16 || (flags.contains("avx512_bf16") && allowed(SETS_WITH_BF16_VECTORS, most));
    }

    private Processor() {}

    /** What Linux says of the first processor under a name such as {@code flags}; nothing on other systems. */
    static Set<String> words(Path cpuinfo, String name) {
        if (!Files.exists(cpuinfo)) {
            return Set.of();
        }
        try (Stream<String> lines = Files.lines(cpuinfo)) {
            return lines.filter(line -> line.startsWith(name))
                    .limit(1)
                    .flatMap(line -> Arrays.stream(line.split("\\s+")))
                    .collect(Collectors.toSet());
        } catch (IOException | UncheckedIOException _) {
            return Set.of();
        }
    }

    /** Whether the engine may use what some of its sets of instructions have: its own variable can forbid it. */
    static boolean allowed(Pattern sets, @Nullable String most) {
        if (most == null || most.isBlank()) {
            return true;
        }
        String name = most.toUpperCase(Locale.ROOT);
        return name.equals("ALL")
                || name.equals("DEFAULT")
                || sets.matcher(name).find();
    }
}
