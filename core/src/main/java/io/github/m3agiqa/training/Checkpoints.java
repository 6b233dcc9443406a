package io.github.m3agiqa.training;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.JsonProblem;
import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.SafetensorsFile;
import io.github.m3agiqa.weights.SafetensorsWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/**
 * The states of a run that it can go on from: a folder each, which appears when it is complete and on disk. The latest
 * ones and the best one are kept.
 */
final class Checkpoints {
    /**
     * Where a run stands.
     *
     * @param step the steps that were taken
     * @param bestStep the step of the best checkpoint so far, this one perhaps; -1 if there was no validation yet
     * @param bestScore its validation score, of which more is better; {@link #WORST} if it was no number
     */
    record State(long step, long bestStep, double bestScore) {
        static final State START = new State(0, -1, Double.NEGATIVE_INFINITY);
        static final double WORST = -Double.MAX_VALUE;

        /** The state after a step with a validation score, which is the worst if it is no number. */
        State after(long newStep, double found) {
            double score = Double.isFinite(found) ? found : WORST;
            return score > bestScore ? new State(newStep, newStep, score) : new State(newStep, bestStep, bestScore);
        }
    }

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String PREFIX = "step-";
    private static final String WEIGHTS = "weights.safetensors";
    private static final String OPTIMIZER = "optimizer.pt";
    private static final String STATE = "state.json";

    private final Path folder;
    private final int kept;

    /**
     * The checkpoints of a run.
     *
     * @param folder made when it is first needed
     * @param kept how many of the latest ones are kept, at least 1
     */
    Checkpoints(Path folder, int kept) {
        this.folder = folder;
        this.kept = kept;
    }

    /**
     * Checks that there is room for as many checkpoints as are kept, before hours are spent.
     *
     * @param weights what a checkpoint holds, besides two moments for each
     * @throws InputException if the disk is too full
     */
    void checkRoom(Map<String, Tensor> weights) {
        try {
            Files.createDirectories(folder);
            long needed = room(weights);
            FileStore store = Files.getFileStore(folder);
            if (store.getUsableSpace() < needed) {
                throw new InputException(
                        "%s has %d MiB free and the checkpoints take up to %d MiB more; free some, or keep fewer checkpoints"
                                .formatted(folder, store.getUsableSpace() >> 20, needed >> 20));
            }
        } catch (IOException e) {
            throw new InputException("%s cannot be written to: %s".formatted(folder, e), e);
        }
    }

    /** The bytes that checkpoints will take besides those that are there already, at most. */
    long room(Map<String, Tensor> weights) throws IOException {
        long one = 3 * weights.values().stream().mapToLong(Tensor::nbytes).sum();
        long all = (kept + 2L) * one; // the best one, and the one that is being written
        try (Stream<Path> files = Files.walk(folder)) {
            return all
                    - files.filter(Files::isRegularFile)
                            .mapToLong(file -> file.toFile().length())
                            .sum();
        }
    }

    /**
     * Writes a checkpoint.
     *
     * @throws InputException if it cannot be written; those before it are left as they were
     */
    void save(State state, Map<String, Tensor> weights, AdamWOptimizer optimizer) {
        Path done = at(state.step);
        Path partial = folder.resolve(PREFIX + "partial");
        try {
            delete(partial);
            Files.createDirectories(partial);
            SafetensorsWriter.write(partial.resolve(WEIGHTS), weights);
            optimizer.save(partial.resolve(OPTIMIZER));
            JSON.writeValue(partial.resolve(STATE).toFile(), state);
            force(partial.resolve(OPTIMIZER));
            force(partial.resolve(STATE));
            delete(done);
            Files.move(partial, done, StandardCopyOption.ATOMIC_MOVE);
            prune(state);
        } catch (IOException | InputException e) {
            throw new InputException(
                    "checkpoint %s cannot be written: %s; the last good one is %s, and the run goes on from it when there is room"
                            .formatted(
                                    done,
                                    e.getMessage(),
                                    latest().map(last -> at(last.step).toString())
                                            .orElse("none")),
                    e);
        }
    }

    private static void force(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
    }

    private void prune(State state) throws IOException {
        List<Long> steps = steps();
        for (long step : steps.subList(0, Math.max(0, steps.size() - kept))) {
            if (step != state.bestStep) {
                delete(at(step));
            }
        }
    }

    /** Where the run stands, if it has a checkpoint. */
    Optional<State> latest() {
        List<Long> steps = steps();
        return steps.isEmpty() ? Optional.empty() : Optional.of(state(steps.getLast()));
    }

    private State state(long step) {
        Path file = at(step).resolve(STATE);
        try {
            return JSON.readValue(Files.readAllBytes(file), State.class);
        } catch (JacksonException e) {
            throw damaged(step, "%s: %s".formatted(file, JsonProblem.of(e)), e);
        } catch (IOException e) {
            throw damaged(step, "%s cannot be read".formatted(file), e);
        }
    }

    private InputException damaged(long step, String how, Exception e) {
        return new InputException(
                "checkpoint %s is damaged: %s; delete it to go on from one before it, or %s to start anew"
                        .formatted(at(step), how, folder),
                e);
    }

    /**
     * Puts the weights of a checkpoint in place of the current ones.
     *
     * @throws InputException if the checkpoint is damaged or of other weights
     */
    void loadWeights(long step, Map<String, Tensor> weights) {
        Path file = at(step).resolve(WEIGHTS);
        try (Scope _ = new Scope();
                NoGradGuard _ = new NoGradGuard();
                SafetensorsFile source = new SafetensorsFile(file)) {
            if (!source.tensors().keySet().equals(weights.keySet())) {
                throw new InputException("%s holds other weights than this recipe trains".formatted(file));
            }
            weights.forEach((name, weight) -> {
                Tensor stored = source.load(name, Dtype.F32, Device.CPU);
                weight.copy_(Torch.to(stored, Device.of(weight)));
            });
        } catch (ModelException e) {
            throw damaged(step, String.valueOf(e.getMessage()), e);
        }
    }

    /** Puts the moments of a checkpoint in place of the current ones. */
    void loadOptimizer(long step, AdamWOptimizer optimizer) {
        try {
            optimizer.load(at(step).resolve(OPTIMIZER));
        } catch (InputException e) {
            throw damaged(step, String.valueOf(e.getMessage()), e);
        }
    }

    private Path at(long step) {
        return folder.resolve(PREFIX + String.format(Locale.ROOT, "%09d", step));
    }

    private List<Long> steps() {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> children = Files.list(folder)) {
            return children.map(child -> String.valueOf(child.getFileName()))
                    .filter(name -> name.matches(PREFIX + "\\d+"))
                    .map(name -> Long.parseLong(name.substring(PREFIX.length())))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void delete(Path tree) throws IOException {
        if (!Files.exists(tree)) {
            return;
        }
        try (Stream<Path> files = Files.walk(tree)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
