import de.siegmar.fastcsv.writer.CsvWriter;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.dataset.Conversation;
import io.github.m3agiqa.dataset.ConversationFile;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.DatasetReader;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.evaluation.Correlations;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.hipparchus.linear.Array2DRowRealMatrix;
import org.hipparchus.linear.ArrayRealVector;
import org.hipparchus.linear.CholeskyDecomposition;
import org.hipparchus.linear.RealMatrix;
import org.hipparchus.linear.RealVector;
import org.hipparchus.stat.StatUtils;
import org.hipparchus.stat.regression.OLSMultipleLinearRegression;

/**
 * Gives the images of AGIQA-3K labels of authenticity, which nobody scored them for: what people said of AIGCIQA2023's images,
 * carried over by people's scores of quality and correspondence, which both datasets have, and by the words of the teacher's
 * descriptions of both aspects. Scores of each dataset are taken as deviations from their mean; a linear regression on the two
 * scores comes first, and a kernel ridge regression on words (and pairs of them, without those of the prompt) foresees what it
 * leaves over. Labels are on the scale of AGIQA-3K's quality.
 *
 * <p>It first says how well that foresees people's authenticity for AIGCIQA2023's test list, from descriptions whose writer had
 * not been told any score, and for each generator when it is learned from the others.
 *
 * <pre>java -cp 'app/target/m3agiqa/lib/*' recipes/authenticity-labels/AuthenticityLabels.java \
 *   datasets/aigciqa2023 datasets/agiqa-3k datasets/agiqa-3k-authenticity</pre>
 */
public final class AuthenticityLabels {
    private static final List<Aspect> DESCRIBED = List.of(Aspect.QUALITY, Aspect.CORRESPONDENCE);
    private static final Pattern WORD = Pattern.compile("[a-z][a-z'-]+");

    /** A word in fewer descriptions is chance. */
    private static final int RARE = 4;

    private static final double PENALTY = 3;

    private AuthenticityLabels() {}

    /** An image: people's scores as deviations from their mean in standard deviations, and the words about it. */
    private record Item(
            Sample sample,
            boolean test,
            double quality,
            double correspondence,
            double authenticity,
            Set<String> told,
            Set<String> seen) {}

    /**
     * Writes the folder.
     *
     * @param args the folder of AIGCIQA2023, that of AGIQA-3K, and the one that is made
     */
    public static void main(String[] args) throws IOException {
        if (args.length != 3) {
            throw new IllegalArgumentException("name the folders of AIGCIQA2023, of AGIQA-3K, and of what is made");
        }
        List<Item> rated = items(Path.of(args[0]));
        List<Item> train = rated.stream().filter(item -> !item.test).toList();
        List<Item> test = rated.stream().filter(item -> item.test).toList();
        report("AIGCIQA2023's test list", train, test);
        rated.stream().map(item -> item.sample.generator()).distinct().sorted().forEach(generator -> {
            Function<List<Item>, List<Item>> others = all -> all.stream()
                    .filter(item -> !Objects.equals(item.sample.generator(), generator))
                    .toList();
            List<Item> made = new ArrayList<>(test);
            made.removeAll(others.apply(test));
            report(generator + ", learned from the others", others.apply(train), made);
        });
        write(Path.of(args[1]), Path.of(args[2]), rated);
    }

    private static void report(String name, List<Item> train, List<Item> test) {
        double[] people = test.stream().mapToDouble(Item::authenticity).toArray();
        double[] quality = test.stream().mapToDouble(Item::quality).toArray();
        double[] scores = Model.of(train, false).predict(test, Item::seen);
        double[] words = Model.of(train, true).predict(test, Item::seen);
        System.out.printf(
                Locale.ROOT,
                "%-45s n %3d  SRCC: quality %.3f, and correspondence %.3f, and words %.3f%n",
                name,
                test.size(),
                Correlations.srcc(quality, people),
                Correlations.srcc(scores, people),
                Correlations.srcc(words, people));
    }

