package io.github.m3agiqa.image;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.m3agiqa.image.SlicePlan.Settings;
import io.github.m3agiqa.image.SlicePlan.Size;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SlicePlanTest {
    /** The worked plans of the published procedure. */
    @ParameterizedTest
    @CsvSource({
        "256, 256, 9, 448, 448, 0, 0, 448, 448",
        "448, 448, 9, 448, 448, 0, 0, 448, 448",
        "512, 512, 9, 448, 448, 1, 2, 630, 644",
        "512, 512, 4, 448, 448, 1, 2, 630, 644",
        "768, 768, 9, 448, 448, 2, 2, 896, 896",
        "1024, 1024, 9, 448, 448, 3, 2, 1092, 1092",
        "1024, 1024, 4, 448, 448, 2, 2, 896, 896",
        "512, 768, 9, 364, 546, 1, 2, 518, 784",
        "768, 512, 4, 546, 364, 2, 1, 784, 518",
        "1024, 768, 9, 518, 392, 2, 2, 1036, 784",
        "1344, 768, 9, 588, 336, 3, 2, 1428, 840",
        "1344, 768, 4, 588, 336, 3, 1, 1008, 588",
        "1920, 1080, 9, 602, 336, 4, 2, 1680, 952",
        "1920, 1080, 4, 602, 336, 3, 1, 1050, 588",
    })
    void plansAsPublished(
            int width,
            int height,
            int maxSlices,
            int thumbnailWidth,
            int thumbnailHeight,
            int columns,
            int rows,
            int refinedWidth,
            int refinedHeight) {
        SlicePlan plan = SlicePlan.of(width, height, new Settings(maxSlices, 448, 14));

        assertThat(plan.thumbnail()).isEqualTo(new Size(thumbnailWidth, thumbnailHeight));
        if (columns == 0) {
            assertThat(plan.grid()).isNull();
            assertThat(plan.images()).isEqualTo(1);
        } else {
            assertThat(plan.grid()).isEqualTo(new SlicePlan.Grid(columns, rows));
            assertThat(plan.tile()).isEqualTo(new Size(refinedWidth / columns, refinedHeight / rows));
            assertThat(plan.images()).isEqualTo(1 + columns * rows);
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "1, 5000", "5000, 1", "14, 14", "10000, 10000"})
    void everyPieceHasWholePatches(int width, int height) {
        SlicePlan plan = SlicePlan.of(width, height, new Settings(9, 448, 14));

        assertThat(plan.thumbnail().width() % 14).isZero();
        assertThat(plan.thumbnail().height() % 14).isZero();
        if (plan.tile() != null) {
            assertThat(plan.tile().width() % 14).isZero();
            assertThat(plan.tile().height() % 14).isZero();
        }
    }
}
