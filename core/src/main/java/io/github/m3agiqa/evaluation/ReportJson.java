package io.github.m3agiqa.evaluation;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.Interval;
import io.github.m3agiqa.LogisticMap;
import io.github.m3agiqa.evaluation.Report.Result;
import io.github.m3agiqa.evaluation.Report.Row;
import io.github.m3agiqa.evaluation.Report.Section;
import org.jspecify.annotations.Nullable;

/** A report for programs. */
final class ReportJson {
    private static final ObjectMapper JSON = new ObjectMapper();

    private ReportJson() {}

    static String of(Report report) {
        ObjectNode root = JSON.createObjectNode();
        root.put("version", report.version());
        root.putObject("bootstrap")
                .put("draws", report.bootstrap().draws())
                .put("seed", report.bootstrap().seed())
                .put("level", Bootstrap.LEVEL);
        ArrayNode models = root.putArray("models");
        for (Candidate candidate : report.candidates()) {
            ObjectNode facts = models.addObject().put("name", candidate.name()).putObject("facts");
            candidate.facts().forEach(facts::put);
        }
        ArrayNode sections = root.putArray("sections");
        for (Section section : report.sections()) {
            ObjectNode node = sections.addObject();
            node.put("dataset", section.dataset());
            node.put("aspect", section.aspect().id());
            node.put("protocol", section.protocol());
            ArrayNode results = node.putArray("results");
            section.results().forEach(result -> results.add(node(result)));
            node.put("unscored", section.unscored());
            ArrayNode notes = node.putArray("notes");
            section.notes().forEach(notes::add);
        }
        try {
            return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(root);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree of nodes can always be written", e);
        }
    }

    private static ObjectNode node(Result result) {
        ObjectNode node = JSON.createObjectNode();
        node.put("model", result.candidate());
        Leakage leakage = result.leakage();
        if (leakage == null) {
            node.putNull("leakage");
        } else {
            node.putObject("leakage")
                    .put("sharedPrompts", leakage.sharedPrompts())
                    .put("testPrompts", leakage.testPrompts())
                    .put("duplicates", leakage.duplicates());
        }
        LogisticMap map = result.map();
        node.putObject("logistic")
                .put("b1", map.b1())
                .put("b2", map.b2())
                .put("b3", map.b3())
                .put("b4", map.b4())
                .put("b5", map.b5());
        ArrayNode rows = node.putArray("rows");
        for (Row row : result.rows()) {
            ObjectNode figures = rows.addObject();
            figures.put("label", row.label());
            figures.put("images", row.agreement().images());
            figures.put("prompts", row.agreement().groups());
            ObjectNode measures = figures.putObject("measures");
            row.agreement().figures().forEach((measure, figure) -> measures.set(measure.id(), node(figure)));
            ObjectNode generators = figures.putObject("generators");
            row.agreement()
                    .byGenerator()
                    .forEach((generator, of) -> generators
                            .putObject(generator)
                            .put("images", of.images())
                            .set("srcc", node(of.srcc())));
        }
        Comparison comparison = result.comparison();
        if (comparison != null) {
            ObjectNode differences = node.putObject("differenceFromFirst")
                    .put("images", comparison.images())
                    .putObject("differences");
            comparison.differences().forEach((measure, difference) -> {
                ObjectNode of = differences.putObject(measure.id()).put("value", difference.value());
                of.set("interval", node(difference.interval()));
                of.put("p", difference.p());
            });
        }
        return node;
    }

    private static ObjectNode node(Estimate figure) {
        ObjectNode node = JSON.createObjectNode().put("value", figure.value());
        if (figure.reason() != null) {
            node.put("reason", figure.reason());
        } else {
            node.set("interval", node(figure.interval()));
        }
        return node;
    }

    private static @Nullable ArrayNode node(@Nullable Interval interval) {
        return interval == null
                ? null
                : JSON.createArrayNode().add(interval.low()).add(interval.high());
    }
}
