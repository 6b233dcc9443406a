package io.github.m3agiqa.spark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.spark.sql.SparkSession;

/** Spark in the test's own JVM. */
final class LocalSpark {
    private LocalSpark() {}

    /**
     * Two cores, and as few partitions.
     *
     * @param folder for what Spark keeps
     */
    static SparkSession start(Path folder) {
        return SparkSession.builder()
                .master("local[2]")
                .config("spark.ui.enabled", false)
                .config("spark.sql.shuffle.partitions", 2)
                .config("spark.sql.warehouse.dir", folder.resolve("warehouse").toString())
                .getOrCreate();
    }

    /**
     * Two executors of their own, with a core each.
     *
     * @param folder for what Spark keeps
     */
    static SparkSession.Builder cluster(Path folder) throws IOException {
        // where workers look for Spark's jars; the class path of the test has them all
        Files.createDirectories(Path.of(System.getenv("SPARK_HOME"), "jars"));
        return SparkSession.builder()
                .master("local-cluster[2,1,1024]")
                .config("spark.ui.enabled", false)
                .config("spark.executor.extraClassPath", System.getProperty("java.class.path"))
                .config("spark.executorEnv.JAVA_HOME", System.getProperty("java.home"))
                .config("spark.sql.shuffle.partitions", 2)
                .config("spark.sql.warehouse.dir", folder.resolve("warehouse").toString());
    }
}
