package io.github.m3agiqa.app;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.CompleteFile;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.DatasetReader;
import io.github.m3agiqa.evaluation.Bootstrap;
import io.github.m3agiqa.evaluation.Candidate;
import io.github.m3agiqa.evaluation.Report;
import io.github.m3agiqa.evaluation.ScoreFile;
import io.github.m3agiqa.evaluation.TestedRun;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code m3agiqa evaluate}: how well models agree with people, as tables, JSON and a page. */
@Command(
        name = "evaluate",
        description = "Says how well models agree with people: prints tables, and writes report.json and report.html."
                + " With several models each is compared with the first.",
        mixinStandardHelpOptions = true,
        footer = {
            "",
            "Examples:",
            "  m3agiqa evaluate runs/xlstm",
            "  m3agiqa evaluate xlstm=runs/1 lstm=runs/2 --output both --format markdown",
            "  m3agiqa evaluate runs/xlstm --scores clip=clip.csv --output both",
            "  m3agiqa evaluate nano=runs/fold-1 nano=runs/fold-2 --output folds",
            "  m3agiqa evaluate --scores scores.csv --dataset agiqa-3k --output report",
            "",
            "Runs of one name are the folds of one model: their figures are averaged.",
            "A file of scores has a row an image: image_path, image or name, and score, predicted or mos_pred; or it is"
                    + " the results file of 'score'. Its images are found in the dataset by their file names. Scores"
                    + " without an aspect are compared with every aspect asked for. Exit code 1 says that images"
                    + " have no score."
        })
final class EvaluateCommand implements Callable<Integer> {
    /** How the tables are printed. */
    enum Format {
        TABLE,
        MARKDOWN,
        JSON
    }

    /**
     * A path and the name that reports use for it.
     *
     * @param name as given, or the last part of the path
     */
    record Named(String name, Path path) {}

    @Spec
    private CommandSpec spec;

    @Parameters(
            paramLabel = "[NAME=]RUN",
            arity = "0..*",
            converter = NamedConverter.class,
            description = "Run folders of 'train'.")
    private List<Named> runs = List.of();

    @Option(
            names = "--scores",
            paramLabel = "[NAME=]FILE",
            converter = NamedConverter.class,
            description = "Any model's scores, as CSV; may be given several times.")
    private List<Named> scores = List.of();

    @Option(
            names = "--dataset",
            paramLabel = "FOLDER",
            description = "What --scores are about, or where a run's dataset is now (default: the run's dataset).")
    private @Nullable Path dataset;

    @Option(
            names = "--aspects",
            split = ",",
            paramLabel = "ASPECT",
            converter = ModelOptions.AspectConverter.class,
            description = "quality, correspondence, authenticity; all that there are scores of by default.")
    private List<Aspect> aspects = List.of();

    @Option(
            names = "--output",
            paramLabel = "FOLDER",
            description = "Where report.json and report.html go (default: the run folder, if there is nothing else).")
    private @Nullable Path output;

    @Option(names = "--format", description = "How the tables are printed: table (the default), markdown or json.")
    private Format format = Format.TABLE;

    @Option(
            names = "--draws",
            paramLabel = "N",
            description = "Draws of the bootstrap behind all intervals (default: ${DEFAULT-VALUE}).")
    private int draws = 1000;

    @Option(names = "--seed", paramLabel = "N", description = "Its seed (default: ${DEFAULT-VALUE}).")
    private long seed = 1;

    @Override
    public Integer call() {
        checkUsage();
        List<TestedRun> testedRuns = runs.stream()
                .map(run -> TestedRun.read(run.name, run.path, runs.size() + scores.size() == 1))
                .toList();
        Map<String, Dataset> datasets = new HashMap<>();
        testedRuns.forEach(run -> folder(run)
                .ifPresentOrElse(
                        folder -> datasets.computeIfAbsent(run.dataset(), name -> read(name, folder)),
                        () -> tell("%s is not there, so the report has no pictures: --dataset FOLDER says where it is"
                                .formatted(run.datasetFolder()))));
        List<Candidate> candidates = new ArrayList<>();
        testedRuns.forEach(run -> candidates.addAll(run.candidates()));
        if (!scores.isEmpty()) {
            Dataset scored = scoredDataset(testedRuns);
            datasets.putIfAbsent(scored.name(), scored);
            List<Candidate> ofRuns = List.copyOf(candidates);
            scores.forEach(
                    file -> candidates.add(ScoreFile.read(file.name, file.path, scored, aspectsOf(scored), ofRuns)));
        }
        Set<Aspect> reported = aspects.isEmpty() ? EnumSet.allOf(Aspect.class) : EnumSet.copyOf(aspects);
        Report report = Report.of(Version.number(), candidates, reported, new Bootstrap(draws, seed));
        print(report);
        write(report, datasets);
        return report.unscored() == 0 ? ExitCode.DONE : ExitCode.SOME_FAILED;
    }

