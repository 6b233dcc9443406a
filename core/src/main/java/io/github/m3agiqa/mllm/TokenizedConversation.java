package io.github.m3agiqa.mllm;

import java.util.List;

/** The token ids of a conversation, with the places that images take in it. */
public final class TokenizedConversation {
    /** The tokens from {@code start} to before {@code end} stand for one image. */
    public record ImageSpan(int start, int end) {}

    private final int[] ids;
    private final List<ImageSpan> images;

    TokenizedConversation(int[] ids, List<ImageSpan> images) {
        this.ids = ids;
        this.images = List.copyOf(images);
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
    public List<ImageSpan> images() {
        return images;
    }
}
