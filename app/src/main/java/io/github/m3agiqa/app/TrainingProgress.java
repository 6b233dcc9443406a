package io.github.m3agiqa.app;

import io.github.m3agiqa.StepListener;
import java.io.PrintWriter;

/** Shows the steps of a training job as progress, and its notes as lines. */
final class TrainingProgress implements StepListener {
    private final Progress progress;
    private final PrintWriter notes;

    TrainingProgress(Progress progress, PrintWriter notes) {
        this.progress = progress;
        this.notes = notes;
    }

    @Override
    public void started(long steps, long done) {
        progress.start(Math.toIntExact(steps), Math.toIntExact(done));
    }

    @Override
    public void step() {
        progress.step(true);
    }

    @Override
    public void note(String line) {
        notes.println(line);
        notes.flush();
    }
}
