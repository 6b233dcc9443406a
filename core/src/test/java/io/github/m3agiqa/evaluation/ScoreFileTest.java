package io.github.m3agiqa.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.InputException;
import io.github.m3agiqa.Interval;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.DatasetReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ScoreFileTest {
    private static final Set<Aspect> QUALITY = EnumSet.of(Aspect.QUALITY);
    private static final TestSet ALL_QUALITY = new TestSet("set", Aspect.QUALITY, "all images");
    private static final TestSet ALL_CORRESPONDENCE = new TestSet("set", Aspect.CORRESPONDENCE, "all images");

    @TempDir
    private Path folder;

    private Dataset dataset;

    @BeforeEach
    void writeDataset() throws IOException {
        Path set = Files.createDirectories(folder.resolve("set"));
        Files.writeString(set.resolve("data.csv"), """
                name,prompt,generator,mos_quality,mos_correspondence
                a.png,a cat,sd,1.5,4
                b.png,a cat,dalle,2.5,3
                c.png,a dog,sd,3.5,
                """);
        dataset = DatasetReader.read(set);
    }

    private Path file(String content) throws IOException {
        return Files.writeString(folder.resolve("scores.csv"), content);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "name,score\na.png,10\nb.png,20\n",
                "image,predicted\nsome/where/a.png,10\n\"C:\\where\\b.png\",20\n",
                "\uFEFFimage_path,mos_pred\nb.png,20\na.png,10\n",
            })
    void findsImagesByFileNameAndScoresByTheUsualColumns(String content) throws IOException {
        Candidate candidate = ScoreFile.read("other", file(content), dataset, QUALITY, List.of());

        assertThat(candidate.onScale()).isFalse();
        assertThat(candidate.facts()).containsEntry("scale", "its own: errors are those after the logistic fit");
        assertThat(candidate.predictions().keySet()).containsExactly(ALL_QUALITY);
        assertThat(candidate.of(ALL_QUALITY))
                .containsExactlyInAnyOrder(
                        new Prediction("a.png", "a cat", "a cat", "sd", 10, 1.5, null),
                        new Prediction("b.png", "a cat", "a cat", "dalle", 20, 2.5, null));
        assertThat(candidate.unscored()).isEmpty();
    }

    @Test
    void scoresWithoutAnAspectAreComparedWithAll() throws IOException {
        Candidate candidate = ScoreFile.read(
                "other",
                file("name,score\na.png,10\nb.png,20\nc.png,30\n"),
                dataset,
                EnumSet.of(Aspect.QUALITY, Aspect.CORRESPONDENCE),
                List.of());

        assertThat(candidate.of(ALL_QUALITY)).hasSize(3);
        // nobody scored the correspondence of c.png
        assertThat(candidate.of(ALL_CORRESPONDENCE))
                .extracting(Prediction::image)
                .containsExactly("a.png", "b.png");
        assertThat(candidate.unscored()).isEmpty();
    }

    @Test
    void readsAResultsFileAndCountsItsFailures() throws IOException {
        Candidate candidate =
                ScoreFile.read("own", file("""
                        image_path,prompt,aspect,description,score,rating,interval_low,interval_high,error
                        images/a.png,a cat,quality,"A cat, sharp.",1.25,poor,0.5,2.0,
                        images/a.png,a cat,correspondence,,4.5,excellent,,,
                        images/b.png,a cat,quality,,,,,,SCORE_NOT_FINITE: NaN
                        images/b.png,a cat,correspondence,,2,fair,,,
                        images/c.png,a dog,,,,,,,IMAGE_UNREADABLE: truncated
                        """), dataset, EnumSet.of(Aspect.QUALITY, Aspect.CORRESPONDENCE), List.of());

        assertThat(candidate.onScale()).isTrue();
        assertThat(candidate.of(ALL_QUALITY))
                .containsExactly(new Prediction("a.png", "a cat", "a cat", "sd", 1.25, 1.5, new Interval(0.5, 2)));
        assertThat(candidate.of(ALL_CORRESPONDENCE))
                .extracting(Prediction::predicted)
                .containsExactly(4.5, 2.0);
        // c.png failed as a whole, and has human scores of quality only
        assertThat(candidate.unscored()).isEqualTo(Map.of(ALL_QUALITY, 2));
    }

    @Test
    void isReportedOnTheTestImagesOfARun() throws IOException {
        TestSet authors = new TestSet("set", Aspect.QUALITY, "authors");
        Candidate run = new Candidate(
                "run",
                true,
                Map.of(),
                Map.of(
                        authors,
                        List.of(
                                Drawn.prediction("b.png", "p", null, 2, 2.5),
                                Drawn.prediction("c.png", "p", null, 2, 3.5))),
                Map.of(),
                Map.of());

        Candidate candidate =
                ScoreFile.read("other", file("name,score\na.png,10\nb.png,20\n"), dataset, QUALITY, List.of(run));

        assertThat(candidate.predictions().keySet()).containsExactly(authors);
        assertThat(candidate.of(authors)).extracting(Prediction::image).containsExactly("b.png");
        assertThat(candidate.unscored()).isEqualTo(Map.of(authors, 1));
    }

    @Test
    void saysHowManyRowsAreOfOtherImages() throws IOException {
        Candidate candidate =
                ScoreFile.read("other", file("name,score\na.png,1\nx.png,2\ny.png,3\n"), dataset, QUALITY, List.of());

        assertThat(candidate.facts())
                .hasEntrySatisfying("rows left out", fact -> assertThat(fact).startsWith("2,"));
        assertThatThrownBy(() -> ScoreFile.read("other", file("name,score\nx.png,2\n"), dataset, QUALITY, List.of()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("has no score of an image that people scored")
                .hasMessageContaining("such as a.png");
    }

    @Test
    void refusesWhatCannotBeReadOrIsAmbiguous() throws IOException {
        Path twice = file("name,score\na.png,1\nother/a.png,2\n");
        assertThatThrownBy(() -> ScoreFile.read("other", twice, dataset, QUALITY, List.of()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("line 3: a second quality score of a.png");
        Path noScores = file("name,clip\na.png,1\n");
        assertThatThrownBy(() -> ScoreFile.read("other", noScores, dataset, QUALITY, List.of()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("no column score or predicted or mos_pred; it has name, clip");
        assertThatThrownBy(() -> ScoreFile.read("other", folder.resolve("none.csv"), dataset, QUALITY, List.of()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("no such file");
        Path word = file("name,score\na.png,good\n");
        assertThatThrownBy(() -> ScoreFile.read("other", word, dataset, QUALITY, List.of()))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("line 2: 'good' is no number");
    }
}
