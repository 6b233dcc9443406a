package io.github.m3agiqa.evaluation;

import io.github.m3agiqa.M3AgiqaException;
import io.github.m3agiqa.dataset.Dataset;
import io.github.m3agiqa.dataset.Sample;
import io.github.m3agiqa.image.AlphaMode;
import io.github.m3agiqa.image.ImageDecoder;
import io.github.m3agiqa.image.ImageEncoder;
import io.github.m3agiqa.image.RgbImage;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Small copies of a dataset's images that an HTML page holds within itself. */
final class Thumbnails {
    private static final int SIDE = 176;

    private final @Nullable Dataset dataset;
    private final Map<String, Sample> samples;
    private final ImageDecoder decoder = new ImageDecoder(ImageDecoder.Limits.DEFAULT);
    private final Map<String, Thumbnail> made = new HashMap<>();

    /**
     * A small copy, or the reason why there is none.
     *
     * @param dataUri a JPEG as a data URI, null if there is none
     * @param whyNot why there is none, empty if there is one
     */
    record Thumbnail(@Nullable String dataUri, String whyNot) {}

    /**
     * @param dataset where the images are, null if that is not known
     */
    Thumbnails(@Nullable Dataset dataset) {
        this.dataset = dataset;
        this.samples = dataset == null ? Map.of() : dataset.byName();
    }

    Thumbnail of(String image) {
        return made.computeIfAbsent(image, this::make);
    }

    private Thumbnail make(String image) {
        Sample sample = samples.get(image);
        if (dataset == null || sample == null) {
            return new Thumbnail(null, "not in the dataset folder");
        }
        try {
            RgbImage whole = decoder.decode(image, decoder.read(dataset.image(sample)), AlphaMode.WHITE);
            byte[] small = ImageEncoder.jpeg(whole.within(SIDE));
            return new Thumbnail("data:image/jpeg;base64," + Base64.getEncoder().encodeToString(small), "");
        } catch (M3AgiqaException e) {
            return new Thumbnail(null, e.getMessage());
        }
    }
}
