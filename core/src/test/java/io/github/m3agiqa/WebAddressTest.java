package io.github.m3agiqa;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WebAddressTest {
    @Test
    void schemesAreReadAsBrowsersReadThem() {
        assertThat(WebAddress.of("HTTPS://hub.example:8080/api")).contains(URI.create("HTTPS://hub.example:8080/api"));
        assertThat(WebAddress.of("http://localhost:11434/v1")).isPresent();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"hub.example", "ftp://hub.example", "https:", "https://", "https:///path", "http://a b", ""})
    void whatNamesNoServerIsNone(String text) {
        assertThat(WebAddress.of(text)).isEmpty();
    }
}
