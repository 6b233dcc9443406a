package io.github.m3agiqa.dataset;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What was said about one image, in the authors' format: a request for a description, the description, a request for a
 * rating, the rating word; and perhaps what a tuned model answered to the two requests.
 *
 * @param id the authors' number
 * @param image a path that ends in the image's file name
 * @param conversations four messages
 * @param response0 a tuned model's description
 * @param response1 a tuned model's rating
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Conversation(
        String id,
        String image,
        List<Message> conversations,
        @JsonProperty("response_0") @Nullable String response0,
        @JsonProperty("response_1") @Nullable String response1) {
    /** The literal that stands for the image in the first message of training files. */
    private static final String IMAGE_MARK = "<image>";

    /**
     * One message.
     *
     * @param role {@code user} or {@code assistant}
     */
    public record Message(String role, String content) {}

    public Conversation {
        if (conversations.size() != 4) {
            throw new IllegalArgumentException("a conversation has 4 messages, not " + conversations.size());
        }
        conversations = List.copyOf(conversations);
    }

    /** The image's file name. */
    public String imageName() {
        return image.substring(Math.max(image.lastIndexOf('/'), image.lastIndexOf('\\')) + 1);
    }

    /** The request for a description, without the mark for the image. */
    public String describeRequest() {
        String content = conversations.get(0).content;
        return content.startsWith(IMAGE_MARK)
                ? content.substring(IMAGE_MARK.length()).strip()
                : content;
    }

    /** The teacher's description. It may have been written by someone who knew the score. */
    public String teacherDescription() {
        return conversations.get(1).content;
    }

    /** The request for a rating. */
    public String rateRequest() {
        return conversations.get(2).content;
    }

    /** The rating word. */
    public String ratingWord() {
        return conversations.get(3).content;
    }

    /** This conversation with another rating word. */
    public Conversation withRatingWord(String word) {
        List<Message> messages = new ArrayList<>(conversations);
        messages.set(3, new Message(messages.get(3).role, word));
        return new Conversation(id, image, messages, response0, response1);
    }

    /** This conversation with a tuned model's answers. */
    public Conversation withResponses(String description, String rating) {
        return new Conversation(id, image, conversations, description, rating);
    }
}
