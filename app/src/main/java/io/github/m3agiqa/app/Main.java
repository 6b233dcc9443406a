package io.github.m3agiqa.app;

import io.github.m3agiqa.M3AgiqaException;
import io.github.m3agiqa.tensor.Engine;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
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
        footer = {
            "",
            "Exit codes: 0 all done, 1 some rows failed, 2 usage, 3 an input cannot be read, 4 a model is missing,"
                    + " damaged or does not fit, 5 a teacher or a download failed for good, 70 a bug."
        })
public final class Main implements Runnable {
    private static final Set<String> VERSION = Set.of("--version", "-V");

    private static final Set<String> HELP = Set.of("--help", "-h");

    /** What always needs the engine. */
    private static final Set<String> COMPUTING = Set.of("score", "serve", "describe");

    private static final String OUTPUT_LOST =
            "m3agiqa: standard output cannot be written to; what was printed is not whole";

    @Spec
    private CommandSpec spec;

    private Main() {}

    public static void main(String[] arguments) {
        // to put a command line together takes longer than all the rest
        if (arguments.length == 1 && VERSION.contains(arguments[0])) {
            System.out.println(Version.line());
            if (System.out.checkError()) {
                System.err.println(OUTPUT_LOST);
                System.exit(ExitCode.INPUT);
            }
            return;
        }
        boolean helps = Arrays.stream(arguments).anyMatch(HELP::contains);
        if (!helps && arguments.length > 0 && COMPUTING.contains(arguments[0])) {
            Thread.ofPlatform().daemon().name("engine").start(Main::loadEngine);
        }
        System.exit(run(arguments));
    }

    /** While the command line is put together. */
    private static void loadEngine() {
        try {
            Engine.load();
        } catch (LinkageError _) {
            // whoever needs it is told again
        }
    }

    /** Runs the command and returns its exit code. */
    static int run(String... arguments) {
        CommandLine line = commandLine(arguments);
        int exitCode = line.execute(arguments);
        if (isLost(line.getOut())) {
            line.getErr().println(OUTPUT_LOST);
            return Math.max(exitCode, ExitCode.INPUT);
        }
        return exitCode;
    }

    /** Whether what was printed there did not arrive, as the disk is full or nobody reads on. */
    static boolean isLost(PrintWriter out) {
        return out.checkError() || System.out.checkError();
    }

    /** What it can do, in the order of its help. */
    private static Map<String, Supplier<Object>> commands() {
        Map<String, Supplier<Object>> commands = new LinkedHashMap<>();
        commands.put("score", ScoreCommand::new);
        commands.put("serve", ServeCommand::new);
        commands.put("pretrain", PretrainCommand::new);
        commands.put("distill", DistillCommand::new);
        commands.put("finetune", FinetuneCommand::new);
        commands.put("describe", DescribeCommand::new);
        commands.put("cache", CacheCommand::new);
        commands.put("train", TrainCommand::new);
        commands.put("evaluate", EvaluateCommand::new);
        commands.put("models", ModelsCommand::new);
        commands.put("doctor", DoctorCommand::new);
        return commands;
    }

    /** The command with the subcommand that is asked for, and with all if none is: to look into each costs time. */
    static CommandLine commandLine(String... arguments) {
        CommandLine line = new CommandLine(new Main());
        String first = arguments.length == 0 ? "" : arguments[0];
        Map<String, Supplier<Object>> commands = commands();
        boolean all = !commands.containsKey(first);
        commands.forEach((name, command) -> {
            if (all || first.equals(name)) {
                line.addSubcommand(name, command.get());
            }
        });
        // prompts may begin with an @
        return line.setExpandAtFiles(false)
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
        LoggerFactory.getLogger(Main.class).error("unexpected error", e);
        err.println("m3agiqa: this is a bug: " + e);
        return ExitCode.BUG;
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "say what to do");
    }
}
