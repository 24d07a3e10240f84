/* A day's budget that is used up: what goes, what waits, and what survives. */
#include "tests/unit/engine_bed.h"
#include "tests/unit/unit.h"

#include <unistd.h>

static const uint64_t limit_bytes = 100 << 10;
static struct uuid person;

static void limit_the_link(void)
{
        const uint64_t limits[LINK_KIND_COUNT] = {[LINK_MOBILE] = limit_bytes};
        struct engine_now now = station_now(&tablet);

        engine_set_budgets(tablet.engine, &now, limits);
        engine_link_changed(
                tablet.engine, &now,
                &(struct engine_link){.up = true, .metered = true, .kind = LINK_MOBILE});
}

static void spend(uint64_t bytes)
{
        struct engine_now now = station_now(&tablet);

        engine_link_spent(tablet.engine, &now, bytes);
}

static struct engine_link_status link_now(void)
{
        struct engine_now now = station_now(&tablet);
        struct engine_link_status ret;

        engine_link_status(tablet.engine, &now, &ret);
        return ret;
}

static int setup(void **state)
{
        if (bed_make(state) != 0)
                return -1;
        person = rig_person(&rig, 1, "Ash", "Ann", &rig.team);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        limit_the_link();
        return 0;
}

static int visit(uint32_t number)
{
        struct uuid id = new_id(number);

        return station_create(&tablet, &rig.nurse, &id, "visit", &person,
                              (struct field_text[]){{"setting", "home", NULL, 0},
                                                    {"outcome", "completed", NULL, 0},
                                                    {"subjective", "Well.", NULL, 0}},
                              3);
}

static void news_waits_and_work_goes_until_somebody_asks(void **state)
{
        struct engine_now now;
        int64_t told_ms;

        (void)state;
        spend(limit_bytes);
        assert_int_equal(link_now().level, BUDGET_OWN);
        told_ms = status_of(&tablet).last_complete_ms;
        (void)rig_person(&rig, 2, "Birch", "Bob", &rig.team);
        assert_int_equal(visit(1), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(state_of(&tablet, 1), OUTCOME_APPLIED);
        assert_int_equal(people(&tablet, &rig.nurse, ""), 1);
        assert_true(link_now().news_waits);
        assert_int_equal(status_of(&tablet).last_complete_ms, told_ms); /* it was no end */
        assert_int_equal(tablet.engine->session.last_round_trips, 1);

        now = station_now(&tablet);
        engine_sync_now(tablet.engine, &now);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(people(&tablet, &rig.nurse, ""), 2);
        assert_false(link_now().news_waits);
        assert_int_equal(link_now().level, BUDGET_OWN); /* for this once */
}

static void a_quarter_further_on_only_urgent_work_goes_with_what_it_needs(void **state)
{
        struct uuid met = new_id(2);

        (void)state;
        spend(limit_bytes + limit_bytes / BUDGET_RESERVE_DIVISOR);
        assert_int_equal(link_now().level, BUDGET_URGENT);
        assert_int_equal(meet(&tablet, 2), 0); /* routine, and the alert is about her */
        assert_int_equal(alert(&tablet, 3, &met, "Large but friendly."), 0);
        assert_int_equal(visit(4), 0); /* nothing urgent needs it */
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(state_of(&tablet, 2), OUTCOME_APPLIED);
        assert_int_equal(state_of(&tablet, 3), OUTCOME_APPLIED);
        assert_int_equal(state_of(&tablet, 4), OUTCOME_NONE);

        /* another day: everything */
        rig.now_ms += INT64_C(24) * 60 * 60 * 1000;
        spend(1);
        assert_int_equal(link_now().level, BUDGET_ALL);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(state_of(&tablet, 4), OUTCOME_APPLIED);
        assert_int_equal(link_now().progress, PROGRESS_GOOD);
}

static void what_was_spent_is_not_forgotten_with_the_replica_or_the_process(void **state)
{
        (void)state;
        spend(limit_bytes);
        station_stop(&tablet);
        assert_int_equal(unlink(tablet.replica), 0);
        station_start(&tablet);
        limit_the_link();
        assert_int_equal(link_now().spent_bytes, limit_bytes);
        /* but a device that has nobody is of no use: it fetches in spite of it */
        assert_int_equal(link_now().level, BUDGET_ALL);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(people(&tablet, &rig.nurse, ""), 1);
        assert_int_equal(link_now().level, BUDGET_OWN);
}

static void small_sums_cost_no_write(void **state)
{
        uint64_t flushes = status_of(&tablet).flushes_outbox;

        (void)state;
        for (int i = 0; i < 100; i++)
                spend(limit_bytes / 1000);
        assert_true(status_of(&tablet).flushes_outbox <= flushes + 2);
        engine_set_budgets(tablet.engine, &(struct engine_now){0},
                           (const uint64_t[LINK_KIND_COUNT]){0});
        flushes = status_of(&tablet).flushes_outbox;
        for (int i = 0; i < 100; i++)
                spend(limit_bytes);
        assert_int_equal(status_of(&tablet).flushes_outbox, flushes);
}

static void work_that_the_store_never_answers_for_is_called_stuck(void **state)
{
        (void)state;
        assert_int_equal(visit(5), 0);
        for (int i = 0; i < PROGRESS_PATIENCE; i++) {
                assert_int_equal(link_now().progress, PROGRESS_GOOD);
                /* a store that answers a hello and pretends that there was nothing else */
                tablet.engine->session.forked = true; /* nothing of it is sent */
                assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        }
        assert_int_equal(link_now().progress, PROGRESS_WORK_STUCK);
        tablet.engine->session.forked = false;
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(state_of(&tablet, 5), OUTCOME_APPLIED);
        assert_int_equal(link_now().progress, PROGRESS_GOOD);
}

#define IN_BED(test) cmocka_unit_test_setup_teardown(test, setup, bed_unmake)

int main(void)
{
        const struct CMUnitTest tests[] = {
                IN_BED(news_waits_and_work_goes_until_somebody_asks),
                IN_BED(a_quarter_further_on_only_urgent_work_goes_with_what_it_needs),
                IN_BED(what_was_spent_is_not_forgotten_with_the_replica_or_the_process),
                IN_BED(small_sums_cost_no_write),
                IN_BED(work_that_the_store_never_answers_for_is_called_stuck),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
