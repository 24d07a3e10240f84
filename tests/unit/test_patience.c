#include "tests/unit/unit.h"

#include "store/patience.h"

static void somebody_alone_comes_back_soon(void **state)
{
        struct patience patience;

        (void)state;
        patience_init(&patience);
        assert_int_equal(patience_next_s(&patience, 0, 0), PATIENCE_MIN_S);
        assert_int_equal(patience_next_s(&patience, 0, UINT32_MAX), 2 * PATIENCE_MIN_S);
        patience_deinit(&patience);
}

static void ten_thousand_at_once_come_back_spread(void **state)
{
        unsigned back[PATIENCE_MAX_S + 1] = {0};
        struct patience patience;
        uint32_t random = 1;

        (void)state;
        patience_init(&patience);
        for (int i = 0; i < 10000; i++) {
                random = random * 1664525 + 1013904223;
                unsigned wait_s = patience_next_s(&patience, 1000, random);

                assert_true(wait_s >= PATIENCE_MIN_S && wait_s <= PATIENCE_MAX_S);
                back[wait_s]++;
        }
        for (unsigned second = 4 * PATIENCE_MIN_S; second <= PATIENCE_MAX_S; second++)
                assert_true(back[second] < 6 * PATIENCE_PER_S);
        patience_deinit(&patience);
}

static void a_crowd_is_forgotten_when_it_is_over(void **state)
{
        struct patience patience;
        unsigned wait_s = 0;

        (void)state;
        patience_init(&patience);
        for (int i = 0; i < 100000; i++)
                wait_s = patience_next_s(&patience, 0, UINT32_MAX);
        assert_int_equal(wait_s, PATIENCE_MAX_S);
        assert_int_equal(patience_next_s(&patience, PATIENCE_WINDOW_MS, UINT32_MAX),
                         PATIENCE_MAX_S);
        assert_int_equal(patience_next_s(&patience, (int64_t)3 * PATIENCE_WINDOW_MS, UINT32_MAX),
                         2 * PATIENCE_MIN_S);
        patience_deinit(&patience);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(somebody_alone_comes_back_soon),
                cmocka_unit_test(ten_thousand_at_once_come_back_spread),
                cmocka_unit_test(a_crowd_is_forgotten_when_it_is_over),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
