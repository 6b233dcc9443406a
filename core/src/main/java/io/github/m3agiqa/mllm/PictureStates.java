package io.github.m3agiqa.mllm;

import io.github.m3agiqa.tensor.Device;
import io.github.m3agiqa.tensor.Torch;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/** The hidden states of pictures in conversations. */
public final class PictureStates {
    private PictureStates() {}

    /**
     * The mean of a picture's tokens in a conversation, (hidden).
     *
     * @param hidden of the conversation, (tokens, hidden)
     */
    public static Tensor mean(Tensor hidden, TokenizedConversation conversation) {
        return means(hidden, List.of(conversation)).getFirst();
    }

    /**
     * For each conversation the mean of its picture's tokens, (hidden).
     *
     * @param hidden of the conversations one after the other and whatever follows them, (tokens, hidden)
     */
    static List<Tensor> means(Tensor hidden, List<TokenizedConversation> conversations) {
        List<Tensor> means = new ArrayList<>();
        long first = 0;
        for (TokenizedConversation conversation : conversations) {
            int[] rows = conversation.images().stream()
                    .flatMapToInt(span -> IntStream.range(span.start(), span.end()))
                    .toArray();
            Tensor own = hidden.narrow(0, first, conversation.length());
            means.add(Torch.mean(own.index_select(0, Torch.indices(Device.of(hidden), rows)), 0)
                    .squeeze(0));
            first += conversation.length();
        }
        return means;
    }
}
