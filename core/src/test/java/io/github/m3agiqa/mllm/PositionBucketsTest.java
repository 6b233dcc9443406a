package io.github.m3agiqa.mllm;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.m3agiqa.testing.Goldens;
import io.github.m3agiqa.testing.Parity;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class PositionBucketsTest {
    private static final Parity PARITY = new Parity("golden position buckets");

    static Stream<Map.Entry<String, JsonNode>> cases() {
        return Goldens.read("misc.json").path("bucket").propertyStream();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void bucketsAsTorch(Map.Entry<String, JsonNode> golden) throws NoSuchAlgorithmException {
        int n = Integer.parseInt(golden.getKey());

        int[] buckets = PositionBuckets.of(n, 70);

        String csv = Arrays.stream(buckets).mapToObj(String::valueOf).collect(Collectors.joining(","));
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(csv.getBytes(StandardCharsets.UTF_8));
        PARITY.same(
                "position ids, SHA-256",
                HexFormat.of().formatHex(hash),
                golden.getValue().path("sha256_csv").asText());
        assertThat(IntStream.range(0, n).filter(i -> buckets[i] != 70 * i / n))
                .containsExactly(Arrays.stream(Goldens.ints(golden.getValue().path("differs_from_floor_70i_over_n_at")))
                        .boxed()
                        .toArray(Integer[]::new));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7, 70, 71, 1400})
    void bucketsRiseFromFirstToLast(int n) {
        int[] buckets = PositionBuckets.of(n, 70);

        assertThat(buckets).hasSize(n).isSorted().startsWith(0);
        assertThat(buckets[n - 1]).isLessThan(70);
    }

    @AfterAll
    static void write() {
        PARITY.write();
    }
}
