package io.github.m3agiqa.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Interval;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.DatasetReader;
import io.github.m3agiqa.evaluation.Report.Row;
import io.github.m3agiqa.evaluation.Report.Section;
import io.github.m3agiqa.testing.DrawnImages;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.NodeList;
import org.xml.sax.SAXException;

class ReportTest {
    private static final Bootstrap BOOTSTRAP = new Bootstrap(200, 1);
    private static final Set<Aspect> ALL = EnumSet.allOf(Aspect.class);
    private static final List<String> GENERATORS = List.of("dalle", "sd");
    private static final String AUTHORS = "authors";

    @TempDir
    private Path folder;

    private static TestSet test(Aspect aspect, String split) {
        return new TestSet("drawn", aspect, split);
    }

    private static Candidate candidate(String name, Map<TestSet, List<Prediction>> predictions) {
        Map<TestSet, Leakage> leakage = new LinkedHashMap<>();
        predictions.keySet().forEach(test -> leakage.put(test, new Leakage(2, 20, 1)));
        return new Candidate(name, true, Map.of("model", "nano@1"), predictions, Map.of(), leakage);
    }

    private static Candidate candidate(String name, double noise) {
        return candidate(name, Map.of(test(Aspect.QUALITY, AUTHORS), noisy(noise)));
    }

    /** The same images and opinions for every noise. */
    private static List<Prediction> noisy(double noise) {
        Random random = new Random(3);
        return Drawn.predictions(40, GENERATORS, 0, 1).stream()
                .map(one -> Drawn.prediction(
                        one.image(),
                        one.group(),
                        one.generator(),
                        one.mos() + noise * random.nextGaussian(),
                        one.mos()))
                .toList();
    }

    private static Report report(Candidate... candidates) {
        return Report.of("0.2.0", List.of(candidates), ALL, BOOTSTRAP);
    }

    private static Document html(Report report, Map<String, Dataset> datasets) {
        String page = report.html(datasets);
        assertThat(page).startsWith("<!doctype html>\n");
        try {
            // the page is well-formed XML too, so a parser finds what is not closed or not escaped
            return DocumentBuilderFactory.newDefaultInstance()
                    .newDocumentBuilder()
                    .parse(new ByteArrayInputStream(
                            page.substring("<!doctype html>\n".length()).getBytes(StandardCharsets.UTF_8)));
        } catch (IOException | SAXException | ParserConfigurationException e) {
            throw new AssertionError(e);
        }
    }

    private static int count(Document page, String element) {
        return page.getElementsByTagName(element).getLength();
    }

    private static List<String> attributes(Document page, String element, String attribute) {
        NodeList elements = page.getElementsByTagName(element);
        return IntStream.range(0, elements.getLength())
                .mapToObj(i -> elements.item(i).getAttributes().getNamedItem(attribute))
                .map(node -> node == null ? "" : node.getNodeValue())
                .toList();
    }

    @Test
    void runsOfOneNameAreTheFoldsOfOneModel() {
        TestSet first = test(Aspect.QUALITY, "prompt-disjoint fold 1 of 2");
        TestSet second = test(Aspect.QUALITY, "prompt-disjoint fold 2 of 2");
        Map<TestSet, List<Prediction>> both = new LinkedHashMap<>();
        both.put(first, noisy(0.3));
        both.put(second, noisy(0.9));

        Report apart =
                report(candidate("nano", Map.of(first, noisy(0.3))), candidate("nano", Map.of(second, noisy(0.9))));

        assertThat(apart.sections()).isEqualTo(report(candidate("nano", both)).sections());
        assertThatThrownBy(() -> report(candidate("nano", 0.3), candidate("nano", 0.9)))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("two models have the same name, nano");
    }

    @Test
    void aModelIsComparedWithTheFirstAndTheBetterIsBold() {
        Report report = report(candidate("good", 0.3), candidate("bad", 0.9));

        Section section = report.sections().getFirst();
        assertThat(section.results())
                .extracting(result -> result.comparison() == null)
                .containsExactly(true, false);
        String text = report.text();
        assertThat(text)
                .contains("quality · drawn · authors", "Difference from good, on the same images:")
                .contains("Leakage: 2 of 20 test prompts also occur in training, one pair")
                .contains("200 draws of whole prompts, seed 1");
        assertThat(text.lines().mapToInt(String::length).max().orElseThrow()).isLessThanOrEqualTo(100);
        List<String> rows = report.markdown()
                .lines()
                .filter(line -> line.startsWith("| good |") || line.startsWith("| bad |"))
                .toList();
        assertThat(rows).hasSize(3);
        assertThat(rows.get(0)).contains("| good | 80 | **0.");
        assertThat(rows.get(1)).contains("| bad | 80 | 0.").doesNotContain("**");
        assertThat(rows.get(2)).contains("| bad | 80 | -0.");
    }

