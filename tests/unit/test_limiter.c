#include "tests/unit/unit.h"

#include "store/limiter.h"

#include <stdio.h>

static const struct limiter_settings settings = {
        .burst = 3, .recover_ms = 1000, .address_count = 4};

static void fail_times(struct limiter *limiter, const char *address, int times, int64_t now_ms)
{
        for (int i = 0; i < times; i++)
                limiter_failed(limiter, address, now_ms);
}

static void a_burst_is_free_and_then_it_takes_time(void **state)
{
        CLEANUP(limiter_freep) struct limiter *limiter = NULL;

        (void)state;
        assert_int_equal(limiter_new(&settings, &limiter), 0);
        assert_true(limiter_wait_ms(limiter, "10.0.0.1", 5000) == 0);
        fail_times(limiter, "10.0.0.1", 2, 5000);
        assert_true(limiter_wait_ms(limiter, "10.0.0.1", 5000) == 0);
        fail_times(limiter, "10.0.0.1", 1, 5000);
        assert_true(limiter_wait_ms(limiter, "10.0.0.1", 5000) == 1000);
        assert_true(limiter_wait_ms(limiter, "10.0.0.1", 5999) == 1);
        assert_true(limiter_wait_ms(limiter, "10.0.0.1", 6000) == 0);
        fail_times(limiter, "10.0.0.1", 1, 6000);
        assert_true(limiter_wait_ms(limiter, "10.0.0.1", 6000) == 1000);
        assert_true(limiter_wait_ms(limiter, "10.0.0.2", 6000) == 0);
}

static void a_flood_of_failures_locks_nobody_out_for_longer(void **state)
{
        CLEANUP(limiter_freep) struct limiter *limiter = NULL;

        (void)state;
        assert_int_equal(limiter_new(&settings, &limiter), 0);
        fail_times(limiter, "10.0.0.1", 100000, 5000);
        assert_true(limiter_wait_ms(limiter, "10.0.0.1", 5000) == 1000);
}

static void neighbours_in_an_ipv6_network_count_together(void **state)
{
        CLEANUP(limiter_freep) struct limiter *limiter = NULL;

        (void)state;
        assert_int_equal(limiter_new(&settings, &limiter), 0);
        fail_times(limiter, "2001:db8::1", 1, 5000);
        fail_times(limiter, "2001:db8::2", 1, 5000);
        fail_times(limiter, "2001:db8:0:0:ffff::", 1, 5000);
        assert_true(limiter_wait_ms(limiter, "2001:db8::9", 5000) > 0);
        assert_true(limiter_wait_ms(limiter, "2001:db8:0:1::9", 5000) == 0);
        fail_times(limiter, "::ffff:10.0.0.1", 3, 5000);
        assert_true(limiter_wait_ms(limiter, "10.0.0.1", 5000) > 0);
}

static void a_full_table_forgets_who_failed_longest_ago(void **state)
{
        CLEANUP(limiter_freep) struct limiter *limiter = NULL;
        char address[32];

        (void)state;
        assert_int_equal(limiter_new(&settings, &limiter), 0);
        for (int i = 0; i < 5; i++) {
                (void)snprintf(address, sizeof(address), "10.0.0.%d", i);
                fail_times(limiter, address, 3, 5000 + i);
        }
        assert_true(limiter_wait_ms(limiter, "10.0.0.0", 5005) == 0);
        assert_true(limiter_wait_ms(limiter, "10.0.0.1", 5005) > 0);
        assert_true(limiter_wait_ms(limiter, "10.0.0.4", 5005) > 0);
        fail_times(limiter, "not an address", 3, 5006);
        assert_true(limiter_wait_ms(limiter, "neither", 5006) > 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_burst_is_free_and_then_it_takes_time),
                cmocka_unit_test(a_flood_of_failures_locks_nobody_out_for_longer),
                cmocka_unit_test(neighbours_in_an_ipv6_network_count_together),
                cmocka_unit_test(a_full_table_forgets_who_failed_longest_ago),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
