package io.github.m3agiqa.spark;

import io.github.m3agiqa.scoring.Scorer;
import io.github.m3agiqa.tensor.Engine;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.SparkEnv;

/**
 * The model of an executor: opened by its first task, shared by all, kept as long as the JVM lives. This is the one
 * static state of the project, as Spark gives tasks of a JVM nothing else to share.
 */
final class ExecutorScorer {
    private static final Map<SparkScoring, Scorer> SCORERS = new ConcurrentHashMap<>();

    private ExecutorScorer() {}

    static Scorer of(SparkScoring settings) {
        return SCORERS.computeIfAbsent(settings, ExecutorScorer::open);
    }

    private static Scorer open(SparkScoring settings) {
        // tasks run beside each other, so each operation gets the cores of one task
        Engine.setThreads(Integer.parseInt(SparkEnv.get().conf().get("spark.task.cpus", "1")));
        return Scorer.open(settings.folder(), settings.options());
    }
}
