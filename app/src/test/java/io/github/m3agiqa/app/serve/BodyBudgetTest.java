package io.github.m3agiqa.app.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

final class BodyBudgetTest {
    private static final long MIB = 1 << 20;

    @Test
    void refusesWhatFindsNoRoomUntilSomeIsGivenBack() {
        BodyBudget budget = new BodyBudget(9 * MIB);
        BodyBudget.Hold first = budget.hold(2 * MIB);
        assertThatThrownBy(() -> budget.hold(2 * MIB))
                .isInstanceOfSatisfying(
                        Problem.Raised.class,
                        raised -> assertThat(raised.problem().status()).isEqualTo(Problem.TOO_MANY_REQUESTS));
        budget.hold(MIB);
        first.close();
        budget.hold(2 * MIB);
    }

    @Test
    void aBodyThatIsAloneFindsRoomHoweverLargeItIs() {
        BodyBudget budget = new BodyBudget(MIB);
        budget.hold(Integer.MAX_VALUE).close();
        budget.hold(Integer.MAX_VALUE);

        assertThatThrownBy(() -> budget.hold(1)).isInstanceOf(Problem.Raised.class);
    }
}
