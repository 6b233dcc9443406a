package io.github.m3agiqa.mllm;

import java.util.Arrays;
import java.util.List;

/** The token ids of a conversation, with the places that images and answers take in it. */
public final class TokenizedConversation {
    /** The label of a position that nothing is to be learned at. */
    public static final int IGNORED = -100;

    /** The tokens from {@code start} to before {@code end}: one image, or one answer with the token that ends it. */
    public record Span(int start, int end) {}

    private final int[] ids;
    private final List<Span> images;
    private final int[] labels;

    private TokenizedConversation(int[] ids, List<Span> images, int[] labels) {
        this.ids = ids;
        this.images = List.copyOf(images);
        this.labels = labels;
    }

    static TokenizedConversation of(int[] ids, List<Span> images, List<Span> answers) {
        return new TokenizedConversation(ids, images, labels(ids, answers));
    }

    /**
     * Labels as the published training code sets them: each token of an answer and its end is predicted by the token
     * before it, and the end of an answer once more by itself when a turn follows.
     */
    private static int[] labels(int[] ids, List<Span> answers) {
        int[] labels = new int[ids.length];
        Arrays.fill(labels, IGNORED);
        for (Span answer : answers) {
            System.arraycopy(ids, answer.start, labels, answer.start - 1, answer.end - answer.start);
            if (answer.end < ids.length) {
                labels[answer.end - 1] = ids[answer.end - 1];
            }
        }
        return labels;
    }

    /** The ids themselves, not a copy: not to be written to. */
    int[] ids() {
        return ids;
    }

    /** The number of tokens. */
    public int length() {
        return ids.length;
    }

    /** The images' places, in the order of the images. */
    public List<Span> images() {
        return images;
    }

    /** For each token the one that shall be predicted there, {@link #IGNORED} where nothing is to be learned. */
    public int[] labels() {
        return labels.clone();
    }

    /** The first tokens of this conversation, with the labels that they have in it; images after them are gone. */
    public TokenizedConversation first(int length) {
        if (length >= ids.length) {
            return this;
        }
        List<Span> kept = images.stream()
                .filter(span -> span.start < length)
                .map(span -> new Span(span.start, Math.min(span.end, length)))
                .toList();
        return new TokenizedConversation(Arrays.copyOf(ids, length), kept, Arrays.copyOf(labels, length));
    }
}
