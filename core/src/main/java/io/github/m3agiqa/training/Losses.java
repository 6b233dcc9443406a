package io.github.m3agiqa.training;

import io.github.m3agiqa.tensor.Scope;
import java.util.List;
import java.util.function.Function;
import org.bytedeco.pytorch.NoGradGuard;

/** The losses of a job that has several. */
final class Losses {
    private Losses() {}

    /**
     * The mean of the losses of things that are not learned from.
     *
     * @param all of which each counts alike
     * @param atOnce how many are read at a time
     * @param losses of some of them, their sum first; NaN, beside a sum that is a number, for one that they have nothing
     *     to measure by, so that they do not count in it
     * @return empty if there are none
     */
    static <T> double[] mean(List<T> all, int atOnce, Function<List<T>, double[]> losses) {
        double[] mean = new double[0];
        double[] counted = new double[0];
        for (int first = 0; first < all.size(); first += atOnce) {
            List<T> some = all.subList(first, Math.min(all.size(), first + atOnce));
            try (Scope _ = new Scope();
                    NoGradGuard _ = new NoGradGuard()) {
                double[] each = losses.apply(some);
                mean = mean.length == 0 ? new double[each.length] : mean;
                counted = counted.length == 0 ? new double[each.length] : counted;
                for (int i = 0; i < each.length; i++) {
                    if (!Double.isNaN(each[i]) || Double.isNaN(each[0])) {
                        mean[i] += each[i] * some.size();
                        counted[i] += some.size();
                    }
                }
            }
        }
        for (int i = 0; i < mean.length; i++) {
            mean[i] /= counted[i];
        }
        return mean;
    }
}
