#include "tests/unit/unit.h"

#include "daemon/schedule.h"

static const uint32_t middle = UINT32_MAX / 2;

static struct schedule begun(int64_t now_ms)
{
        struct schedule schedule;

        schedule_init(&schedule, now_ms);
        schedule_begin(&schedule, now_ms);
        return schedule;
}

static void a_device_that_starts_asks_at_once(void **state)
{
        struct schedule schedule;

        (void)state;
        schedule_init(&schedule, 1000);
        assert_int_equal(schedule_deadline(&schedule), 1000);
        schedule_begin(&schedule, 1000);
        assert_true(schedule_deadline(&schedule) == INT64_MAX);
}

static void quiet_times_are_asked_about_less_and_less_but_never_too_seldom(void **state)
{
        struct schedule schedule = begun(0);
        int64_t now_ms = 0, last_ms = 0;

        (void)state;
        for (int i = 0; i < 30; i++) {
                int64_t wait_ms;

                schedule_end(&schedule, now_ms, false, false, middle);
                wait_ms = schedule_deadline(&schedule) - now_ms;
                assert_true(wait_ms + 2 >= last_ms);
                assert_true(wait_ms <= SCHEDULE_POLL_MAX_MS);
                last_ms = wait_ms;
                now_ms += wait_ms;
                schedule_begin(&schedule, now_ms);
        }
        assert_true(last_ms > SCHEDULE_POLL_MAX_MS * 9 / 10);
        schedule_end(&schedule, now_ms, true, false, middle);
        assert_true(schedule_deadline(&schedule) - now_ms <= SCHEDULE_POLL_MIN_MS);
}

static void own_work_is_sent_soon_and_urgent_work_sooner(void **state)
{
        struct schedule schedule = begun(0);

        (void)state;
        schedule_end(&schedule, 0, false, false, middle);
        schedule_work(&schedule, 10, false, middle);
        assert_int_equal(schedule_deadline(&schedule), 10 + SCHEDULE_SOON_MS);
        schedule_work(&schedule, 20, true, middle);
        assert_int_equal(schedule_deadline(&schedule), 20 + SCHEDULE_SOON_URGENT_MS);
        /* work that comes while an exchange runs is not forgotten */
        schedule_begin(&schedule, 100);
        schedule_work(&schedule, 110, false, middle);
        schedule_end(&schedule, 120, false, true, middle);
        assert_int_equal(schedule_deadline(&schedule), 120 + SCHEDULE_SOON_MS);
}

static void failures_back_off_with_jitter_up_to_a_cap(void **state)
{
        struct schedule early = begun(0), late = begun(0);
        int64_t now_ms = 0, wait_ms = 0;

        (void)state;
        schedule_failed(&early, 0, EXCHANGE_OFFLINE, 0, 0);
        schedule_failed(&late, 0, EXCHANGE_OFFLINE, 0, UINT32_MAX);
        assert_true(schedule_deadline(&early) < schedule_deadline(&late));
        for (int i = 0; i < 40; i++) {
                schedule_begin(&late, now_ms);
                schedule_failed(&late, now_ms, EXCHANGE_OFFLINE, 0, UINT32_MAX);
                wait_ms = schedule_deadline(&late) - now_ms;
                assert_true(wait_ms <= SCHEDULE_BACKOFF_MAX_MS * 5 / 4);
                now_ms += wait_ms;
        }
        assert_true(wait_ms > SCHEDULE_BACKOFF_MAX_MS);
}

static void urgent_work_tries_again_soon_however_long_the_link_is_down(void **state)
{
        struct schedule schedule = begun(0);
        int64_t now_ms = 0;

        (void)state;
        for (int i = 0; i < 12; i++) {
                schedule_begin(&schedule, now_ms);
                schedule_failed(&schedule, now_ms, EXCHANGE_OFFLINE, 0, middle);
        }
        schedule_work(&schedule, 100, false, middle);
        assert_true(schedule_deadline(&schedule) > SCHEDULE_BACKOFF_MAX_MS / 2);
        schedule_work(&schedule, 100, true, middle);
        assert_true(schedule_deadline(&schedule) <= 100 + SCHEDULE_RETRY_URGENT_MS * 5 / 4);
}

