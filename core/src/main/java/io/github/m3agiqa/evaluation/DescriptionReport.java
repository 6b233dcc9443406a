package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Rating;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.Sample;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What teachers' descriptions are like: how long, how different, whether they give people's scores away; and some of them
 * beside their images, as one HTML page that asks nothing of the network.
 */
public final class DescriptionReport {
    private static final int SAMPLES = 20;
    private static final int WORDS_OF_BAR = 10;
    private static final int DRAWS = 1000;
    private static final Pattern DIGIT = Pattern.compile("\\d");
    private static final Pattern RATING_WORD = Pattern.compile(
            Stream.of(Rating.values()).map(Rating::word).collect(Collectors.joining("|", "\\b(", ")\\b")),
            Pattern.CASE_INSENSITIVE);

    /**
     * A description.
     *
     * @param image the name of the image in the dataset
     */
    public record Described(Aspect aspect, String image, String text) {}

    /**
     * What is known of the descriptions of one aspect.
     *
     * @param descriptions how many there are
     * @param duplicates how many say the same as one before them
     * @param medianWords the length that half of them do not reach
     * @param withDigits how many have a digit, which may be a score
     * @param withRatingWord how many have one of the five rating words
     * @param textOnlySrcc how well a regression on words alone ranks the images: where teachers were not told people's
     *     scores, it can be no better than the teachers
     */
    public record Summary(
            int descriptions,
            int duplicates,
            int medianWords,
            int withDigits,
            int withRatingWord,
            Estimate textOnlySrcc) {}

    private final Dataset dataset;
    private final Map<Aspect, List<Described>> byAspect = new EnumMap<>(Aspect.class);
    private final Map<Aspect, Map<String, Long>> outcomes;
    private final Map<Aspect, Summary> summaries = new EnumMap<>(Aspect.class);

    /**
     * Looks at descriptions.
     *
     * @param dataset has the images and people's scores
     * @param outcomes for each aspect how many questions came to what, in words
     */
    public DescriptionReport(Dataset dataset, List<Described> descriptions, Map<Aspect, Map<String, Long>> outcomes) {
        this.dataset = dataset;
        this.outcomes = Map.copyOf(outcomes);
        for (Described description : descriptions) {
            byAspect.computeIfAbsent(description.aspect, _ -> new ArrayList<>()).add(description);
        }
        byAspect.forEach((aspect, described) -> summaries.put(aspect, summary(aspect, described)));
    }

    /** What is known of the descriptions of each aspect that has some. */
    public Map<Aspect, Summary> summaries() {
        return Collections.unmodifiableMap(summaries);
    }

    private Summary summary(Aspect aspect, List<Described> described) {
        int[] lengths = lengths(described);
        Arrays.sort(lengths);
        return new Summary(
                described.size(),
                described.size()
                        - new HashSet<>(described.stream().map(Described::text).toList()).size(),
                lengths[lengths.length / 2],
                count(described, DIGIT),
                count(described, RATING_WORD),
                textOnly(aspect, described));
    }

    private static int[] lengths(List<Described> described) {
        return described.stream()
                .mapToInt(one -> one.text.strip().split("\\s+").length)
                .toArray();
    }

    private static int count(List<Described> described, Pattern pattern) {
        return Math.toIntExact(described.stream()
                .filter(one -> pattern.matcher(one.text).find())
                .count());
    }

    private Estimate textOnly(Aspect aspect, List<Described> described) {
        List<Sample> samples = new ArrayList<>();
        List<String> texts = new ArrayList<>();
        for (Described one : described) {
            dataset.sample(one.image)
                    .filter(sample -> sample.label(aspect).isPresent())
                    .ifPresent(sample -> {
                        samples.add(sample);
                        texts.add(one.text);
                    });
        }
        if (samples.size() < TextOnlyScore.FEWEST) {
            return Estimate.absent("%d descriptions of images with a score are too few, %d are needed"
                    .formatted(samples.size(), TextOnlyScore.FEWEST));
        }
        double[] mos =
                samples.stream().mapToDouble(sample -> sample.mos(aspect)).toArray();
        return TextOnlyScore.of(samples, texts, mos)
                .map(scores -> srcc(samples, scores, mos))
                .orElseGet(() -> Estimate.absent("no words tell the descriptions apart"));
    }

