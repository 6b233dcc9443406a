package io.github.m3agiqa.training;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Scale;
import io.github.m3agiqa.StepListener;
import io.github.m3agiqa.evaluation.Correlations;
import io.github.m3agiqa.predictor.Predictor;
import io.github.m3agiqa.predictor.PredictorInitialization;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Engine;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.training.Checkpoints.State;
import io.github.m3agiqa.weights.HeldTensors;
import io.github.m3agiqa.weights.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The training of one predictor on one split, from hidden states that are cached. It goes on from its last checkpoint; the
 * weights that are used in the end are those of the epoch with the highest SRCC on the validation images.
 */
final class PredictorRun implements AutoCloseable {
    private static final String LOSS = "loss";
    private static final String SRCC = "validation_srcc";
    private static final List<String> COLUMNS =
            List.of("epoch", "learning_rate", LOSS, "gradient_norm", SRCC, "validation_plcc", "validation_rmse");

    /** One of the latest checkpoints is enough, besides the best. */
    private static final int KEPT = 1;

    /**
     * A conversation to learn from or to be measured on.
     *
     * @param key of its hidden states
     * @param mos the human score, 0 to 5
     */
    record Example(String key, double mos) {}

    private final Path folder;
    private final String name;
    private final TrainRecipe recipe;
    private final FeatureCache cache;
    private final Device device;
    private final @Nullable Tensor languageHead; // (vocabulary, hidden), where the first layer reads logits
    private final HeldTensors weights;
    private final WeightAverage average;
    private final Predictor predictor; // in training
    private final Predictor averaged; // that is validated, measured and exported
    private final BatchParts parts;

    /**
     * Starts or continues a run.
     *
     * @param folder of this run alone
     * @param name for its curve
     * @param recipe without variants
     * @param width of what is read
     * @param languageHead the language model's head, (vocabulary, hidden) in float32 on the device; null where the first
     *     layer reads hidden states
     */
    PredictorRun(
            Path folder,
            String name,
            TrainRecipe recipe,
            FeatureCache cache,
            int width,
            @Nullable Tensor languageHead) {
        this.folder = folder;
        this.name = name;
        this.recipe = recipe;
        this.cache = cache;
        this.device = Device.parse(recipe.device());
        this.languageHead = languageHead;
        long inputSize = languageHead == null ? width : languageHead.size(0);
        try (Scope _ = new Scope()) {
            Map<String, Tensor> drawn = new LinkedHashMap<>();
            PredictorInitialization.draw(
                            recipe.head().config(), inputSize, recipe.head().members(), recipe.seed())
                    .forEach((tensor, value) ->
                            drawn.put(tensor, Torch.to(value, device).requires_grad_(true)));
            this.weights = new HeldTensors("the predictor in training", drawn);
        }
        this.average = new WeightAverage(weights.held(), recipe.averaging());
        this.predictor =
                new Predictor(weights, recipe.head().kind(), recipe.head().pooler(), device);
        this.averaged = new Predictor(
                average.tensors(), recipe.head().kind(), recipe.head().pooler(), device);
        // the product of the first layer and a language model's head would be computed once a part
        boolean parted = device.isCpu() && languageHead == null;
        this.parts = new BatchParts(cache::tokens, parted ? BatchParts.count(recipe.batchSize(), Engine.threads()) : 1);
    }

