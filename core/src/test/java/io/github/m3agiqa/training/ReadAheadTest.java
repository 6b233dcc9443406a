package io.github.m3agiqa.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class ReadAheadTest {
    private final AtomicInteger read = new AtomicInteger();

    private Supplier<Long> slow(long value) {
        return () -> {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(200));
            read.incrementAndGet();
            return value;
        };
    }

    @Test
    void readsEachStepOnceAndInOrder() {
        try (ReadAhead<Long> ahead = new ReadAhead<>(step -> List.of(slow(10 * step), slow(10 * step + 1)))) {
            assertThat(ahead.of(3)).containsExactly(30L, 31L);
            assertThat(ahead.of(4)).containsExactly(40L, 41L);
            assertThat(ahead.read(List.of(slow(7)))).containsExactly(7L);
        }
        assertThat(read).hasValue(2 + 2 + 2 + 1);
    }

    @Test
    void closedItReadsNoMore() {
        ReadAhead<Long> ahead = new ReadAhead<>(step -> List.of(slow(step)));
        ahead.of(0);
        ahead.close();
        int atTheEnd = read.get();
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(500));
        assertThat(read).hasValue(atTheEnd).hasValue(2);
    }

    @Test
    void nothingIsReadAfterItWasClosedForAFailure() {
        Supplier<Long> broken = () -> {
            throw new IllegalArgumentException("broken");
        };
        try (ReadAhead<Long> ahead = new ReadAhead<>(step -> List.of(broken, slow(1), slow(2), slow(3)))) {
            assertThatThrownBy(() -> ahead.of(0))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("broken");
        }
        assertThat(read).hasValue(3);
    }
}
