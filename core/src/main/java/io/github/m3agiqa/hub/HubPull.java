package io.github.m3agiqa.hub;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;

/** Pulls files of repositories into the cache, several at a time; what was there is not fetched again. */
public final class HubPull implements AutoCloseable {
    private static final int AT_ONCE = 4;
    private static final double GIGABYTE = 1e9;

    /** Space that is left free on the disk. */
    private static final long SPARE = 256L << 20;

    /** Is told how far a pull is. */
    public interface Listener {
        /** So many bytes are to be had in all, and so many of them are there. */
        void started(String repository, long bytes, long there);

        /** More bytes came; a negative number was thrown away. Called by several threads at a time. */
        void arrived(long bytes);

        /** All of the repository is there. */
        void finished();
    }

    private final HubSettings settings;
    private final Listener listener;
    private final HubClient client;
    private final ToLongFunction<Path> space;

    public HubPull(HubSettings settings, Listener listener) {
        this(settings, listener, HubClient.Patience.USUAL);
    }

    HubPull(HubSettings settings, Listener listener, HubClient.Patience patience) {
        this(settings, listener, patience, HubPull::free);
    }

    /**
     * @param space says how many bytes are free on the disk of a folder
     */
    HubPull(HubSettings settings, Listener listener, HubClient.Patience patience, ToLongFunction<Path> space) {
        this.settings = settings;
        this.listener = listener;
        this.space = space;
        this.client = new HubClient(settings, patience);
    }

    /**
     * Pulls files of a repository.
     *
     * @param revision a branch, a tag or a commit; it is looked up once, and all files are of that commit
     * @param wanted says by its path whether a file is needed
     * @return the folder with the files; offline it has what was pulled before, and the listener is told nothing
     * @throws HubException if a file cannot be had, is damaged, or there is no space for it; offline, if it is not there
     */
    public Path pull(String repository, String revision, Predicate<String> wanted) {
        HubCache cache = new HubCache(settings.cache(), repository);
        if (settings.offline()) {
            return there(cache, repository, revision);
        }
        HubClient.Snapshot snapshot = client.snapshot(repository, revision);
        List<HubFile> files = snapshot.files().stream()
                .filter(file -> wanted.test(file.path()))
                .toList();
        if (files.isEmpty()) {
            throw new HubException("%s at %s has none of the files that are needed".formatted(repository, revision));
        }
        try {
            Map<String, HubFile> contents = new LinkedHashMap<>(); // several files may have the same
            files.forEach(file -> contents.put(file.hash(), file));
            List<HubFile> missing = new ArrayList<>();
            long all = 0;
            long there = 0;
            for (HubFile file : contents.values()) {
                all += file.bytes();
                there += cache.has(file) ? file.bytes() : size(cache.incomplete(file));
                if (!cache.has(file)) {
                    missing.add(file);
                }
            }
            checkSpace(repository, all - there);
            listener.started(repository, all, there);
            fetch(repository, snapshot.commit(), missing, cache);
            for (HubFile file : files) {
                cache.link(snapshot.commit(), file);
            }
            cache.note(revision, snapshot.commit());
            listener.finished();
            return cache.snapshot(snapshot.commit());
        } catch (IOException e) {
            throw new HubException("%s cannot be kept in %s: %s".formatted(repository, settings.cache(), e), e);
        }
    }

    private static long size(Path file) {
        return file.toFile().length();
    }

    private Path there(HubCache cache, String repository, String revision) {
        Path folder = cache.snapshot(cache.commit(revision).orElse(revision));
        if (!Files.isDirectory(folder)) {
            throw new HubException("%s at %s is not in %s, and HF_HUB_OFFLINE says not to fetch it"
                    .formatted(repository, revision, settings.cache()));
        }
        return folder;
    }

    private void checkSpace(String repository, long needed) throws IOException {
        Files.createDirectories(settings.cache());
        long free = space.applyAsLong(settings.cache());
        if (needed > 0 && needed + SPARE > free) {
            throw new HubException(String.format(
                    Locale.ROOT,
                    "%s takes %.1f GB more, and %s has %.1f GB left: free some, or name another disk by HF_HUB_CACHE",
                    repository,
                    needed / GIGABYTE,
                    settings.cache(),
                    free / GIGABYTE));
        }
    }

    private static long free(Path folder) {
        try {
            return Files.getFileStore(folder).getUsableSpace();
        } catch (IOException e) {
            throw new HubException("%s cannot be looked at: %s".formatted(folder, e), e);
        }
    }

    private void fetch(String repository, String commit, List<HubFile> missing, HubCache cache) throws IOException {
        try (ExecutorService threads = Executors.newFixedThreadPool(AT_ONCE)) {
            List<Callable<Void>> all = new ArrayList<>();
            for (HubFile file : missing) {
                all.add(() -> {
                    fetch(repository, commit, file, cache);
                    return null;
                });
            }
            for (Future<Void> one : threads.invokeAll(all)) {
                one.get();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new HubException("interrupted while %s was pulled".formatted(repository), e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException failed) {
                throw failed;
            }
            throw new IOException(e.getCause());
        }
    }

    /** Fetches a file, unless another process does. */
    private void fetch(String repository, String commit, HubFile file, HubCache cache) throws IOException {
        Path partial = cache.incomplete(file);
        try (FileChannel channel =
                        FileChannel.open(cache.lock(file), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                FileLock _ = channel.lock()) {
            if (!cache.has(file)) {
                client.fetch(repository, commit, file, partial, listener::arrived);
                cache.complete(file);
            }
        }
    }

    @Override
    public void close() {
        client.close();
    }
}
