package io.github.m3agiqa.tensor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What this machine's processor is good at. */
final class Processor {
    private static final String MATRIX_UNIT = "amx_bf16";

    /**
     * Whether it multiplies bfloat16 numbers: by Intel's matrix unit, or by vectors as processors of AMD since Zen 4 and some
     * of Intel do. Without either the engine's bfloat16 products take 2 to 13 times as long as its float32 ones.
     */
    static final boolean MULTIPLIES_BF16 =
            has(MATRIX_UNIT, "AMX") || has("avx512_bf16", "AVX512_CORE_(BF|FP)16|AVX10|AMX");

    /** Whether the engine's attention is fast in bfloat16, too, for which it asks for the matrix unit. */
    static final boolean ATTENDS_IN_BF16 = has(MATRIX_UNIT, "AMX");

    private Processor() {}

    private static boolean has(String flag, String instructions) {
        return allowed(instructions, System.getenv("ONEDNN_MAX_CPU_ISA")) && has(flag, Path.of("/proc/cpuinfo"));
    }

    /** Whether the flags that Linux lists name one; false on other systems. */
    static boolean has(String flag, Path cpuinfo) {
        try {
            return Files.exists(cpuinfo)
                    && Files.readAllLines(cpuinfo).stream()
                            .filter(line -> line.startsWith("flags"))
                            .limit(1)
                            .flatMap(line -> Arrays.stream(line.split("\\s+")))
                            .anyMatch(flag::equals);
        } catch (IOException _) {
            return false;
        }
    }

    /**
     * Whether the engine may use instructions: its own variable can forbid it.
     *
     * @param instructions a pattern that is found in what the engine calls every set with these instructions
     */
    static boolean allowed(String instructions, @Nullable String most) {
        return most == null
                || most.isBlank()
                || Pattern.compile("^(ALL|DEFAULT)$|" + instructions)
                        .matcher(most.toUpperCase(Locale.ROOT))
                        .find();
    }
}
