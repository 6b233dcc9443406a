package io.github.m3agiqa.predictor;

import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Precision;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import io.github.m3agiqa.weights.ModelWeights;
import io.github.m3agiqa.weights.Parameter;
import io.github.m3agiqa.weights.Parameters;
import io.github.m3agiqa.weights.TensorSource;
import io.github.m3agiqa.weights.WeightStore;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.bytedeco.pytorch.Tensor;
import org.hipparchus.special.Erf;

/**
 * Says whether a picture is one of its prompt. A predictor hardly knows that: it has learned from pictures that were all
 * made from the prompt that they are read with.
 *
 * <p>A picture's vector is linear in the mean of its hidden states, a prompt's is the sum of its words' vectors. Their
 * product over the length of the prompt's vector varies by 1 from picture to picture, whatever the prompt; the error function
 * brings it between -1 and 1.
 */
public final class PromptMatcher implements AutoCloseable {
    /** The names of the weights. */
    public static final String PICTURE_WEIGHT = "picture.weight"; // (rank, hidden)

    public static final String PICTURE_BIAS = "picture.bias"; // (rank)
    public static final String WORDS_WEIGHT = "words.weight"; // (words, rank)
    public static final String WORDS_BIAS = "words.bias"; // (rank)
    /** The known words as UTF-8, one a line. */
    public static final String WORDS_TEXT = "words.text"; // (bytes)
    /** What a match of 1 adds to a score and one of -1 takes away, less the points of the usual match. */
    public static final String POINTS_WEIGHT = "points.weight"; // (1)

    public static final String POINTS_BIAS = "points.bias"; // (1)

    private static final Pattern WORD = Pattern.compile("[\\p{L}\\p{N}]+(?:-[\\p{L}\\p{N}]+)*");
    private static final double STEEPNESS = 1 / Math.sqrt(8);

    private final WeightStore store;
    private final Device device;
    private final Parameter pictureWeight;
    private final Parameter pictureBias;
    private final Parameter wordsWeight;
    private final Parameter wordsBias;
    private final Map<String, Integer> rows = new HashMap<>(); // of the words
    private final double pointsWeight;
    private final double pointsBias;

    /**
     * A matcher whose sizes follow from its weights.
     *
     * @param source closed with the matcher
     * @param hiddenSize of the hidden states that are read
     * @throws ModelException if tensors are missing, misshapen or surplus
     */
    public PromptMatcher(TensorSource source, int hiddenSize, Device device) {
        this.store = new WeightStore(source, Precision.FP32, device);
        this.device = device;
        WeightShapes shapes = new WeightShapes(source, "");
        int rank = shapes.side(PICTURE_WEIGHT, 0, 2);
        int words = shapes.side(WORDS_WEIGHT, 0, 2);
        ModelWeights weights = ModelWeights.of(store);
        Parameters root = weights.root();
        this.pictureWeight = root.float32(PICTURE_WEIGHT, rank, hiddenSize);
        this.pictureBias = root.float32(PICTURE_BIAS, rank);
        this.wordsWeight = root.float32(WORDS_WEIGHT, words, rank);
        this.wordsBias = root.float32(WORDS_BIAS, rank);
        Parameter text = root.bytes(WORDS_TEXT, shapes.side(WORDS_TEXT, 0, 1));
        Parameter slope = root.float32(POINTS_WEIGHT, 1);
        Parameter offset = root.float32(POINTS_BIAS, 1);
        weights.check();
        try (Scope _ = new Scope()) {
            text(text.get()).lines().forEach(word -> rows.put(word, rows.size()));
            this.pointsWeight = Torch.toFloats(slope.get())[0];
            this.pointsBias = Torch.toFloats(offset.get())[0];
        }
        if (rows.size() != words) {
            throw new ModelException(
                    "%s: vectors of %d words, and %d different words".formatted(source.location(), words, rows.size()));
        }
    }

    private static String text(Tensor bytes) {
        Tensor here = Torch.to(bytes, Device.CPU);
        byte[] text = new byte[(int) here.numel()];
        Torch.bytes(here, 0, text.length).get(text);
        return new String(text, StandardCharsets.UTF_8);
    }

    /** The words of a prompt in lower case, none twice. */
    public static List<String> words(String prompt) {
        return WORD.matcher(prompt.toLowerCase(Locale.ROOT))
                .results()
                .map(MatchResult::group)
                .distinct()
                .toList();
    }

    /**
     * Whether a picture is one of a prompt.
     *
     * @param picture the mean of its hidden states, (hidden)
     * @return from -1 to 1; 0 where no word of the prompt is known
     */
    public double match(Tensor picture, String prompt) {
        int[] known = words(prompt).stream()
                .map(rows::get)
                .filter(Objects::nonNull)
                .mapToInt(Integer::intValue)
                .toArray();
        if (known.length == 0) {
            return 0;
        }
        try (Scope _ = new Scope()) {
            Tensor seen = Torch.linear(picture, pictureWeight.get(), pictureBias.get());
            Tensor vectors = wordsWeight.get().index_select(0, Torch.indices(device, known));
            Tensor wanted = Torch.sum(vectors, 0).squeeze(0).add(wordsBias.get());
            return Erf.erf(STEEPNESS * Torch.toFloats(seen.dot(wanted).div(wanted.norm()))[0]);
        }
    }

    /** What the match of a picture and a prompt adds to a score, below 0 where another prompt is likelier; see {@link #match}. */
    public double points(Tensor picture, String prompt) {
        return pointsWeight * match(picture, prompt) + pointsBias;
    }

    @Override
    public void close() {
        store.close();
    }
}
