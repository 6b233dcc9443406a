package io.github.m3agiqa.mllm;

import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.image.SlicePlan;
import io.github.m3agiqa.mllm.BeamSearch.Hypothesis;
import io.github.m3agiqa.tensor.Scope;
import io.github.m3agiqa.tensor.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Conversations about one picture, which is encoded once. What two of them have in common at their beginning is read
 * once: the picture, and in a growing conversation all that was said before.
 *
 * <p>Not for use by several threads at a time. Of a model that learns, the engine's gradients must be off.
 */
public final class Session implements AutoCloseable {
    private final MiniCpmV model;
    private final SlicePlan plan;
    private final Tensor view; // owned
    private final List<Tensor> pictures; // owned, each (queries, hidden)
    private final int pictureLength;
    private final KvCache cache;
    private final TokenBuffer hidden; // (tokens, hidden)
    private final BooleanSupplier wanted;
    private int[] ids = {};

    /**
     * Encodes a picture.
     *
     * @param capacity the longest conversation, in tokens
     */
    public Session(MiniCpmV model, RgbImage image, SlicePlan plan, int capacity) {
        this(model, image, plan, capacity, () -> true);
    }

    /**
     * Encodes a picture.
     *
     * @param capacity the longest conversation, in tokens
     * @param wanted asked before each token that is generated; once it says no, a text of one beam ends where it is, and one of
     *     several is empty
     */
    public Session(MiniCpmV model, RgbImage image, SlicePlan plan, int capacity, BooleanSupplier wanted) {
        this.model = model;
        this.plan = plan;
        this.wanted = wanted;
        this.pictureLength = model.template().pictureLength(plan);
        try (Scope _ = new Scope()) {
            List<RgbImage> pieces = plan.cut(image);
            List<Tensor> features = model.see(pieces);
            this.view = Scope.own(TowerView.ofEach(features));
            this.pictures =
                    model.tokens(pieces, features).stream().map(Scope::own).toList();
        }
        this.hidden = new TokenBuffer(
                model.llama().device(), 0, 0, model.llama().config().hiddenSize());
        this.cache = new KvCache(model.llama().config(), model.llama().device(), capacity);
    }

    /** How the picture was cut. */
    public SlicePlan plan() {
        return plan;
    }

    /**
     * What the tower sees in each piece of the picture, the whole of it first: the mean of its patches' vectors and their
     * standard deviation.
     *
     * @return (pieces, 2 * vision width), valid until the session is closed
     */
    public Tensor view() {
        return view;
    }

    /** Forgets everything but the picture. */
    public void rewind() {
        truncate(Math.min(ids.length, pictureLength));
    }

    private void truncate(int length) {
        cache.truncate(length);
        ids = Arrays.copyOf(ids, length);
    }

    /**
     * Reads a conversation about the picture, of which only what differs from the one before is computed.
     *
     * @return the last hidden state of every token, (tokens, hidden), valid until the next call
     */
    public Tensor read(TokenizedConversation conversation) {
        int common = Arrays.mismatch(ids, conversation.ids());
        truncate(common < 0 ? ids.length : Math.min(common, ids.length));
        // the picture apart from the words: so it is computed alike whatever is said about it
        if (ids.length < pictureLength) {
            extend(conversation, Math.min(pictureLength, conversation.length()));
        }
        extend(conversation, conversation.length());
        return hidden.tokens(0, ids.length);
    }

    private void extend(TokenizedConversation conversation, int to) {
        int from = ids.length;
        if (from < to) {
            try (Scope _ = new Scope()) {
                int[] tokens = Arrays.copyOfRange(conversation.ids(), from, to);
                Tensor embeddings = model.embed(conversation, pictures, from, to);
                append(tokens, model.llama().forward(embeddings, cache.extension(tokens.length)));
            }
        }
    }

    /** Keeps tokens that the model has just read after those before. */
    private void append(int[] tokens, Tensor states) {
        cache.grow(tokens.length);
        note(tokens, states);
    }

    /** Keeps ids and hidden states of tokens that the model has read. */
    private void note(int[] tokens, Tensor states) {
        int from = ids.length;
        hidden.write(from, states);
        ids = Arrays.copyOf(ids, from + tokens.length);
        System.arraycopy(tokens, 0, ids, from, tokens.length);
    }

    private Tensor lastHidden() {
        return hidden.tokens(ids.length - 1L, 1);
    }

    /**
     * Continues the conversation that was read last, to the session's capacity at most.
     *
     * @return the text that was generated
     */
    public String generate(Generation generation) {
        return generate(List.of(this), generation).getFirst();
    }

    /**
     * How many sessions can {@linkplain #generate(List, Generation) generate together} on this machine so that each says what it
     * says alone; tried out when it is first asked.
     */
    public static int together(MiniCpmV model, Generation generation) {
        return model.llama().together(generation.beams());
    }

