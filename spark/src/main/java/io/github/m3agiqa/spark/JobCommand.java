package io.github.m3agiqa.spark;

import io.github.m3agiqa.M3AgiqaException;
import org.apache.spark.SparkException;
import org.apache.spark.sql.AnalysisException;
import picocli.CommandLine;

/** A job from its command line, with errors that say what to do where that is known. */
final class JobCommand {
    private JobCommand() {}

    static void run(Object job, String[] arguments) {
        CommandLine line = new CommandLine(job).setExecutionExceptionHandler((e, command, _) -> {
            if (!isTheUsers(e)) {
                throw e;
            }
            // Spark puts the trace of a task into the message of its failure
            String message = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
            command.getErr().printf("%s: %s%n", command.getCommandName(), message);
            return 1;
        });
        int exitCode = line.execute(arguments);
        if (exitCode != 0) {
            System.exit(exitCode);
        }
    }

    private static boolean isTheUsers(Exception e) {
        return e instanceof M3AgiqaException
                || e instanceof AnalysisException
                || e instanceof SparkException
                || e instanceof IllegalArgumentException;
    }
}
