#include "common/clock.h"
#include "tests/unit/unit.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void test_wall_time_is_what_the_system_tells(void **state)
{
        int64_t before = (int64_t)time(NULL) * 1000;
        int64_t now = clock_now_ms();

        (void)state;
        assert_true(now >= before && now < before + 10000);
}

static void test_boot_time_never_goes_back(void **state)
{
        int64_t last = clock_boot_ms();

        (void)state;
        assert_true(last >= 0);
        for (int i = 0; i < 100000; i++) {
                int64_t now = clock_boot_ms();

                assert_true(now >= last);
                last = now;
        }
}

static void test_a_boot_has_one_name_in_every_process(void **state)
{
        uint64_t id = clock_boot_id();
        int status;
        pid_t child;

        (void)state;
        assert_true(id > 0 && id <= INT64_MAX);
        assert_true(id == clock_boot_id());
        child = fork();
        assert_true(child >= 0);
        if (child == 0)
                _exit(clock_boot_id() == id ? 0 : 1);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
}

static void test_a_reading_is_all_of_it(void **state)
{
        int64_t before_ms = clock_now_ms(), before_boot_ms = clock_boot_ms();
        uint64_t boot_id = clock_boot_id();
        struct clock_reading reading = clock_read(boot_id);

        (void)state;
        assert_in_range(reading.now_ms, before_ms, before_ms + 10000);
        assert_in_range(reading.boot_ms, before_boot_ms, before_boot_ms + 10000);
        assert_true(reading.boot_id == boot_id);
        assert_int_equal(reading.synchronised, clock_synchronised());
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_wall_time_is_what_the_system_tells),
                cmocka_unit_test(test_boot_time_never_goes_back),
                cmocka_unit_test(test_a_boot_has_one_name_in_every_process),
                cmocka_unit_test(test_a_reading_is_all_of_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