static void what_the_store_asks_for_is_kept_to(void **state)
{
        struct schedule schedule = begun(0);

        (void)state;
        schedule_failed(&schedule, 0, EXCHANGE_RATE_LIMITED, 60000, 0);
        assert_true(schedule_deadline(&schedule) >= 60000);
        schedule_now(&schedule, 10);
        schedule_work(&schedule, 10, true, 0);
        assert_true(schedule_deadline(&schedule) >= 60000);
        /* but nobody is put off for ever */
        schedule_begin(&schedule, 60000);
        schedule_failed(&schedule, 60000, EXCHANGE_RATE_LIMITED, INT64_MAX / 4, 0);
        assert_true(schedule_deadline(&schedule) <= 60000 + SCHEDULE_RETRY_AFTER_MAX_MS * 5 / 4);
}

static void what_a_person_must_mend_is_not_hammered(void **state)
{
        struct schedule schedule = begun(0);

        (void)state;
        for (int i = 0; i < 6; i++) {
                schedule_begin(&schedule, 0);
                schedule_failed(&schedule, 0, EXCHANGE_CERTIFICATE_EXPIRED, 0, middle);
        }
        assert_true(schedule_deadline(&schedule) >= SCHEDULE_REFUSED_MS * 3 / 4);
}

static void a_link_that_comes_up_is_used_within_seconds(void **state)
{
        struct schedule schedule = begun(0);

        (void)state;
        for (int i = 0; i < 12; i++) {
                schedule_begin(&schedule, 0);
                schedule_failed(&schedule, 0, EXCHANGE_OFFLINE, 0, middle);
        }
        schedule_link(&schedule, 50, false, false, middle);
        schedule_link(&schedule, 100, true, false, UINT32_MAX);
        assert_true(schedule_deadline(&schedule) <= 100 + SCHEDULE_UP_JITTER_MS);
}

static void a_metered_link_is_asked_rarely(void **state)
{
        struct schedule schedule = begun(0);

        (void)state;
        schedule_link(&schedule, 0, true, true, middle);
        schedule_end(&schedule, 0, true, false, middle);
        assert_true(schedule_deadline(&schedule) >= SCHEDULE_POLL_MIN_MS * 3);
}

static void a_budget_that_is_used_up_holds_everything_but_work_until_the_next_day(void **state)
{
        struct schedule schedule = begun(0);
        const int64_t tomorrow_ms = INT64_C(20) * 60 * 60 * 1000;

        (void)state;
        schedule_end(&schedule, 0, true, false, middle);
        schedule_waiting(&schedule, false, false);
        schedule_level(&schedule, BUDGET_OWN, tomorrow_ms);
        assert_int_equal(schedule_deadline(&schedule), tomorrow_ms);
        /* routine work goes, gathered for longer */
        schedule_work(&schedule, 10, false, middle);
        assert_true(schedule_deadline(&schedule) > SCHEDULE_SOON_SPARING_MS / 2);
        assert_true(schedule_deadline(&schedule) <= 10 + SCHEDULE_SOON_SPARING_MS);
        assert_int_equal(schedule_begin(&schedule, 70000), BUDGET_OWN);
        schedule_end(&schedule, 70000, false, false, middle);
        schedule_waiting(&schedule, false, false);
        assert_int_equal(schedule_deadline(&schedule), tomorrow_ms);
}

static void urgent_work_goes_whatever_the_budget_says(void **state)
{
        struct schedule schedule = begun(0);
        const int64_t tomorrow_ms = INT64_C(20) * 60 * 60 * 1000;

        (void)state;
        schedule_end(&schedule, 0, true, false, middle);
        schedule_level(&schedule, BUDGET_URGENT, tomorrow_ms);
        schedule_work(&schedule, 10, false, middle);
        assert_int_equal(schedule_deadline(&schedule), tomorrow_ms);
        schedule_work(&schedule, 20, true, middle);
        assert_int_equal(schedule_deadline(&schedule), 20 + SCHEDULE_SOON_URGENT_MS);
        assert_int_equal(schedule_begin(&schedule, 70), BUDGET_URGENT);
        schedule_failed(&schedule, 100, EXCHANGE_OFFLINE, 0, middle);
        schedule_waiting(&schedule, true, true);
        assert_true(schedule_deadline(&schedule) < 100 + SCHEDULE_BACKOFF_MS * 5 / 4);
}

