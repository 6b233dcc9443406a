package io.github.m3agiqa.training;

import io.github.m3agiqa.dataset.Conversation;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.mllm.MiniCpmV;
import io.github.m3agiqa.mllm.PretrainingPass;
import io.github.m3agiqa.mllm.PretrainingPass.Heads;
import io.github.m3agiqa.mllm.PretrainingPass.Picture;
import io.github.m3agiqa.mllm.TokenizedConversation;
import io.github.m3agiqa.mllm.TowerReadout;
import io.github.m3agiqa.mllm.Turn;
import io.github.m3agiqa.teacher.TeacherTargets;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.training.PretrainingData.Seen;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** Images and texts as the model reads them. */
final class PretrainingBatches implements StepLoop.Job {
    /**
     * An image as the model reads it.
     *
     * @param topic which of the things is learned that were said about it, counted round and round
     */
    private record Cut(SlicePlan plan, List<RgbImage> pieces, boolean mirrored, int topic) {}

    private final PretrainRecipe recipe;
    private final PretrainingData data;
    private final MiniCpmV model;
    private final Heads heads;
    private final @Nullable TowerReadout readout;
    private final @Nullable TeacherTargets targets;
    private final PretrainingPass.Weights weights;
    private final Epochs imageOrder;
    private final Epochs textOrder;
    private final ReadAhead<Cut> ahead = new ReadAhead<>(step -> cuts(samples(step), changes(step)));

    PretrainingBatches(
            PretrainRecipe recipe,
            PretrainingData data,
            MiniCpmV model,
            Heads heads,
            @Nullable TowerReadout readout,
            @Nullable TeacherTargets targets) {
        this.recipe = recipe;
        this.data = data;
        this.imageOrder = new Epochs(data.train().size(), recipe.seed());
        this.textOrder = new Epochs(Math.max(1, data.texts().size()), recipe.seed());
        this.model = model;
        this.heads = heads;
        this.readout = readout;
        this.targets = targets;
        PretrainRecipe.LossWeights wanted = recipe.lossWeights();
        this.weights = new PretrainingPass.Weights(
                wanted.dense(), wanted.global(), wanted.caption(), wanted.text(), wanted.score(), wanted.tower());
    }

    @Override
    public List<String> losses() {
        return List.of("loss", "dense_loss", "global_loss", "caption_loss", "text_loss", "score_loss", "tower_loss");
    }

    @Override
    public double epoch(long step) {
        return (step + 1.0) * recipe.imagesPerStep() / data.train().size();
    }

    @Override
    public void close() {
        ahead.close();
    }

    @Override
    public double[] learn(long step) {
        try (Scope _ = new Scope()) {
            List<Cut> cuts = ahead.of(step);
            List<TokenizedConversation> read = IntStream.range(0, recipe.textsPerStep())
                    .mapToObj(i -> text(data.texts().get(textOrder.at(step * recipe.textsPerStep() + i))))
                    .toList();
            List<Picture> pictures = pictures(samples(step), cuts);
            PretrainingPass pass = new PretrainingPass(model, heads, readout, pictures, read);
            pass.backward(weights);
            return losses(pass, pictures, read);
        }
    }

    @Override
    public double[] validate() {
        return Losses.mean(data.validation(), recipe.imagesPerStep(), seen -> {
            List<Picture> pictures = pictures(seen, ahead.read(cuts(seen, null)));
            return losses(new PretrainingPass(model, heads, readout, pictures, List.of()), pictures, List.of());
        });
    }

    /** The weighted sum of the losses, then each of them; NaN for one that there was nothing to measure by. */
    private double[] losses(PretrainingPass pass, List<Picture> pictures, List<TokenizedConversation> texts) {
        float[] losses = pass.losses();
        boolean[] measured = {
            pictures.stream().anyMatch(picture -> picture.dense() != null),
            pictures.stream().anyMatch(picture -> picture.global() != null),
            pictures.stream()
                    .flatMapToInt(picture -> IntStream.of(picture.conversation().labels()))
                    .anyMatch(label -> label != TokenizedConversation.IGNORED),
            !texts.isEmpty(),
            pictures.stream().flatMap(picture -> picture.scores().stream()).anyMatch(score -> !score.isNaN()),
            readout != null
        };
        double[] each = weights.inOrder();
        double[] all = new double[losses.length + 1];
        for (int i = 0; i < losses.length; i++) {
            all[i + 1] = measured[i] ? losses[i] : Double.NaN;
            all[0] += measured[i] ? each[i] * losses[i] : 0;
        }
        return all;
    }

