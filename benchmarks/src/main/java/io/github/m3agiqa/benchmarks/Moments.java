package io.github.m3agiqa.benchmarks;

import io.github.m3agiqa.StepListener;
import java.util.ArrayList;
import java.util.List;

/** The moments at which steps were taken. */
final class Moments implements StepListener {
    private final List<Long> moments = new ArrayList<>();

    @Override
    public void started(long steps, long done) {
        moments.clear();
        moments.add(System.nanoTime());
    }

    @Override
    public void step() {
        moments.add(System.nanoTime());
    }

    @Override
    public void note(String line) {}

    /** How many steps were taken. */
    int steps() {
        return moments.size() - 1;
    }

    /** From one step to another; 0 is the start. */
    double seconds(int from, int to) {
        return (moments.get(to) - moments.get(from)) / 1e9;
    }
}
