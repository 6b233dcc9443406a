package io.github.m3agiqa.training;

/**
 * What tells whether a picture is one of its prompt, beside a predictor of correspondence.
 *
 * @param rank the length of the vectors of pictures and words; fewer where the data have no more
 * @param penalty of the ridge regression from pictures to the words of their prompts: times the size of the hidden states
 *     it is added to the diagonal of the pictures' moments, each state brought to a variance of 1
 * @param points what a picture of its own prompt gains, and one of another prompt loses, at most
 */
public record MatcherSettings(int rank, double penalty, double points) {
    public MatcherSettings {
        Recipes.positive("rank", rank);
        if (!(penalty > 0) || !(points > 0)) {
            throw new IllegalArgumentException("penalty and points must be above 0");
        }
    }
}
