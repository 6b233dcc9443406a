package io.github.m3agiqa.hub;

import io.github.m3agiqa.CompleteFile;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Objects;
import java.util.Optional;

/**
 * The files of one repository, in the layout that Hugging Face's tools share: each content once, under its hash, and for
 * each commit a tree of links to them.
 *
 * @see <a href="https://huggingface.co/docs/huggingface_hub/guides/manage-cache">the layout</a>
 */
final class HubCache {
    private static final String INCOMPLETE = ".incomplete";

    private final Path folder;
    private final Path locks;

    /**
     * @param cache the folder of all repositories
     * @param repository such as {@code openbmb/MiniCPM-Llama3-V-2_5}
     */
    HubCache(Path cache, String repository) {
        String name = "models--" + repository.replace("/", "--");
        this.folder = cache.resolve(name);
        this.locks = cache.resolve(".locks").resolve(name);
    }

    /** The tree of a commit. */
    Path snapshot(String commit) {
        return folder.resolve("snapshots").resolve(commit);
    }

    /** The commit that a revision was when it was last looked up. */
    Optional<String> commit(String revision) {
        Path note = folder.resolve("refs").resolve(revision);
        try {
            return Files.isRegularFile(note)
                    ? Optional.of(Files.readString(note).strip())
                    : Optional.empty();
        } catch (IOException e) {
            throw new HubException("%s cannot be read: %s".formatted(note, e), e);
        }
    }

    /** Notes which commit a revision is. */
    void note(String revision, String commit) throws IOException {
        Path note = folder.resolve("refs").resolve(revision);
        Files.createDirectories(note.getParent());
        CompleteFile.writeBesideOthers(note, partial -> Files.writeString(partial, commit));
    }

    /** Whether a file is there, whole. */
    boolean has(HubFile file) {
        return Files.exists(blob(file)) && blob(file).toFile().length() == file.bytes();
    }

    private Path blob(HubFile file) {
        return folder.resolve("blobs").resolve(file.hash());
    }

    /** Where a file's bytes go until they are all there. */
    Path incomplete(HubFile file) throws IOException {
        Files.createDirectories(folder.resolve("blobs"));
        return folder.resolve("blobs").resolve(file.hash() + INCOMPLETE);
    }

    /** The file that who fetches another locks; it stays. */
    Path lock(HubFile file) throws IOException {
        Files.createDirectories(locks);
        return locks.resolve(file.hash() + ".lock");
    }

    /** Makes what was fetched a whole file. */
    void complete(HubFile file) throws IOException {
        Files.move(incomplete(file), blob(file), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Puts a file into the tree of a commit: a link, or a copy where links cannot be made. */
    void link(String commit, HubFile file) throws IOException {
        Path place = snapshot(commit).resolve(file.path());
        Path parent = Files.createDirectories(Objects.requireNonNull(place.getParent()));
        if (Files.exists(place)) {
            return;
        }
        Files.deleteIfExists(place); // a link to what is no longer there
        try {
            Files.createSymbolicLink(place, parent.relativize(blob(file)));
        } catch (FileAlreadyExistsException _) {
            // another process was faster
        } catch (IOException | UnsupportedOperationException _) {
            Files.copy(blob(file), place, StandardCopyOption.REPLACE_EXISTING);
        }
    }
}
