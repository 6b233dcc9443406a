package io.github.m3agiqa.training;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonMappingException.Reference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.JsonProblem;
import io.github.m3agiqa.StrictJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Reads the YAML file that describes one training job. A key that is not known or is missing is an error. */
final class RecipeReader {
    private static final YAMLMapper YAML = StrictJson.strict(YAMLMapper.builder())
            .enable(MapperFeature.ACCEPT_CASE_INSENSITIVE_ENUMS)
            .build();

    private RecipeReader() {}

    /**
     * Reads a recipe.
     *
     * @throws InputException naming file, line and key of what is wrong
     */
    static <T> T read(Path file, Class<T> type) {
        try {
            return parse(file, type);
        } catch (IOException e) {
            throw new InputException("%s cannot be read: %s".formatted(file, e), e);
        }
    }

    private static <T> T parse(Path file, Class<T> type) throws IOException {
        try {
            return YAML.readValue(Files.readAllBytes(file), type);
        } catch (JsonMappingException e) {
            String path = JsonProblem.path(e);
            throw new InputException(
                    "%s: %s: %s".formatted(place(file, e), path.isEmpty() ? "the recipe" : path, cause(file, e)), e);
        } catch (JacksonException e) {
            throw new InputException("%s: %s".formatted(place(file, e), JsonProblem.of(e)), e);
        }
    }

    private static String cause(Path file, JsonMappingException e) throws IOException {
        String problem = JsonProblem.of(e);
        if (problem.equals(JsonProblem.MISSING)) {
            return problem + keysAt(file, e.getPath().subList(0, e.getPath().size() - 1));
        }
        return problem.endsWith("is missing") ? problem + keysAt(file, e.getPath()) : problem;
    }

    /** What a typing error may have made of a missing key. */
    private static String keysAt(Path file, List<Reference> path) throws IOException {
        JsonNode node = YAML.readTree(Files.readAllBytes(file));
        for (Reference step : path) {
            node = step.getFieldName() == null ? node.path(step.getIndex()) : node.path(step.getFieldName());
        }
        String keys = node.propertyStream().map(Map.Entry::getKey).collect(Collectors.joining(", "));
        return keys.isEmpty() ? "" : "; what is there is " + keys;
    }

    private static String place(Path file, JacksonException e) {
        JsonLocation location = e.getLocation();
        return location == null || location.getLineNr() < 1
                ? file.toString()
                : "%s, line %d".formatted(file, location.getLineNr());
    }
}
