package io.github.m3agiqa.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.m3agiqa.hub.ModelManifest.Blend;
import org.junit.jupiter.api.Test;

class BlendTest {
    @Test
    void aShareOfTheSecondScoreAndNotAboveALowOne() {
        Blend blend = new Blend(0.25, 2.5, false);

        assertThat(blend.of(3.2, 2.8)).as("near each other").isCloseTo(3.1, within(1e-12));
        assertThat(blend.of(5, 2.8)).as("far above").isCloseTo(3.1, within(1e-12));
        assertThat(blend.of(3, 2.4)).as("above a low one").isEqualTo(2.4);
        assertThat(blend.of(1, 3)).as("below").isCloseTo(1.5, within(1e-12));
        assertThat(blend.of(3, Double.NaN)).isNaN();
    }

    @Test
    void withoutABoundOrAShare() {
        assertThat(new Blend(0.25, null, false).of(3, 1)).isCloseTo(2.5, within(1e-12));
        assertThat(new Blend(0.0, 5.0, false).of(3, 1)).isEqualTo(1);
        assertThat(new Blend(0.0, 5.0, false).of(1, 3)).isEqualTo(1);
    }

    @Test
    void whatIsNoShareIsRefused() {
        assertThatThrownBy(() -> new Blend(1.5, null, false)).hasMessageContaining("share from 0 to 1");
    }
}
