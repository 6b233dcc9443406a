package io.github.m3agiqa.training;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.StepListener;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.mllm.MiniCpmVConfig;
import io.github.m3agiqa.mllm.NormalizedStem;
import io.github.m3agiqa.mllm.SiglipVision.Convolution;
import io.github.m3agiqa.teacher.Axis;
import io.github.m3agiqa.teacher.Hint;
import io.github.m3agiqa.teacher.HintMaps;
import io.github.m3agiqa.teacher.HintSettings;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.HeldTensors;
import io.github.m3agiqa.weights.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The first part of a pretraining: the stem of the vision tower learns on its own to foresee, at every place of an image,
 * what layers of teachers see there. An image teaches it thousands of times what the whole image teaches a tower once.
 */
final class StemTraining {
    private static final String STEM = "stem.safetensors";

    private final PretrainRecipe recipe;
    private final PretrainRecipe.StemStage stage;
    private final MiniCpmVConfig config;
    private final Map<String, Supplier<RgbImage>> images;
    private final List<String> train;
    private final List<String> validation;
    private final StepListener listener;

    /**
     * A training.
     *
     * @param images what reads each image
     * @param train those that are learned from
     * @param validation those that choose a checkpoint
     */
    StemTraining(
            PretrainRecipe recipe,
            PretrainRecipe.StemStage stage,
            MiniCpmVConfig config,
            Map<String, Supplier<RgbImage>> images,
            List<String> train,
            List<String> validation,
            StepListener listener) {
        this.recipe = recipe;
        this.stage = stage;
        this.config = config;
        this.images = images;
        this.train = List.copyOf(train);
        this.validation = List.copyOf(validation);
        this.listener = listener;
        stage.check(config.vision().stem().size());
    }

    /**
     * Runs, goes on, or finds that it is done.
     *
     * @return the file of the stem's weights, by their names in a model
     */
    Path run(RunFolder run) throws IOException {
        Path made = run.resolve(STEM);
        if (Files.exists(made)) {
            return made;
        }
        Device device = Device.parse(recipe.device());
        HintMaps maps = HintMaps.prepare(
                stage.cache(),
                new HintSettings(stage.hints(), stage.inputSize(), stage.sample(), recipe.seed()),
                images,
                train,
                device,
                listener);
        try (HeldTensors weights = weights(device)) {
            NormalizedStem stem =
                    new NormalizedStem(config.vision().stem(), Precision.of(recipe.dtype()), device, weights.held());
            new StepLoop(run, recipe.name() + "-stem", stage.steps(), stage.evaluateEvery(), 1, listener)
                    .run(
                            new Batches(stem, weights.held(), maps, device),
                            weights.held(),
                            name -> name.endsWith(".weight"),
                            stage.optimization());
            try (Scope _ = new Scope()) {
                SafetensorsWriter.write(made, stem.folded());
            }
        }
        return made;
    }

    private HeldTensors weights(Device device) {
        try (Scope _ = new Scope()) {
            Map<String, Tensor> initial = NormalizedStem.initial(config.vision().stem(), recipe.seed());
            for (int i = 0; i < stage.hints().size(); i++) {
                Hint hint = stage.hints().get(i);
                int channels = config.vision().stem().get(hint.stemLayer()).channels();
                initial.put(
                        head(i) + ".weight",
                        Torch.scale(torch.randn(hint.size(), channels), 0.3 / Math.sqrt((double) channels)));
                initial.put(head(i) + ".bias", Torch.zeros(Dtype.F32, Device.CPU, hint.size()));
            }
            Map<String, Tensor> held = new LinkedHashMap<>();
            initial.forEach((name, weight) ->
                    held.put(name, Torch.to(weight, device).requires_grad_(NormalizedStem.learns(name))));
            return new HeldTensors("the stem in training", held);
        }
    }

    private static String head(int hint) {
        return "heads." + hint;
    }

    /**
     * Which rows and columns of a stem layer lie where those of a map do.
     *
     * @param first that of the map's first one
     * @param step from one of the map's to its next
     * @param count how many of the map's are met; the last ones may lie beyond the layer's
     */
    private record Places(int first, int step, int count) {
        private Tensor of(Tensor made, long dimension) {
            long end = first + (count - 1L) * step + 1;
            return made.slice(dimension, Torch.optional(first), Torch.optional(end), step);
        }
    }

