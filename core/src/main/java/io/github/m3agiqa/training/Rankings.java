package io.github.m3agiqa.training;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.image.Degradation;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Torch;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * What is known to be better without asking people: a picture than the same one spoilt, and its own prompt than another
 * (RankIQA).
 *
 * @see <a href="https://arxiv.org/abs/1707.08347">RankIQA: learning from rankings for no-reference image quality
 *     assessment</a>
 */
final class Rankings {
    private static final int STRENGTHS = 5;

    private final Readings readings;
    private final TrainRecipe recipe;
    private final Aspect aspect;

    Rankings(Readings readings, TrainRecipe recipe, Aspect aspect) {
        this.readings = readings;
        this.recipe = recipe;
        this.aspect = aspect;
    }

    /** The rankings of an aspect, read without descriptions; the same for the same seed. */
    List<Ranking> of(List<Sample> samples) {
        return switch (aspect) {
            case QUALITY -> spoilt(samples);
            case CORRESPONDENCE -> otherPrompts(samples);
            case AUTHENTICITY -> List.of();
        };
    }

    private List<Reading> read(List<Sample> samples) {
        DescriptionSettings none = recipe.descriptions().without();
        return readings.of(samples, aspect, none, none.train());
    }

    private List<Ranking> spoilt(List<Sample> samples) {
        Random random = new Random(recipe.seed());
        List<Sample> drawn = new ArrayList<>(samples);
        Collections.shuffle(drawn, random);
        List<Ranking> rankings = new ArrayList<>();
        for (Reading original : read(
                drawn.subList(0, Math.min(drawn.size(), recipe.augmentation().spoilt())))) {
            for (Degradation kind : Degradation.values()) {
                long seed = random.nextLong();
                List<Reading> ranking = new ArrayList<>(List.of(original));
                for (int i = 0; i < STRENGTHS; i++) {
                    double strength = kind.strength((i + random.nextDouble()) / STRENGTHS);
                    ranking.add(original.altered(new Alteration.Spoilt(kind, strength, seed)));
                }
                rankings.add(new Ranking(ranking));
            }
        }
        return rankings;
    }

    private List<Ranking> otherPrompts(List<Sample> samples) {
        Random random = new Random(recipe.seed());
        List<Ranking> rankings = new ArrayList<>();
        if (samples.stream().map(Sample::group).distinct().count() < 2) {
            return rankings;
        }
        List<Sample> own = new ArrayList<>();
        List<Sample> others = new ArrayList<>();
        for (Sample sample : samples) {
            for (int i = 0; i < recipe.augmentation().otherPrompts(); i++) {
                Sample other = sample;
                while (other.group().equals(sample.group())) {
                    other = samples.get(random.nextInt(samples.size()));
                }
                own.add(sample);
                others.add(sample.withPrompt(other.prompt()));
            }
        }
        List<Reading> better = read(own);
        List<Reading> worse = read(others);
        for (int i = 0; i < own.size(); i++) {
            rankings.add(new Ranking(List.of(better.get(i), worse.get(i))));
        }
        return rankings;
    }

    /**
     * Σ max(0, (j - i) margin - (p_i - p_j)) over the pairs i before j, over their number.
     *
     * @param predicted (readings), the one that shall be best first
     * @return a scalar, differentiable
     */
    static Tensor loss(Tensor predicted, double margin) {
        int count = (int) predicted.size(0);
        int pairs = count * (count - 1) / 2;
        int[] better = new int[pairs];
        int[] worse = new int[pairs];
        float[] margins = new float[pairs];
        int pair = 0;
        for (int i = 0; i < count; i++) {
            for (int j = i + 1; j < count; j++) {
                better[pair] = i;
                worse[pair] = j;
                margins[pair++] = (float) ((j - i) * margin);
            }
        }
        Device device = Device.of(predicted);
        Tensor won = predicted
                .index_select(0, Torch.indices(device, better))
                .sub(predicted.index_select(0, Torch.indices(device, worse)));
        return torch.relu(Torch.to(Torch.floats(margins, pairs), device).sub(won))
                .mean();
    }
}
