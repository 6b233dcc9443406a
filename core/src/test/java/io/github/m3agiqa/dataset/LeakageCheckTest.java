package io.github.m3agiqa.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.m3agiqa.dataset.LeakageCheck.Pair;
import io.github.m3agiqa.image.AlphaMode;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.RgbImage;
import io.github.m3agiqa.testing.DrawnImages;
import java.awt.image.BufferedImage;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LeakageCheckTest {
    private static final ImageDecoder DECODER = new ImageDecoder(ImageDecoder.Limits.DEFAULT);

    private final Map<String, RgbImage> images = new HashMap<>();

    private static RgbImage decoded(BufferedImage image, String format) {
        return DECODER.decode("drawn", DrawnImages.encode(image, format), AlphaMode.DROP);
    }

    private static RgbImage drawn(long seed) {
        return decoded(DrawnImages.landscape(240, 240, seed), "png");
    }

    /** A picture of one grey, but for every hundredth pixel, as compression leaves it. */
    private static RgbImage blank(int grey, int speck) {
        byte[] pixels = new byte[3 * 64 * 64];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) (i % 300 == speck ? grey + 1 : grey);
        }
        return new RgbImage(64, 64, pixels);
    }

    private Sample sample(String name, String prompt, RgbImage image) {
        images.put(name, image);
        return DatasetTest.sample(name, prompt, Map.of());
    }

    private LeakageCheck check(List<Sample> train, List<Sample> validation, List<Sample> test) {
        return LeakageCheck.of(
                new Split("x", train, validation, test),
                sample -> Optional.ofNullable(images.get(sample.name())).orElseThrow());
    }

    @Test
    void tellsCopiesFromLookAlikes() {
        BufferedImage landscape = DrawnImages.landscape(240, 240, 1);
        RgbImage original = decoded(landscape, "png");

        LeakageCheck check = check(
                List.of(sample("original.png", "a", original), sample("other.png", "b", drawn(2))),
                List.of(),
                List.of(
                        sample("copy.png", "c", decoded(landscape, "bmp")),
                        sample("compressed.jpg", "d", decoded(landscape, "jpg")),
                        sample("small.png", "e", original.resized(100, 100)),
                        sample("new.png", "f", drawn(3))));

        assertThat(check.copies()).containsExactly(new Pair("original.png", "copy.png", true, 0));
        assertThat(check.nearDuplicates()).extracting(Pair::train).containsOnly("original.png");
        assertThat(check.nearDuplicates()).extracting(Pair::test).containsExactly("compressed.jpg", "small.png");
        assertThat(check.summary())
                .isEqualTo("0 of 4 test prompts also occur in training; 1 pairs of training and test images are the"
                        + " same, 2 more look the same");
    }

    /** Dark, bright and cropped by 2 % at each side. */
    @Test
    void findsCopiesThatWereChangedALittle() {
        BufferedImage landscape = DrawnImages.landscape(300, 300, 5);
        Fingerprint original = Fingerprint.of(decoded(landscape, "png"));

        assertThat(original.looksLike(Fingerprint.of(brightened(decoded(landscape, "png"), 0.7))))
                .isTrue();
        assertThat(original.looksLike(Fingerprint.of(brightened(decoded(landscape, "png"), 1.1))))
                .isTrue();
        assertThat(original.looksLike(Fingerprint.of(decoded(landscape.getSubimage(6, 6, 288, 288), "png"))))
                .isTrue();
    }

    private static RgbImage brightened(RgbImage image, double factor) {
        byte[] pixels = image.pixels().clone();
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) Math.min(255, Math.round((pixels[i] & 0xff) * factor));
        }
        return new RgbImage(image.width(), image.height(), pixels);
    }

    @Test
    void doesNotTakeOneLandscapeForAnother() {
        List<Fingerprint> fingerprints = IntStream.range(0, 40)
                .mapToObj(seed -> Fingerprint.of(drawn(seed)))
                .toList();

        for (Fingerprint one : fingerprints) {
            assertThat(fingerprints.stream().filter(one::looksLike)).containsExactly(one);
        }
    }

    @Test
    void blankPicturesAreCopiesOnlyIfEveryPixelIsEqual() {
        LeakageCheck check = check(
                List.of(
                        sample("black.png", "a", blank(0, 1)),
                        sample("grey.png", "b", blank(128, 1)),
                        sample("drawn.png", "c", drawn(1))),
                List.of(),
                List.of(sample("black too.png", "d", blank(0, 1)), sample("nearly black.png", "e", blank(0, 2))));

        assertThat(check.duplicates()).containsExactly(new Pair("black.png", "black too.png", true, 0));
    }

    @Test
    void picturesOfOtherSizeAreNoCopies() {
        RgbImage wide = new RgbImage(4, 2, new byte[24]);
        RgbImage high = new RgbImage(2, 4, new byte[24]);

        assertThat(Fingerprint.of(wide).sameAs(Fingerprint.of(high))).isFalse();
    }

    @Test
    void promptsThatDifferInCaseAndSpaceAreOne() {
        LeakageCheck check = check(
                List.of(sample("1.png", "A  hill ", drawn(1)), sample("2.png", "a wood", drawn(2))),
                List.of(sample("3.png", "a sea", drawn(3))),
                List.of(
                        sample("4.png", "a hill", drawn(4)),
                        sample("5.png", "A HILL", drawn(5)),
                        sample("6.png", "a sea", drawn(6)),
                        sample("7.png", "a hilltop", drawn(7))));

        assertThat(check.sharedPrompts()).isEqualTo(2);
        assertThat(check.testPrompts()).isEqualTo(3);
    }

    @Test
    void whatChoseACheckpointCountsAsTraining() {
        LeakageCheck check = check(
                List.of(sample("1.png", "a", drawn(1))),
                List.of(sample("2.png", "b", drawn(2))),
                List.of(sample("3.png", "c", drawn(2))));

        assertThat(check.duplicates()).containsExactly(new Pair("2.png", "3.png", true, 0));
    }

    @Test
    void needsEveryFingerprint() {
        Split split = new Split(
                "x", List.of(sample("1.png", "a", drawn(1))), List.of(), List.of(sample("2.png", "b", drawn(2))));

        assertThatThrownBy(() -> LeakageCheck.of(split, Map.of("1.png", Fingerprint.of(drawn(1)))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("2.png");
    }
}
