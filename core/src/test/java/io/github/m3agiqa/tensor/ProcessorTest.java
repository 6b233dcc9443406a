package io.github.m3agiqa.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProcessorTest {
    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({
        "flags\t\t: fpu sse2 avx512f amx_bf16 amx_tile, true",
        "flags\t\t: fpu sse2 avx512f avx512_bf16, false",
        "model name\t: amx_bf16 in a name, false",
    })
    void aProcessorHasWhatLinuxLists(String line, boolean there) throws IOException {
        Path cpuinfo = Files.writeString(folder.resolve("cpuinfo"), "processor\t: 0\n" + line + "\n");

        assertThat(Processor.words(cpuinfo, "flags").contains("amx_bf16")).isEqualTo(there);
    }

    @Test
    void otherSystemsListNothing() {
        assertThat(Processor.words(folder.resolve("nothing"), "flags")).isEmpty();
    }

    @Test
    void aProcessorHasAMaker() throws IOException {
        Path cpuinfo = Files.writeString(folder.resolve("cpuinfo"), "vendor_id\t: AuthenticAMD\nflags\t: fpu\n");

        assertThat(Processor.words(cpuinfo, "vendor_id"))
                .contains("AuthenticAMD")
                .doesNotContain("fpu");
    }

    @ParameterizedTest
    @CsvSource({",true", "AVX2,false", "AVX512_CORE_BF16,false", "avx512_core_amx,true", "ALL,true"})
    void theEnginesOwnVariableForbidsIt(String most, boolean allowed) {
        assertThat(Processor.allowed(Processor.SETS_WITH_MATRIX_UNIT, most)).isEqualTo(allowed);
    }

    @ParameterizedTest
    @CsvSource({",true", "AVX2,false", "AVX512_CORE_VNNI,false", "avx512_core_bf16,true", "AVX10_1_512,true", "ALL,true"
    })
    void itForbidsVectorsApart(String most, boolean allowed) {
        assertThat(Processor.allowed(Processor.SETS_WITH_BF16_VECTORS, most)).isEqualTo(allowed);
    }
}
