package io.github.m3agiqa.app.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.m3agiqa.Assessment;
import io.github.m3agiqa.ImagePrompt;
import io.github.m3agiqa.scoring.ScoringListener;
import io.github.m3agiqa.scoring.ScoringRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
final class ScoringQueueTest {
    private final CountDownLatch busy = new CountDownLatch(1);
    private final CompletableFuture<Void> begin = new CompletableFuture<>();
    private final List<List<String>> groups = Collections.synchronizedList(new ArrayList<>());

    private static ScoringRequest request(String image, boolean describe) {
        return new ScoringRequest(
                ImagePrompt.of(image, new byte[0], "a hill"), Set.of(), describe, ScoringListener.NONE);
    }

    /** Gives the only thread a request, which it has scored when all may begin. */
    private CompletableFuture<Assessment> occupy(ScoringQueue queue) throws InterruptedException {
        CompletableFuture<Assessment> first = queue.submit(request("first", true), false);
        busy.await();
        return first;
    }

    private List<Assessment> score(List<ScoringRequest> requests) {
        busy.countDown();
        begin.join();
        List<String> images =
                requests.stream().map(request -> request.input().image()).toList();
        groups.add(images);
        if (images.contains("bad")) {
            throw new IllegalStateException("cannot be scored");
        }
        return images.stream()
                .map(image -> new Assessment(image, null, "m@1", Map.of(), null, Duration.ZERO))
                .toList();
    }

    /** Those that wait, want a description and are not watched, in their order and as many as may be. */
    @Test
    void thoseThatWaitForADescriptionAreScoredTogether() throws Exception {
        try (ScoringQueue queue = new ScoringQueue(20, 1, () -> 3, this::score)) {
            var first = occupy(queue);
            List<CompletableFuture<Assessment>> all = new ArrayList<>(List.of(first));
            for (String image : List.of("a", "b", "c", "d")) {
                all.add(queue.submit(request(image, true), false));
            }
            all.add(queue.submit(request("watched", true), true));
            all.add(queue.submit(request("e", true), false));
            all.add(queue.submit(request("undescribed", false), false));
            all.add(queue.submit(request("f", true), false));
            begin.complete(null);

            assertThat(queue.drain(Duration.ofSeconds(30))).isTrue();
            assertThat(groups)
                    .containsExactly(
                            List.of("first"),
                            List.of("a", "b", "c"),
                            List.of("d"),
                            List.of("watched"),
                            List.of("e"),
                            List.of("undescribed"),
                            List.of("f"));
            for (CompletableFuture<Assessment> answer : all) {
                assertThat(answer).isCompleted();
            }
            assertThat(all.get(2).join().image()).isEqualTo("b");
        }
    }

    @Test
    void anErrorEndsNoThread() throws Exception {
        AtomicBoolean failed = new AtomicBoolean();
        try (ScoringQueue queue = new ScoringQueue(2, 1, () -> 1, requests -> {
            if (failed.compareAndSet(false, true)) {
                throw new StackOverflowError();
            }
            return score(requests);
        })) {
            begin.complete(null);
            var first = queue.submit(request("first", true), false);
            var second = queue.submit(request("second", true), false);

            assertThat(second.join().image()).isEqualTo("second");
            assertThat(first).isCompletedExceptionally();
        }
    }

    @Test
    void whatGoesWrongIsToldToAllOfTheGroup() throws Exception {
        try (ScoringQueue queue = new ScoringQueue(20, 1, () -> 4, this::score)) {
            var first = occupy(queue);
            var bad = queue.submit(request("bad", true), false);
            var beside = queue.submit(request("beside", true), false);
            begin.complete(null);

            assertThatThrownBy(bad::get).hasRootCauseMessage("cannot be scored");
            assertThatThrownBy(beside::get).hasRootCauseMessage("cannot be scored");
            assertThat(queue.submit(request("later", true), false).get().image())
                    .isEqualTo("later");
            assertThat(first).isCompleted();
        }
    }

    /** Such as a model whose weights cannot be read. */
    @Test
    void theThreadGoesOnWhenNoOneKnowsHowManyGoTogether() throws Exception {
        AtomicBoolean known = new AtomicBoolean();
        IntSupplier together = () -> {
            if (known.getAndSet(true)) {
                return 4;
            }
            throw new IllegalStateException("cannot be read");
        };
        try (ScoringQueue queue = new ScoringQueue(20, 1, together, this::score)) {
            var first = occupy(queue);
            var second = queue.submit(request("second", true), false);
            var third = queue.submit(request("third", true), false);
            begin.complete(null);

            assertThat(first.get().image()).isEqualTo("first");
            assertThatThrownBy(second::get).hasRootCauseMessage("cannot be read");
            assertThat(third.get().image()).isEqualTo("third");
        }
    }

    /** Four requests and two threads that are free: none is idle while the other has a group. */
    @Test
    void threadsShareWhatWaits() throws Exception {
        CountDownLatch both = new CountDownLatch(2);
        try (ScoringQueue queue = new ScoringQueue(20, 2, () -> 4, requests -> {
            both.countDown();
            return score(requests);
        })) {
            var _ = queue.submit(request("first", true), false);
            var _ = queue.submit(request("second", true), false);
            both.await();
            for (String image : List.of("a", "b", "c", "d")) {
                var _ = queue.submit(request(image, true), false);
            }
            begin.complete(null);

            assertThat(queue.drain(Duration.ofSeconds(30))).isTrue();
            assertThat(groups).contains(List.of("a", "b"));
            assertThat(groups).allMatch(group -> group.size() <= 2);
        }
    }
}
