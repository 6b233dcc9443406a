package io.github.m3agiqa.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Interval;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TestedRunTest {
    private static final String HONEST = "{\"train\": \"teacher\", \"test\": \"response\", \"testTextSawMos\": false}";
    private static final TestSet AUTHORS = new TestSet("drawn", Aspect.QUALITY, "authors");

    @TempDir
    private Path folder;

    private Path run(String description, String leakage, String... rows) throws IOException {
        return Drawn.run(folder.resolve("run"), description, leakage, rows);
    }

    @Test
    void readsPredictionsFactsAndLeakage() throws IOException {
        Files.createDirectories(folder.resolve("drawn"));
        Path run = run(
                HONEST,
                """
                [{"split": "authors", "aspect": "quality", "sharedPrompts": 3, "testPrompts": 4,
                  "duplicates": [{"train": "a.jpg", "test": "b.jpg", "distance": 2}]}]
                """,
                "xlstm,authors,quality,a.png,\"a cat, asleep\",sd,3.25,3.5",
                "xlstm,authors,quality,b.png,,,1,2");

        TestedRun read = TestedRun.read("mine", run, true);

        assertThat(read.dataset()).isEqualTo("drawn");
        assertThat(read.datasetFolder()).isDirectory();
        assertThat(read.candidates()).singleElement().satisfies(candidate -> {
            assertThat(candidate.name()).isEqualTo("mine");
            assertThat(candidate.onScale()).isTrue();
            assertThat(candidate.of(AUTHORS))
                    .containsExactly(
                            new Prediction("a.png", "a cat, asleep", "a cat, asleep", "sd", 3.25, 3.5, null),
                            // without a prompt an image is a group of its own
                            new Prediction("b.png", null, "b.png", null, 1, 2, null));
            assertThat(candidate.leakage()).containsEntry(AUTHORS, new Leakage(3, 4, 1));
            assertThat(candidate.facts())
                    .containsEntry("dataset", "drawn")
                    .containsEntry("model", "nano@1")
                    .containsEntry("seed", "42")
                    .containsEntry("descriptions", "teacher in training, response in test")
                    .containsEntry("data", "data.csv 0123456789ab");
        });
    }

    @Test
    void everyVariantIsACandidate() throws IOException {
        Path run = run(HONEST, "[]", "xlstm,authors,quality,a.png,,,3,3", "mean,authors,quality,a.png,,,2,3");

        assertThat(TestedRun.read("run", run, true).candidates())
                .extracting(Candidate::name)
                .containsExactly("xlstm", "mean");
        assertThat(TestedRun.read("run", run, false).candidates())
                .extracting(Candidate::name)
                .containsExactly("run xlstm", "run mean");
    }

    @Test
    void aScoreThatIsNoNumberIsCountedAndNotGuessed() throws IOException {
        Path run = run(
                HONEST,
                "[]",
                "xlstm,authors,quality,a.png,,,NaN,3",
                "xlstm,authors,quality,b.png,,,,3",
                "xlstm,authors,quality,c.png,,,nan,3",
                "xlstm,authors,quality,d.png,,,-Infinity,3",
                "xlstm,authors,quality,e.png,,,2,3");

        Candidate candidate = TestedRun.read("run", run, true).candidates().getFirst();

        assertThat(candidate.unscored()).containsEntry(AUTHORS, 4);
        assertThat(candidate.of(AUTHORS)).extracting(Prediction::image).containsExactly("e.png");
    }

    @Test
    void intervalsAreReadWhereThereAreAny() throws IOException {
        Path run = run(HONEST, "[]");
        Files.writeString(run.resolve("predictions.csv"), """
                variant,split,aspect,image,prompt,generator,predicted,mos,interval_low,interval_high
                xlstm,authors,quality,a.png,,,2,3,1.5,2.5
                xlstm,authors,quality,b.png,,,2,3,,
                """);

        assertThat(TestedRun.read("run", run, true).candidates().getFirst().of(AUTHORS))
                .extracting(Prediction::interval)
                .containsExactly(new Interval(1.5, 2.5), null);
    }

    @Test
    void groupsAreReadAndElseFollowFromPrompts() throws IOException {
        Path run = run(HONEST, "[]");
        Files.writeString(run.resolve("predictions.csv"), """
                variant,split,aspect,image,prompt,group,generator,predicted,mos
                xlstm,authors,quality,a.png,,prompt 7,,2,3
                xlstm,authors,quality,b.png,A cat,cats,,2,3
                xlstm,authors,quality,c.png,A  Cat,,,2,3
                """);

        assertThat(TestedRun.read("run", run, true).candidates().getFirst().of(AUTHORS))
                .extracting(Prediction::group)
                .containsExactly("prompt 7", "cats", "a cat");
    }

    @Test
    void leakageThatWasNotCheckedIsNotKnown() throws IOException {
        Path run = run(HONEST, "[]", "xlstm,authors,quality,a.png,,,2,3");
        Files.delete(run.resolve("leakage.json"));

        assertThat(TestedRun.read("run", run, true).candidates().getFirst().leakage())
                .isEmpty();
    }

    @Test
    void refusesDescriptionsWhoseWriterKnewTheScore() throws IOException {
        Path leaky = run(
                "{\"train\": \"teacher\", \"test\": \"teacher\", \"testTextSawMos\": true}",
                "[]",
                "xlstm,authors,quality,a.png,,,2,3");
        assertThatThrownBy(() -> TestedRun.read("run", leaky, true))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("knew the human scores")
                .hasMessageContaining("descriptions.test: response");

        Path silent = run("{\"train\": \"teacher\"}", "[]", "xlstm,authors,quality,a.png,,,2,3");
        assertThatThrownBy(() -> TestedRun.read("run", silent, true))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("does not say");

        // a model that reads no descriptions has nothing to say of them
        Path without = run("null", "[]", "xlstm,authors,quality,a.png,,,2,3");
        assertThat(TestedRun.read("run", without, true).candidates().getFirst().facts())
                .doesNotContainKey("descriptions");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "xlstm,authors,beauty,a.png,,,2,3    | line 3: unknown aspect 'beauty'",
                "xlstm,authors,quality,a.png,,,two,3 | line 3: 'two' is no number",
                "xlstm,authors,quality,a.png,,,2,    | line 3: there is no human score",
                "xlstm,authors,quality,z.png,,,2,3   | line 3: a second quality score of z.png",
            })
    void namesTheLineThatIsWrong(String row, String message) throws IOException {
        Path run = run(HONEST, "[]", "xlstm,authors,quality,z.png,,,2,3", row);

        assertThatThrownBy(() -> TestedRun.read("run", run, true))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("predictions.csv, " + message);
    }

    @Test
    void namesTheFileThatIsMissingOrDamaged() throws IOException {
        assertThatThrownBy(() -> TestedRun.read("run", folder, true))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("no run folder of 'train': it has no run.json");

        Path run = run(HONEST, "[]");
        assertThatThrownBy(() -> TestedRun.read("run", run, true)).hasMessageContaining("predictions.csv has no rows");
        Files.writeString(run.resolve("predictions.csv"), "image,score\na.png,3\n");
        assertThatThrownBy(() -> TestedRun.read("run", run, true))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("has no column aspect; it has image, score");
        Files.delete(run.resolve("predictions.csv"));
        assertThatThrownBy(() -> TestedRun.read("run", run, true))
                .hasMessageContaining("predictions.csv: no such file, as the run is not finished");
        Drawn.run(run, HONEST, "[{\"split\": \"authors\"}]", "xlstm,authors,quality,a.png,,,2,3");
        assertThatThrownBy(() -> TestedRun.read("run", run, true)).hasMessageContaining("leakage.json is damaged");

        Path unknown = run(
                HONEST,
                "[{\"split\": \"a\", \"aspect\": \"beauty\", \"sharedPrompts\": 0, \"testPrompts\": 1, \"duplicates\": []}]",
                "xlstm,authors,quality,a.png,,,2,3");
        assertThatThrownBy(() -> TestedRun.read("run", unknown, true))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("leakage.json is damaged: unknown aspect 'beauty'");
        Files.writeString(run.resolve("run.json"), "{");
        assertThatThrownBy(() -> TestedRun.read("run", run, true))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("run.json cannot be read");
    }
}
