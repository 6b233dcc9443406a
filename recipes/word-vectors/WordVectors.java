import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.onnx.allminilml6v2.AllMiniLmL6V2EmbeddingModel;
import java.io.IOException;
import java.io.InputStream;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * Writes what the sentence encoder all-MiniLM-L6-v2 says of single words, in the text format of word2vec: the words that its
 * tokenizer knows whole, and those of some text files, such as the list of a dataset's prompts.
 *
 * <pre>./mvnw -q -f recipes/word-vectors compile exec:java -Dexec.args="teachers/words.txt datasets/agiqa-3k/data.csv"</pre>
 */
public final class WordVectors {
    private static final String TOKENIZER = "/all-minilm-l6-v2-tokenizer.json";
    private static final Pattern WORD = Pattern.compile("\\p{L}{2,}(?:-\\p{L}+)*");

    private WordVectors() {}

    /**
     * Writes the file.
     *
     * @param args the file, and the texts
     */
    public static void main(String[] args) throws IOException {
        if (args.length == 0) {
            throw new IllegalArgumentException("name the file to be written, and then text files with more words");
        }
        Set<String> words = tokens();
        for (String text : List.of(args).subList(1, args.length)) {
            WORD.matcher(Files.readString(Path.of(text)).toLowerCase(Locale.ROOT))
                    .results()
                    .map(MatchResult::group)
                    .forEach(words::add);
        }
        Path file = Path.of(args[0]).toAbsolutePath();
        Files.createDirectories(file.getParent());
        EmbeddingModel encoder = new AllMiniLmL6V2EmbeddingModel();
        try (Writer out = Files.newBufferedWriter(file)) {
            out.write("%d %d\n".formatted(words.size(), encoder.dimension()));
            for (String word : words) {
                out.write(word);
                for (float number : encoder.embed(word).content().vector()) {
                    out.write(String.format(Locale.ROOT, " %.4f", number));
                }
                out.write('\n');
            }
        }
        System.out.println(words.size() + " words in " + file);
    }

    private static Set<String> tokens() throws IOException {
        Set<String> words = new TreeSet<>();
        try (InputStream json = WordVectors.class.getResourceAsStream(TOKENIZER)) {
            JsonNode tokenizer = new ObjectMapper().readTree(json);
            tokenizer.path("model").path("vocab").fieldNames().forEachRemaining(token -> {
                if (WORD.matcher(token).matches()) {
                    words.add(token);
                }
            });
        }
        return words;
    }
}
