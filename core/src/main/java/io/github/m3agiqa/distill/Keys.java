package io.github.m3agiqa.distill;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The same teacher with each of several keys, which take turns. A key may rest, or be left out. */
final class Keys {
    private final List<Key> keys = new ArrayList<>();
    private int turn;

    /** A teacher, and until when it rests, in the nanoseconds of {@link System#nanoTime}. */
    private static final class Key {
        private final Teacher teacher;
        private long restsUntil;

        Key(Teacher teacher, long now) {
            this.teacher = teacher;
            this.restsUntil = now;
        }
    }

    /**
     * A teacher that may be asked.
     *
     * @param pause how long to wait before it is
     */
    record Turn(Teacher teacher, Duration pause) {}

    Keys(List<? extends Teacher> teachers) {
        long now = System.nanoTime();
        teachers.forEach(teacher -> keys.add(new Key(teacher, now)));
    }

    /** The next key that does not rest, or that which rests the shortest; empty if all were left out. */
    synchronized Optional<Turn> next() {
        if (keys.isEmpty()) {
            return Optional.empty();
        }
        long now = System.nanoTime();
        Key best = keys.get(turn % keys.size());
        for (int i = 0; i < keys.size() && best.restsUntil - now > 0; i++) {
            Key other = keys.get((turn + i) % keys.size());
            best = other.restsUntil - best.restsUntil < 0 ? other : best;
        }
        turn = (keys.indexOf(best) + 1) % keys.size();
        return Optional.of(new Turn(best.teacher, Duration.ofNanos(Math.max(0, best.restsUntil - now))));
    }

    /** Lets a key rest, for all who would use it. */
    synchronized void rest(Teacher teacher, Duration pause) {
        long until = System.nanoTime() + pause.toNanos();
        for (Key key : keys) {
            if (key.teacher.equals(teacher) && until - key.restsUntil > 0) {
                key.restsUntil = until;
            }
        }
    }

    /**
     * Leaves a key out for good.
     *
     * @return whether it was still there
     */
    synchronized boolean drop(Teacher teacher) {
        return keys.removeIf(key -> key.teacher.equals(teacher));
    }

    synchronized int size() {
        return keys.size();
    }
}
