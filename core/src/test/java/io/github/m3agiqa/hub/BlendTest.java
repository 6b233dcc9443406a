package io.github.m3agiqa.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.hub.ModelManifest.Blend;
import org.junit.jupiter.api.Test;

class BlendTest {
    @Test
    void aShareOfTheSecondScoreAndNotFarAboveIt() {
        Blend blend = new Blend(0.25, 0.5);

        assertThat(blend.of(3, 2.6)).as("near each other").isCloseTo(2.9, within(1e-12));
        assertThat(blend.of(3, 1)).as("far above").isEqualTo(1.5);
        assertThat(blend.of(1, 3)).as("below").isCloseTo(1.5, within(1e-12));
        assertThat(blend.of(3, Double.NaN)).isNaN();
    }

    @Test
    void withoutABoundOrAShare() {
        assertThat(new Blend(0.25, null).of(3, 1)).isCloseTo(2.5, within(1e-12));
        assertThat(new Blend(0.0, 0.0).of(3, 1)).isEqualTo(1);
        assertThat(new Blend(0.0, 0.0).of(1, 3)).isEqualTo(1);
    }

    @Test
    void whatIsNoShareIsRefused() {
        assertThatThrownBy(() -> new Blend(1.5, null)).hasMessageContaining("share from 0 to 1");
        assertThatThrownBy(() -> new Blend(0.5, -1.0)).hasMessageContaining("at least 0 above");
    }
}
