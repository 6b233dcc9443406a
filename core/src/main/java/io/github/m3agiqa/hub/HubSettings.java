package io.github.m3agiqa.hub;

import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.WebAddress;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where models are pulled from and kept, by the environment variables of Hugging Face's own tools.
 *
 * @param endpoint the hub, {@code HF_ENDPOINT}
 * @param token for models that ask for one, {@code HF_TOKEN} or what {@code hf auth login} wrote; null if there is none
 * @param cache the folder that is shared with Hugging Face's tools, {@code HF_HUB_CACHE} or {@code hub} in {@code HF_HOME}
 * @param offline whether nothing may be asked of the network, {@code HF_HUB_OFFLINE}
 * @see <a href="https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables">the variables</a>
 */
public record HubSettings(URI endpoint, @Nullable String token, Path cache, boolean offline) {
    private static final String PUBLIC_HUB = "https://huggingface.co";
    private static final Set<String> TRUE = Set.of("1", "on", "yes", "true");

    /**
     * The settings of an environment.
     *
     * @param userHome the user's home folder
     * @throws ModelException if {@code HF_ENDPOINT} is no URL, or the token cannot be read or is none
     */
    public static HubSettings of(Map<String, String> environment, Path userHome) {
        Path home = path(environment, "HF_HOME", userHome)
                .orElseGet(() -> path(environment, "XDG_CACHE_HOME", userHome)
                        .orElseGet(() -> userHome.resolve(".cache"))
                        .resolve("huggingface"));
        return new HubSettings(
                endpoint(environment.getOrDefault("HF_ENDPOINT", PUBLIC_HUB)),
                token(environment, userHome, home),
                path(environment, "HF_HUB_CACHE", userHome).orElseGet(() -> home.resolve("hub")),
                TRUE.contains(environment.getOrDefault("HF_HUB_OFFLINE", "").toLowerCase(Locale.ROOT)));
    }

    private static URI endpoint(String text) {
        return WebAddress.of(text.replaceAll("/+$", ""))
                .orElseThrow(
                        () -> new ModelException("HF_ENDPOINT is '%s', no URL such as %s".formatted(text, PUBLIC_HUB)));
    }

    /** A path that a variable names; a {@code ~} that no shell has replaced is the user's home folder. */
    private static Optional<Path> path(Map<String, String> environment, String name, Path userHome) {
        return Optional.ofNullable(environment.get(name))
                .filter(value -> !value.isBlank())
                .map(value -> value.equals("~") || value.startsWith("~/")
                        ? userHome.resolve(value.substring(Math.min(2, value.length())))
                        : Path.of(value));
    }

    private static @Nullable String token(Map<String, String> environment, Path userHome, Path home) {
        String stated = token("HF_TOKEN", environment.getOrDefault("HF_TOKEN", ""));
        if (stated != null) {
            return stated;
        }
        Path file = path(environment, "HF_TOKEN_PATH", userHome).orElseGet(() -> home.resolve("token"));
        try {
            return token(file.toString(), Files.isRegularFile(file) ? Files.readString(file) : "");
        } catch (IOException e) {
            throw new ModelException("%s cannot be read: %s".formatted(file, e), e);
        }
    }

    /** The token in a text without its line breaks, which Hugging Face's tools leave out, too; null if there is none. */
    private static @Nullable String token(String where, String text) {
        String token = text.replaceAll("[\\r\\n]", "").strip();
        if (!token.matches("[!-~]*")) {
            throw new ModelException("%s holds no token: those have visible characters of ASCII only".formatted(where));
        }
        return token.isEmpty() ? null : token;
    }

    /** Says all but the token. */
    @Override
    public String toString() {
        return "%s into %s%s".formatted(endpoint, cache, offline ? ", offline" : "");
    }
}
