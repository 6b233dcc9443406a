package io.github.m3agiqa.training;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.testing.ArabicDigits;
import io.github.m3agiqa.training.Checkpoints.State;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointsTest {
    @TempDir
    private Path folder;

    @Test
    void areFoundAgainWhereDigitsAreOthers() {
        Optimization settings =
                new Optimization(1e-3, List.of(0.9, 0.999), 1e-8, 0, 0, new Schedule(Schedule.Kind.CONSTANT, 0));
        State state = new State(12, 12, 0.5);
        try (Scope _ = new Scope();
                ArabicDigits _ = new ArabicDigits()) {
            Map<String, Tensor> weights = Map.of("weight", torch.zeros(2).requires_grad_(true));
            try (AdamWOptimizer optimizer = new AdamWOptimizer(weights, _ -> true, settings)) {
                new Checkpoints(folder, 1).save(state, weights, optimizer);
            }
        }

        assertThat(new Checkpoints(folder, 1).latest()).contains(state);
    }
}
