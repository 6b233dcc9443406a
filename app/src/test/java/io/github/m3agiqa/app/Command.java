package io.github.m3agiqa.app;

import io.github.m3agiqa.testing.DrawnImages;
import io.github.m3agiqa.testing.TestModels;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine;

/**
 * One run of the command in this JVM.
 *
 * @param exitCode what the shell would see
 * @param out standard output
 * @param err standard error
 */
record Command(int exitCode, String out, String err) {
    static Command run(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine command =
                Main.commandLine(arguments).setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
        int exitCode = command.execute(arguments);
        return new Command(exitCode, out.toString(), err.toString());
    }

    /** Runs {@code score} on the tiny model, in float32 and without descriptions unless told otherwise. */
    static Command score(String... arguments) {
        List<String> all = new ArrayList<>(
                List.of("score", "--model", TestModels.tiny().toString(), "--dtype", "fp32", "--max-new-tokens", "6"));
        all.addAll(List.of(arguments));
        return run(all.toArray(String[]::new));
    }

    /** Draws an image file, another one for every seed. */
    static Path draw(Path file, long seed) {
        try {
            return Files.write(file, DrawnImages.encode(DrawnImages.landscape(60, 40, seed), "png"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
