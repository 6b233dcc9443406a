package io.github.m3agiqa.training;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.StepListener;
import io.github.m3agiqa.training.Checkpoints.State;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;

/**
 * The loop of a training that is counted in steps. Every so often it validates, writes a checkpoint, and draws the curve;
 * a run that was stopped goes on from its last checkpoint and ends with the weights that it would have had without the
 * stop.
 */
final class StepLoop {
    /** What is trained. */
    interface Job extends AutoCloseable {
        /** The names of the losses; the first one chooses the best checkpoint. */
        List<String> losses();

        /** How often all data will have been learned from after a step. */
        double epoch(long step);

        /** Adds to the gradients by the data of a step; the losses, NaN for one that these data have nothing to measure by. */
        double[] learn(long step);

        /** The losses of data that are not learned from; empty if there are none. */
        double[] validate();

        /** Nothing is read any more when this returns. */
        @Override
        void close();
    }

    private final RunFolder run;
    private final String name;
    private final long steps;
    private final long evaluateEvery;
    private final int keepCheckpoints;
    private final StepListener listener;

    StepLoop(RunFolder run, String name, long steps, long evaluateEvery, int keepCheckpoints, StepListener listener) {
        this.run = run;
        this.name = name;
        this.steps = steps;
        this.evaluateEvery = evaluateEvery;
        this.keepCheckpoints = keepCheckpoints;
        this.listener = listener;
    }

    /**
     * Takes the steps that are left and closes the job; the weights are then those of the best checkpoint.
     *
     * @param decays of which weights, by their names, a part decays with each step
     * @param optimization how they are changed
     */
    void run(Job job, Map<String, Tensor> weights, Predicate<String> decays, Optimization optimization) {
        try (job;
                AdamWOptimizer optimizer = new AdamWOptimizer(weights, decays, optimization)) {
            take(job, weights, optimizer);
        }
    }

    private void take(Job job, Map<String, Tensor> weights, AdamWOptimizer optimizer) {
        Checkpoints checkpoints = new Checkpoints(run.resolve("checkpoints"), keepCheckpoints);
        checkpoints.checkRoom(weights);
        State state = checkpoints.latest().orElse(State.START);
        if (state.step() > 0) {
            checkpoints.loadWeights(state.step(), weights);
            checkpoints.loadOptimizer(state.step(), optimizer);
        }
        List<String> losses = job.losses();
        List<String> validationLosses =
                losses.stream().map(loss -> "validation_" + loss).toList();
        MetricsFile metrics =
                new MetricsFile(run.resolve("metrics.csv"), columns(losses, validationLosses), state.step());
        listener.started(steps, state.step());
        for (long step = state.step(); step < steps; step++) {
            double[] learned = job.learn(step);
            double rate = optimizer.learningRate(step, steps);
            double norm = optimizer.step(step, steps);
            checkFinite(step, learned[0], norm);
            listener.step();
            long done = step + 1;
            boolean evaluated = done % evaluateEvery == 0 || done == steps;
            double[] found = evaluated ? job.validate() : new double[0];
            double[] validated = new double[losses.size()];
            Arrays.fill(validated, Double.NaN);
            System.arraycopy(found, 0, validated, 0, found.length);
            metrics.append(done, row(job.epoch(step), rate, learned, norm, validated));
            if (evaluated) {
                state = state.after(done, found.length == 0 ? done : -found[0]);
                listener.note("step %d of %d: %s%s"
                        .formatted(
                                done,
                                steps,
                                line(losses, learned),
                                found.length == 0 ? "" : "; " + line(validationLosses, validated)));
                List<String> shown = new ArrayList<>(losses);
                shown.addAll(validationLosses);
                metrics.draw(run.resolve("curve.png"), name, shown, listener);
                checkpoints.save(state, weights, optimizer);
            }
        }
        checkpoints.loadWeights(state.bestStep(), weights);
    }

    private static List<String> columns(List<String> losses, List<String> validationLosses) {
        List<String> columns = new ArrayList<>(List.of("step", "epoch", "learning_rate"));
        columns.addAll(losses);
        columns.add("gradient_norm");
        columns.addAll(validationLosses);
        return columns;
    }

    private static double[] row(double epoch, double rate, double[] learned, double norm, double[] validated) {
        return Stream.of(new double[] {epoch, rate}, learned, new double[] {norm}, validated)
                .flatMapToDouble(Arrays::stream)
                .toArray();
    }

    private static String line(List<String> names, double[] values) {
        return IntStream.range(0, names.size())
                .filter(i -> !Double.isNaN(values[i]))
                .mapToObj(
                        i -> String.format(Locale.ROOT, "%s %.4f", names.get(i).replace('_', ' '), values[i]))
                .collect(Collectors.joining(", "));
    }

    private static void checkFinite(long step, double loss, double norm) {
        if (!Double.isFinite(loss) || !Double.isFinite(norm)) {
            throw new InputException(
                    "step %d: the loss is %s and the gradient's length %s; lower the learningRate, or use dtype fp32"
                            .formatted(step + 1, loss, norm));
        }
    }
}
