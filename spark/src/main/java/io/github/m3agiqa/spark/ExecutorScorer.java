package io.github.m3agiqa.spark;

import io.github.m3agiqa.scoring.Scorer;
import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Engine;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.resource.ResourceInformation;
import org.jspecify.annotations.Nullable;

/**
 * The model of an executor: opened by its first task, shared by all, kept as long as the JVM lives. This is the one
 * static state of the project, as Spark gives tasks of a JVM nothing else to share.
 */
final class ExecutorScorer {
    private static final Map<Place, Scorer> SCORERS = new ConcurrentHashMap<>();

    private ExecutorScorer() {}

    /** The model for the running task: on the processor, or on the graphics card that Spark gave to it. */
    static Scorer ofTask(SparkScoring settings) {
        return SCORERS.computeIfAbsent(new Place(settings, device(settings.device())), Place::open);
    }

    private static Device device(Device.Kind kind) {
        if (kind == Device.Kind.CPU) {
            return Device.CPU;
        }
        TaskContext task = TaskContext.get();
        @Nullable
        ResourceInformation gpu = task == null ? null : task.resourcesJMap().get("gpu");
        return new Device(kind, gpu == null ? 0 : Integer.parseInt(gpu.addresses()[0]));
    }

    private record Place(SparkScoring settings, Device device) {
        Scorer open() {
            // tasks run beside each other, so each operation gets the cores of one task
            Engine.setThreads(Integer.parseInt(SparkEnv.get().conf().get("spark.task.cpus", "1")));
            return Scorer.open(settings.folder(), settings.options().withDevice(device));
        }
    }
}
