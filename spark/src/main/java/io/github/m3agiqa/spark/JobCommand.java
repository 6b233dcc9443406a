package io.github.m3agiqa.spark;

import io.github.m3agiqa.M3AgiqaException;
import org.apache.spark.SparkThrowable;
import picocli.CommandLine;

/** A job from its command line, with errors that say what to do where that is known. */
final class JobCommand {
    private JobCommand() {}

    static void run(Object job, String[] arguments) {
        int exitCode = line(job).execute(arguments);
        if (exitCode != 0) {
            System.exit(exitCode);
        }
    }

    static CommandLine line(Object job) {
        return new CommandLine(job)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler((e, command, _) -> {
                    if (!isTheUsers(e)) {
                        throw e;
                    }
                    // Spark puts the trace of a task into the message of its failure
                    String message =
                            String.valueOf(e.getMessage()).lines().findFirst().orElse("");
                    command.getErr().printf("%s: %s%n", command.getCommandName(), message);
                    return 1;
                });
    }

    private static boolean isTheUsers(Exception e) {
        return e instanceof M3AgiqaException || e instanceof SparkThrowable || e instanceof IllegalArgumentException;
    }
}
