package io.github.m3agiqa.testing;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import io.github.m3agiqa.Aspect;
import io.github.m3agiqa.Rating;
import io.github.m3agiqa.Scale;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * A dataset folder with drawn images whose scores follow from what is drawn: the more of a landscape a grey veil covers,
 * the lower its quality. Prompts have several images each.
 */
public final class DrawnDataset {
    private static final int IMAGES_A_PROMPT = 3;

    private DrawnDataset() {}

    /** Writes {@code data.csv}, {@code images/} and {@code conversations/quality_{train,test}.json}. */
    public static Path write(Path folder, int images) {
        return write(folder, images, 60, 40);
    }

    /** As {@link #write(Path, int)}, with images of that size. */
    public static Path write(Path folder, int images, int width, int height) {
        try {
            Files.createDirectories(folder.resolve("images"));
            Files.createDirectories(folder.resolve("conversations"));
            StringBuilder table = new StringBuilder("name,prompt,mos_quality,std_quality,generator\n");
            ObjectMapper json = new ObjectMapper();
            ArrayNode train = json.createArrayNode();
            ArrayNode test = json.createArrayNode();
            for (int i = 0; i < images; i++) {
                String name = "image_%03d.png".formatted(i);
                double quality = quality(i);
                Files.write(
                        folder.resolve("images").resolve(name),
                        DrawnImages.encode(draw(i, quality, width, height), "png"));
                table.append("%s,%s,%s,0.5,painter%d\n"
                        .formatted(name, prompt(i), String.format(Locale.ROOT, "%.3f", quality), i % 2));
                conversation(i % 4 == 3 ? test : train, i, name, quality);
            }
            Files.writeString(folder.resolve("data.csv"), table);
            json.writeValue(folder.resolve("conversations/quality_train.json").toFile(), train);
            json.writeValue(folder.resolve("conversations/quality_test.json").toFile(), test);
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String prompt(int index) {
        return "hills number %d".formatted(index / IMAGES_A_PROMPT);
    }

    /** Spread evenly over most of the scale, so that no veil hides everything. */
    private static double quality(int index) {
        return 0.2 + 4.6 * ((index * 0.618) % 1);
    }

    private static BufferedImage draw(int index, double quality, int width, int height) {
        BufferedImage image = DrawnImages.landscape(width, height, index);
        Graphics2D pen = image.createGraphics();
        pen.setPaint(Color.GRAY);
        pen.fillRect(0, 0, width, (int) Math.round(height * (1 - quality / 5)));
        pen.dispose();
        return image;
    }

    private static void conversation(ArrayNode list, int index, String name, double quality) {
        String word = Rating.of(quality, Scale.ZERO_TO_FIVE).word();
        String description =
                quality < 2.5 ? "A grey veil covers most of the hills." : "The hills are clear and full of colour.";
        var item = list.addObject().put("id", String.valueOf(index)).put("image", "/data/" + name);
        ArrayNode messages = item.putArray("conversations");
        for (var message : List.of(
                List.of("user", "<image>\nDescribe the quality of '%s'.".formatted(prompt(index))),
                List.of("assistant", description),
                List.of("user", "Rate its %s in one word.".formatted(Aspect.QUALITY.id())),
                List.of("assistant", word))) {
            messages.addObject().put("role", message.get(0)).put("content", message.get(1));
        }
        item.put("response_0", description).put("response_1", word);
    }
}
