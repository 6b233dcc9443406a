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
     * @throws ModelException if {@code HF_ENDPOINT} is no URL
     */
    public static HubSettings of(Map<String, String> environment, Path userHome) {
        Path home = path(environment, "HF_HOME")
                .orElseGet(() -> path(environment, "XDG_CACHE_HOME")
                        .orElseGet(() -> userHome.resolve(".cache"))
                        .resolve("huggingface"));
        return new HubSettings(
                endpoint(environment.getOrDefault("HF_ENDPOINT", PUBLIC_HUB)),
                token(environment, home),
                path(environment, "HF_HUB_CACHE").orElseGet(() -> home.resolve("hub")),
                TRUE.contains(environment.getOrDefault("HF_HUB_OFFLINE", "").toLowerCase(Locale.ROOT)));
    }

    private static URI endpoint(String text) {
        return WebAddress.of(text.replaceAll("/+$", ""))
                .orElseThrow(
                        () -> new ModelException("HF_ENDPOINT is '%s', no URL such as %s".formatted(text, PUBLIC_HUB)));
    }

    private static Optional<Path> path(Map<String, String> environment, String name) {
        return Optional.ofNullable(environment.get(name))
                .filter(value -> !value.isBlank())
                .map(Path::of);
    }

    private static @Nullable String token(Map<String, String> environment, Path home) {
        String stated = environment.getOrDefault("HF_TOKEN", "").strip();
        if (!stated.isEmpty()) {
            return stated;
        }
        Path file = path(environment, "HF_TOKEN_PATH").orElseGet(() -> home.resolve("token"));
        try {
            String kept = Files.isRegularFile(file) ? Files.readString(file).strip() : "";
            return kept.isEmpty() ? null : kept;
        } catch (IOException e) {
            throw new ModelException("%s cannot be read: %s".formatted(file, e), e);
        }
    }

    /** Says all but the token. */
    @Override
    public String toString() {
        return "%s into %s%s".formatted(endpoint, cache, offline ? ", offline" : "");
    }
}