    private void checkUsage() {
        if (runs.isEmpty() && scores.isEmpty()) {
            throw new ParameterException(spec.commandLine(), "give run folders, or files with --scores");
        }
        if (!scores.isEmpty() && dataset == null && runs.size() != 1) {
            throw new ParameterException(spec.commandLine(), "--scores needs --dataset, which has the human scores");
        }
        if (output == null && runs.size() + scores.size() > 1) {
            throw new ParameterException(spec.commandLine(), "a comparison needs --output, as it belongs to no run");
        }
        if (output == null && runs.isEmpty()) {
            throw new ParameterException(spec.commandLine(), "--scores needs --output, where the report goes");
        }
        if (draws < Bootstrap.FEWEST_DRAWS) {
            throw new ParameterException(
                    spec.commandLine(), "--draws must be at least %d".formatted(Bootstrap.FEWEST_DRAWS));
        }
    }

    /** Where the run's dataset is; the folder may have been moved since. */
    private Optional<Path> folder(TestedRun run) {
        return Files.isDirectory(run.datasetFolder()) ? Optional.of(run.datasetFolder()) : Optional.ofNullable(dataset);
    }

    /** The dataset that files of scores are about. It has the name that a run has for it, if it is a run's. */
    private Dataset scoredDataset(List<TestedRun> testedRuns) {
        Path folder = dataset != null ? dataset : testedRuns.getFirst().datasetFolder();
        return testedRuns.stream()
                .filter(run -> folder(run).filter(other -> same(folder, other)).isPresent())
                .findFirst()
                .map(run -> read(run.dataset(), folder))
                .orElseGet(() -> DatasetReader.read(folder));
    }

    private static boolean same(Path folder, Path other) {
        try {
            return Files.isSameFile(folder, other);
        } catch (IOException _) {
            // one of them is not there, which reading it will complain about
            return false;
        }
    }

    private static Dataset read(String name, Path folder) {
        Dataset dataset = DatasetReader.read(folder);
        return new Dataset(name, dataset.folder(), dataset.samples());
    }

    private Set<Aspect> aspectsOf(Dataset scored) {
        if (!aspects.isEmpty()) {
            return EnumSet.copyOf(aspects);
        }
        Set<Aspect> all = EnumSet.noneOf(Aspect.class);
        scored.samples().forEach(sample -> all.addAll(sample.labels().keySet()));
        return all;
    }

    private void print(Report report) {
        PrintWriter out = spec.commandLine().getOut();
        out.print(
                switch (format) {
                    case TABLE -> report.text();
                    case MARKDOWN -> report.markdown();
                    case JSON -> report.json() + System.lineSeparator();
                });
        out.flush();
    }

    private void write(Report report, Map<String, Dataset> datasets) {
        Path folder = output != null ? output : runs.getFirst().path;
        try {
            Files.createDirectories(folder);
            CompleteFile.write(folder.resolve("report.json"), partial -> Files.writeString(partial, report.json()));
            CompleteFile.write(
                    folder.resolve("report.html"), partial -> Files.writeString(partial, report.html(datasets)));
        } catch (IOException e) {
            throw new InputException("%s cannot be written to: %s".formatted(folder, e.getMessage()), e);
        }
        tell("report in %s and report.json beside it".formatted(folder.resolve("report.html")));
    }

    private void tell(String what) {
        PrintWriter err = spec.commandLine().getErr();
        err.println(what);
        err.flush();
    }

    private static final class NamedConverter implements ITypeConverter<Named> {
        @Override
        public Named convert(String value) {
            int end = value.indexOf('=');
            if (end > 0 && !Files.exists(Path.of(value))) {
                return new Named(value.substring(0, end), Path.of(value.substring(end + 1)));
            }
            Path path = Path.of(value);
            String last = String.valueOf(path.toAbsolutePath().normalize().getFileName());
            return new Named(last.endsWith(".csv") ? last.substring(0, last.length() - ".csv".length()) : last, path);
        }
    }
}
