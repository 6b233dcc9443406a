package io.github.m3agiqa.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The recipes that come with the project. */
class RecipesTest {
    private static final Path RECIPES = Path.of("..", "recipes");

    @TempDir
    private Path folder;

    static Stream<Path> recipes() throws IOException {
        try (Stream<Path> files = Files.list(RECIPES)) {
            return files.filter(file -> file.toString().endsWith(".yaml")).sorted().toList().stream();
        }
    }

    /** Their first line is the command that runs them. */
    @ParameterizedTest
    @MethodSource("recipes")
    void canBeRead(Path recipe) throws IOException {
        String command = Files.readAllLines(recipe).getFirst();
        assertThat(command).contains(" recipes/" + recipe.getFileName());
        Class<? extends Record> kind = switch (command.replaceFirst("# m3agiqa (\\w+) .*", "$1")) {
            case "pretrain" -> PretrainRecipe.class;
            case "finetune" -> FinetuneRecipe.class;
            case "train" -> TrainRecipe.class;
            default -> throw new AssertionError(command);
        };

        assertThat(RecipeReader.read(recipe, kind)).isNotNull();
    }

    /** It is run by its source, over the libraries of a release. */
    @Test
    void whatLabelsAuthenticityCompiles() throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter said = new StringWriter();
        try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, StandardCharsets.UTF_8)) {
            boolean compiles = compiler.getTask(
                            said,
                            files,
                            null,
                            List.of(
                                    "-proc:none",
                                    "-d",
                                    folder.toString(),
                                    "-cp",
                                    System.getProperty("java.class.path")),
                            null,
                            files.getJavaFileObjects(RECIPES.resolve("authenticity-labels/AuthenticityLabels.java")))
                    .call();
            assertThat(compiles).as(said.toString()).isTrue();
        }
    }
}
