package io.github.m3agiqa.mllm;

import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.mllm.TokenizedConversation.Span;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * The chat format of MiniCPM-Llama3-V: from turns to token ids, and from generated ids to text.
 *
 * <p>Control tokens in what people or models wrote are ordinary characters here; only the format itself sets them.
 */
public final class ChatTemplate {
    /** This id pads sequences, and the published code drops it wherever it is generated. */
    private static final int PAD = 0;
    /** What stands between the header of a turn and its text. */
    private static final String HEADER_END = "\n\n";

    private final Tokenizer tokenizer;
    private final int imageTokens;
    private final int begin;
    private final int endOfText;
    private final int startHeader;
    private final int endHeader;
    private final int endOfTurn;
    private final int unknown;
    private final int startImage;
    private final int endImage;
    private final int startSlice;
    private final int endSlice;

    /**
     * A format.
     *
     * @param imageTokens the number of tokens that stand for one image
     */
    ChatTemplate(Tokenizer tokenizer, int imageTokens) {
        this.tokenizer = tokenizer;
        this.imageTokens = imageTokens;
        this.begin = tokenizer.control("<|begin_of_text|>");
        this.endOfText = tokenizer.control("<|end_of_text|>");
        this.startHeader = tokenizer.control("<|start_header_id|>");
        this.endHeader = tokenizer.control("<|end_header_id|>");
        this.endOfTurn = tokenizer.control("<|eot_id|>");
        this.unknown = tokenizer.control("<unk>");
        this.startImage = tokenizer.control("<image>");
        this.endImage = tokenizer.control("</image>");
        this.startSlice = tokenizer.control("<slice>");
        this.endSlice = tokenizer.control("</slice>");
    }

    /** The ids that end a generated text. */
    int[] stopIds() {
        return new int[] {endOfText, endOfTurn};
    }

    /**
     * The ids of a conversation about one picture, which stands before the first turn's text.
     *
     * @param plan how the picture was cut
     * @param answering whether the ids end with the header of an answer to be generated
     */
    public TokenizedConversation tokenize(SlicePlan plan, List<Turn> turns, boolean answering) {
        Builder builder = new Builder();
        builder.control(begin);
        for (int i = 0; i < turns.size(); i++) {
            Turn turn = turns.get(i);
            builder.header(turn.role());
            if (i == 0) {
                builder.picture(plan);
                builder.text("\n");
            }
            builder.text(strip(turn.text()));
            builder.endTurn(turn.role());
        }
        if (answering) {
            builder.header(Turn.Role.ASSISTANT);
        }
        return builder.build();
    }

    /** The ids of a conversation about no picture. */
    public TokenizedConversation tokenize(List<Turn> turns) {
        Builder builder = new Builder();
        builder.control(begin);
        for (Turn turn : turns) {
            builder.header(turn.role());
            builder.text(strip(turn.text()));
            builder.endTurn(turn.role());
        }
        return builder.build();
    }

    /**
     * The ids of a conversation that is not answered any more, within a length: if need be the last answer loses words at
     * its end.
     *
     * @param turns the last of them a question, which is never cut, and the one before it the last answer
     * @return empty if image and questions alone are longer
     */
    public Optional<TokenizedConversation> tokenizeWithin(SlicePlan plan, List<Turn> turns, int maxLength) {
        TokenizedConversation whole = tokenize(plan, turns, false);
        if (whole.length() <= maxLength) {
            return Optional.of(whole);
        }
        int answer = turns.size() - 2;
        if (answer < 0) {
            return Optional.empty();
        }
        List<Turn> shorter = new ArrayList<>(turns);
        List<String> words = List.of(turns.get(answer).text().split("(?<=\\s)"));
        for (int kept = words.size() - 1; kept >= 0; kept--) {
            shorter.set(answer, Turn.assistant(String.join("", words.subList(0, kept))));
            TokenizedConversation conversation = tokenize(plan, shorter, false);
            if (conversation.length() <= maxLength) {
                return Optional.of(conversation);
            }
        }
        return Optional.empty();
    }

    /** The number of leading tokens that every conversation about a picture cut like this has in common. */
    public int pictureLength(SlicePlan plan) {
        return picture(plan).length();
    }

    /** The beginning of every conversation about a picture cut like this, up to and with the picture. */
    public TokenizedConversation picture(SlicePlan plan) {
        Builder builder = new Builder();
        builder.control(begin);
        builder.header(Turn.Role.USER);
        builder.picture(plan);
        return builder.build();
    }

    /** The text of generated ids: padding and the final stop id dropped, spaces before punctuation closed up. */
    public String text(int... generated) {
        int[] kept = Arrays.stream(generated).filter(id -> id != PAD).toArray();
        int from = kept.length > 0 && kept[0] == begin ? 1 : 0;
        int last = kept.length - 1;
        boolean stopped = last >= from && IntStream.of(stopIds()).anyMatch(stop -> stop == kept[last]);
        return strip(closeUp(tokenizer.decode(Arrays.copyOfRange(kept, from, stopped ? last : last + 1))));
    }

    /** The clean-up of Hugging Face tokenizers, replacement by replacement. */
    static String closeUp(String text) {
        return text.replace(" .", ".")
                .replace(" ?", "?")
                .replace(" !", "!")
                .replace(" ,", ",")
                .replace(" ' ", "'")
                .replace(" n't", "n't")
                .replace(" 'm", "'m")
                .replace(" 's", "'s")
                .replace(" 've", "'ve")
                .replace(" 're", "'re");
    }

    /** Drops white space at both ends as Python does, no-break spaces included. */
    static String strip(String text) {
        int from = 0;
        int to = text.length();
        while (from < to && isSpace(text.charAt(from))) {
            from++;
        }
        while (to > from && isSpace(text.charAt(to - 1))) {
            to--;
        }
        return text.substring(from, to);
    }

    private static boolean isSpace(char c) {
        return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == '\u0085';
    }

    /** Collects control tokens and the text between them. */
    private final class Builder {
        private final IntStream.Builder ids = IntStream.builder();
        private final List<Span> images = new ArrayList<>();
        private final List<Span> answers = new ArrayList<>();
        private int turnStart;
        private final StringBuilder pending = new StringBuilder();
        private int length;

        void control(int id) {
            flush();
            add(id);
        }

        void text(String text) {
            pending.append(text);
        }

        void header(Turn.Role role) {
            control(startHeader);
            text(role.id());
            control(endHeader);
            turnStart = length + tokenizer.encode(HEADER_END).length;
            text(HEADER_END);
        }

        void endTurn(Turn.Role role) {
            control(endOfTurn);
            if (role == Turn.Role.ASSISTANT) {
                answers.add(new Span(turnStart, length));
            }
        }

        void picture(SlicePlan plan) {
            image();
            SlicePlan.Grid grid = plan.grid();
            if (grid != null) {
                control(startSlice);
                for (int row = 0; row < grid.rows(); row++) {
                    if (row > 0) {
                        text("\n");
                    }
                    for (int column = 0; column < grid.columns(); column++) {
                        image();
                    }
                }
                control(endSlice);
            }
        }

        private void image() {
            control(startImage);
            images.add(new Span(length, length + imageTokens));
            for (int i = 0; i < imageTokens; i++) {
                add(unknown);
            }
            add(endImage);
        }

        private void add(int id) {
            ids.add(id);
            length++;
        }

        private void flush() {
            for (int id : tokenizer.encodeText(pending.toString())) {
                add(id);
            }
            pending.setLength(0);
        }

        TokenizedConversation build() {
            flush();
            return TokenizedConversation.of(ids.build().toArray(), images, answers);
        }
    }
}
