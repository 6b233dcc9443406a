package io.github.m3agiqa.training;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.testing.ArabicDigits;
import io.github.m3agiqa.training.Checkpoints.State;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointsTest {
    private static final Optimization SETTINGS =
            new Optimization(1e-3, List.of(0.9, 0.999), 1e-8, 0, 0, new Schedule(Schedule.Kind.CONSTANT, 0));

    @TempDir
    private Path folder;

    /** A run that goes on needs no room for what it has already. */
    @Test
    void roomIsNeededForWhatIsNotThereYet() throws IOException {
        try (Scope _ = new Scope()) {
            Map<String, Tensor> weights = Map.of("weight", torch.zeros(100_000).requires_grad_(true));
            Checkpoints checkpoints = new Checkpoints(folder, 1);
            long before = checkpoints.room(weights);
            try (AdamWOptimizer optimizer = new AdamWOptimizer(weights, _ -> true, SETTINGS)) {
                checkpoints.save(new State(1, 1, 0.5), weights, optimizer);
            }

            assertThat(before).isEqualTo(3 * 3 * 400_000);
            assertThat(checkpoints.room(weights)).isBetween(before - 1_300_000, before - 400_000);
        }
    }

    @Test
    void areFoundAgainWhereDigitsAreOthers() {
        State state = new State(12, 12, 0.5);
        try (Scope _ = new Scope();
                ArabicDigits _ = new ArabicDigits()) {
            Map<String, Tensor> weights = Map.of("weight", torch.zeros(2).requires_grad_(true));
            try (AdamWOptimizer optimizer = new AdamWOptimizer(weights, _ -> true, SETTINGS)) {
                new Checkpoints(folder, 1).save(state, weights, optimizer);
            }
        }

        assertThat(new Checkpoints(folder, 1).latest()).contains(state);
    }
}
