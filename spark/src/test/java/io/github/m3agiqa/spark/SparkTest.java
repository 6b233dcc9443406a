package io.github.m3agiqa.spark;

import java.nio.file.Path;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A test with Spark in its own JVM, started anew for every method. */
abstract class SparkTest {
    @TempDir
    Path folder;

    SparkSession spark;

    @BeforeEach
    void start() {
        spark = LocalSpark.start(folder);
    }

    @AfterEach
    void stop() {
        spark.stop();
    }
}