    private static void write(Path folder, Path made, List<Item> rated) throws IOException {
        List<Item> items = items(folder);
        double[] labels = Model.of(rated, true).predict(items, Item::told);
        double[] quality = items.stream()
                .mapToDouble(item -> item.sample.mos(Aspect.QUALITY))
                .toArray();
        Files.createDirectories(made);
        Path images = made.resolve("images");
        if (!Files.exists(images)) {
            Files.createSymbolicLink(images, folder.resolve("images").toRealPath());
        }
        try (CsvWriter csv = CsvWriter.builder().build(made.resolve("data.csv"))) {
            csv.writeRecord("name", "prompt", "generator", "split", "mos_authenticity");
            for (int i = 0; i < labels.length; i++) {
                labels[i] = Math.clamp(StatUtils.mean(quality) + deviation(quality) * labels[i], 0.0, 5.0);
                Sample sample = items.get(i).sample;
                csv.writeRecord(
                        sample.name(),
                        sample.prompt(),
                        sample.generator(),
                        items.get(i).test ? "test" : "train",
                        String.format(Locale.ROOT, "%.4f", labels[i]));
            }
        }
        System.out.printf(
                Locale.ROOT,
                "%d labels in %s; their SRCC with quality is %.3f, with correspondence %.3f%n",
                labels.length,
                made,
                Correlations.srcc(labels, quality),
                Correlations.srcc(
                        labels,
                        items.stream().mapToDouble(Item::correspondence).toArray()));
    }

    /** The images of a dataset; those of any test list are test images. */
    private static List<Item> items(Path folder) {
        Dataset dataset = DatasetReader.read(folder);
        Map<String, List<Conversation>> about = new HashMap<>();
        Set<String> test = new HashSet<>();
        for (Aspect aspect : DESCRIBED) {
            for (String part : List.of("train", "test")) {
                for (Conversation conversation : ConversationFile.read(
                        folder.resolve("conversations/%s_%s.json".formatted(aspect.id(), part)))) {
                    about.computeIfAbsent(conversation.imageName(), _ -> new ArrayList<>())
                            .add(conversation);
                    if (part.equals("test")) {
                        test.add(conversation.imageName());
                    }
                }
            }
        }
        List<Sample> samples = dataset.samples();
        double[] quality = standardized(samples, Aspect.QUALITY);
        double[] correspondence = standardized(samples, Aspect.CORRESPONDENCE);
        double[] authenticity = standardized(samples, Aspect.AUTHENTICITY);
        List<Item> items = new ArrayList<>();
        for (int i = 0; i < samples.size(); i++) {
            Sample sample = samples.get(i);
            List<Conversation> conversations = about.getOrDefault(sample.name(), List.of());
            items.add(new Item(
                    sample,
                    test.contains(sample.name()),
                    quality[i],
                    correspondence[i],
                    authenticity[i],
                    words(sample, conversations.stream().map(Conversation::teacherDescription)),
                    words(sample, conversations.stream().map(Conversation::response0))));
        }
        return items;
    }

    private static double[] standardized(List<Sample> samples, Aspect aspect) {
        double[] mos = samples.stream().mapToDouble(sample -> sample.mos(aspect)).toArray();
        double mean = StatUtils.mean(mos);
        double deviation = deviation(mos);
        return Arrays.stream(mos).map(score -> (score - mean) / deviation).toArray();
    }

    private static double deviation(double[] numbers) {
        return Math.sqrt(StatUtils.populationVariance(numbers));
    }

    /** Words and pairs of words of descriptions that follow each other, without those of the prompt. */
    private static Set<String> words(Sample sample, Stream<String> descriptions) {
        Set<String> prompted = new HashSet<>(words(String.valueOf(sample.prompt())));
        Set<String> words = new TreeSet<>();
        descriptions.filter(Objects::nonNull).forEach(description -> {
            List<String> said = words(description).stream()
                    .filter(word -> !prompted.contains(word) || word.startsWith("real"))
                    .toList();
            words.addAll(said);
            for (int i = 1; i < said.size(); i++) {
                words.add(said.get(i - 1) + " " + said.get(i));
            }
        });
        return words;
    }

