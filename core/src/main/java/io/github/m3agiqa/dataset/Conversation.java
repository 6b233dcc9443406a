package io.github.m3agiqa.dataset;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.github.m3agiqa.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What was said about one image, in the authors' format: a request for a description, the description, a request for a
 * rating, the rating word; and perhaps what a tuned model answered to the two requests. Where no teacher has described
 * the image, or no person has rated it, the content of that message is {@code null}. Fields that the format does not
 * know are left out.
 *
 * @param id the authors' number
 * @param image a path that ends in the image's file name
 * @param conversations four messages, of user and assistant in turn
 * @param response0 a tuned model's description, null if none was asked
 * @param response1 a tuned model's rating, null if none was asked
 * @param teacherSawMos whether who described the image was told people's score; null if that is not recorded
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public record Conversation(
        String id,
        String image,
        List<Message> conversations,
        @JsonProperty("response_0") @Nullable String response0,
        @JsonProperty("response_1") @Nullable String response1,
        @JsonProperty("teacher_saw_mos") @Nullable Boolean teacherSawMos) {
    private static final String USER = "user";
    private static final String ASSISTANT = "assistant";
    private static final List<String> ROLES = List.of(USER, ASSISTANT, USER, ASSISTANT);

    /** The literal that stands for the image in the first message of training files. */
    private static final String IMAGE_MARK = "<image>";

    /**
     * One message.
     *
     * @param role {@code user} or {@code assistant}
     * @param content what was said; null if an assistant's answer is missing, never blank
     */
    @JsonIgnoreProperties(ignoreUnknown = true)
    public record Message(String role, @Nullable String content) {}

    /**
     * A conversation.
     *
     * @throws IllegalArgumentException saying which part is missing, blank or out of place
     */
    public Conversation {
        filled("id", id);
        filled("image", image);
        if (filled("conversations", conversations).size() != ROLES.size()) {
            throw new IllegalArgumentException(
                    "it has %d messages, not %d".formatted(conversations.size(), ROLES.size()));
        }
        for (int i = 0; i < ROLES.size(); i++) {
            Message message = filled("message %d".formatted(i + 1), conversations.get(i));
            String role = ROLES.get(i);
            if (!role.equals(message.role)) {
                throw new IllegalArgumentException(
                        "message %d is of '%s', not of '%s'".formatted(i + 1, message.role, role));
            }
            if (message.content == null ? role.equals(USER) : message.content.isBlank()) {
                throw new IllegalArgumentException("message %d, of the %s, is empty".formatted(i + 1, role));
            }
        }
        conversations = List.copyOf(conversations);
    }

    private static <T> T filled(String part, @Nullable T value) {
        if (value == null || (value instanceof String text && text.isBlank())) {
            throw new IllegalArgumentException("%s is missing".formatted(part));
        }
        return value;
    }

    /**
     * The two requests about an image, with no answer yet.
     *
     * @param ratingWord the word that people's score stands for, null if there is no score
     */
    public static Conversation asking(
            String id, String image, String describeRequest, String rateRequest, @Nullable String ratingWord) {
        return of(id, image, describeRequest, null, rateRequest, ratingWord, null);
    }

    /**
     * A teacher's conversation about an image.
     *
     * @param ratingWord the word that people's score stands for, null if there is no score
     * @param teacherSawMos whether the teacher was told people's score
     */
    public static Conversation told(
            String id,
            String image,
            String describeRequest,
            String description,
            String rateRequest,
            @Nullable String ratingWord,
            boolean teacherSawMos) {
        return of(id, image, describeRequest, description, rateRequest, ratingWord, teacherSawMos);
    }

    private static Conversation of(
            String id,
            String image,
            String describeRequest,
            @Nullable String description,
            String rateRequest,
            @Nullable String ratingWord,
            @Nullable Boolean teacherSawMos) {
        return new Conversation(
                id,
                image,
                List.of(
                        new Message(USER, describeRequest),
                        new Message(ASSISTANT, description),
                        new Message(USER, rateRequest),
                        new Message(ASSISTANT, ratingWord)),
                null,
                null,
                teacherSawMos);
    }

    /** The image's file name. */
    public String imageName() {
        return image.substring(Math.max(image.lastIndexOf('/'), image.lastIndexOf('\\')) + 1);
    }

    /** The request for a description, without the mark for the image. */
    public String describeRequest() {
        String content = content(0, "the request for a description");
        return content.startsWith(IMAGE_MARK)
                ? content.substring(IMAGE_MARK.length()).strip()
                : content;
    }

    /**
     * The teacher's description. It may have been written by someone who knew the score.
     *
     * @throws InputException if there is none
     */
    public String teacherDescription() {
        return content(1, "a teacher's description");
    }

    /** The request for a rating. */
    public String rateRequest() {
        return content(2, "the request for a rating");
    }

    /**
     * The rating word.
     *
     * @throws InputException if there is none
     */
    public String ratingWord() {
        return content(3, "a rating word");
    }

    private String content(int message, String what) {
        return Optional.ofNullable(conversations.get(message).content)
                .orElseThrow(() -> new InputException("conversation %s, of %s, lacks %s".formatted(id, image, what)));
    }

    /** This conversation with another rating word. */
    public Conversation withRatingWord(String word) {
        List<Message> messages = new ArrayList<>(conversations);
        messages.set(3, new Message(ASSISTANT, word));
        return new Conversation(id, image, messages, response0, response1, teacherSawMos);
    }

    /** This conversation with a tuned model's answers, or with none. */
    public Conversation withResponses(@Nullable String description, @Nullable String rating) {
        return new Conversation(id, image, conversations, description, rating, teacherSawMos);
    }
}
