package io.github.m3agiqa.app;

import io.github.m3agiqa.hub.HubPull;
import io.github.m3agiqa.hub.HubSettings;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.PublishedModels;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code m3agiqa models pull}: a published model from the Hugging Face hub. */
@Command(
        name = "pull",
        description =
                "Pulls a published model from the Hugging Face hub; after that --model NAME is all that it takes.",
        mixinStandardHelpOptions = true,
        footer = {
            "",
            "Example:",
            "  m3agiqa models pull aigciqa2023",
            "  m3agiqa score cat.png --prompt \"a cat on a sofa\" --model aigciqa2023",
            "",
            "Without NAME it lists what is published. HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_CACHE and HF_HUB_OFFLINE"
                    + " mean what they mean to Hugging Face's own tools, and the files are shared with those. A pull that"
                    + " was stopped goes on where it was. The base has 17 GB and is pulled once for all models."
        })
final class ModelsPullCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "NAME", arity = "0..1", description = "The model (default: none; the names are listed).")
    private @Nullable String name;

    @Option(
            names = "--into",
            paramLabel = "FOLDER",
            description = "Where the model's folder is made (default: M3AGIQA_MODELS, or among the user's data).")
    private Path folder = Installation.pulledModels();

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        PublishedModels published = new PublishedModels();
        if (name == null) {
            published.names().forEach(out::println);
            out.flush();
            return ExitCode.DONE;
        }
        HubSettings settings = HubSettings.of(System.getenv(), Path.of(System.getProperty("user.home")));
        try (HubPull hub =
                new HubPull(settings, new Mebibytes(spec.commandLine().getErr()))) {
            ModelFolder model = published.pull(name, hub, folder);
            out.println(model.path());
            out.flush();
            return ExitCode.DONE;
        }
    }

    /** Shows a pull as a bar a repository. */
    private static final class Mebibytes implements HubPull.Listener {
        private static final int SHIFT = 20;

        private final PrintWriter err;
        private @Nullable Progress progress;
        private long bytes;
        private long shown;

        Mebibytes(PrintWriter err) {
            this.err = err;
        }

        @Override
        public synchronized void started(String repository, long all, long there) {
            close();
            err.println(repository);
            err.flush();
            bytes = there;
            shown = there >> SHIFT;
            Progress started = Progress.onStandardError("MiB");
            started.start(Math.toIntExact(all >> SHIFT), Math.toIntExact(shown));
            progress = started;
        }

        @Override
        public synchronized void arrived(long more) {
            bytes += more;
            Progress running = progress;
            if (running == null) {
                return;
            }
            for (; shown < bytes >> SHIFT; shown++) {
                running.step(true);
            }
        }

        @Override
        public synchronized void finished() {
            close();
        }

        private void close() {
            Progress running = progress;
            if (running != null) {
                running.close();
                progress = null;
            }
        }
    }
}