static void whoever_asks_is_not_held_by_the_budget_but_by_the_store_s_patience(void **state)
{
        struct schedule schedule = begun(0);
        const int64_t tomorrow_ms = INT64_C(20) * 60 * 60 * 1000;

        (void)state;
        schedule_end(&schedule, 0, true, false, middle);
        schedule_level(&schedule, BUDGET_URGENT, tomorrow_ms);
        schedule_now(&schedule, 10);
        assert_int_equal(schedule_deadline(&schedule), 10);
        assert_int_equal(schedule_begin(&schedule, 10), BUDGET_ALL);
        schedule_failed(&schedule, 20, EXCHANGE_RATE_LIMITED, 60000, 0);
        assert_int_equal(schedule_patience_ms(&schedule), 60020);
        assert_int_equal(schedule_deadline(&schedule), 60020);
        /* once */
        assert_int_equal(schedule_begin(&schedule, 60020), BUDGET_ALL);
        schedule_end(&schedule, 60030, true, false, middle);
        assert_true(schedule_patience_ms(&schedule) == INT64_MIN);
        assert_int_equal(schedule_deadline(&schedule), tomorrow_ms);
}

static void devices_that_were_told_the_same_do_not_come_back_together(void **state)
{
        struct schedule first = begun(0), last = begun(0);

        (void)state;
        schedule_failed(&first, 0, EXCHANGE_STORE_UNAVAILABLE, 40000, 0);
        schedule_failed(&last, 0, EXCHANGE_STORE_UNAVAILABLE, 40000, UINT32_MAX);
        assert_int_equal(schedule_deadline(&first), 40000);
        assert_int_equal(schedule_deadline(&last), 50000);
}

static void a_network_that_changed_is_tried_after_failures_but_not_at_every_twitch(void **state)
{
        struct schedule schedule = begun(0);

        (void)state;
        for (int i = 0; i < 12; i++) {
                schedule_begin(&schedule, 1000);
                schedule_failed(&schedule, 1000, EXCHANGE_OFFLINE, 0, middle);
        }
        schedule_link(&schedule, 2000, true, false, 0);
        assert_int_equal(schedule_deadline(&schedule), 1000 + SCHEDULE_RETRY_URGENT_MS);
        /* one that works is not disturbed */
        schedule_begin(&schedule, 6000);
        schedule_end(&schedule, 6000, false, false, middle);
        schedule_link(&schedule, 7000, true, false, 0);
        assert_true(schedule_deadline(&schedule) > 6000 + SCHEDULE_POLL_MIN_MS / 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_device_that_starts_asks_at_once),
                cmocka_unit_test(quiet_times_are_asked_about_less_and_less_but_never_too_seldom),
                cmocka_unit_test(own_work_is_sent_soon_and_urgent_work_sooner),
                cmocka_unit_test(failures_back_off_with_jitter_up_to_a_cap),
                cmocka_unit_test(urgent_work_tries_again_soon_however_long_the_link_is_down),
                cmocka_unit_test(what_the_store_asks_for_is_kept_to),
                cmocka_unit_test(what_a_person_must_mend_is_not_hammered),
                cmocka_unit_test(a_link_that_comes_up_is_used_within_seconds),
                cmocka_unit_test(a_metered_link_is_asked_rarely),
                cmocka_unit_test(
                        a_budget_that_is_used_up_holds_everything_but_work_until_the_next_day),
                cmocka_unit_test(urgent_work_goes_whatever_the_budget_says),
                cmocka_unit_test(
                        whoever_asks_is_not_held_by_the_budget_but_by_the_store_s_patience),
                cmocka_unit_test(devices_that_were_told_the_same_do_not_come_back_together),
                cmocka_unit_test(
                        a_network_that_changed_is_tried_after_failures_but_not_at_every_twitch),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
