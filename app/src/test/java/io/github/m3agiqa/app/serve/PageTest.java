package io.github.m3agiqa.app.serve;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.deque.html.axecore.playwright.AxeBuilder;
import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.BrowserType.LaunchOptions;
import com.microsoft.playwright.Download;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.assertions.LocatorAssertions.ContainsTextOptions;
import com.microsoft.playwright.assertions.PlaywrightAssertions;
import com.microsoft.playwright.options.ColorScheme;
import io.github.m3agiqa.hub.ModelFolder;
import io.github.m3agiqa.hub.ModelManifest;
import io.github.m3agiqa.scoring.Scorer;
import io.github.m3agiqa.scoring.ScoringOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The page in a real browser, before a real service with the built-in model. */
@Tag("browser")
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class PageTest {
    @TempDir
    private static Path folder;

    private static final Path MODEL = Path.of("../models/nano");
    private static final Path CLEAN = Path.of("../examples/lighthouse.png");
    private static final Path DEGRADED = Path.of("../examples/lighthouse-degraded.png");
    private static final String PROMPT = "a red and white lighthouse on a cliff by the sea";

    private static Scorer scorer;
    private static Service service;
    private static Playwright playwright;
    private static Browser browser;

    @BeforeAll
    static void start() throws Exception {
        PlaywrightAssertions.setDefaultAssertionTimeout(60_000); // a described score on a busy machine
        scorer = Scorer.open(ModelFolder.open(MODEL), ScoringOptions.DEFAULT);
        service = new Service(scorer, manifest(), settings(null));
        playwright = Playwright.create(
                new Playwright.CreateOptions().setEnv(Map.of("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")));
        browser = playwright
                .chromium()
                .launch(new LaunchOptions()
                        .setExecutablePath(chromium())
                        .setArgs(List.of("--no-sandbox", "--disable-gpu")));
    }

    private static ModelManifest manifest() {
        return ModelFolder.open(MODEL).manifest();
    }

    private static Service.Settings settings(@Nullable String apiKey) {
        return new Service.Settings("127.0.0.1", 0, apiKey, 16, 1, Duration.ofSeconds(60), 1 << 22);
    }

    private static Path chromium() {
        return Stream.of("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
                .map(Path::of)
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("there is no chromium: install it, as .ci/run does"));
    }

    @AfterAll
    static void stop() {
        browser.close();
        playwright.close();
        service.close();
        scorer.close();
    }

    private static Page open(Browser.NewContextOptions options) {
        BrowserContext context = browser.newContext(options);
        Page page = context.newPage();
        page.onRequest(request -> assertThat(request.url()).matches("(blob:)?\\Q%s\\E.*|data:.*".formatted(url())));
        page.onPageError(error -> {
            throw new AssertionError(error);
        });
        page.navigate(url());
        return page;
    }

    private static String url() {
        return "http://127.0.0.1:%d/".formatted(service.port());
    }

    private static void score(Page page, String prompt, Path... files) {
        page.locator("#files").setInputFiles(files);
        page.getByLabel("Prompt that they were made from").fill(prompt);
        page.getByText("Score", new Page.GetByTextOptions().setExact(true)).click();
        assertThat(page.locator("#status")).containsText("Done", new ContainsTextOptions().setTimeout(60_000));
    }

    @Test
    void scoresOneImageAndShowsTheRounds() {
        Page page = open(new Browser.NewContextOptions());
        assertThat(page.locator("#model")).containsText("quality, correspondence, authenticity");

        score(page, "a hill <img src=x onerror=alert(1)>", CLEAN);

        Locator card = page.locator("article");
        assertThat(card).hasCount(1);
        assertThat(card.locator(".aspect")).hasCount(3);
        for (Locator number : card.locator(".number").all()) {
            assertThat(number.textContent()).matches("\\d\\.\\d\\d");
        }
        assertThat(card.locator("svg[role=img]")).hasCount(3);
        assertThat(card.locator("details p")
                        .filter(new Locator.FilterOptions().setHasText("<img src=x onerror=alert(1)>")))
                .not()
                .hasCount(0);
        assertThat(page.locator("article details img")).hasCount(0);
        page.context().close();
    }

    @Test
    void comparesAndKeepsAndDownloads() throws Exception {
        Page page = open(new Browser.NewContextOptions());

        score(page, "=1+1", CLEAN, DEGRADED);

        assertThat(page.locator("article")).hasCount(2);
        assertThat(page.locator(".best:not(:empty)")).not().hasCount(0);
        page.reload();
        assertThat(page.locator("#history tbody tr")).hasCount(2);
        Download csv = page.waitForDownload(() -> page.locator("#csv").click());
        String text = Files.readString(csv.path());
        assertThat(text.lines()).hasSize(1 + 2 * 3);
        assertThat(text)
                .startsWith("\"image_path\",\"prompt\",\"aspect\"")
                .contains("\"'=1+1\"", "\"lighthouse-degraded.png\"");
        Download json = page.waitForDownload(() -> page.locator("#json").click());
        assertThat(Files.readString(json.path())).contains("\"model\"");
        page.locator("#forget").click();
        assertThat(page.locator("#history tbody tr")).hasCount(0);
        page.context().close();
    }

    @Test
    void saysWhatIsWrong() throws Exception {
        Path broken = Files.writeString(folder.resolve("<b>broken.png"), "no image");
        Page page = open(new Browser.NewContextOptions());

        score(page, "a", broken);

        assertThat(page.locator(".error")).containsText("IMAGE_UNREADABLE");
        assertThat(page.locator("article h3")).hasText("<b>broken.png");
        assertThat(page.locator("#status")).containsText("1 could not be scored");
        page.context().close();
    }

    @Test
    void saysWhatItLeavesOut() throws Exception {
        Path notes = Files.writeString(folder.resolve("notes.txt"), "no image");
        Page page = open(new Browser.NewContextOptions());

        page.locator("#files").setInputFiles(new Path[] {CLEAN, notes});

        assertThat(page.locator("article")).hasCount(1);
        assertThat(page.locator("#status")).hasText("1 image to score. No image, and left out: notes.txt.");
        page.context().close();
    }

    @Test
    void aFileThatIsGoneIsNoFaultOfTheService() throws Exception {
        Path gone = Files.copy(CLEAN, folder.resolve("gone.png"));
        Page page = open(new Browser.NewContextOptions());
        page.locator("#files").setInputFiles(new Path[] {gone, DEGRADED});
        Files.delete(gone);

        page.locator("#score").click();

        assertThat(page.locator("#status")).hasText("Done; 1 could not be scored.");
        assertThat(page.locator("article .error[role=alert]"))
                .hasText("the file cannot be read; if it has changed, choose it again (IMAGE_UNREADABLE)");
        page.context().close();
    }

    /** More bytes than the service reads: it has said so before all of them were sent. */
    @Test
    void anImageThatIsTooLargeIsToldSo() throws Exception {
        Path large = Files.write(folder.resolve("large.png"), new byte[60_000_000]);
        Page page = open(new Browser.NewContextOptions());

        score(page, "a", large);

        assertThat(page.locator("article .error")).containsText("IMAGE_TOO_LARGE");
        page.context().close();
    }

    @Test
    void takesFilesThatAreDroppedAndLeavesTextToThePrompt() {
        Page page = open(new Browser.NewContextOptions());
        String drop = """
                (file) => {
                  const data = new DataTransfer();
                  if (file) {
                    data.items.add(new File([new Uint8Array(3)], "dropped.png", { type: "image/png" }));
                  } else {
                    data.setData("text/plain", "a hill");
                  }
                  const event = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
                  document.querySelector("#prompt").dispatchEvent(event);
                  return event.defaultPrevented;
                }""";

        assertThat(page.evaluate(drop, false)).isEqualTo(false);
        assertThat(page.locator("article")).hasCount(0);
        assertThat(page.evaluate(drop, true)).isEqualTo(true);
        assertThat(page.locator("article h3")).hasText("dropped.png");
        page.context().close();
    }

    /** A prompt of many words, written from right to left. */
    @Test
    void showsLongPromptsOfAnyScript() {
        Page page = open(new Browser.NewContextOptions());
        String prompt = "מגדלור על צוק ".repeat(1000);

        score(page, prompt, CLEAN);

        Locator cell = page.locator("#history tbody td").nth(2);
        assertThat((Integer) cell.evaluate("cell => cell.offsetHeight")).isLessThan(100);
        assertThat((Boolean) cell.evaluate("""
                cell => {
                  const text = cell.firstChild.firstChild;
                  const first = document.createRange();
                  first.setStart(text, 0);
                  first.setEnd(text, 1);
                  const all = cell.getBoundingClientRect();
                  return first.getBoundingClientRect().left > (all.left + all.right) / 2;
                }""")).as("begins at the right").isTrue();
        page.context().close();
    }

    @Test
    void knowsTheModelOnceItHasTheKey() {
        try (Service guarded = new Service(scorer, manifest(), settings("secret"))) {
            Page page = browser.newContext().newPage();
            page.navigate("http://127.0.0.1:%d/".formatted(guarded.port()));
            assertThat(page.locator("#model")).hasText("The service asks for an API key.");

            page.getByLabel("API key").fill("secret");
            page.getByLabel("API key").blur();

            assertThat(page.locator("#model")).containsText("quality, correspondence, authenticity");
            page.context().close();
        }
    }

    /** The connection is lost within an answer, or the answer ends before its last event. */
    @ParameterizedTest
    @CsvSource({
        "controller.error(new TypeError('network error')), the service does not answer",
        "controller.close(), the answer broke off"
    })
    void goesOnWhenAnAnswerBreaksOff(String end, String told) {
        Page page = open(new Browser.NewContextOptions());
        page.evaluate("""
                () => {
                  const stage = 'event: stage\\ndata: {"aspect": "quality", "stage": "describe", "question": "?"}\\n\\n';
                  window.fetch = async () => new Response(new ReadableStream({
                    start: (controller) => controller.enqueue(new TextEncoder().encode(stage)),
                    pull: (controller) => { %s; },
                  }, { highWaterMark: 0 }));
                }""".formatted(end));

        score(page, "a", CLEAN, DEGRADED);

        assertThat(page.locator("#status")).hasText("Done; 2 could not be scored.");
        assertThat(page.locator("article .error"))
                .hasText(new String[] {told + " (UNREACHABLE)", told + " (UNREACHABLE)"});
        assertThat(page.locator(".typing")).hasCount(0);
        assertThat(page.locator("#score")).isEnabled();
        page.context().close();
    }

    @Test
    void fitsAPhoneInTheDarkAndIsAccessible() {
        for (ColorScheme scheme : List.of(ColorScheme.LIGHT, ColorScheme.DARK)) {
            for (int width : List.of(360, 1280)) {
                Page page = open(new Browser.NewContextOptions()
                        .setViewportSize(width, 800)
                        .setColorScheme(scheme));
                score(page, PROMPT, CLEAN, DEGRADED);

                page.screenshot(new Page.ScreenshotOptions()
                        .setFullPage(true)
                        .setPath(Path.of("target/page-%s-%d.png".formatted(scheme, width))));
                assertThat((Integer) page.evaluate("document.documentElement.scrollWidth"))
                        .isLessThanOrEqualTo(width);
                assertThat((Integer) page.evaluate("document.querySelector('#history tbody tr').offsetHeight"))
                        .as("a row of the history at %d pixels", width)
                        .isLessThan(100);
                for (String text : List.of("article .name", "article .best", "#history th")) {
                    for (Locator one : page.locator(text).all()) {
                        assertThat((Boolean) one.evaluate(
                                        "one => one.scrollWidth <= one.clientWidth + 1 && one.offsetHeight < 100"))
                                .as("%s at %d pixels: %s", text, width, one.textContent())
                                .isTrue();
                    }
                }
                assertThat(new AxeBuilder(page).analyze().getViolations())
                        .filteredOn(violation -> List.of("serious", "critical").contains(violation.getImpact()))
                        .as("%s, %d pixels", scheme, width)
                        .isEmpty();
                page.context().close();
            }
        }
    }

    @Test
    void worksByKeyboard() {
        Page page = open(new Browser.NewContextOptions());
        page.locator("#files").setInputFiles(CLEAN);
        page.locator("#prompt").focus();
        page.keyboard().type("a hill");
        page.keyboard().press("Control+Enter");
        assertThat(page.locator("#status")).containsText("Done");

        page.locator("#score").focus();
        page.keyboard().press("Enter");
        assertThat(page.locator("#status")).containsText("Scoring");
        assertThat(page.locator("#status")).containsText("Done");
        assertThat(page.locator("#score")).isFocused();
        page.context().close();
    }
}