    @Test
    void aModelAloneIsNotTheBest() {
        Report report = report(candidate("alone", 0.3));

        assertThat(report.markdown()).contains("| alone | 80 | 0.").doesNotContain("**", "Difference");
    }

    @Test
    void foldsHaveAMeanAndAreCompared() {
        Map<TestSet, List<Prediction>> folds = new LinkedHashMap<>();
        Map<TestSet, List<Prediction>> worse = new LinkedHashMap<>();
        for (int fold = 0; fold < 3; fold++) {
            TestSet test = test(Aspect.QUALITY, "prompt-disjoint fold %d of 3".formatted(fold + 1));
            folds.put(test, noisy(0.3).subList(20 * fold, 20 * fold + 20));
            worse.put(test, noisy(0.8).subList(20 * fold, 20 * fold + 20));
        }

        Section section = report(candidate("good", folds), candidate("bad", worse))
                .sections()
                .getFirst();

        assertThat(section.protocol()).isEqualTo("prompt-disjoint, 3 folds");
        assertThat(section.results()).allSatisfy(result -> {
            assertThat(result.rows())
                    .extracting(Row::label)
                    .containsExactly("mean of 3", "pooled", "fold 1", "fold 2", "fold 3");
            assertThat(result.rows())
                    .extracting(row -> row.agreement().images())
                    .containsExactly(60, 60, 20, 20, 20);
            assertThat(result.leakage()).isEqualTo(new Leakage(6, 60, 3));
        });
        // the difference is that of the means, which head the table
        Comparison comparison = section.results().get(1).comparison();
        assertThat(comparison).isNotNull();
        Double good = section.results().get(0).agreement().figure(Measure.SRCC).value();
        Double bad = section.results().get(1).agreement().figure(Measure.SRCC).value();
        assertThat(good).isNotNull();
        assertThat(bad).isNotNull();
        assertThat(comparison.differences())
                .hasEntrySatisfying(
                        Measure.SRCC,
                        difference -> assertThat(difference.value()).isCloseTo(bad - good, within(1e-12)));
    }

    @Test
    void everyGeneratorThatWasLeftOutHasARow() {
        Map<TestSet, List<Prediction>> splits = new LinkedHashMap<>();
        for (String generator : GENERATORS) {
            splits.put(
                    test(Aspect.QUALITY, "without " + generator),
                    noisy(0.3).stream()
                            .filter(prediction -> generator.equals(prediction.generator()))
                            .toList());
        }

        Section section = report(candidate("model", splits)).sections().getFirst();

        assertThat(section.protocol()).isEqualTo("leave one generator out");
        assertThat(section.results().getFirst().rows())
                .extracting(Row::label)
                .containsExactly("mean of 2", "pooled", "without dalle", "without sd");
    }

    @Test
    void aspectsStandSideBySide() {
        Report report = report(candidate(
                "model",
                Map.of(test(Aspect.QUALITY, AUTHORS), noisy(0.3), test(Aspect.CORRESPONDENCE, AUTHORS), noisy(0.6))));

        assertThat(report.sections())
                .extracting(Section::aspect)
                .containsExactly(Aspect.QUALITY, Aspect.CORRESPONDENCE);
        assertThat(report.text()).contains("all aspects · drawn · authors");
        assertThat(report.markdown())
                .contains("| model | quality SRCC | quality PLCC | quality KRCC | corresp. SRCC |");
        assertThat(Report.of("0.2.0", report.candidates(), EnumSet.of(Aspect.CORRESPONDENCE), BOOTSTRAP)
                        .sections())
                .extracting(Section::aspect)
                .containsExactly(Aspect.CORRESPONDENCE);
    }

