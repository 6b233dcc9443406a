package io.github.m3agiqa.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.testing.Watcher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.DoubleStream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A loop of six steps over one weight, which is validated after every second. */
class StepLoopTest {
    @TempDir
    private Path folder;

    /** The weight goes down by a tenth a step. */
    @ParameterizedTest
    @CsvSource({"3, 1, 2, 0.6", "NaN, 2, NaN, 0.6", "3, NaN, Infinity, 0.8", "NaN, NaN, NaN, 0.8"})
    void endsWithTheBestWeightsAlsoIfValidationsFindNoNumber(double first, double second, double third, float best)
            throws IOException {
        assertThat(train(first, second, third)).isCloseTo(best, within(1e-4f));
    }

    /** A run that goes on from a checkpoint draws what came before it no more. */
    @Test
    void drawsWhatACheckpointIsOfBeforeItIsThere() {
        Path checkpoints = folder.resolve("run/checkpoints");

        assertThatThrownBy(() -> train(() -> {
                    Files.delete(checkpoints);
                    Files.createFile(checkpoints);
                    return 3.0;
                }))
                .hasMessageContaining("cannot be written");
        assertThat(folder.resolve("run/curve.png")).exists();
    }

    /** The weight after a training whose validations find these losses. */
    private float train(double... losses) throws IOException {
        Iterator<Double> found = DoubleStream.of(losses).iterator();
        return train(found::next);
    }

    private float train(Callable<Double> validation) throws IOException {
        Path recipe = Files.writeString(folder.resolve("recipe.yaml"), "name: one");
        Optimization optimization =
                new Optimization(0.1, List.of(0.9, 0.99), 1e-8, 0, 0, new Schedule(Schedule.Kind.CONSTANT, 0));
        try (Scope _ = new Scope();
                RunFolder run =
                        new RunFolder(folder.resolve("run"), recipe, Map.of(), new ObjectMapper().createObjectNode())) {
            Tensor weight = Torch.floats(new float[] {1}, 1).requires_grad_(true);
            new StepLoop(run, "one", 6, 2, 1, Watcher.patient())
                    .run(new Job(weight, validation), Map.of("weight", weight), _ -> true, optimization);
            return Torch.toFloats(weight)[0];
        }
    }

    private static final class Job implements StepLoop.Job {
        private final Tensor weight;
        private final Callable<Double> validation;

        Job(Tensor weight, Callable<Double> validation) {
            this.weight = weight;
            this.validation = validation;
        }

        @Override
        public List<String> losses() {
            return List.of("loss");
        }

        @Override
        public double epoch(long step) {
            return step;
        }

        @Override
        public double[] learn(long step) {
            Tensor loss = weight.sum();
            loss.backward();
            return new double[] {Torch.toFloats(loss)[0]};
        }

        @Override
        public double[] validate() {
            try {
                return new double[] {validation.call()};
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        }

        @Override
        public void close() {}
    }
}
