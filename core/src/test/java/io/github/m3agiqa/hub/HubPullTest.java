package io.github.m3agiqa.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Calibration;
import io.github.m3agiqa.LogisticMap;
import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.hub.HubClient.Patience;
import io.github.m3agiqa.hub.ModelManifest.AspectManifest;
import io.github.m3agiqa.testing.ArabicDigits;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Pulls from a hub on this machine that does all that a hub, or the network before it, may do. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class HubPullTest {
    private static final String REPOSITORY = "owner/name";
    private static final Patience QUICK =
            new Patience(5, Duration.ofMillis(5), Duration.ofMillis(20), Duration.ofSeconds(2));
    private static final byte[] WEIGHTS = bytes(3_000_000, 1);
    private static final byte[] CONFIG = "{\"a\": 1}".getBytes(StandardCharsets.UTF_8);

    @TempDir
    private Path folder;

    private final LoopbackHub hub = new LoopbackHub();

    @AfterEach
    void stop() {
        hub.close();
    }

    private static byte[] bytes(int count, long seed) {
        byte[] bytes = new byte[count];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    /** Counts bytes. */
    private static final class Counter implements HubPull.Listener {
        private final AtomicLong there = new AtomicLong();
        private final AtomicLong all = new AtomicLong();

        @Override
        public void started(String repository, long bytes, long alreadyThere) {
            all.set(bytes);
            there.set(alreadyThere);
        }

        @Override
        public void arrived(long bytes) {
            there.addAndGet(bytes);
        }

        @Override
        public void finished() {
            assertThat(there).hasValue(all.get());
        }
    }

    private HubSettings settings(@Nullable String token, boolean offline) {
        return new HubSettings(hub.url(), token, folder.resolve("hub"), offline);
    }

    private Path pull() {
        return pull(settings("secret", false));
    }

    private static Path pull(HubSettings settings) {
        try (HubPull pull = new HubPull(settings, new Counter(), QUICK)) {
            return pull.pull(REPOSITORY, "main", file -> !file.endsWith(".md"));
        }
    }

    private void publish() {
        hub.put(REPOSITORY, "config.json", CONFIG);
        hub.put(REPOSITORY, "sub/weights.safetensors", WEIGHTS);
        hub.put(REPOSITORY, "README.md", bytes(200, 2));
    }

    private static void assertWhole(Path snapshot) {
        assertThat(snapshot.resolve("config.json")).hasBinaryContent(CONFIG);
        assertThat(snapshot.resolve("sub/weights.safetensors")).hasBinaryContent(WEIGHTS);
        assertThat(snapshot.resolve("README.md")).doesNotExist();
    }

    @Test
    void putsFilesWhereHuggingFacesToolsLookForThem() throws IOException {
        publish();

        Path snapshot = pull();

        Path repository = folder.resolve("hub/models--owner--name");
        assertThat(snapshot).isEqualTo(repository.resolve("snapshots/" + LoopbackHub.COMMIT));
        assertWhole(snapshot);
        assertThat(repository.resolve("refs/main")).hasContent(LoopbackHub.COMMIT);
        assertThat(Files.readSymbolicLink(snapshot.resolve("config.json")).toString())
                .startsWith("../../blobs/");
        assertThat(repository.resolve("blobs").resolve(Sha256.of(WEIGHTS))).hasBinaryContent(WEIGHTS);
        try (Stream<Path> blobs = Files.list(repository.resolve("blobs"))) {
            assertThat(blobs).hasSize(2);
        }
        // the token is for the hub, not for where it redirects
        assertThat(hub.requests())
                .filteredOn(request -> request.startsWith("api"))
                .allMatch(request -> request.contains("token sent"));
        assertThat(hub.requests())
                .filteredOn(request -> request.startsWith("storage"))
                .singleElement()
                .asString()
                .contains("token kept");

        int before = hub.requests().size();
        pull();
        assertThat(hub.requests()).as("nothing but the listing again").hasSize(before + 1);
        hub.close();
        assertWhole(pull(settings(null, true)));
    }

    @Test
    void goesOnWhereATransferBroke() {
        publish();
        hub.behave((exchange, number, content) -> {
            if (content.length == WEIGHTS.length && number < 4) {
                int from = LoopbackHub.from(exchange);
                exchange.sendResponseHeaders(from > 0 ? 206 : 200, content.length - from);
                exchange.getResponseBody().write(content, from, 500_000);
                throw new IOException("broken");
            }
            return false;
        });

        assertWhole(pull());
        // what was sent last may be lost with the connection
        assertThat(hub.requests())
                .anyMatch(request -> request.matches(".* range bytes=4\\d{5}-|.* range bytes=500000-"));
    }

    @Test
    void goesOnWhereDigitsAreOthers() {
        publish();
        hub.behave((exchange, number, content) -> {
            if (content.length == WEIGHTS.length && number < 2) {
                exchange.sendResponseHeaders(200, content.length);
                exchange.getResponseBody().write(content, 0, 500_000);
                throw new IOException("broken");
            }
            return false;
        });

        try (ArabicDigits _ = new ArabicDigits()) {
            assertWhole(pull());
        }
    }

    @Test
    void beginsAgainWhereTheHubKnowsNoRanges() {
        publish();
        hub.behave((exchange, number, content) -> {
            boolean breaks = content.length == WEIGHTS.length && number < 2;
            exchange.sendResponseHeaders(200, content.length);
            exchange.getResponseBody().write(content, 0, breaks ? 400_000 : content.length);
            if (breaks) {
                throw new IOException("broken");
            }
            return true;
        });

        assertWhole(pull());
    }

    @Test
    void whatFailsForAWhileIsTriedAgain() {
        publish();
        hub.behave((exchange, number, content) -> {
            if (number % 2 == 0 && number < 6) {
                LoopbackHub.send(exchange, number == 0 ? 429 : 503, new byte[0], 0);
                return true;
            }
            if (number == 3) {
                // falls silent
                exchange.sendResponseHeaders(200, content.length);
                exchange.getResponseBody().write(content, 0, 3);
                exchange.getResponseBody().flush();
                pause(6000);
                return true;
            }
            return false;
        });

        assertWhole(pull());
    }

    @Test
    @Timeout(15)
    void aListingThatStallsOrBreaksOffIsAskedForAgain() {
        publish();
        hub.behaveInListings((exchange, number, content) -> {
            if (number > 1) {
                return false;
            }
            exchange.sendResponseHeaders(200, content.length);
            exchange.getResponseBody().write(content, 0, 30);
            exchange.getResponseBody().flush();
            if (number == 1) {
                throw new IOException("broken");
            }
            pause(20_000);
            return true;
        });

        assertWhole(pull());
    }

    @Test
    void aListingWithoutEndIsRefused() {
        publish();
        hub.behaveInListings((exchange, _, content) -> {
            exchange.sendResponseHeaders(200, 0);
            for (int mebibytes = 0; mebibytes < 20; mebibytes++) {
                exchange.getResponseBody().write(new byte[1 << 20]);
            }
            return true;
        });

        assertThatThrownBy(this::pull).isInstanceOf(HubException.class).hasMessageContaining("16777216 bytes");
    }

    private static void pause(long millis) {
        try {
            TimeUnit.MILLISECONDS.sleep(millis);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void wrongBytesAreNeverKept() throws IOException {
        publish();
        hub.behave((exchange, number, content) -> {
            byte[] wrong = content.clone();
            wrong[wrong.length / 2] ^= 1;
            LoopbackHub.send(exchange, 200, wrong, 0);
            return true;
        });

        assertThatThrownBy(this::pull).isInstanceOf(HubException.class).hasMessageContaining("twice over");
        Path repository = folder.resolve("hub/models--owner--name");
        assertThat(repository.resolve("snapshots")).doesNotExist();
        try (Stream<Path> blobs = Files.list(repository.resolve("blobs"))) {
            assertThat(blobs).isEmpty();
        }
    }

    @Test
    void saysWhyItMayNot() {
        publish();
        hub.behave((exchange, number, content) -> {
            LoopbackHub.send(exchange, 401, new byte[0], 0);
            return true;
        });
        assertThatThrownBy(() -> pull(settings(null, false)))
                .isInstanceOf(HubException.class)
                .hasMessageContaining("set HF_TOKEN");
        assertThatThrownBy(this::pull).hasMessageContaining("with this token").hasMessageNotContaining("secret");
    }

    @Test
    void saysWhatDoesNotExist() {
        assertThatThrownBy(this::pull)
                .isInstanceOf(HubException.class)
                .hasMessageContaining("owner/name at main does not exist on http://127.0.0.1");
        assertThatThrownBy(() -> pull(settings(null, true)))
                .isInstanceOf(HubException.class)
                .hasMessageContaining("HF_HUB_OFFLINE");
        hub.put(REPOSITORY, "README.md", CONFIG);
        assertThatThrownBy(this::pull).hasMessageContaining("none of the files that are needed");
        hub.put(REPOSITORY, "../escape.json", CONFIG);
        assertThatThrownBy(this::pull).hasMessageContaining("is no path in a repository");
    }

    /** A line break in the name of a folder hides nothing of what comes after it. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "/a",
                "a/",
                "a//b",
                ".",
                "..",
                "a/..",
                "a/./b",
                "a\n/../../b",
                "../\r/b",
                "a\\b",
                "c:a",
                "a\0"
            })
    void aPathThatLeavesTheRepositoryIsRefused(String path) {
        assertThatThrownBy(() -> new HubFile(path, 1, "0".repeat(40), false))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("is no path in a repository");
    }

    @ParameterizedTest
    @ValueSource(strings = {"http://[", "ftp://127.0.0.1/a", "file:///etc/passwd"})
    void aRedirectToWhatIsNoUrlIsRefused(String location) {
        publish();
        hub.behave((exchange, _, _) -> {
            exchange.getResponseHeaders().set("Location", location);
            LoopbackHub.send(exchange, 302, new byte[0], 0);
            return true;
        });

        assertThatThrownBy(this::pull)
                .isInstanceOf(HubException.class)
                .hasMessageContaining("redirects to '%s'".formatted(location));
    }

    @Test
    void aRevisionThatChangedIsAnotherSnapshot() {
        publish();
        Path first = pull();
        byte[] changed = bytes(1500, 9);
        hub.put(REPOSITORY, "config.json", changed);
        hub.commit("f".repeat(40));

        Path second = pull();

        assertWhole(first);
        assertThat(second.resolve("config.json")).hasBinaryContent(changed);
        assertThat(hub.requests())
                .filteredOn(request -> request.startsWith("storage"))
                .as("weights once")
                .hasSize(2);
        assertThat(pull(settings(null, true))).isEqualTo(second);
    }

    @Test
    void looksForSpaceFirst() {
        publish();
        try (HubPull pull = new HubPull(settings(null, false), new Counter(), QUICK, _ -> 1_000_000)) {
            assertThatThrownBy(() -> pull.pull(REPOSITORY, "main", _ -> true))
                    .isInstanceOf(HubException.class)
                    .hasMessageContaining("free some");
        }
        assertThat(hub.requests()).singleElement().asString().contains("/api/");
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void aDiskThatFillsUpIsNoFaultOfTheHub() throws IOException {
        publish();
        Path blobs = Files.createDirectories(folder.resolve("hub/models--owner--name/blobs"));
        Path partial = blobs.resolve(Sha256.of(WEIGHTS) + ".incomplete");
        Files.createSymbolicLink(partial, Path.of("/dev/full"));

        assertThatThrownBy(this::pull)
                .isInstanceOf(HubException.class)
                .hasMessageStartingWith(partial + " cannot be written");
        assertThat(hub.requests())
                .filteredOn(request -> request.startsWith("storage"))
                .hasSize(1);
    }

    @Test
    void twoWhoPullTheSameAtOnceNoteItsCommitBoth() throws Exception {
        HubCache cache = new HubCache(folder, REPOSITORY);
        Callable<Void> notes = () -> {
            for (int i = 0; i < 300; i++) {
                cache.note("main", LoopbackHub.COMMIT);
            }
            return null;
        };

        try (ExecutorService two = Executors.newFixedThreadPool(2)) {
            for (Future<Void> one : two.invokeAll(List.of(notes, notes))) {
                one.get();
            }
        }

        assertThat(cache.commit("main")).contains(LoopbackHub.COMMIT);
        assertThat(folder.resolve("models--owner--name/refs"))
                .isDirectoryNotContaining("glob:**.incomplete")
                .isDirectoryNotContaining("glob:**.partial");
    }

    /** A pull in a process of its own. */
    static final class Child {
        private Child() {}

        public static void main(String[] arguments) {
            pull(new HubSettings(URI.create(arguments[0]), null, Path.of(arguments[1]), false));
        }
    }

    @Test
    void killsLoseNothingThatCame() throws Exception {
        publish();
        AtomicLong sent = new AtomicLong(); // as far as it is, no child comes to the end before it is killed
        hub.behave((exchange, _, content) -> {
            int from = LoopbackHub.from(exchange);
            exchange.sendResponseHeaders(from > 0 ? 206 : 200, content.length - from);
            for (int at = from; at < content.length; at += 20_000) {
                while (at > sent.get() && !Thread.currentThread().isInterrupted()) {
                    pause(2);
                }
                exchange.getResponseBody().write(content, at, Math.min(20_000, content.length - at));
                exchange.getResponseBody().flush();
                pause(4);
            }
            return true;
        });
        Random random = new Random(3);
        Path partial = folder.resolve("hub/models--owner--name/blobs/" + Sha256.of(WEIGHTS) + ".incomplete");
        for (int kill = 0; kill < 5; kill++) {
            long before = partial.toFile().length();
            sent.set(before + 400_000);
            Process child = child();
            while (child.isAlive() && partial.toFile().length() < before + 50_000) {
                pause(2);
            }
            pause(random.nextInt(100));
            child.destroyForcibly().waitFor();
            assertThat(partial.toFile().length()).isGreaterThan(before);
        }
        sent.set(WEIGHTS.length);
        Process last = child();
        assertThat(last.waitFor()).isZero();
        assertWhole(folder.resolve("hub/models--owner--name/snapshots/" + LoopbackHub.COMMIT));
    }

    private Process child() throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Child.class.getName(),
                        hub.url().toString(),
                        folder.resolve("hub").toString())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log.txt").toFile())
                .start();
    }

    private PublishedModels publishModel() throws IOException {
        hub.put("base/model", "config.json", CONFIG);
        hub.put("base/model", "tokenizer.json", CONFIG);
        hub.put("base/model", "model-00001-of-00001.safetensors", WEIGHTS);
        hub.put("base/model", "model.safetensors.index.json", CONFIG);
        hub.put("base/model", "code.py", CONFIG);
        hub.put("owner/adapter", "adapter_config.json", CONFIG);
        hub.put("owner/adapter", "adapter_model.safetensors", WEIGHTS);
        hub.put("owner/predictors", "some/quality/best.ckpt", WEIGHTS);
        hub.put("owner/predictors", "other/quality/best.ckpt", CONFIG);
        String published = """
                {"license": "theirs", "base": {"repository": "base/model", "revision": "main",
                   "sha256": {"model-00001-of-00001.safetensors": "%s"}},
                 "predictors": {"repository": "owner/predictors", "revision": "main"},
                 "models": {"some": {"quality": {"adapter": "owner/adapter", "predictor": "some/quality/",
                   "describe": {"question": "Describe.", "maxSlices": 9, "beams": 3, "repetitionPenalty": 1.2,
                                "maxNewTokens": 1024},
                   "rate": {"question": "Rate.", "maxSlices": 9, "maxLength": 512}}}}}
                """.formatted(Sha256.of(WEIGHTS));
        return new PublishedModels(new ObjectMapper().readTree(published));
    }

    @Test
    void aPublishedModelBecomesAModelFolder() throws IOException {
        PublishedModels models = publishModel();

        Path models1 = folder.resolve("models");
        try (HubPull pull = new HubPull(settings(null, false), new Counter(), QUICK)) {
            models.pull("some", pull, models1);
            models.pull("some", pull, models1);
            assertThatThrownBy(() -> models.pull("none", pull, models1)).hasMessageContaining("[some]");
        }

        ModelFolder model = ModelFolder.open(models1.resolve("some"));
        Checksums.checkAll(model);
        assertThat(model.bytes()).as("base, adapter and predictor").isGreaterThan(3L * WEIGHTS.length);
        assertThat(model.part("base").resolve("code.py")).doesNotExist();
        assertThat(model.part("quality-adapter").resolve("adapter_model.safetensors"))
                .hasBinaryContent(WEIGHTS);
        assertThat(model.part("quality-predictor.ckpt")).hasBinaryContent(WEIGHTS);
        assertThat(model.manifest().alpha()).isEqualTo("drop");
        AspectManifest quality = model.manifest().aspect(Aspect.QUALITY);
        assertThat(quality.calibration()).isNull();

        Calibration intervals = new Calibration(new LogisticMap(0, 1, 2, 1, 0), List.of(0.75));
        ModelFolder.write(
                model.path(),
                model.manifest().withAspects(Map.of(Aspect.QUALITY, quality.withCalibration(true, intervals))));
        try (HubPull pull = new HubPull(settings(null, false), new Counter(), QUICK)) {
            assertThat(models.pull("some", pull, models1)
                            .manifest()
                            .aspect(Aspect.QUALITY)
                            .calibration())
                    .isEqualTo(intervals);
            Files.writeString(model.path().resolve(ModelFolder.MANIFEST), "{");
            assertThat(models.pull("some", pull, models1).manifest()).isEqualTo(model.manifest());
        }
    }

    @Test
    void twoWhoMakeTheSameModelAtOnceBothDo() throws Exception {
        PublishedModels models = publishModel();
        Path made = folder.resolve("models");
        Callable<Void> pulls = () -> {
            try (HubPull pull = new HubPull(settings(null, false), new Counter(), QUICK)) {
                for (int i = 0; i < 30; i++) {
                    models.pull("some", pull, made);
                }
            }
            return null;
        };
        try (HubPull pull = new HubPull(settings(null, false), new Counter(), QUICK)) {
            models.pull("some", pull, made);
        }

        try (ExecutorService two = Executors.newFixedThreadPool(2)) {
            for (Future<Void> one : two.invokeAll(List.of(pulls, pulls))) {
                one.get();
            }
        }

        ModelFolder model = ModelFolder.open(made.resolve("some"));
        Checksums.checkAll(model);
        assertThat(model.path()).isDirectoryNotContaining("glob:**.partial");
        for (String part : List.of("base", "quality-adapter", "quality-predictor.ckpt")) {
            assertThat(model.path().resolve(part)).as(part).isSymbolicLink();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "models--base--model/snapshots/%s/model-00001-of-00001.safetensors",
                "models--base--model/snapshots/%s/tokenizer.json",
                "models--owner--adapter/snapshots/%s/adapter_model.safetensors",
                "models--owner--predictors/snapshots/%s/some/quality/best.ckpt"
            })
    void offlineAPartThatIsNotWholeIsToldAndMakesNoModel(String file) throws IOException {
        PublishedModels models = publishModel();
        try (HubPull pull = new HubPull(settings(null, false), new Counter(), QUICK)) {
            models.pull("some", pull, folder.resolve("before"));
        }
        Path lost = folder.resolve("hub").resolve(file.formatted(LoopbackHub.COMMIT));
        Files.delete(lost);
        if (lost.endsWith("best.ckpt")) {
            Files.delete(lost.getParent());
        }

        try (HubPull pull = new HubPull(settings(null, true), new Counter(), QUICK)) {
            assertThatThrownBy(() -> models.pull("some", pull, folder.resolve("after")))
                    .isInstanceOf(HubException.class)
                    .hasMessageContaining(" lacks ")
                    .hasMessageContaining("pull without HF_HUB_OFFLINE");
        }
        assertThat(folder.resolve("after/some").resolve(ModelFolder.MANIFEST)).doesNotExist();
    }

    @Test
    void whatVerifyCallsDamagedCanBePulledAgain() throws IOException {
        PublishedModels models = publishModel();
        ModelFolder model;
        try (HubPull pull = new HubPull(settings(null, false), new Counter(), QUICK)) {
            model = models.pull("some", pull, folder.resolve("models"));
        }
        Path blob = folder.resolve("hub/models--base--model/blobs")
                .resolve(Sha256.of(WEIGHTS))
                .toRealPath();
        Files.write(blob, new byte[WEIGHTS.length]);
        assertThatThrownBy(() -> Checksums.checkAll(model))
                .isInstanceOf(ModelException.class)
                .hasMessageEndingWith("delete %s and get the model again".formatted(blob));

        Files.delete(blob);
        try (HubPull pull = new HubPull(settings(null, false), new Counter(), QUICK)) {
            models.pull("some", pull, folder.resolve("models"));
        }
        Checksums.checkAll(model);
    }

    @Test
    void thePublishedModelsAreComplete() {
        assertThat(new PublishedModels().names()).isEqualTo(List.of("agiqa-3k", "aigciqa2023", "aigiqa-20k"));
    }

    @Test
    void readsTheEnvironmentOfHuggingFacesTools() throws IOException {
        Path home = folder.resolve("home");
        HubSettings usual = HubSettings.of(Map.of(), home);
        assertThat(usual.endpoint()).isEqualTo(URI.create("https://huggingface.co"));
        assertThat(usual.cache()).isEqualTo(home.resolve(".cache/huggingface/hub"));
        assertThat(usual.token()).isNull();
        Files.createDirectories(home.resolve(".cache/huggingface"));
        Files.writeString(home.resolve(".cache/huggingface/token"), "hf_kept\n");
        assertThat(HubSettings.of(Map.of(), home).token()).isEqualTo("hf_kept");

        HubSettings own = HubSettings.of(
                Map.of(
                        "HF_ENDPOINT", "http://mirror.example/",
                        "HF_TOKEN", "hf_secret",
                        "HF_HUB_CACHE", "/cache",
                        "HF_HUB_OFFLINE", "1"),
                home);
        assertThat(own)
                .isEqualTo(new HubSettings(URI.create("http://mirror.example"), "hf_secret", Path.of("/cache"), true));
        assertThat(own.toString()).doesNotContain("hf_secret");
        assertThatThrownBy(() -> HubSettings.of(Map.of("HF_ENDPOINT", "mirror"), home))
                .hasMessageContaining("HF_ENDPOINT is 'mirror'");
    }

    @Test
    void aTokenThatIsNoneIsToldAndNotShown() throws IOException {
        assertThat(HubSettings.of(Map.of("HF_TOKEN", "hf_se\r\ncret\n"), folder).token())
                .isEqualTo("hf_secret");
        assertThatThrownBy(() -> HubSettings.of(Map.of("HF_TOKEN", "hf_sécret"), folder))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining("HF_TOKEN holds no token")
                .hasMessageNotContaining("cret");
        Path file = Files.writeString(folder.resolve("kept"), "two words");
        assertThatThrownBy(() -> HubSettings.of(Map.of("HF_TOKEN_PATH", file.toString()), folder))
                .hasMessageContaining(file + " holds no token");
    }

    @Test
    void aTildeIsTheUsersHome() {
        assertThat(HubSettings.of(Map.of("HF_HOME", "~/hf"), folder).cache()).isEqualTo(folder.resolve("hf/hub"));
        assertThat(HubSettings.of(Map.of("HF_HUB_CACHE", "~"), folder).cache()).isEqualTo(folder);
        assertThat(HubSettings.of(Map.of("HF_HUB_CACHE", "~other/hub"), folder).cache())
                .isEqualTo(Path.of("~other/hub"));
    }
}
