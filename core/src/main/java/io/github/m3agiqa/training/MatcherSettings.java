package io.github.m3agiqa.training;

import io.github.m3agiqa.Required;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What tells whether a picture is one of its prompt, beside a predictor of correspondence.
 *
 * @param rank the length of the vectors of pictures and words; fewer where the data have no more
 * @param penalty of the ridge regression from pictures to the words of their prompts: times the size of the hidden states
 *     it is added to the diagonal of the pictures' moments, each state brought to a variance of 1
 * @param points what a picture of its own prompt gains, and one of another prompt loses, at most
 * @param words what is known about words besides the prompts that they are in, also of words that are in none; null, the
 *     default, for nothing
 */
public record MatcherSettings(
        int rank, double penalty, double points, @Nullable Words words) {
    /**
     * Vectors of words, alike for words that mean something alike.
     *
     * @param vectors a text file as word2vec, GloVe and fastText write it; see {@link WordVectors}
     * @param share what a word has in common with others by its vector, from above 0 to 1; what is left is its own
     */
    public record Words(Path vectors, double share) {
        public Words {
            Required.of("vectors", vectors);
            if (!(share > 0 && share <= 1)) {
                throw new IllegalArgumentException("share must be from above 0 to 1, not " + share);
            }
        }
    }

    public MatcherSettings {
        Recipes.positive("rank", rank);
        if (!(penalty > 0) || !(points > 0)) {
            throw new IllegalArgumentException("penalty and points must be above 0");
        }
    }
}
