#include "tests/unit/unit.h"

#include "store/waiters.h"

#include <string.h>

struct fixture {
        struct waiters *waiters;
        struct waiter_list out;
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));

        assert_int_equal(waiters_new(&f->waiters), 0);
        TAILQ_INIT(&f->out);
        *state = f;
        return 0;
}

static size_t drop(struct fixture *f)
{
        size_t count = 0;

        while (!TAILQ_EMPTY(&f->out)) {
                struct waiter *waiter = TAILQ_FIRST(&f->out);

                TAILQ_REMOVE(&f->out, waiter, link);
                (void)waiter_free(waiter);
                count++;
        }
        return count;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        waiters_all(f->waiters, &f->out);
        (void)drop(f);
        (void)waiters_free(f->waiters);
        free(f);
        return 0;
}

static uint64_t add(struct fixture *f, uint8_t device, int64_t until_ms, const uint64_t *keys,
                    size_t count)
{
        struct waiter *waiter = calloc(1, sizeof(*waiter));
        uint64_t serial;

        assert_non_null(waiter);
        waiter->device.bytes[0] = device;
        waiter->until_ms = until_ms;
        waiter->keys = calloc(count, sizeof(*keys));
        memcpy(waiter->keys, keys, count * sizeof(*keys));
        waiter->key_count = count;
        waiters_add(f->waiters, waiter, &serial, &f->out);
        return serial;
}

static void news_wakes_those_of_its_feeds_only(void **state)
{
        struct fixture *f = *state;
        static const uint64_t one[] = {3, 9, 12}, two[] = {4, 9}, three[] = {100};
        static const uint64_t touched[] = {1, 9, 50}, others[] = {2, 13, 99, 101};

        (void)add(f, 1, 100, one, 3);
        (void)add(f, 2, 100, two, 2);
        (void)add(f, 3, 100, three, 1);
        waiters_touched(f->waiters, others, 4, &f->out);
        assert_int_equal(drop(f), 0);
        waiters_touched(f->waiters, touched, 3, &f->out);
        assert_int_equal(drop(f), 2);
        assert_int_equal(waiters_count(f->waiters), 1);
        waiters_touched(f->waiters, touched, 3, &f->out);
        assert_int_equal(drop(f), 0); /* handed out once */
}

static void a_device_waits_once(void **state)
{
        struct fixture *f = *state;
        static const uint64_t key[] = {1};
        uint64_t first = add(f, 1, 100, key, 1);
        uint64_t second = add(f, 1, 100, key, 1);

        assert_int_equal(TAILQ_FIRST(&f->out)->serial, first);
        assert_int_equal(drop(f), 1);
        waiters_take(f->waiters, first, &f->out);
        assert_int_equal(drop(f), 0);
        waiters_take(f->waiters, second, &f->out);
        assert_int_equal(drop(f), 1);
        assert_int_equal(waiters_count(f->waiters), 0);
}

static void time_is_over_at_its_end(void **state)
{
        struct fixture *f = *state;
        static const uint64_t key[] = {1};

        (void)add(f, 1, 100, key, 1);
        (void)add(f, 2, 101, key, 1);
        waiters_expired(f->waiters, 99, &f->out);
        assert_int_equal(drop(f), 0);
        waiters_expired(f->waiters, 100, &f->out);
        assert_int_equal(TAILQ_FIRST(&f->out)->device.bytes[0], 1);
        assert_int_equal(drop(f), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(news_wakes_those_of_its_feeds_only, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(a_device_waits_once, setup, teardown),
                cmocka_unit_test_setup_teardown(time_is_over_at_its_end, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
