package io.github.m3agiqa.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class MarkupTest {
    @Test
    void whatIsPutInStaysText() {
        Markup page = new Markup()
                .open("p", "title", "\"><script>alert('x')</script>", "class", "")
                .text("a < b && c > d\u0000\u001b\n")
                .close()
                .empty("img", "alt", "x' onerror='y");

        assertThat(page)
                .hasToString("<p title=\"&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\">"
                        + "a &lt; b &amp;&amp; c &gt; d\uFFFD\uFFFD\n</p><img alt=\"x&#39; onerror=&#39;y\"/>");
    }

    @Test
    void coordinatesAreShort() {
        assertThat(Markup.at(100)).isEqualTo("100");
        assertThat(Markup.at(0.5)).isEqualTo("0.5");
        assertThat(Markup.at(-12.346)).isEqualTo("-12.35");
        assertThat(Markup.at(10)).isEqualTo("10");
    }

    @Test
    void anOpenElementIsABug() {
        assertThatThrownBy(() -> new Markup().open("p").toString()).hasMessageContaining("still open: [p]");
    }
}
