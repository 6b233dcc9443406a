package io.github.m3agiqa.training;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.image.Degradation;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.training.DescriptionSettings.Rounds;
import io.github.m3agiqa.training.DescriptionSettings.Source;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * What is known to be better without asking people: a picture than the same one spoilt.
 *
 * @see <a href="https://arxiv.org/abs/1707.08347">RankIQA: learning from rankings for no-reference image quality
 *     assessment</a>
 */
final class Rankings {
    private static final int STRENGTHS = 5;
    private static final DescriptionSettings WITHOUT =
            new DescriptionSettings(Rounds.NONE, Source.RESPONSE, Source.RESPONSE, true);

    private final Readings readings;
    private final AugmentationSettings settings;
    private final long seed;
    private final Aspect aspect;

    Rankings(Readings readings, AugmentationSettings settings, long seed, Aspect aspect) {
        this.readings = readings;
        this.settings = settings;
        this.seed = seed;
        this.aspect = aspect;
    }

    /** The rankings of an aspect, read without descriptions; the same for the same seed. Correspondence has none. */
    List<Ranking> of(List<Sample> samples) {
        return aspect == Aspect.CORRESPONDENCE ? List.of() : spoilt(samples);
    }

    private List<Reading> read(List<Sample> samples) {
        return readings.of(samples, aspect, WITHOUT, WITHOUT.train());
    }

    /**
     * Every image is spoilt in one way before any is in a second. Which come first and how they are spoilt goes by their
     * names, so that more images leave most of the readings as they were.
     */
    private List<Ranking> spoilt(List<Sample> samples) {
        List<Sample> order = samples.stream()
                .sorted(Comparator.comparingLong(sample -> random(sample).nextLong()))
                .limit(settings.spoilt())
                .toList();
        List<List<Ranking>> ofEach = read(order).stream().map(this::inEveryWay).toList();
        return IntStream.range(0, Degradation.values().length)
                .boxed()
                .flatMap(turn -> ofEach.stream().map(ways -> ways.get(turn)))
                .limit(settings.spoilt())
                .toList();
    }

    /** An image spoilt in every way, in random order. */
    private List<Ranking> inEveryWay(Reading original) {
        SplittableRandom random = random(original.sample());
        Map<Degradation, Ranking> rankings = new EnumMap<>(Degradation.class);
        for (Degradation kind : Degradation.values()) {
            long noise = random.nextLong();
            double first = random.nextDouble();
            List<Reading> ranking = new ArrayList<>(List.of(original));
            for (int i = 0; i < STRENGTHS; i++) {
                double strength = kind.strength((i + first) / STRENGTHS);
                ranking.add(original.altered(new Alteration.Spoilt(kind, strength, noise)));
            }
            rankings.put(kind, new Ranking(ranking));
        }
        return inOrder(random).map(rankings::get).toList();
    }

    /** The ways; the first one is each of them in proportion to its share, and so is the first of the others. */
    private Stream<Degradation> inOrder(SplittableRandom random) {
        Map<Degradation, Double> waits = new EnumMap<>(Degradation.class); // exponential, their rates are the shares
        for (Degradation kind : Degradation.values()) {
            waits.put(
                    kind,
                    -StrictMath.log(1 - random.nextDouble()) / settings.ways().getOrDefault(kind, 1.0));
        }
        return waits.entrySet().stream().sorted(Map.Entry.comparingByValue()).map(Map.Entry::getKey);
    }

    private SplittableRandom random(Sample sample) {
        return new SplittableRandom(31 * seed + sample.name().hashCode());
    }

    /**
     * Σ max(0, (j - i) margin - (p_i - p_j)) over the pairs i before j, over their number.
     *
     * @param predicted (readings), the one that shall be best first
     * @return a scalar, differentiable
     */
    static Tensor loss(Tensor predicted, double margin) {
        int count = (int) predicted.size(0);
        float[] places = new float[count];
        for (int i = 0; i < count; i++) {
            places[i] = i;
        }
        Tensor between = LossSettings.differences(Torch.to(Torch.floats(places, count), Device.of(predicted)));
        Tensor missing = Torch.scale(between, -margin).sub(LossSettings.differences(predicted)); // (better, worse)
        return Torch.divide(torch.relu(missing).triu(1).sum(), count * (count - 1) / 2.0);
    }
}
