package io.github.m3agiqa.app;

import io.github.m3agiqa.M3AgiqaException;
import java.io.PrintWriter;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command {@code m3agiqa}. */
@Command(
        name = "m3agiqa",
        description = "Scores AI-generated images the way people would: quality, correspondence to the prompt, and"
                + " authenticity, each with a number, a word and a description.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        subcommands = {
            ScoreCommand.class,
            ServeCommand.class,
            PretrainCommand.class,
            DistillCommand.class,
            FinetuneCommand.class,
            DescribeCommand.class,
            CacheCommand.class,
            TrainCommand.class,
            EvaluateCommand.class,
            ModelsCommand.class,
            DoctorCommand.class
        },
        footer = {
            "",
            "Exit codes: 0 all done, 1 some rows failed, 2 usage, 3 an input cannot be read, 4 a model is missing,"
                    + " damaged or does not fit, 5 a teacher or a download failed for good, 70 a bug."
        })
public final class Main implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(Main.class);

    @Spec
    private CommandSpec spec;

    private Main() {}

    public static void main(String[] arguments) {
        System.exit(run(arguments));
    }

    /** Runs the command and returns its exit code. */
    static int run(String... arguments) {
        return commandLine().execute(arguments);
    }

    static CommandLine commandLine() {
        return new CommandLine(new Main())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setParameterExceptionHandler((e, _) -> reportUsage(e))
                .setExecutionExceptionHandler((e, command, _) -> report(e, command.getErr()));
    }

    private static int reportUsage(ParameterException e) {
        CommandLine command = e.getCommandLine();
        command.getErr()
                .printf(
                        "m3agiqa: %s%nSee '%s --help'.%n",
                        e.getMessage(), command.getCommandSpec().qualifiedName());
        command.getErr().flush();
        return ExitCode.USAGE;
    }

    private static int report(Exception e, PrintWriter err) {
        if (e instanceof M3AgiqaException known) {
            err.println("m3agiqa: " + known.getMessage());
            return ExitCode.of(known.code());
        }
        LOG.error("unexpected error", e);
        err.println("m3agiqa: this is a bug: " + e);
        return ExitCode.BUG;
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "say what to do");
    }
}
