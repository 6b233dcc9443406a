package io.github.m3agiqa.app;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.M3AgiqaException;
import io.github.m3agiqa.hub.Checksums;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelPack;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code m3agiqa models}: the models at hand, and what their makers say of them. */
@Command(
        name = "models",
        description = "Lists the models at hand, pulls published ones, checks them, prints a model's card, packs a"
                + " model into one folder, or makes its intervals anew.",
        mixinStandardHelpOptions = true,
        subcommands = {
            ModelsCommand.ListCommand.class,
            ModelsPullCommand.class,
            ModelsCommand.VerifyCommand.class,
            ModelsCommand.CardCommand.class,
            ModelsCommand.PackCommand.class,
            ModelsCalibrateCommand.class
        },
        footer = {
            "",
            "Examples:",
            "  m3agiqa models list",
            "  m3agiqa models pull aigciqa2023",
            "  m3agiqa models card NAME"
        })
final class ModelsCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "say list, pull, verify, card, pack or calibrate");
    }

    /** {@code m3agiqa models list}: a line a model. */
    @Command(
            name = "list",
            description = "Prints a line for each model at hand: its name and version, the aspects that it scores, its"
                    + " licence, its size on disk and its folder.",
            mixinStandardHelpOptions = true,
            footer = {"", "Example:", "  m3agiqa models list"})
    static final class ListCommand implements Callable<Integer> {
        private static final double MIB = 1 << 20;

        @Spec
        private CommandSpec spec;

        @Override
        public Integer call() {
            PrintWriter err = spec.commandLine().getErr();
            List<Path> models = Installation.catalog().models();
            if (models.isEmpty()) {
                err.printf(
                        "no models in %s: a model in any other folder is named by --model FOLDER%n",
                        Installation.catalog().folders());
            }
            List<List<String>> rows = new ArrayList<>();
            for (Path model : models) {
                try {
                    ModelFolder folder = ModelFolder.open(model);
                    folder.checkParts();
                    rows.add(row(folder));
                } catch (M3AgiqaException e) {
                    err.printf("m3agiqa: %s; get the model again, or delete its folder%n", e.getMessage());
                }
            }
            err.flush();
            print(rows);
            return rows.size() == models.size() ? ExitCode.DONE : ExitCode.MODEL;
        }

        private static List<String> row(ModelFolder model) {
            String aspects =
                    model.manifest().scoredAspects().stream().map(Aspect::id).collect(Collectors.joining(","));
            return List.of(
                    model.manifest().id(),
                    aspects.isEmpty() ? "no aspect" : aspects,
                    model.manifest().license(),
                    String.format(Locale.ROOT, "%.1f MiB", model.bytes() / MIB),
                    model.path().toString());
        }

        /** Prints columns that are as wide as their widest cell. */
        private void print(List<List<String>> rows) {
            PrintWriter out = spec.commandLine().getOut();
            for (List<String> row : rows) {
                StringBuilder line = new StringBuilder();
                for (int i = 0; i < row.size() - 1; i++) {
                    int column = i;
                    int width = rows.stream()
                            .mapToInt(other -> other.get(column).length())
                            .max()
                            .orElse(0);
                    line.append(row.get(i))
                            .repeat(' ', width - row.get(i).length())
                            .append("  ");
                }
                out.println(line.append(row.getLast()));
            }
            out.flush();
        }
    }

    /** {@code m3agiqa models verify}: every file that has a checksum is read through. */
    @Command(
            name = "verify",
            description =
                    "Reads every file of a model that its manifest has a checksum of, and says whether it is whole.",
            mixinStandardHelpOptions = true,
            footer = {"", "Example:", "  m3agiqa models verify NAME"})
    static final class VerifyCommand implements Callable<Integer> {
        @Spec
        private CommandSpec spec;

        @Parameters(paramLabel = "NAME|FOLDER", description = "The model.")
        private String model;

        @Override
        public Integer call() {
            ModelFolder folder = Installation.catalog().find(model);
            Checksums.checkAll(folder);
            int files = folder.manifest().sha256().size();
            spec.commandLine()
                    .getOut()
                    .println(
                            files == 0
                                    ? "%s has no checksums"
                                            .formatted(folder.manifest().id())
                                    : folder.manifest().id() + ": " + files + " files are whole");
            spec.commandLine().getOut().flush();
            return ExitCode.DONE;
        }
    }

    /** {@code m3agiqa models card}: the card and nothing else. */
    @Command(
            name = "card",
            description = "Prints a model's card: what it is, what it was made from, how good it is and what it is not"
                    + " for. It is the file " + ModelFolder.CARD + " in the model's folder.",
            mixinStandardHelpOptions = true,
            footer = {"", "Example:", "  m3agiqa models card NAME"})
    static final class CardCommand implements Callable<Integer> {
        @Spec
        private CommandSpec spec;

        @Parameters(paramLabel = "NAME|FOLDER", description = "The model.")
        private String model;

        @Override
        public Integer call() {
            String card = Installation.catalog().find(model).card();
            PrintWriter out = spec.commandLine().getOut();
            out.print(card);
            out.flush();
            return ExitCode.DONE;
        }
    }

    /** {@code m3agiqa models pack}: what training left in several folders, in one. */
    @Command(
            name = "pack",
            description = "Copies a model with all its parts, wherever training left them, into one folder that can be"
                    + " moved, with the checksums of its files.",
            mixinStandardHelpOptions = true,
            footer = {"", "Example:", "  m3agiqa models pack runs/nano/train/model models/nano"})
    static final class PackCommand implements Callable<Integer> {
        @Spec
        private CommandSpec spec;

        @Parameters(index = "0", paramLabel = "NAME|FOLDER", description = "The model.")
        private String model;

        @Parameters(index = "1", paramLabel = "TARGET", description = "A folder that is new or empty.")
        private Path target;

        @Option(
                names = "--model-version",
                paramLabel = "N",
                description = "The packed model's version, 1 or more (default: that of the model).")
        private @Nullable Integer version;

        @Override
        public Integer call() {
            if (version != null && version < 1) {
                throw new ParameterException(spec.commandLine(), "--model-version must be at least 1");
            }
            ModelFolder source = Installation.catalog().find(model);
            ModelFolder packed = ModelPack.pack(
                    source, target, version == null ? source.manifest().version() : version);
            spec.commandLine().getOut().println(packed.path());
            spec.commandLine().getOut().flush();
            return ExitCode.DONE;
        }
    }
}
