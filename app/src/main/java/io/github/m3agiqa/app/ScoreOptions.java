package io.github.m3agiqa.app;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.scoring.ScoringOptions;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** The options that say which model scores, and how. */
final class ScoreOptions extends ModelOptions {
    @Option(
            names = "--aspects",
            split = ",",
            paramLabel = "ASPECT",
            converter = AspectConverter.class,
            description = "quality, correspondence, authenticity; all that the model has by default.")
    private List<Aspect> aspects = List.of();

    @Option(names = "--no-describe", description = "Do not describe the image first: faster, and another score.")
    private boolean noDescribe;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "Taken for scripts that give every command one; nothing is drawn, so it changes nothing.")
    void seed(@SuppressWarnings("unused") long seed) {
        // descriptions come from beams, never from chance
    }

    /** How the model is used. It has at least one of the aspects. */
    ScoringOptions scoring(ModelFolder folder) {
        aspectsOf(folder);
        return scoring(folder, Set.copyOf(aspects), !noDescribe);
    }

    /** The aspects that an answer of this model has. */
    Set<Aspect> aspectsOf(ModelFolder folder) {
        try {
            return folder.manifest().answered(aspects);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage(), e);
        }
    }

    @Override
    Map<String, String> settings(ModelFolder folder) {
        Map<String, String> settings = super.settings(folder);
        settings.put(
                "aspects", aspectsOf(folder).stream().sorted().map(Aspect::id).collect(Collectors.joining(",")));
        settings.put("describe", String.valueOf(!noDescribe));
        return settings;
    }
}
