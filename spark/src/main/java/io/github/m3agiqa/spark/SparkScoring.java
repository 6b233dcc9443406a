package io.github.m3agiqa.spark;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.ModelException;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.scoring.ScoringOptions;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Precision;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.apache.spark.SparkEnv;
import org.apache.spark.SparkFiles;

/**
 * What executors need to know to score.
 *
 * @param model a folder on every executor, or the name under which {@code --archives} unpacks one there
 * @param aspects the aspects to score; empty for all that the model has
 * @param precision how to compute
 * @param describe whether images are described before they are rated
 * @param device on what to compute; a task on {@code CUDA} takes the graphics card that Spark gave to it as the resource
 *     {@code gpu}, or the first if it gave none
 */
public record SparkScoring(
        String model, List<Aspect> aspects, Precision precision, boolean describe, Device.Kind device)
        implements Serializable {
    private static final long serialVersionUID = 1;

    public SparkScoring {
        aspects = aspects.stream().distinct().toList();
        // executors have other working directories
        model = Files.isDirectory(Path.of(model))
                ? Path.of(model).toAbsolutePath().toString()
                : model;
    }

    /** All aspects of a model with descriptions, in bfloat16 on the processor. */
    public static SparkScoring of(String model) {
        return new SparkScoring(model, List.of(), Precision.BF16, true, Device.Kind.CPU);
    }

    public SparkScoring withAspects(List<Aspect> other) {
        return new SparkScoring(model, other, precision, describe, device);
    }

    public SparkScoring withPrecision(Precision other) {
        return new SparkScoring(model, aspects, other, describe, device);
    }

    public SparkScoring withDescribe(boolean other) {
        return new SparkScoring(model, aspects, precision, other, device);
    }

    public SparkScoring withDevice(Device.Kind other) {
        return new SparkScoring(model, aspects, precision, describe, other);
    }

    /** The model on this machine. */
    ModelFolder folder() {
        if (!Files.isDirectory(path())) {
            throw new ModelException(
                    "%s is no folder on %s: give a path that every executor has, or the name of an archive that --archives ships"
                            .formatted(
                                    model,
                                    SparkEnv.get()
                                            .blockManager()
                                            .blockManagerId()
                                            .host()));
        }
        return ModelFolder.open(path());
    }

    /** Where the model is on this machine, if it is there. */
    Path path() {
        Path local = Path.of(model);
        return Files.isDirectory(local) ? local : Path.of(SparkFiles.get(model));
    }

    ScoringOptions options() {
        return ScoringOptions.DEFAULT
                .withAspects(Set.copyOf(aspects))
                .withPrecision(precision)
                .withDescribe(describe);
    }
}