    private static Estimate srcc(List<Sample> samples, double[] scores, double[] mos) {
        List<Prediction> predictions = new ArrayList<>();
        for (int i = 0; i < mos.length; i++) {
            Sample sample = samples.get(i);
            predictions.add(new Prediction(
                    sample.name(), sample.prompt(), sample.group(), sample.generator(), scores[i], mos[i], null));
        }
        return Agreement.of(predictions, false, new Bootstrap(DRAWS, 1)).figure(Measure.SRCC);
    }

    /**
     * The page.
     *
     * @param title such as the name of the store
     * @param who said them
     */
    public String html(String title, String who) {
        Thumbnails thumbnails = new Thumbnails(dataset);
        Markup page = new Markup().beginPage("Descriptions: " + title);
        page.open("header").open("div", "class", "wide");
        page.element("p", "M3-AGIQA descriptions", "class", "over");
        page.element("h1", title);
        page.element("p", "what %s said of %s".formatted(who, dataset.name()), "class", "lead");
        page.close().close().open("main");
        summaries.forEach((aspect, summary) -> section(page, aspect, summary, thumbnails));
        return page.close().close().close().toString();
    }

    private void section(Markup page, Aspect aspect, Summary summary, Thumbnails thumbnails) {
        List<Described> described = byAspect.getOrDefault(aspect, List.of());
        page.open("section", "class", "protocol");
        page.element(
                "h2",
                aspect.id().substring(0, 1).toUpperCase(Locale.ROOT)
                        + aspect.id().substring(1));
        page.open("div", "class", "tiles");
        tile(page, "descriptions", String.valueOf(summary.descriptions), "");
        outcomes.getOrDefault(aspect, Map.of()).forEach((outcome, count) -> tile(page, outcome, count.toString(), ""));
        tile(page, "duplicates", share(summary.duplicates, summary), "say the same as another");
        tile(page, "words", String.valueOf(summary.medianWords), "median");
        tile(page, "with a digit", share(summary.withDigits, summary), "which may be a score");
        tile(page, "with a rating word", share(summary.withRatingWord, summary), "bad, poor, fair, good, excellent");
        Estimate srcc = summary.textOnlySrcc;
        tile(
                page,
                "SRCC of words alone",
                srcc.value() == null ? "–" : ReportTables.value(Measure.SRCC, srcc),
                srcc.interval() == null
                        ? String.valueOf(srcc.reason())
                        : ReportTables.interval(Measure.SRCC, srcc.interval()));
        page.close();
        page.element(
                "p",
                "SRCC of words alone: ridge regression on which words a description has, tested on new prompts. The higher"
                        + " it is, the more of people's scores stands in the text: near 1, the teacher was told.",
                "class",
                "small");
        page.open("figure", "class", "card chart-card");
        Chart.lengths(page, "Lengths of the descriptions of " + aspect.id(), lengths(described), WORDS_OF_BAR);
        page.close();
        samples(page, aspect, described, thumbnails);
        page.close();
    }

    private static String share(int count, Summary summary) {
        return String.format(Locale.ROOT, "%d (%.0f %%)", count, 100.0 * count / summary.descriptions);
    }

    private static void tile(Markup page, String name, String value, String note) {
        page.open("div", "class", "card tile");
        page.element("p", name, "class", "over");
        page.element("p", value, "class", "big");
        page.element("p", note, "class", "small");
        page.close();
    }

    private void samples(Markup page, Aspect aspect, List<Described> described, Thumbnails thumbnails) {
        List<Described> shuffled = new ArrayList<>(described);
        Collections.shuffle(shuffled, new Random(1));
        page.open("ul", "class", "said");
        for (Described one : shuffled.subList(0, Math.min(SAMPLES, shuffled.size()))) {
            Thumbnails.Thumbnail thumbnail = thumbnails.of(one.image);
            page.open("li", "class", "card");
            if (thumbnail.dataUri() == null) {
                page.element("p", thumbnail.whyNot(), "class", "no-picture");
            } else {
                page.empty("img", "src", thumbnail.dataUri(), "alt", one.image, "loading", "lazy");
            }
            page.open("div");
            String mos = dataset.sample(one.image)
                    .flatMap(sample -> sample.label(aspect))
                    .map(label -> String.format(Locale.ROOT, " · people: %.2f", label.mos()))
                    .orElse("");
            page.element("p", one.image + mos, "class", "over");
            dataset.sample(one.image)
                    .map(Sample::prompt)
                    .ifPresent(prompt -> page.element("p", prompt, "class", "small"));
            page.element("p", one.text);
            page.close().close();
        }
        page.close();
    }
}
