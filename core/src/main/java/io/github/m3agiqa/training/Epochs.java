package io.github.m3agiqa.training;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/** An endless series of the numbers from 0 to below a size: all of them once an epoch, each epoch in its own order. */
final class Epochs {
    private final int size;
    private final long seed;
    private long orderOf = -1;
    private List<Integer> order = List.of();

    Epochs(int size, long seed) {
        this.size = size;
        this.seed = seed;
    }

    /** A number of the series. */
    int at(long index) {
        long epoch = index / size;
        if (epoch != orderOf) {
            List<Integer> shuffled =
                    new ArrayList<>(IntStream.range(0, size).boxed().toList());
            Collections.shuffle(shuffled, new Random(31 * seed + epoch));
            order = shuffled;
            orderOf = epoch;
        }
        return order.get((int) (index % size));
    }
}