    private List<Seen> samples(long step) {
        return IntStream.range(0, recipe.imagesPerStep())
                .mapToObj(i -> data.train().get(imageOrder.at(step * recipe.imagesPerStep() + i)))
                .toList();
    }

    /** What decides how the images of a step are changed. */
    private SplittableRandom changes(long step) {
        return new SplittableRandom(recipe.seed() * 1_000_003 + step);
    }

    /** Cuts images into tiles, as they are or changed in ways that people's scores do not depend on. */
    private List<Supplier<Cut>> cuts(List<Seen> samples, @Nullable SplittableRandom changes) {
        List<Supplier<Cut>> cuts = new ArrayList<>();
        for (Seen sample : samples) {
            SplittableRandom own = changes == null ? null : changes.split();
            cuts.add(() -> cut(sample, own));
        }
        return cuts;
    }

    private Cut cut(Seen sample, @Nullable SplittableRandom changes) {
        boolean mirrored = changes != null && changes.nextBoolean();
        RgbImage image = mirrored ? data.decode(sample).mirrored() : data.decode(sample);
        if (changes != null && recipe.maxShift() > 0) {
            image = image.shifted(shift(changes, image.width()), shift(changes, image.height()));
        }
        if (changes != null && sample.spoilt()) {
            image = Alteration.Spoilt.random(changes).of(image);
        }
        SlicePlan plan = model.plan(image, recipe.maxSlices());
        int topic = changes == null ? 0 : changes.nextInt(Short.MAX_VALUE);
        return new Cut(plan, plan.cut(image), mirrored, topic);
    }

    private int shift(SplittableRandom changes, int size) {
        int most = Math.min(recipe.maxShift(), size - 1);
        return changes.nextInt(-most, most + 1);
    }

    /** Teachers have seen all pictures but the spoilt ones. */
    private List<Picture> pictures(List<Seen> samples, List<Cut> cuts) {
        List<String> taught = PretrainingData.names(
                samples.stream().filter(seen -> !seen.spoilt()).toList());
        Tensor dense = targets == null || taught.isEmpty() ? null : targets.dense(taught);
        Tensor global = targets == null || taught.isEmpty() ? null : targets.global(taught);
        List<Picture> pictures = new ArrayList<>();
        int next = 0;
        for (int i = 0; i < samples.size(); i++) {
            if (samples.get(i).spoilt()) {
                pictures.add(spoilt(cuts.get(i)));
            } else {
                pictures.add(picture(
                        samples.get(i),
                        cuts.get(i),
                        dense == null ? null : dense.select(0, next),
                        global == null ? null : global.select(0, next)));
                next++;
            }
        }
        return pictures;
    }

    /** A picture of which nothing was said. */
    private Picture spoilt(Cut cut) {
        List<Double> unknown = Collections.nCopies(recipe.scores().size(), Double.NaN);
        return new Picture(cut.pieces(), cut.plan(), model.template().picture(cut.plan()), null, null, unknown);
    }

    private Picture picture(Seen seen, Cut cut, @Nullable Tensor dense, @Nullable Tensor global) {
        List<List<Turn>> topics = data.topics(seen);
        TokenizedConversation caption =
                model.template().tokenize(cut.plan(), topics.get(cut.topic() % topics.size()), false);
        // teachers see nearly the same in a mirrored image, in mirrored places
        return new Picture(
                cut.pieces(),
                cut.plan(),
                Finetuning.within(recipe.maxLength(), caption, data.dataset().image(seen.sample())),
                cut.mirrored() && dense != null ? TeacherTargets.mirrored(dense) : dense,
                global,
                data.scores(seen));
    }

    private TokenizedConversation text(Conversation conversation) {
        return model.template().tokenize(Finetuning.turns(conversation)).first(recipe.maxLength());
    }
}
