package io.github.m3agiqa.distill;

import io.github.m3agiqa.InputException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

/** One user of a store. Others see whether it lives by a locked file, as the lock goes with the process however that ends. */
final class Owner implements AutoCloseable {
    /** Those of this process, whose files it must not open: closing a file gives up all locks that a process has on it. */
    private static final Set<String> HERE = ConcurrentHashMap.newKeySet();

    private final Path folder;
    private final String name = UUID.randomUUID().toString();
    private final FileChannel channel;

    Owner(Path folder) throws IOException {
        this.folder = Files.createDirectories(folder);
        this.channel = FileChannel.open(file(name), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        channel.lock();
        HERE.add(name);
    }

    private Path file(String owner) {
        return folder.resolve(owner + ".lock");
    }

    String name() {
        return name;
    }

    /** Whether an owner is still at work. */
    boolean lives(String owner) {
        if (HERE.contains(owner)) {
            return true;
        }
        try (FileChannel other = FileChannel.open(file(owner), StandardOpenOption.WRITE)) {
            if (other.tryLock() == null) {
                return true;
            }
            Files.deleteIfExists(file(owner)); // it died without removing it
            return false;
        } catch (NoSuchFileException _) {
            return false;
        } catch (IOException e) {
            throw new InputException("%s cannot be read: %s".formatted(file(owner), e), e);
        }
    }

    @Override
    public void close() {
        HERE.remove(name);
        try {
            channel.close();
            Files.deleteIfExists(file(name));
        } catch (IOException e) {
            throw new InputException("%s cannot be removed: %s".formatted(file(name), e), e);
        }
    }
}
