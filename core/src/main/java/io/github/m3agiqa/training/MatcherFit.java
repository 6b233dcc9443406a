package io.github.m3agiqa.training;

import io.github.m3agiqa.InputException;
import io.github.m3agiqa.predictor.PromptMatcher;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Dtype;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.HeldTensors;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bytedeco.pytorch.StringViewOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * The weights of a {@link PromptMatcher}: a ridge regression of low rank from pictures to the words of their prompts.
 *
 * <p>A prompt is the sum of its words' features, less the mean of the pictures' prompts and brought to length 1. A word's
 * features are a place of its own and, where {@link WordVectors} are given, what it has in common with other words, both
 * weighted by its inverse document frequency among the prompts; so words that no prompt has are known by others like them. Of
 * what the regression finds for the pictures the directions that vary most are kept; a picture's vector are its places in them,
 * each brought to a variance of 1.
 *
 * @see <a href="https://doi.org/10.1016/0047-259X(75)90042-1">Izenman 1975</a>, reduced-rank regression
 */
final class MatcherFit {
    private static final double SMALLEST = 1e-6;
    /** A direction that varies less, compared with the first one, is rounding. */
    private static final double RANK_TOLERANCE = 1e-6;
    /** So many prompts are held at a time. */
    private static final int ROWS = 1024;

    /** A picture, by the mean of its hidden states (hidden), and the prompt that it was made from. */
    record Pair(Tensor picture, String prompt) {}

    private final List<Pair> pairs;
    private final MatcherSettings settings;
    private final List<String> words; // those of the prompts, and then those that only have vectors
    private final Map<String, Integer> places = new HashMap<>(); // of the words of the prompts among them
    private final Tensor shared; // (words, features that they have in common)
    private final Tensor features; // (words of the prompts, own features and then shared ones)

    private MatcherFit(List<Pair> pairs, MatcherSettings settings, @Nullable WordVectors vectors) {
        this.pairs = pairs;
        this.settings = settings;
        List<String> prompts = pairs.stream().map(Pair::prompt).distinct().toList();
        Map<String, Integer> frequency = new TreeMap<>();
        for (String prompt : prompts) {
            PromptMatcher.words(prompt).forEach(word -> frequency.merge(word, 1, Integer::sum));
        }
        List<String> known = List.copyOf(frequency.keySet());
        known.forEach(word -> places.put(word, places.size()));
        this.words = vectors == null
                ? known
                : Stream.concat(known.stream(), vectors.words().stream())
                        .distinct()
                        .toList();
        float[] inverseFrequency = new float[words.size()];
        for (int i = 0; i < inverseFrequency.length; i++) {
            int among = frequency.getOrDefault(words.get(i), 0);
            inverseFrequency[i] = (float) Math.log((prompts.size() + 1.0) / (among + 1.0));
        }
        Tensor weights = float64(inverseFrequency);
        double share = settings.words() == null ? 0 : settings.words().share();
        this.shared = vectors == null
                ? Torch.zeros(Dtype.F64, Device.CPU, words.size(), 0)
                : Torch.scale(vectors.directions(known).of(words).mul(weights.unsqueeze(1)), Math.sqrt(share));
        Tensor own = Torch.scale(weights.narrow(0, 0, known.size()).diag(), Math.sqrt(1 - share));
        this.features = Torch.cat(1, own, shared.narrow(0, 0, known.size()));
    }

    /**
     * Fits a matcher.
     *
     * @param pairs that it knows words and pictures from
     * @param others whose mean match shall be worth no point; better of prompts that it does not know, as a user's are
     * @param vectors of words, if the settings ask for some
     * @return the weights by their names
     * @throws InputException if the pictures or the words of their prompts are all alike, or none of these words has a vector
     */
    static Map<String, Tensor> of(
            List<Pair> pairs, List<Pair> others, MatcherSettings settings, @Nullable WordVectors vectors) {
        Map<String, Tensor> weights = new MatcherFit(pairs, settings, vectors).weights();
        weights.put(PromptMatcher.POINTS_WEIGHT, Torch.full(settings.points(), Device.CPU, 1));
        weights.put(PromptMatcher.POINTS_BIAS, Torch.full(0, Device.CPU, 1));
        int hiddenSize = (int) pairs.getFirst().picture.size(0);
        try (PromptMatcher matcher =
                new PromptMatcher(new HeldTensors("the matcher in training", weights), hiddenSize, Device.CPU)) {
            double usual = others.stream()
                    .mapToDouble(pair -> matcher.points(pair.picture, pair.prompt))
                    .average()
                    .orElse(0);
            weights.put(PromptMatcher.POINTS_BIAS, Torch.full(-usual, Device.CPU, 1));
        }
        return weights;
    }

    /** The mean share of the other prompts that a picture matches less than its own; NaN where all have one prompt. */
    static double ownIsHigher(PromptMatcher matcher, List<Pair> pairs) {
        Set<String> prompts = pairs.stream().map(Pair::prompt).collect(Collectors.toSet());
        return pairs.stream()
                .mapToDouble(pair -> {
                    double own = matcher.match(pair.picture, pair.prompt);
                    return prompts.stream()
                            .filter(prompt -> !prompt.equals(pair.prompt))
                            .mapToDouble(prompt -> matcher.match(pair.picture, prompt) < own ? 1 : 0)
                            .average()
                            .orElse(Double.NaN);
                })
                .average()
                .orElse(Double.NaN);
    }