    @Test
    void saysWhatHasNoScoreAndWhyAFigureIsMissing() {
        TestSet test = test(Aspect.QUALITY, AUTHORS);
        List<Prediction> constant = noisy(0).stream()
                .map(one -> Drawn.prediction(one.image(), one.group(), one.generator(), 2.5, one.mos()))
                .toList();
        Candidate broken = new Candidate("broken", true, Map.of(), Map.of(test, constant), Map.of(test, 7), Map.of());
        Candidate empty = new Candidate("empty", true, Map.of(), Map.of(), Map.of(test, 80), Map.of());

        Report report = report(candidate("good", 0.3), broken, empty);

        assertThat(report.unscored()).isEqualTo(87);
        for (String text : List.of(
                report.text().replaceAll("\\n  ", " "),
                report.markdown(),
                html(report, Map.of()).getDocumentElement().getTextContent())) {
            assertThat(text)
                    .contains("broken has no score of 7 images")
                    .contains("empty has no score of 80 images")
                    .contains("broken has no SRCC, PLCC, PLCC fit, KRCC: all computed scores are the same")
                    .contains("no check of training and test images came with these scores")
                    .doesNotContain("NaN");
        }
        JsonNode srcc = json(report).at("/sections/0/results/1/rows/0/measures/srcc");
        assertThat(srcc.path("value").isNull()).isTrue();
        assertThat(srcc.path("reason").asText()).isEqualTo("all computed scores are the same");
    }

    @Test
    void aReportOfNothingButFailuresIsStillOne() {
        Candidate empty =
                new Candidate("empty", true, Map.of(), Map.of(), Map.of(test(Aspect.QUALITY, AUTHORS), 80), Map.of());

        Report report = report(empty);

        assertThat(report.text()).contains("empty has no score of 80 images").doesNotContain("SRCC");
        assertThat(count(html(report, Map.of()), "svg")).isZero();
    }

