package io.github.m3agiqa.spark;

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
}