    private Map<String, Tensor> weights() {
        Tensor pictures = Torch.to(Torch.stack(pairs.stream().map(Pair::picture).toList()), Dtype.F64, Device.CPU);
        long count = pictures.size(0);
        Tensor mean = Torch.mean(pictures, 0); // (1, hidden)
        Tensor centred = pictures.sub(mean);
        Tensor deviation = Torch.plus(Torch.mean(centred.square(), 0).sqrt(), SMALLEST);
        Tensor z = centred.div(deviation); // (pictures, hidden)
        Tensor usual = usual(); // (1, features)

        // what is found of the features for a z
        Tensor moments = z.t().matmul(z); // (hidden, hidden)
        float trace = Torch.toFloats(moments.trace())[0];
        if (places.isEmpty() || !(trace > 0)) {
            throw alike();
        }
        Tensor found = // (hidden, features)
                Torch.ridge(moments, momentsWithPrompts(z, usual), settings.penalty() * trace / count);

        // z found = u s v', of which s and v are those of the root of z' z times found
        var eigen = torch.linalg_eigh(moments);
        Tensor stretched =
                eigen.get1().mul(eigen.get0().clamp_min(Torch.scalar(0)).sqrt());
        var singular = torch.linalg_svd(stretched.t().matmul(found), false, new StringViewOptional());
        int rank = rank(Torch.toFloats(singular.get1()));
        Tensor s = singular.get1().narrow(0, 0, rank);
        Tensor v = singular.get2().narrow(0, 0, rank).t(); // (features, rank)

        Tensor picture =
                Torch.scale(found.matmul(v).div(s), Math.sqrt((double) count)).div(deviation.t()); // (hidden, rank)
        Tensor kept = v.mul(s);
        Tensor others = shared.narrow(0, places.size(), words.size() - places.size())
                .matmul(kept.narrow(0, places.size(), shared.size(1)));
        Map<String, Tensor> weights = new LinkedHashMap<>();
        weights.put(PromptMatcher.PICTURE_WEIGHT, float32(picture.t()));
        weights.put(
                PromptMatcher.PICTURE_BIAS, float32(mean.matmul(picture).neg().squeeze(0)));
        weights.put(PromptMatcher.WORDS_WEIGHT, Torch.to(Torch.cat(0, features.matmul(kept), others), Dtype.F16));
        weights.put(PromptMatcher.WORDS_BIAS, float32(usual.matmul(kept).neg().squeeze(0)));
        weights.put(PromptMatcher.WORDS_TEXT, text());
        return weights;
    }

    private Tensor text() {
        byte[] bytes = String.join("\n", words).getBytes(StandardCharsets.UTF_8);
        Tensor text = Torch.empty(Dtype.U8, Device.CPU, bytes.length);
        Torch.bytes(text, 0, bytes.length).put(bytes);
        return text;
    }

    private int rank(float[] singular) {
        int most = Math.min(settings.rank(), singular.length);
        int rank = 0;
        while (rank < most && singular[rank] > RANK_TOLERANCE * Math.max(singular[0], SMALLEST)) {
            rank++;
        }
        if (rank == 0) {
            throw alike();
        }
        return rank;
    }

    private InputException alike() {
        return new InputException(
                "the %d images or the words of their prompts are all alike, so that no matcher can be fitted; leave matcher out"
                        .formatted(pairs.size()));
    }

    /** The mean of the pictures' prompts, (1, features). */
    private Tensor usual() {
        float[] count = new float[places.size()];
        for (Pair pair : pairs) {
            PromptMatcher.words(pair.prompt).forEach(word -> count[place(word)]++);
        }
        return Torch.divide(float64(count), (double) pairs.size()).unsqueeze(0).matmul(features);
    }

    /** The sum over the pictures of z and what is wanted for it, (hidden, features). */
    private Tensor momentsWithPrompts(Tensor z, Tensor usual) {
        Tensor moments = Torch.zeros(Dtype.F64, Device.CPU, z.size(1), usual.size(1));
        for (int from = 0; from < pairs.size(); from += ROWS) {
            List<Pair> some = pairs.subList(from, Math.min(pairs.size(), from + ROWS));
            Tensor prompts = bags(some).matmul(features).sub(usual);
            Tensor length = Torch.sum(prompts.square(), 1).sqrt();
            Tensor wanted = prompts.div(Torch.plus(length, SMALLEST));
            moments.add_(z.narrow(0, from, some.size()).t().matmul(wanted));
        }
        return moments;
    }

    /** Which words a prompt has, (pictures, words of the prompts). */
    private Tensor bags(List<Pair> some) {
        int width = places.size();
        float[] bags = new float[some.size() * width];
        for (int i = 0; i < some.size(); i++) {
            for (String word : PromptMatcher.words(some.get(i).prompt)) {
                bags[i * width + place(word)] = 1;
            }
        }
        return Torch.to(Torch.floats(bags, some.size(), width), Dtype.F64);
    }

    private int place(String word) {
        return Objects.requireNonNull(places.get(word));
    }

    private static Tensor float64(float[] numbers) {
        return Torch.to(Torch.floats(numbers, numbers.length), Dtype.F64);
    }

    private static Tensor float32(Tensor numbers) {
        return Torch.to(numbers, Dtype.F32).contiguous();
    }
}