    private static JsonNode json(Report report) {
        try {
            return new ObjectMapper().readTree(report.json());
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void jsonHasEveryFigure() {
        Report report = report(candidate("good", 0.3), candidate("bad", 0.9));

        JsonNode json = json(report);

        assertThat(json.at("/bootstrap/draws").asInt()).isEqualTo(200);
        assertThat(json.at("/models/0/facts/model").asText()).isEqualTo("nano@1");
        JsonNode section = json.at("/sections/0");
        assertThat(section.path("aspect").asText()).isEqualTo("quality");
        JsonNode good = section.at("/results/0");
        assertThat(good.at("/leakage/sharedPrompts").asInt()).isEqualTo(2);
        assertThat(good.at("/rows/0/images").asInt()).isEqualTo(80);
        assertThat(good.at("/rows/0/prompts").asInt()).isEqualTo(40);
        JsonNode measures = good.at("/rows/0/measures");
        assertThat(measures.size()).isEqualTo(Measure.values().length);
        Estimate srcc =
                report.sections().getFirst().results().getFirst().agreement().figure(Measure.SRCC);
        assertThat(measures.at("/srcc/value").asDouble()).isEqualTo(srcc.value());
        Interval interval = srcc.interval();
        assertThat(interval).isNotNull();
        assertThat(measures.at("/srcc/interval/0").asDouble()).isEqualTo(interval.low());
        assertThat(measures.at("/coverage/value").isNull()).isTrue();
        assertThat(good.at("/rows/0/generators/sd/images").asInt()).isEqualTo(40);
        assertThat(good.at("/logistic/b2").isNumber()).isTrue();
        assertThat(good.has("differenceFromFirst")).isFalse();
        JsonNode difference = section.at("/results/1/differenceFromFirst/differences/srcc");
        assertThat(difference.path("value").asDouble()).isNegative();
        assertThat(difference.path("p").asDouble()).isBetween(0.001, 0.05);
    }

    @Test
    void thePageAsksNothingOfTheNetworkAndHasNoScript() {
        Document page = html(report(candidate("good", 0.3), candidate("bad", 0.9)), Map.of());

        for (String asking : List.of("script", "link", "iframe", "object", "base", "image", "use")) {
            assertThat(count(page, asking)).as(asking).isZero();
        }
        assertThat(attributes(page, "a", "href")).isNotEmpty().allMatch(href -> href.startsWith("#section-"));
        assertThat(page.getElementsByTagName("style").item(0).getTextContent())
                .contains("prefers-color-scheme: dark")
                .doesNotContain("url(", "@import", "http");
    }

    @Test
    void thePageHasChartsThatSayWhatTheyShow() {
        Document page = html(report(candidate("good", 0.3), candidate("bad", 0.9)), Map.of());

        // the models side by side; and for each its scatter plot, errors and generators
        assertThat(attributes(page, "svg", "aria-label"))
                .hasSize(1 + 2 * 3)
                .allMatch(label -> !label.isBlank())
                .contains(
                        "Scatter plot of 80 images: computed against human quality scores, with the fitted logistic curve");
        assertThat(attributes(page, "circle", "r")).filteredOn("2.6"::equals).hasSize(2 * 80);
        assertThat(attributes(page, "th", "scope")).isNotEmpty().allMatch(scope -> scope.matches("row|col"));
        assertThat(page.getDocumentElement().getAttribute("lang")).isEqualTo("en");
        assertThat(page.getDocumentElement().getTextContent())
                .contains("Leakage 2 of 20 test prompts")
                .contains("dalle_000.png: computed");
    }

    @Test
    void promptsAndNamesAreNeverMarkup() {
        String hostile = "</title><img src=x onerror=alert(1)> & \"'";
        List<Prediction> predictions = noisy(0.3).stream()
                .map(one -> new Prediction(
                        one.image() + hostile, hostile, one.group(), hostile, one.predicted(), one.mos(), null))
                .toList();
        Report report = report(new Candidate(
                hostile,
                true,
                Map.of(hostile, hostile),
                Map.of(new TestSet(hostile, Aspect.QUALITY, hostile), predictions),
                Map.of(),
                Map.of()));

        Document page = html(report, Map.of());

        assertThat(count(page, "img")).isZero();
        assertThat(page.getElementsByTagName("h2").item(0).getTextContent()).isEqualTo(hostile);
        assertThat(report.html(Map.of())).doesNotContain("<img", "onerror=alert(1)>");
    }

    @Test
    void theFurthestAndClosestImagesAreInThePage() throws IOException {
        Path images = Files.createDirectories(folder.resolve("images"));
        StringBuilder csv = new StringBuilder("name,prompt,mos_quality\n");
        List<Prediction> predictions = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            String name = "image%02d.png".formatted(i);
            csv.append("%s,prompt %d,2.5%n".formatted(name, i));
            predictions.add(
                    new Prediction(name, "prompt " + i, "prompt " + i, null, 2.5 + i / 20.0, 2.5 - i / 100.0, null));
            if (i != 29) {
                Files.write(images.resolve(name), DrawnImages.encode(DrawnImages.landscape(640, 400, i), "png"));
            }
        }
        Files.writeString(images.resolve("image28.png"), "no image");
        Files.writeString(folder.resolve("data.csv"), csv);
        Report report = report(candidate("model", Map.of(test(Aspect.QUALITY, AUTHORS), predictions)));

        Document page = html(report, Map.of("drawn", DatasetReader.read(folder)));

        // image29 is not there and image28 is broken; both are among the twelve furthest
        assertThat(attributes(page, "img", "src"))
                .hasSize(12 + 12 - 2)
                .allMatch(source -> source.startsWith("data:image/jpeg;base64,"))
                .allMatch(source -> source.length() < 20_000);
        assertThat(attributes(page, "img", "alt"))
                .contains("prompt 0", "prompt 18")
                .doesNotContain("prompt 14");
        assertThat(page.getDocumentElement().getTextContent())
                .contains("no picture: image28.png", "has no image image29.png");
    }

    @Test
    void refusesModelsThatCannotBeToldApartAndNoModels() {
        Candidate model = candidate("model", 0.3);

        assertThatThrownBy(() -> report(model, model))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("NAME=FOLDER");
        assertThatThrownBy(() -> Report.of("0.2.0", List.of(model), EnumSet.of(Aspect.AUTHENTICITY), BOOTSTRAP))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("no model has a score of authenticity");
    }

    /** The scales of others have no errors before a fit. */
    @Test
    void scoresOfAnotherScaleAreComparedByRanksAndAfterTheFit() {
        Candidate clip = new Candidate(
                "clip",
                false,
                Map.of(),
                Map.of(
                        test(Aspect.QUALITY, AUTHORS),
                        noisy(0.5).stream()
                                .map(one -> Drawn.prediction(
                                        one.image(), one.group(), one.generator(), 20 + 7 * one.predicted(), one.mos()))
                                .toList()),
                Map.of(),
                Map.of());

        Report report = report(candidate("good", 0.3), clip);

        assertThat(report.text().replaceAll("\\n  ", " "))
                .contains("clip has no RMSE, MAE, words: the scores are on a scale of their own")
                .contains("RMSE after the logistic fit");
        Comparison comparison = report.sections().getFirst().results().get(1).comparison();
        assertThat(comparison).isNotNull();
        assertThat(comparison.differences())
                .containsKeys(Measure.SRCC, Measure.RMSE_FITTED)
                .doesNotContainKeys(Measure.RMSE, Measure.RATING_ACCURACY);
        assertThat(report.html(Map.of())).contains("Errors after the logistic fit");
    }
}