    private static List<String> words(String text) {
        return WORD.matcher(text.toLowerCase(Locale.ROOT))
                .results()
                .map(MatchResult::group)
                .toList();
    }

    /** Two regressions, of which the second foresees what the first leaves over. */
    private record Model(List<Double> linear, Map<String, Double> rarity, Map<String, Double> weights, double offset) {
        static Model of(List<Item> items, boolean withWords) {
            double[] people = items.stream().mapToDouble(Item::authenticity).toArray();
            OLSMultipleLinearRegression regression = new OLSMultipleLinearRegression();
            regression.newSampleData(
                    people,
                    items.stream()
                            .map(item -> new double[] {item.quality, item.correspondence})
                            .toArray(double[][]::new));
            List<Double> linear = Arrays.stream(regression.estimateRegressionParameters())
                    .boxed()
                    .toList();
            Model scores = new Model(linear, Map.of(), Map.of(), 0);
            if (!withWords) {
                return scores;
            }
            double[] left = scores.predict(items, Item::told);
            for (int i = 0; i < left.length; i++) {
                left[i] = people[i] - left[i];
            }
            return scores.withWords(items, left);
        }

        /** Kernel ridge regression on the cosine of what two images have in common, in words that count more the rarer they are. */
        private Model withWords(List<Item> items, double[] target) {
            Map<String, Integer> counts = new HashMap<>();
            items.forEach(item -> item.told.forEach(word -> counts.merge(word, 1, Integer::sum)));
            Map<String, Double> rarity = new HashMap<>();
            counts.forEach((word, count) -> {
                if (count >= RARE) {
                    rarity.put(word, Math.log((double) items.size() / count));
                }
            });
            List<Map<String, Double>> rows = items.stream().map(item -> row(item.told, rarity)).toList();
            RealMatrix kernel = new Array2DRowRealMatrix(rows.size(), rows.size());
            for (int i = 0; i < rows.size(); i++) {
                for (int j = 0; j <= i; j++) {
                    double product = product(rows.get(i), rows.get(j));
                    kernel.setEntry(i, j, product);
                    kernel.setEntry(j, i, product);
                }
                kernel.addToEntry(i, i, PENALTY);
            }
            double offset = StatUtils.mean(target);
            RealVector duals = new CholeskyDecomposition(kernel)
                    .getSolver()
                    .solve(new ArrayRealVector(Arrays.stream(target).map(left -> left - offset).toArray()));
            Map<String, Double> weights = new HashMap<>();
            for (int i = 0; i < rows.size(); i++) {
                double dual = duals.getEntry(i);
                rows.get(i).forEach((word, value) -> weights.merge(word, dual * value, Double::sum));
            }
            return new Model(linear, rarity, weights, offset);
        }

        double[] predict(List<Item> items, Function<Item, Set<String>> words) {
            return items.stream()
                    .mapToDouble(item -> linear.get(0)
                            + linear.get(1) * item.quality
                            + linear.get(2) * item.correspondence
                            + offset
                            + product(row(words.apply(item), rarity), weights))
                    .toArray();
        }

        /** The words of an image, of length 1. */
        private static Map<String, Double> row(Set<String> words, Map<String, Double> rarity) {
            Map<String, Double> row = new HashMap<>();
            words.stream().filter(rarity::containsKey).forEach(word -> row.put(word, rarity.get(word)));
            double length = Math.sqrt(product(row, row));
            row.replaceAll((_, value) -> value / length);
            return row;
        }

        private static double product(Map<String, Double> one, Map<String, Double> other) {
            return one.entrySet().stream()
                    .mapToDouble(word -> word.getValue() * other.getOrDefault(word.getKey(), 0.0))
                    .sum();
        }
    }
}