    private Places places(Hint hint, Axis map) {
        Axis axis = Axis.ofPixels(stage.inputSize());
        for (Convolution layer : config.vision().stem().subList(0, hint.stemLayer() + 1)) {
            axis = axis.padded(layer.kernel() / 2, layer.kernel() / 2).windowed(layer.kernel(), layer.stride());
        }
        if (map.stride() % axis.stride() != 0) {
            throw new InputException("the cells of %s are %d pixels apart and those of stemLayer %d %d; name another"
                    .formatted(hint.layer(), map.stride(), hint.stemLayer(), axis.stride()));
        }
        int first = axis.nearest(map.first());
        int step = map.stride() / axis.stride();
        return new Places(first, step, Math.min(map.cells(), (axis.cells() - 1 - first) / step + 1));
    }

    /** Images and what teachers see in them. */
    private final class Batches implements StepLoop.Job {
        private final NormalizedStem stem;
        private final Map<String, Tensor> weights;
        private final HintMaps maps;
        private final Device device;
        private final List<Places> places = new ArrayList<>();
        private final Epochs order = new Epochs(train.size(), recipe.seed());
        private final ReadAhead<RgbImage> ahead = new ReadAhead<>(step -> readings(names(step)));

        Batches(NormalizedStem stem, Map<String, Tensor> weights, HintMaps maps, Device device) {
            this.stem = stem;
            this.weights = weights;
            this.maps = maps;
            this.device = device;
            for (int i = 0; i < stage.hints().size(); i++) {
                places.add(places(stage.hints().get(i), maps.axis(i)));
            }
        }

        @Override
        public List<String> losses() {
            List<String> losses = new ArrayList<>(List.of("loss"));
            for (int i = 0; i < stage.hints().size(); i++) {
                losses.add("hint_" + (i + 1) + "_loss");
            }
            return losses;
        }

        @Override
        public double epoch(long step) {
            return (step + 1.0) * stage.imagesPerStep() / train.size();
        }

        private List<String> names(long step) {
            return IntStream.range(0, stage.imagesPerStep())
                    .mapToObj(i -> train.get(order.at(step * stage.imagesPerStep() + i)))
                    .toList();
        }

        private List<Supplier<RgbImage>> readings(List<String> names) {
            return names.stream().map(this::reading).toList();
        }

        private Supplier<RgbImage> reading(String name) {
            Supplier<RgbImage> image = images.get(name);
            if (image == null) {
                throw new IllegalStateException(name + " is not in the list");
            }
            return () -> image.get().resized(stage.inputSize(), stage.inputSize());
        }

        @Override
        public void close() {
            ahead.close();
        }

        @Override
        public double[] learn(long step) {
            try (Scope _ = new Scope()) {
                List<Tensor> errors = errors(ahead.of(step), names(step), true);
                Tensor sum = Torch.stack(errors).sum();
                sum.backward();
                return withSum(errors);
            }
        }

        @Override
        public double[] validate() {
            return Losses.mean(
                    validation,
                    stage.imagesPerStep(),
                    names -> withSum(errors(ahead.read(readings(names)), names, false)));
        }

        private double[] withSum(List<Tensor> errors) {
            float[] each = Torch.toFloats(Torch.stack(errors));
            double[] all = new double[each.length + 1];
            for (int i = 0; i < each.length; i++) {
                all[i + 1] = each[i];
                all[0] += each[i];
            }
            return all;
        }

        /** The mean squared error of every hint. */
        private List<Tensor> errors(List<RgbImage> pictures, List<String> names, boolean training) {
            List<Tensor> made = stem.forward(pictures, training);
            List<Tensor> errors = new ArrayList<>();
            List<List<Tensor>> maps = names.stream().map(this.maps::of).toList();
            for (int i = 0; i < stage.hints().size(); i++) {
                int hint = i;
                Places near = places.get(i);
                Tensor layer = made.get(stage.hints().get(i).stemLayer());
                Tensor seen = near.of(near.of(layer, 2), 3).permute(0, 2, 3, 1); // (images, rows, columns, channels)
                Tensor foreseen = Torch.linear(
                        seen,
                        Torch.to(weight(i, "weight"), Torch.dtypeOf(seen)),
                        Torch.to(weight(i, "bias"), Torch.dtypeOf(seen)));
                Tensor wanted = Torch.stack(
                                maps.stream().map(image -> image.get(hint)).toList())
                        .narrow(1, 0, near.count)
                        .narrow(2, 0, near.count);
                errors.add(torch.mse_loss(Torch.to(foreseen, Dtype.F32), Torch.to(wanted, Dtype.F32, device)));
            }
            return errors;
        }

        private Tensor weight(int hint, String name) {
            Tensor weight = weights.get("%s.%s".formatted(head(hint), name));
            if (weight == null) {
                throw new IllegalStateException("no head of hint " + hint);
            }
            return weight;
        }
    }
}
