package io.github.m3agiqa.hub;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.failsafe.Failsafe;
import dev.failsafe.FailsafeException;
import dev.failsafe.RetryPolicy;
import io.github.m3agiqa.WebAddress;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import java.util.stream.Collectors;

/**
 * Speaks the protocol of the Hugging Face hub. What fails for a passing reason is tried again, and goes on where it was;
 * the token is sent to the hub only, not to where it redirects.
 *
 * @see <a href="https://huggingface.co/docs/hub/api">the hub's API</a>
 */
final class HubClient implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    private static final int OK = 200;
    private static final int PARTIAL = 206;
    private static final int REDIRECT = 300;
    private static final int BAD_REQUEST = 400;
    private static final int UNAUTHORIZED = 401;
    private static final int FORBIDDEN = 403;
    private static final int NOT_FOUND = 404;
    private static final int RANGE_NOT_SATISFIABLE = 416;
    private static final int TOO_MANY_REQUESTS = 429;
    private static final int SERVER = 500;

    private static final int MOST_REDIRECTS = 8;
    private static final int BLOCK = 1 << 18;
    private static final int BROKEN_OFF = -2;
    private static final int MOST_LISTING = 1 << 24; // in bytes, some 60,000 files
    private static final Duration CONNECT = Duration.ofSeconds(20);
    private static final Duration ANSWER = Duration.ofSeconds(60);

    /**
     * How patient a client is.
     *
     * @param retries how often what failed is tried again without a byte gained
     * @param firstDelay the pause before the first of them, which doubles each time
     * @param longestDelay the longest pause
     * @param silence how long a transfer may stand still
     */
    record Patience(int retries, Duration firstDelay, Duration longestDelay, Duration silence) {
        static final Patience USUAL =
                new Patience(6, Duration.ofSeconds(1), Duration.ofSeconds(30), Duration.ofSeconds(60));
    }

    /**
     * A repository at one commit.
     *
     * @param commit its hash
     * @param files all its files
     */
    record Snapshot(String commit, List<HubFile> files) {}

    private final HubSettings settings;
    private final Patience patience;
    private final HttpClient http =
            HttpClient.newBuilder().connectTimeout(CONNECT).build();
    private final ScheduledExecutorService watchers =
            Executors.newSingleThreadScheduledExecutor(Thread.ofVirtual().factory());

    HubClient(HubSettings settings, Patience patience) {
        this.settings = settings;
        this.patience = patience;
    }

    /** Fails for a reason that may pass. */
    private static final class Passing extends IOException {
        private static final long serialVersionUID = 1;

        Passing(String message) {
            super(message);
        }
    }

    /** What is tried until it succeeds. */
    private interface Work<T> {
        T run() throws IOException, InterruptedException;
    }

    private <T> T patiently(String what, Work<T> work) {
        RetryPolicy<T> policy = RetryPolicy.<T>builder()
                .handle(IOException.class)
                .withMaxRetries(patience.retries)
                .withBackoff(patience.firstDelay, patience.longestDelay)
                .withJitter(0.25)
                .build();
        try {
            return Failsafe.with(policy).get(work::run);
        } catch (FailsafeException e) {
            if (e.getCause() instanceof InterruptedException) {
                Thread.currentThread().interrupt();
            }
            throw new HubException(
                    "%s cannot be had from %s: %s; try again later, what is there already is kept"
                            .formatted(what, settings.endpoint(), e.getCause()),
                    e);
        }
    }

    /**
     * Asks what a repository has.
     *
     * @param revision a branch, a tag or a commit
     * @throws HubException if there is no such repository or revision, or it may not be read
     */
    Snapshot snapshot(String repository, String revision) {
        String what = "%s at %s".formatted(repository, revision);
        URI uri = URI.create("%s/api/models/%s/revision/%s?blobs=true"
                .formatted(settings.endpoint(), path(repository), encoded(revision)));
        String body = patiently(what, () -> {
            HttpResponse<InputStream> response = send(uri, 0);
            ByteArrayOutputStream listing = new ByteArrayOutputStream();
            try (InputStream in = response.body()) {
                check(response, what);
                if (!copy(in, Channels.newChannel(listing), MOST_LISTING + 1, _ -> {})) {
                    throw new Passing("it breaks off");
                }
            }
            if (listing.size() > MOST_LISTING) {
                throw new HubException("%s: %s answers with more than the %d bytes that are read"
                        .formatted(what, settings.endpoint(), MOST_LISTING));
            }
            return listing.toString(StandardCharsets.UTF_8);
        });
        try {
            JsonNode answer = JSON.readTree(body);
            List<HubFile> files = new ArrayList<>();
            for (JsonNode file : answer.path("siblings")) {
                boolean large = file.path("lfs").has("sha256");
                files.add(new HubFile(
                        file.path("rfilename").asText(),
                        (large ? file.path("lfs") : file).path("size").asLong(),
                        large
                                ? file.path("lfs").path("sha256").asText()
                                : file.path("blobId").asText(),
                        large));
            }
            String commit = answer.path("sha").asText();
            if (!commit.matches("[0-9a-f]{40}")) {
                throw new HubException("%s: %s names no commit".formatted(what, settings.endpoint()));
            }
            return new Snapshot(commit, List.copyOf(files));
        } catch (JsonProcessingException | IllegalArgumentException e) {
            throw new HubException(
                    "%s: %s does not answer as a hub does: %s".formatted(what, settings.endpoint(), e.getMessage()), e);
        }
    }

    /**
     * Fetches a file, going on with what is there of it already.
     *
     * @param target where its bytes go
     * @param arrived is told how many bytes came, and as a negative number how many were thrown away
     * @throws HubException if it cannot be had, or its content is not what the repository says
     */
    void fetch(String repository, String commit, HubFile file, Path target, LongConsumer arrived) {
        String what = "%s of %s".formatted(file.path(), repository);
        URI uri = URI.create(
                "%s/%s/resolve/%s/%s".formatted(settings.endpoint(), path(repository), commit, path(file.path())));
        AtomicInteger wrong = new AtomicInteger();
        long before;
        do {
            before = size(target);
            if (patientlyGoOn(what, uri, file, target, arrived, wrong)) {
                return;
            }
            // as long as bytes come, a transfer that breaks again and again is no failure
        } while (size(target) > before);
        throw new HubException("%s breaks off after %d of %d bytes, again and again; try again later"
                .formatted(what, size(target), file.bytes()));
    }

    private static long size(Path file) {
        return file.toFile().length();
    }

    private boolean patientlyGoOn(
            String what, URI uri, HubFile file, Path target, LongConsumer arrived, AtomicInteger wrong) {
        return patiently(what, () -> {
            long at = size(target);
            if (at > file.bytes()) {
                Files.delete(target);
                arrived.accept(-at);
                at = 0;
            }
            if (at < file.bytes() || !Files.exists(target)) {
                transfer(what, uri, at, file, target, arrived);
            }
            if (size(target) < file.bytes()) {
                return false;
            }
            String hash = file.hashOf(target);
            if (!hash.equals(file.hash())) {
                Files.delete(target);
                arrived.accept(-file.bytes());
                String message = "%s: its hash is %s, and the repository says %s".formatted(what, hash, file.hash());
                if (wrong.incrementAndGet() > 1) {
                    throw new HubException(message + "; twice over: do not use what %s sends".formatted(uri));
                }
                throw new Passing(message);
            }
            return true;
        });
    }

    private void transfer(String what, URI uri, long at, HubFile file, Path target, LongConsumer arrived)
            throws IOException, InterruptedException {
        HttpResponse<InputStream> response = send(uri, at);
        try (InputStream in = response.body()) {
            if (response.statusCode() == RANGE_NOT_SATISFIABLE) {
                Files.deleteIfExists(target);
                arrived.accept(-at);
                throw new Passing("the rest of it is not there");
            }
            check(response, what);
            boolean rest = response.statusCode() == PARTIAL;
            if (!rest && at > 0) {
                arrived.accept(-at);
            }
            try (FileChannel out = FileChannel.open(
                    target,
                    StandardOpenOption.CREATE,
                    StandardOpenOption.WRITE,
                    rest ? StandardOpenOption.APPEND : StandardOpenOption.TRUNCATE_EXISTING)) {
                copy(in, out, file.bytes() - (rest ? at : 0), arrived);
            } catch (IOException e) {
                // of this machine: what the other side does wrong ends the copy and is no exception
                throw new HubException(
                        "%s cannot be written: %s; what came is kept, and the same pull goes on from there"
                                .formatted(target, e.getMessage()),
                        e);
            }
        }
    }

    /**
     * Copies until the end, or until the other side breaks off or falls silent, which keeps what came.
     *
     * @return whether the end or the most that is wanted was reached
     */
    private boolean copy(InputStream in, WritableByteChannel out, long most, LongConsumer arrived) throws IOException {
        AtomicLong last = new AtomicLong(System.nanoTime());
        ScheduledFuture<?> watch = watchers.scheduleAtFixedRate(
                () -> {
                    if (System.nanoTime() - last.get() > patience.silence.toNanos()) {
                        closeQuietly(in);
                    }
                },
                patience.silence.toMillis(),
                Math.max(1, patience.silence.toMillis() / 4),
                TimeUnit.MILLISECONDS);
        try {
            byte[] block = new byte[BLOCK];
            long left = most;
            while (left > 0) {
                int read = read(in, block, left);
                if (read < 0) {
                    return read != BROKEN_OFF;
                }
                last.set(System.nanoTime());
                ByteBuffer bytes = ByteBuffer.wrap(block, 0, read);
                while (bytes.hasRemaining()) {
                    out.write(bytes);
                }
                left -= read;
                arrived.accept(read);
            }
            return true;
        } finally {
            watch.cancel(false);
        }
    }

    private static int read(InputStream in, byte[] block, long left) {
        try {
            return in.read(block, 0, (int) Math.min(block.length, left));
        } catch (IOException _) {
            return BROKEN_OFF;
        }
    }

    private static void closeQuietly(InputStream in) {
        try {
            in.close();
        } catch (IOException _) {
            // who reads it sees that it ended
        }
    }

    /** Sends a request and follows where it is redirected. */
    private HttpResponse<InputStream> send(URI first, long from) throws IOException, InterruptedException {
        URI uri = first;
        for (int redirect = 0; redirect <= MOST_REDIRECTS; redirect++) {
            HttpRequest.Builder request =
                    HttpRequest.newBuilder(uri).timeout(ANSWER).header("User-Agent", "m3agiqa");
            if (from > 0) {
                request.header("Range", "bytes=" + from + "-");
            }
            if (settings.token() != null && isHub(uri)) {
                request.header("Authorization", "Bearer " + settings.token());
            }
            HttpResponse<InputStream> response = http.send(request.build(), BodyHandlers.ofInputStream());
            Optional<String> location = response.headers().firstValue("Location");
            if (response.statusCode() < REDIRECT || response.statusCode() >= BAD_REQUEST || location.isEmpty()) {
                return response;
            }
            response.body().close();
            uri = redirected(uri, location.get());
        }
        throw new Passing("it is redirected more than %d times".formatted(MOST_REDIRECTS));
    }

    private static URI redirected(URI from, String location) {
        Optional<URI> to;
        try {
            to = WebAddress.of(from.resolve(location).toString());
        } catch (IllegalArgumentException _) {
            to = Optional.empty();
        }
        return to.orElseThrow(() ->
                new HubException("%s redirects to '%s', which is no http or https URL".formatted(from, location)));
    }

    private boolean isHub(URI uri) {
        URI hub = settings.endpoint();
        return hub.getScheme().equals(uri.getScheme()) && hub.getAuthority().equals(uri.getAuthority());
    }

    private void check(HttpResponse<?> response, String what) throws Passing {
        int status = response.statusCode();
        switch (status) {
            case OK, PARTIAL -> {
                // as it should be
            }
            case UNAUTHORIZED, FORBIDDEN ->
                throw new HubException(
                        settings.token() == null
                                ? "%s may not be read without a token, or does not exist: accept its licence on its page, and set HF_TOKEN"
                                        .formatted(what)
                                : "%s may not be read with this token, or does not exist: accept its licence on its page"
                                        .formatted(what));
            case NOT_FOUND -> throw new HubException("%s does not exist on %s".formatted(what, settings.endpoint()));
            default -> {
                if (status != TOO_MANY_REQUESTS && status < SERVER) {
                    throw new HubException("%s: %s answers with HTTP %d".formatted(what, settings.endpoint(), status));
                }
                throw new Passing("HTTP %d".formatted(status));
            }
        }
    }

    private static String path(String path) {
        return Arrays.stream(path.split("/")).map(HubClient::encoded).collect(Collectors.joining("/"));
    }

    private static String encoded(String part) {
        return URLEncoder.encode(part, StandardCharsets.UTF_8).replace("+", "%20");
    }

    @Override
    public void close() {
        watchers.shutdownNow();
        http.shutdownNow();
        http.close();
    }
}