    /**
     * Trains, and leaves the weights at their best.
     *
     * @param rankings conversations without a score, by their keys: each shall score lower than the one before
     * @param validation chooses the epoch; without any it is the last one
     * @param epochs after which to end, at most those of the recipe, which the learning rate goes by
     * @return the epochs that the weights have learned for
     */
    long train(
            List<Example> train,
            List<List<String>> rankings,
            List<Example> validation,
            long epochs,
            StepListener listener) {
        try (AdamWOptimizer optimizer = new AdamWOptimizer(weights.held(), _ -> true, recipe.optimization())) {
            Checkpoints checkpoints = checkpoints(folder);
            checkpoints.checkRoom(all());
            State state = checkpoints.latest().orElse(State.START);
            if (state.step() > 0) {
                checkpoints.loadWeights(state.step(), all());
                checkpoints.loadOptimizer(state.step(), optimizer);
            }
            MetricsFile metrics = new MetricsFile(folder.resolve("metrics.csv"), COLUMNS, state.step());
            for (long epoch = state.step(); epoch < epochs; epoch++) {
                long done = epoch + 1;
                double[] lossAndNorm = epoch(train, rankings, epoch, optimizer);
                double srcc = Double.NaN;
                double plcc = Double.NaN;
                double rmse = Double.NaN;
                boolean evaluated = done % recipe.evaluateEvery() == 0 || done == epochs;
                if (evaluated) {
                    double[] predicted = predict(validation);
                    double[] mos = validation.stream().mapToDouble(Example::mos).toArray();
                    srcc = Correlations.srcc(predicted, mos);
                    plcc = Correlations.plcc(predicted, mos);
                    rmse = Correlations.rmse(predicted, mos);
                    state = state.after(done, validation.isEmpty() ? done : srcc);
                }
                double rate = optimizer.learningRate(done * steps(train) - 1, recipe.epochs() * steps(train));
                metrics.append(done, rate, lossAndNorm[0], lossAndNorm[1], srcc, plcc, rmse);
                if (evaluated) {
                    checkpoints.save(state, all(), optimizer);
                }
                listener.step();
            }
            metrics.draw(folder.resolve("curve.png"), name, List.of(LOSS, SRCC), listener);
            checkpoints.loadWeights(state.bestStep(), all());
            return state.bestStep();
        }
    }

    /** The checkpoints of a run, by its folder. */
    static Checkpoints checkpoints(Path folder) {
        return new Checkpoints(folder.resolve("checkpoints"), KEPT);
    }

    /** The weights and their averages. */
    private Map<String, Tensor> all() {
        Map<String, Tensor> all = new LinkedHashMap<>(weights.held());
        average.tensors().held().forEach((name, tensor) -> all.put("average." + name, tensor));
        return all;
    }

    private long steps(List<Example> train) {
        return (train.size() + recipe.batchSize() - 1L) / recipe.batchSize();
    }

    /** The mean loss and the mean length of the gradient of an epoch. */
    private double[] epoch(List<Example> train, List<List<String>> rankings, long epoch, AdamWOptimizer optimizer) {
        Epochs rankingOrder = new Epochs(rankings.size(), recipe.seed());
        List<Example> shuffled = new ArrayList<>(train);
        Collections.shuffle(shuffled, new Random(31 * recipe.seed() + epoch));
        double loss = 0;
        double norm = 0;
        long steps = steps(train);
        for (int i = 0; i < steps; i++) {
            int first = i * recipe.batchSize();
            List<Example> batch = shuffled.subList(first, Math.min(shuffled.size(), first + recipe.batchSize()));
            long step = epoch * steps + i;
            Engine.seed(31 * recipe.seed() + step);
            try (Scope _ = new Scope()) {
                loss += learn(batch, ranked(rankings, rankingOrder, step), epoch) / steps;
                norm += optimizer.step(step, recipe.epochs() * steps) / steps;
                average.update(step);
            }
        }
        return new double[] {loss, norm};
    }

    /** The rankings of a step, in turn. */
    private List<List<String>> ranked(List<List<String>> rankings, Epochs order, long step) {
        int count = Math.min(recipe.augmentation().batchSize(), rankings.size());
        return LongStream.range(count * step, count * (step + 1))
                .mapToObj(i -> rankings.get(order.at(i)))
                .toList();
    }

    /** Adds the gradients of a batch and some rankings to those of the weights; the loss. */
    private double learn(List<Example> batch, List<List<String>> rankings, long epoch) {
        List<String> keys = new ArrayList<>(keys(batch));
        rankings.forEach(keys::addAll);
        List<Tensor> learning = List.copyOf(weights.held().values());
        Tensor learned = parts.learn(
                keys, part -> each(predictor, part), learning, predicted -> loss(predicted, batch, rankings));
        double value = Torch.toFloats(learned)[0];
        if (!Double.isFinite(value)) {
            throw new InputException(
                    "%s, epoch %d: the loss is %s; lower the learningRate".formatted(name, epoch + 1, value));
        }
        return value;
    }

