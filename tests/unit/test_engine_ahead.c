/* The next page is asked for while this one is applied: it changes nothing but the time that it takes. */
#include "tests/unit/engine_bed.h"
#include "tests/unit/unit.h"

#include <stdio.h>

/* Makes the steps of the answer in hand; how many requests went ahead while it was applied. */
static int requests_ahead(struct engine_now *now, int *ret_next)
{
        int count = 0;

        *ret_next = engine_exchange_answer(tablet.engine, now, buffer_view(&tablet.answer));
        while (*ret_next == EXCHANGE_STEP) {
                station_ahead(&tablet);
                count += tablet.has_early;
                tablet.has_early = false;
                *ret_next = engine_exchange_step(tablet.engine, now);
        }
        return count;
}

static void until_a_request_goes_ahead(void)
{
        struct engine_now now = station_now(&tablet);
        int r;

        station_send(&tablet);
        r = engine_exchange_answer(tablet.engine, &now, buffer_view(&tablet.answer));
        while (r == EXCHANGE_STEP && !tablet.has_early) {
                station_ahead(&tablet);
                r = engine_exchange_step(tablet.engine, &now);
        }
        assert_true(r == EXCHANGE_STEP || r == EXCHANGE_AGAIN);
}

static void a_first_sync_whose_requests_go_ahead_is_the_same(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team);
        uint32_t trips;

        (void)state;
        rig.settings.changes_max = 6000;
        rig_records(&rig, &person, 1, 600, "a visit of some length, so that pages fill");
        tablet.ahead = true;
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        trips = status_of(&tablet).last_round_trips;
        assert_true(trips > 5);
        assert_true(status_of(&tablet).complete);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(status_of(&tablet).last_round_trips, 1); /* both vectors are equal */

        /* the power goes while the next page is here and this one is not: it is fetched again */
        station_stop(&tablet);
        assert_int_equal(remove(tablet.replica), 0);
        station_start(&tablet);
        for (int i = 0; i < 3; i++) {
                while (!tablet.has_early)
                        until_a_request_goes_ahead();
                station_stop(&tablet);
                station_start(&tablet);
        }
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_true(status_of(&tablet).complete);
        assert_true(status_of(&tablet).last_round_trips <= trips + 1); /* one for the vector */
        rig.settings.changes_max = 0;
}

static void no_request_goes_ahead_of_what_waits_or_of_an_exit(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team);
        struct uuid other = rig_person(&rig, 2, "Oak", "Olu", &rig.team);
        struct engine_now now = station_now(&tablet);
        int next;

        (void)state;
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        rig.settings.changes_max = 3000;
        rig_records(&rig, &person, 1, 100, "a visit of some length, so that pages fill");
        station_send(&tablet); /* without its vector: the answer asks for it */
        assert_int_equal(requests_ahead(&now, &next), 0);
        assert_int_equal(next, EXCHANGE_AGAIN);
        station_send(&tablet);
        assert_int_equal(requests_ahead(&now, &next), 1);
        assert_int_equal(next, EXCHANGE_AGAIN);
        /* one that is lost is asked for again, and something waits now */
        station_send(&tablet);
        assert_int_equal(alert(&tablet, 1, &person, "dog"), 0);
        assert_int_equal(requests_ahead(&now, &next), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);

        /* somebody leaves, and after that comes more than fits into one page */
        rig_assign(&rig, 2, &other, &rig.team, false);
        rig_records(&rig, &person, 1001, 100, "a visit of some length, so that pages fill");
        station_send(&tablet);
        assert_int_equal(requests_ahead(&now, &next), 0);
        station_send(&tablet); /* the page with the exit in it */
        assert_int_equal(requests_ahead(&now, &next), 0);
        assert_int_equal(next, EXCHANGE_AGAIN);
        station_send(&tablet);
        assert_int_equal(requests_ahead(&now, &next), 1);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(status_of(&tablet).people, 1);
        rig.settings.changes_max = 0;
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, bed_make, bed_unmake)
        const struct CMUnitTest tests[] = {
                TEST(a_first_sync_whose_requests_go_ahead_is_the_same),
                TEST(no_request_goes_ahead_of_what_waits_or_of_an_exit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
