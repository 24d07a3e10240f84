#include "tests/unit/unit.h"

#include "daemon/progress.h"

static const uint64_t nothing[LANE_COUNT] = {0};
static const uint64_t fifth[LANE_COUNT] = {0, 5, 0};
static const uint64_t ninth[LANE_COUNT] = {0, 9, 0};

static void exchange(struct progress *progress, const uint64_t before[LANE_COUNT],
                     const uint64_t after[LANE_COUNT])
{
        progress_begin(progress, before);
        progress_end(progress, after, LANE_COUNT, true, false);
}

static void work_that_waits_on_after_good_exchanges_is_stuck(void **state)
{
        struct progress progress = {0};

        (void)state;
        for (int i = 0; i < PROGRESS_PATIENCE; i++) {
                assert_int_equal(progress_state(&progress), PROGRESS_GOOD);
                exchange(&progress, fifth, fifth);
        }
        assert_int_equal(progress_state(&progress), PROGRESS_WORK_STUCK);
        exchange(&progress, fifth, ninth); /* what waits now was recorded meanwhile */
        assert_int_equal(progress_state(&progress), PROGRESS_GOOD);
}

static void a_device_without_work_is_never_stuck(void **state)
{
        struct progress progress = {0};

        (void)state;
        for (int i = 0; i < 3 * PROGRESS_PATIENCE; i++)
                exchange(&progress, nothing, nothing);
        for (int i = 0; i < 3 * PROGRESS_PATIENCE; i++)
                exchange(&progress, nothing, fifth);
        assert_int_equal(progress_state(&progress), PROGRESS_GOOD);
}

static void lanes_that_were_held_back_do_not_count(void **state)
{
        struct progress progress = {0};

        (void)state;
        for (int i = 0; i < 3 * PROGRESS_PATIENCE; i++) {
                progress_begin(&progress, fifth);
                progress_end(&progress, fifth, 1, false, false);
        }
        assert_int_equal(progress_state(&progress), PROGRESS_GOOD);
}

static void news_that_never_becomes_what_the_store_has_is_stuck(void **state)
{
        struct progress progress = {0};

        (void)state;
        for (int i = 0; i < PROGRESS_PATIENCE; i++) {
                progress_begin(&progress, nothing);
                progress_end(&progress, nothing, LANE_COUNT, true, true);
                /* an exchange that fetched nothing says nothing about it */
                progress_begin(&progress, nothing);
                progress_end(&progress, nothing, LANE_COUNT, false, false);
        }
        assert_int_equal(progress_state(&progress), PROGRESS_NEWS_STUCK);
        exchange(&progress, nothing, nothing);
        assert_int_equal(progress_state(&progress), PROGRESS_GOOD);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(work_that_waits_on_after_good_exchanges_is_stuck),
                cmocka_unit_test(a_device_without_work_is_never_stuck),
                cmocka_unit_test(lanes_that_were_held_back_do_not_count),
                cmocka_unit_test(news_that_never_becomes_what_the_store_has_is_stuck),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