    /**
     * Continues the conversations that some sessions of one model read last. Their next tokens are read in one pass, for which
     * the model's weights are read once.
     *
     * @param sessions different ones, at most {@link #together} of them
     * @return the texts that were generated
     */
    public static List<String> generate(List<Session> sessions, Generation generation) {
        MiniCpmV model = sessions.getFirst().model;
        return (generation.beams() == 1 ? greedy(sessions, generation) : beamSearch(sessions, generation))
                .stream().map(model.template()::text).toList();
    }

    private static void decode(List<Session> sessions, List<? extends Decoding> texts) {
        Decoding.run(
                sessions.getFirst().model.llama(),
                texts,
                place -> sessions.get(place).wanted.getAsBoolean());
    }

    private static List<int[]> greedy(List<Session> sessions, Generation generation) {
        List<Greedy> texts = sessions.stream()
                .map(session -> session.new Greedy(generation, _ -> {}))
                .toList();
        decode(sessions, texts);
        return texts.stream().map(text -> ints(text.tokens)).toList();
    }

    /**
     * Continues the conversation that was read last.
     *
     * @param listener is told the text as it comes, in pieces; of several beams only when the best of them is whole
     * @return the text that was generated
     */
    public String generate(Generation generation, Consumer<String> listener) {
        ChatTemplate template = model.template();
        if (generation.beams() > 1) {
            String text = generate(generation);
            listener.accept(text);
            return text;
        }
        Telling telling = new Telling(listener);
        String text = template.text(greedy(generation, so -> telling.grown(template.text(so))));
        telling.whole(text);
        return text;
    }

    private int[] greedy(Generation generation, Consumer<int[]> listener) {
        Greedy greedy = new Greedy(generation, listener);
        decode(List.of(this), List.of(greedy));
        return ints(greedy.tokens);
    }

    /** The same, but no longer than there is room for; the last token is not read any more. */
    private Generation withinRoom(Generation generation) {
        return new Generation(
                generation.beams(),
                generation.repetitionPenalty(),
                Math.min(generation.maxNewTokens(), cache.room() + 1));
    }

    /** The most likely token every time. */
    private final class Greedy implements Decoding {
        private final Generation generation;
        private final Consumer<int[]> listener;
        private final List<Integer> tokens = new ArrayList<>();

        /** @param listener is told all tokens so far, unless the last one ends the text */
        Greedy(Generation generation, Consumer<int[]> listener) {
            this.generation = withinRoom(generation);
            this.listener = listener;
        }

        @Override
        public Tensor promptOutput() {
            return lastHidden();
        }

        @Override
        public List<Integer> choose(Tensor logits) {
            try (Scope _ = new Scope()) {
                Tensor scores = logits.squeeze(0); // (vocabulary)
                BeamSearch.penalize(scores, tokens, generation.repetitionPenalty());
                int token = (int) Torch.toLongs(Torch.top(scores, 1).indices())[0];
                tokens.add(token);
                if (Arrays.stream(model.template().stopIds()).anyMatch(stop -> stop == token)
                        || tokens.size() == generation.maxNewTokens()) {
                    return List.of();
                }
                listener.accept(ints(tokens));
                return List.of(token);
            }
        }

        @Override
        public AttentionContext step() {
            return cache.extension(1);
        }

        @Override
        public void stepped(Tensor outputs) {
            append(new int[] {tokens.getLast()}, outputs);
        }
    }

    private static List<int[]> beamSearch(List<Session> sessions, Generation generation) {
        Llama llama = sessions.getFirst().model.llama();
        List<BeamCache> caches = new ArrayList<>();
        try (Scope _ = new Scope()) {
            List<BeamSearch> searches = new ArrayList<>();
            for (Session session : sessions) {
                BeamCache beams = new BeamCache(session.cache, llama, generation.beams());
                caches.add(beams);
                int[] stopIds = session.model.template().stopIds();
                searches.add(new BeamSearch(
                        beams, session.lastHidden(), session.withinRoom(generation), stopIds, (_, _) -> {}));
            }
            decode(sessions, searches);
            return IntStream.range(0, searches.size())
                    .mapToObj(i -> searches.get(i).found().stream()
                            .findFirst()
                            .map(best -> sessions.get(i).follow(best, caches.get(i)))
                            .orElseGet(() -> new int[0]))
                    .toList();
        } finally {
            caches.forEach(BeamCache::close);
        }
    }

    /** Goes on from a text that was found. */
    private int[] follow(Hypothesis best, BeamCache beams) {
        int[] tokens = ints(best.tokens());
        if (!best.rows().isEmpty()) {
            note(Arrays.copyOf(tokens, best.rows().size()), beams.keep(best.rows()));
        }
        return tokens;
    }

    static int[] ints(List<Integer> numbers) {
        return numbers.stream().mapToInt(Integer::intValue).toArray();
    }

    @Override
    public void close() {
        cache.close();
        Scope.release(view);
        pictures.forEach(Scope::release);
        hidden.close();
    }
}
