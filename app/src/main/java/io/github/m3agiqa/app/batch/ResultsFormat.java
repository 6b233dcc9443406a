package io.github.m3agiqa.app.batch;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import de.siegmar.fastcsv.reader.CsvReader;
import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.app.result.AssessmentCsv;
import io.github.m3agiqa.app.result.AssessmentJson;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** How answers stand in a results file. */
enum ResultsFormat implements Records {
    CSV(true) {
        @Override
        public String header() {
            return AssessmentCsv.header();
        }

        @Override
        String text(Assessment assessment) {
            return AssessmentCsv.rows(assessment);
        }

        @Override
        public Optional<Entry> parse(String text) {
            List<String> fields = CsvReader.builder().ofCsvRecord(text).stream()
                    .findFirst()
                    .orElseThrow()
                    .getFields();
            if (fields.size() != AssessmentCsv.COLUMNS.size() || fields.equals(AssessmentCsv.COLUMNS)) {
                return Optional.empty();
            }
            return Optional.of(new Entry(
                    new RowKey(fields.get(0), fields.get(1)),
                    !fields.get(2).isEmpty(),
                    !fields.getLast().isEmpty()));
        }
    },
    JSONL(false) {
        @Override
        public String header() {
            return "";
        }

        @Override
        String text(Assessment assessment) {
            return AssessmentJson.line(assessment) + "\n";
        }

        @Override
        public Optional<Entry> parse(String text) {
            try {
                JsonNode node = new ObjectMapper().readTree(text);
                boolean failed = node.hasNonNull("error")
                        || node.path("aspects").valueStream().anyMatch(aspect -> aspect.hasNonNull("error"));
                RowKey key = new RowKey(
                        node.path("image").asText(), node.path("prompt").asText(""));
                return node.has("image") ? Optional.of(new Entry(key, false, failed)) : Optional.empty();
            } catch (JsonProcessingException _) {
                return Optional.empty();
            }
        }
    };

    private final boolean quotesSpanLines;

    ResultsFormat(boolean quotesSpanLines) {
        this.quotesSpanLines = quotesSpanLines;
    }

    /** The format that a file's name ends in; empty if it is neither. */
    static Optional<ResultsFormat> of(Path file) {
        String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
        return name.endsWith(".csv")
                ? Optional.of(CSV)
                : name.endsWith(".jsonl") ? Optional.of(JSONL) : Optional.empty();
    }

    @Override
    public boolean quotesSpanLines() {
        return quotesSpanLines;
    }

    /** The records of an assessment with their line ends. */
    abstract String text(Assessment assessment);
}
