package io.github.m3agiqa.app.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class InOrderTest {
    private final List<Integer> items = IntStream.range(0, 100).boxed().toList();

    @Test
    void resultsComeInTheOrderOfTheList() throws IOException {
        AtomicInteger running = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        List<Integer> taken = new ArrayList<>();

        InOrder.<Integer, Integer>forEach(
                items,
                3,
                item -> {
                    most.accumulateAndGet(running.incrementAndGet(), Math::max);
                    pause(item % 3);
                    running.decrementAndGet();
                    return 10 * item;
                },
                (item, result) -> {
                    assertThat(result).isEqualTo(10 * item);
                    taken.add(item);
                });

        assertThat(taken).isEqualTo(items);
        assertThat(most.get()).isBetween(1, 3);
    }

    /** Each waits for the other, so one after the other they would never end. */
    @Test
    void worksOnSeveralAtATime() throws IOException {
        CountDownLatch both = new CountDownLatch(2);

        InOrder.<Integer, Boolean>forEach(
                List.of(1, 2),
                2,
                _ -> {
                    both.countDown();
                    try {
                        both.await();
                        return true;
                    } catch (InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                },
                (_, met) -> assertThat(met).isTrue());
    }

    @Test
    void anErrorEndsItAndNothingGoesOn() {
        AtomicInteger begun = new AtomicInteger();

        assertThatThrownBy(() -> InOrder.<Integer, Integer>forEach(
                        items,
                        2,
                        item -> {
                            begun.incrementAndGet();
                            if (item == 5) {
                                throw new IllegalArgumentException("five");
                            }
                            return item;
                        },
                        (_, _) -> {}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("five");
        assertThatThrownBy(() -> InOrder.<Integer, Integer>forEach(items, 2, item -> item, (_, _) -> {
                    throw new IOException("full");
                }))
                .isInstanceOf(IOException.class)
                .hasMessage("full");

        int then = begun.get();
        pause(20);
        assertThat(begun).hasValue(then).hasValueLessThan(12);
    }

    private static void pause(int millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
