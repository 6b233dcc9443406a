package io.github.m3agiqa.distill;

/** Requests and money that were spent, and whether there is enough left for one more. */
final class Spending {
    private final long maxRequests;
    private final double maxCost;
    private long requests;
    private double cost;
    private int underWay;
    private double dearest;
    private boolean exhausted;

    Spending(AnswerStore.Spent before, long maxRequests, double maxCost) {
        this.maxRequests = maxRequests;
        this.maxCost = maxCost;
        this.requests = before.requests();
        this.cost = before.cost();
        this.dearest = before.requests() == 0 ? 0 : before.cost() / before.requests();
    }

    /** Takes what one request may cost, which is the most that one has cost so far; false if that is not left. */
    synchronized boolean begin() {
        if (exhausted || requests >= maxRequests || cost + (underWay + 1) * dearest > maxCost) {
            exhausted = true;
            return false;
        }
        requests++;
        underWay++;
        return true;
    }

    synchronized void end(double paid) {
        underWay--;
        cost += paid;
        dearest = Math.max(dearest, paid);
    }

    /**
     * Lets nothing more begin.
     *
     * @return whether something could have begun until now
     */
    synchronized boolean exhaust() {
        boolean before = exhausted;
        exhausted = true;
        return !before;
    }

    synchronized boolean exhausted() {
        return exhausted;
    }
}
