package io.github.m3agiqa.spark;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.tensor.Device;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;
import picocli.CommandLine.Command;

/** What a job says of what is wrong with its input. */
class JobCommandTest extends SparkTest {
    @Command(name = "a-job")
    private record Job(Callable<Object> work) implements Callable<Integer> {
        @Override
        public Integer call() throws Exception {
            work.call();
            return 0;
        }
    }

    private static String told(Callable<Object> work) {
        StringWriter told = new StringWriter();
        int exitCode = JobCommand.line(new Job(work))
                .setErr(new PrintWriter(told, true))
                .execute();
        assertThat(exitCode).isEqualTo(1);
        return told.toString();
    }

    @Test
    void saysInALineThatAnInputOrItsFormatIsUnknown() {
        String none = folder.resolve("none.csv").toString();

        assertThat(told(() -> spark.read().csv(none)))
                .startsWith("a-job: ")
                .contains("none.csv")
                .hasLineCount(1);
        assertThat(told(() -> spark.read().format("xlsx").load(none)))
                .startsWith("a-job: ")
                .contains("Failed to find the data source: xlsx")
                .hasLineCount(1);
    }

    @Test
    void takesTheDeviceAsTheCommandDoes() {
        var parsed = JobCommand.line(new ScoreJob()).parseArgs("--input=a", "--output=b", "--model=c", "--device=cuda");

        assertThat(parsed.<Device.Kind>matchedOptionValue("--device", Device.Kind.CPU))
                .isEqualTo(Device.Kind.CUDA);
    }

    @Test
    void showsTheTraceOfABug() {
        assertThat(told(() -> {
                    throw new IllegalStateException("a bug");
                }))
                .contains("\tat ");
    }
}
