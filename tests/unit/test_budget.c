#include "tests/unit/unit.h"

#include "common/error.h"
#include "daemon/budget.h"

static const uint64_t kib = 1024;

static struct budget mobile_budget(void)
{
        struct budget budget = {.own_bytes = {[LINK_MOBILE] = 1000 * kib}};

        budget_turn(&budget, 100);
        return budget;
}

static void a_link_without_a_limit_carries_everything(void **state)
{
        struct budget budget = mobile_budget();

        (void)state;
        budget_spend(&budget, LINK_WIRED, UINT64_MAX);
        budget_spend(&budget, LINK_WIRED, UINT64_MAX);
        assert_int_equal(budget_level(&budget, LINK_WIRED, false), BUDGET_ALL);
        assert_false(budget_unkept(&budget, LINK_WIRED, false));
        assert_int_equal(budget_level(&budget, LINK_MOBILE, true), BUDGET_ALL);
}

static void downloads_stop_first_and_routine_work_a_quarter_later(void **state)
{
        struct budget budget = mobile_budget();

        (void)state;
        budget_spend(&budget, LINK_MOBILE, 1000 * kib - 1);
        assert_int_equal(budget_level(&budget, LINK_MOBILE, true), BUDGET_ALL);
        budget_spend(&budget, LINK_MOBILE, 1);
        assert_int_equal(budget_level(&budget, LINK_MOBILE, true), BUDGET_OWN);
        budget_spend(&budget, LINK_MOBILE, 250 * kib - 1);
        assert_int_equal(budget_level(&budget, LINK_MOBILE, true), BUDGET_OWN);
        budget_spend(&budget, LINK_MOBILE, 1);
        assert_int_equal(budget_level(&budget, LINK_MOBILE, true), BUDGET_URGENT);
        /* each kind of link for itself */
        assert_int_equal(budget_level(&budget, LINK_WIFI, false), BUDGET_ALL);
}

static void the_store_s_word_stands_for_every_link_that_costs_money(void **state)
{
        struct budget budget = mobile_budget();

        (void)state;
        budget.store_bytes = 10 * kib;
        budget_spend(&budget, LINK_MOBILE, 10 * kib);
        budget_spend(&budget, LINK_WIFI, 10 * kib);
        assert_int_equal(budget_level(&budget, LINK_MOBILE, true), BUDGET_OWN);
        assert_int_equal(budget_level(&budget, LINK_WIFI, true), BUDGET_OWN);
        assert_int_equal(budget_level(&budget, LINK_WIFI, false), BUDGET_ALL);
        assert_int_equal(budget_level(&budget, LINK_MOBILE, false), BUDGET_ALL);
}

static void a_new_day_has_a_new_budget_and_a_clock_put_back_gives_none(void **state)
{
        struct budget budget = mobile_budget();

        (void)state;
        budget_spend(&budget, LINK_MOBILE, 2000 * kib);
        budget_turn(&budget, 99);
        assert_int_equal(budget_level(&budget, LINK_MOBILE, true), BUDGET_URGENT);
        budget_turn(&budget, 100);
        assert_int_equal(budget_level(&budget, LINK_MOBILE, true), BUDGET_URGENT);
        budget_turn(&budget, 101);
        assert_int_equal(budget_level(&budget, LINK_MOBILE, true), BUDGET_ALL);
        /* a clock that was years ahead: its day is never reached, so it does not count */
        budget_turn(&budget, 30000);
        budget_spend(&budget, LINK_MOBILE, 2000 * kib);
        budget_turn(&budget, 101);
        assert_int_equal(budget_level(&budget, LINK_MOBILE, true), BUDGET_ALL);
}

static void what_was_spent_survives_a_restart(void **state)
{
        struct budget budget = mobile_budget(), again = mobile_budget();
        struct buffer kept = BUFFER_INIT;

        (void)state;
        again.own_bytes[LINK_MOBILE] = 500 * kib; /* the configuration was changed meanwhile */
        budget.store_bytes = 700 * kib;
        budget_spend(&budget, LINK_MOBILE, 600 * kib);
        budget_spend(&budget, LINK_WIFI, 5);
        assert_true(budget_unkept(&budget, LINK_MOBILE, true));
        budget_encode(&budget, &kept);
        assert_false(budget_unkept(&budget, LINK_MOBILE, true));
        assert_int_equal(budget_decode(&again, buffer_view(&kept)), 0);
        assert_int_equal(again.spent[LINK_MOBILE], 600 * kib);
        assert_int_equal(again.spent[LINK_WIFI], 5);
        assert_int_equal(again.day, 100);
        assert_int_equal(budget_limit(&again, LINK_MOBILE, true), 700 * kib);
        assert_int_equal(budget_limit(&again, LINK_MOBILE, false), 500 * kib);
        assert_false(budget_unkept(&again, LINK_MOBILE, true));
        budget_spend(&again, LINK_MOBILE, 700 * kib / BUDGET_KEEP_DIVISOR);
        assert_false(budget_unkept(&again, LINK_MOBILE, true));
        budget_spend(&again, LINK_MOBILE, 1);
        assert_true(budget_unkept(&again, LINK_MOBILE, true));
        buffer_deinit(&kept);
}

static void kept_bytes_that_are_not_ours_change_nothing(void **state)
{
        static const uint8_t strange[] = {0x81, 0x01};
        struct budget budget = mobile_budget();

        (void)state;
        budget_spend(&budget, LINK_MOBILE, 7);
        assert_int_equal(budget_decode(&budget, BYTES(strange, sizeof(strange))),
                         PANNIER_E_MALFORMED);
        assert_true(budget_decode(&budget, BYTES_NONE) < 0);
        assert_int_equal(budget.spent[LINK_MOBILE], 7);
        assert_int_equal(budget.day, 100);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_link_without_a_limit_carries_everything),
                cmocka_unit_test(downloads_stop_first_and_routine_work_a_quarter_later),
                cmocka_unit_test(the_store_s_word_stands_for_every_link_that_costs_money),
                cmocka_unit_test(a_new_day_has_a_new_budget_and_a_clock_put_back_gives_none),
                cmocka_unit_test(what_was_spent_survives_a_restart),
                cmocka_unit_test(kept_bytes_that_are_not_ours_change_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
