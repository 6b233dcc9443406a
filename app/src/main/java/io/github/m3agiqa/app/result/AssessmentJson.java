package io.github.m3agiqa.app.result;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.AspectResult;
import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.Failure;
import io.github.m3agiqa.Score;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The JSON of an assessment, as the contract has it. */
public final class AssessmentJson {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final ObjectWriter PRETTY = JSON.writerWithDefaultPrettyPrinter();

    private AssessmentJson() {}

    /** One object for one assessment, an array for several, indented. */
    public static String pretty(List<Assessment> assessments) {
        List<ObjectNode> nodes = assessments.stream().map(AssessmentJson::node).toList();
        return write(PRETTY, nodes.size() == 1 ? nodes.getFirst() : nodes);
    }

    /** One object on one line, without the line's end. */
    public static String line(Assessment assessment) {
        return write(JSON.writer(), node(assessment));
    }

    /** One object on one line for one aspect: its name, and what an assessment has of it. */
    public static String aspect(Aspect aspect, AspectResult result) {
        ObjectNode node = JSON.createObjectNode().put("aspect", aspect.id());
        node.setAll(node(result));
        return write(JSON.writer(), node);
    }

    private static String write(ObjectWriter writer, Object value) {
        try {
            return writer.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree of nodes can always be written", e);
        }
    }

    private static ObjectNode node(Assessment assessment) {
        ObjectNode node = JSON.createObjectNode();
        node.put("image", assessment.image());
        node.put("prompt", assessment.prompt());
        node.put("model", assessment.model());
        ObjectNode aspects = node.putObject("aspects");
        assessment.aspects().forEach((aspect, result) -> aspects.set(aspect.id(), node(result)));
        node.set("error", node(assessment.failure()));
        node.put("elapsedMillis", assessment.elapsed().toMillis());
        return node;
    }

    private static ObjectNode node(AspectResult result) {
        ObjectNode node = JSON.createObjectNode();
        switch (result) {
            case Score score -> {
                // the model computes in float32: more digits would be noise
                node.put("score", (float) score.value());
                node.putArray("scale")
                        .add(score.scale().min())
                        .add(score.scale().max());
                node.put("rating", score.rating().word());
                if (score.interval() != null) {
                    node.putArray("interval")
                            .add((float) score.interval().low())
                            .add((float) score.interval().high());
                }
                if (score.description() != null) {
                    node.put("description", score.description());
                }
            }
            case Failure failure -> {
                node.putNull("score");
                node.set("error", error(failure));
            }
        }
        return node;
    }

    private static @Nullable ObjectNode node(@Nullable Failure failure) {
        return failure == null ? null : error(failure);
    }

    private static ObjectNode error(Failure failure) {
        return JSON.createObjectNode().put("code", failure.code().name()).put("message", failure.message());
    }
}
