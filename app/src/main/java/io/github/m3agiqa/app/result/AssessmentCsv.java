package io.github.m3agiqa.app.result;

import de.siegmar.fastcsv.writer.CsvWriter;
import de.siegmar.fastcsv.writer.LineDelimiter;
import io.github.m3agiqa.AspectResult;
import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.Failure;
import io.github.m3agiqa.Score;
import java.io.StringWriter;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The CSV of assessments, as the contract has it: a row an image and aspect, one row for an image that failed. */
public final class AssessmentCsv {
    /** The columns in their order. */
    public static final List<String> COLUMNS = List.of(
            "image_path",
            "prompt",
            "aspect",
            "description",
            "score",
            "rating",
            "interval_low",
            "interval_high",
            "error");

    private AssessmentCsv() {}

    /** The header with its line end. */
    public static String header() {
        return rows(csv -> csv.writeRecord(COLUMNS));
    }

    /** All rows of an assessment with their line ends. */
    public static String rows(Assessment assessment) {
        return rows(csv -> {
            if (assessment.failure() != null) {
                csv.writeRecord(row(assessment, "", assessment.failure()));
            }
            assessment.aspects().forEach((aspect, result) -> csv.writeRecord(row(assessment, aspect.id(), result)));
        });
    }

    private interface Rows {
        void write(CsvWriter csv);
    }

    private static String rows(Rows rows) {
        StringWriter text = new StringWriter();
        try (CsvWriter csv = CsvWriter.builder().lineDelimiter(LineDelimiter.LF).build(text)) {
            rows.write(csv);
        } catch (java.io.IOException e) {
            throw new IllegalStateException("a string can always be written to", e);
        }
        return text.toString();
    }

    private static String[] row(Assessment assessment, String aspect, AspectResult result) {
        String prompt = orEmpty(assessment.prompt());
        return switch (result) {
            case Score score ->
                new String[] {
                    assessment.image(),
                    prompt,
                    aspect,
                    orEmpty(score.description()),
                    number(score.value()),
                    score.rating().word(),
                    score.interval() == null ? "" : number(score.interval().low()),
                    score.interval() == null ? "" : number(score.interval().high()),
                    ""
                };
            case Failure failure ->
                new String[] {
                    assessment.image(), prompt, aspect, "", "", "", "", "", failure.code() + ": " + failure.message()
                };
        };
    }

    /** The model computes in float32: more digits would be noise. */
    private static String number(double value) {
        return Float.toString((float) value);
    }

    private static String orEmpty(@Nullable String text) {
        return text == null ? "" : text;
    }
}