    /**
     * The mean loss of the members in a step.
     *
     * @param each (batch and then the conversations of the rankings, members)
     * @return a scalar, differentiable
     */
    private Tensor loss(Tensor each, List<Example> batch, List<List<String>> rankings) {
        return Torch.stack(IntStream.range(0, recipe.head().members())
                        .mapToObj(member -> memberLoss(each.select(1, member), batch, rankings))
                        .toList())
                .mean();
    }

    /** The loss of one that predicted (batch and then the conversations of the rankings). */
    private Tensor memberLoss(Tensor predicted, List<Example> batch, List<List<String>> rankings) {
        Tensor loss = recipe.loss().of(predicted.narrow(0, 0, batch.size()), mos(batch));
        if (rankings.isEmpty()) {
            return loss;
        }
        List<Tensor> each = new ArrayList<>();
        long first = batch.size();
        for (List<String> ranking : rankings) {
            each.add(Rankings.loss(
                    predicted.narrow(0, first, ranking.size()),
                    recipe.augmentation().margin()));
            first += ranking.size();
        }
        return loss.add(
                Torch.scale(Torch.stack(each).mean(), recipe.augmentation().weight()));
    }

    private static List<String> keys(List<Example> examples) {
        return examples.stream().map(Example::key).toList();
    }

    private Tensor mos(List<Example> batch) {
        float[] mos = new float[batch.size()];
        for (int i = 0; i < mos.length; i++) {
            mos[i] = (float) batch.get(i).mos;
        }
        return Torch.to(Torch.floats(mos, mos.length), device);
    }

    /** The scores of conversations by their keys, (batch). */
    private Tensor forward(Predictor network, List<String> batch) {
        return Torch.mean(each(network, batch), 1).squeeze(-1);
    }

    /** What each member of a head scores, (batch, members). */
    private Tensor each(Predictor network, List<String> batch) {
        int[] lengths = batch.stream().mapToInt(cache::tokens).toArray();
        int longest = IntStream.of(lengths).max().orElseThrow();
        long hidden = cache.get(batch.getFirst()).size(1);
        Tensor padded = Torch.zeros(Dtype.F32, Device.CPU, lengths.length, longest, hidden);
        for (int i = 0; i < lengths.length; i++) {
            padded.select(0, i).narrow(0, 0, lengths[i]).copy_(cache.get(batch.get(i)));
        }
        return network.each(project(network, Torch.to(padded, device)), lengths);
    }

    /** The first layer; over logits, W (H h) is computed as (W H) h, and gradients reach W all the same. */
    private Tensor project(Predictor network, Tensor hidden) {
        if (languageHead == null) {
            return network.projection().apply(hidden);
        }
        Tensor folded = network.projection().weight().get().matmul(languageHead); // (width, hidden)
        return Torch.linear(hidden, folded, network.projection().bias().get());
    }

    /** The scores of some images, on the scale of 0 to 5. */
    double[] predict(List<Example> examples) {
        return predict(examples, new double[examples.size()]);
    }

    /** As {@link #predict(List)}, with points that are added to each score. */
    double[] predict(List<Example> examples, double[] points) {
        double[] predicted = new double[examples.size()];
        for (int first = 0; first < predicted.length; first += recipe.batchSize()) {
            List<Example> batch = examples.subList(first, Math.min(predicted.length, first + recipe.batchSize()));
            float[] scores = parts.scores(keys(batch), part -> forward(averaged, part));
            for (int i = 0; i < scores.length; i++) {
                predicted[first + i] = Scale.ZERO_TO_FIVE.clamp(scores[i] + points[first + i]);
            }
        }
        return predicted;
    }

    /** Writes the weights under the names that the recipe asks for. */
    void export(Path file) throws IOException {
        SafetensorsWriter.write(file, recipe.head().names().of(average.tensors().held()));
    }

    @Override
    public void close() {
        parts.close();
        averaged.close();
        predictor.close();
    }
}
