package io.github.m3agiqa.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.STRING;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.testing.ArabicDigits;
import io.github.m3agiqa.training.Checkpoints.State;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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

    /** Where the engine says what is wrong, its frames are left out. */
    @ParameterizedTest
    @ValueSource(strings = {"state.json", "weights.safetensors", "optimizer.pt"})
    void saysOfADamagedOneHowToGoOn(String file) throws IOException {
        try (Scope _ = new Scope()) {
            Map<String, Tensor> weights = Map.of("weight", torch.zeros(2).requires_grad_(true));
            Checkpoints checkpoints = new Checkpoints(folder, 1);
            try (AdamWOptimizer optimizer = new AdamWOptimizer(weights, _ -> true, SETTINGS)) {
                checkpoints.save(new State(7, 7, 0.5), weights, optimizer);
                Files.writeString(folder.resolve("step-000000007").resolve(file), "{");

                assertThatThrownBy(() -> {
                            long step = checkpoints.latest().orElseThrow().step();
                            checkpoints.loadWeights(step, weights);
                            checkpoints.loadOptimizer(step, optimizer);
                        })
                        .isInstanceOf(InputException.class)
                        .hasMessageContainingAll("step-000000007 is damaged: ", file, "delete it to go on")
                        .extracting(Throwable::getMessage, STRING)
                        .hasLineCount(1);
            }
        }
    }
}
