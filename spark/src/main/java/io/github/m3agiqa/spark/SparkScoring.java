package io.github.m3agiqa.spark;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.scoring.ScoringOptions;
import io.github.m3agiqa.tensor.Precision;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.apache.spark.SparkFiles;

/**
 * What executors need to know to score.
 *
 * @param model a folder on every executor, or the name under which {@code --archives} unpacks one there
 * @param aspects the aspects to score; empty for all that the model has
 * @param precision how to compute
 * @param describe whether images are described before they are rated
 */
public record SparkScoring(String model, List<Aspect> aspects, Precision precision, boolean describe)
        implements Serializable {
    private static final long serialVersionUID = 1;

    public SparkScoring {
        aspects = List.copyOf(aspects);
    }

    /** All aspects of a model with descriptions, in bfloat16. */
    public static SparkScoring of(String model) {
        return new SparkScoring(model, List.of(), Precision.BF16, true);
    }

    public SparkScoring withAspects(List<Aspect> other) {
        return new SparkScoring(model, other, precision, describe);
    }

    public SparkScoring withPrecision(Precision other) {
        return new SparkScoring(model, aspects, other, describe);
    }

    public SparkScoring withDescribe(boolean other) {
        return new SparkScoring(model, aspects, precision, other);
    }

    /** The model on this machine. */
    ModelFolder folder() {
        Path local = Path.of(model);
        return ModelFolder.open(Files.isDirectory(local) ? local : Path.of(SparkFiles.get(model)));
    }

    ScoringOptions options() {
        return ScoringOptions.DEFAULT
                .withAspects(Set.copyOf(aspects))
                .withPrecision(precision)
                .withDescribe(describe);
    }
}
