#include "tests/unit/unit.h"

#include "store/crowd.h"

#include <string.h>

enum { PARTIES = 300, TURNS = 200000 };

static struct crowd_key number(uint32_t value)
{
        struct crowd_key key = {0};

        memcpy(key.bytes, &value, sizeof(value));
        return key;
}

static void a_party_has_at_most_so_many_and_others_are_not_held_by_it(void **state)
{
        const struct crowd_key one = number(1), other = number(2);
        struct crowd *crowd;

        (void)state;
        assert_int_equal(crowd_new(10, &crowd), 0);
        for (int i = 0; i < 3; i++)
                assert_true(crowd_enter(crowd, &one, 3));
        assert_false(crowd_enter(crowd, &one, 3));
        assert_int_equal(crowd_count(crowd, &one), 3);
        assert_true(crowd_enter(crowd, &other, 3));
        crowd_leave(crowd, &one);
        assert_true(crowd_enter(crowd, &one, 3));
        crowd_free(crowd);
}

static void more_parties_than_the_table_has_room_for_are_turned_away(void **state)
{
        struct crowd *crowd;

        (void)state;
        assert_int_equal(crowd_new(10, &crowd), 0);
        for (uint32_t i = 0; i < 10; i++)
                assert_true(crowd_enter(crowd, &(struct crowd_key){{(uint8_t)i}}, 1));
        assert_false(crowd_enter(crowd, &(struct crowd_key){{99}}, 1));
        crowd_leave(crowd, &(struct crowd_key){{5}});
        assert_true(crowd_enter(crowd, &(struct crowd_key){{99}}, 1));
        crowd_free(crowd);
}

/* Against a plain array, so that what moves up behind whoever leaves is never lost or doubled. */
static void coming_and_going_is_counted_right(void **state)
{
        unsigned expected[PARTIES] = {0};
        uint32_t random = 12345;
        struct crowd *crowd;

        (void)state;
        assert_int_equal(crowd_new(PARTIES, &crowd), 0);
        for (int turn = 0; turn < TURNS; turn++) {
                random = random * 1664525 + 1013904223;
                uint32_t who = (random >> 8) % PARTIES;
                struct crowd_key key = number(who);

                if (random >> 31 && expected[who]) {
                        crowd_leave(crowd, &key);
                        expected[who]--;
                } else if (crowd_enter(crowd, &key, 3)) {
                        expected[who]++;
                } else {
                        assert_int_equal(expected[who], 3);
                }
                assert_int_equal(crowd_count(crowd, &key), expected[who]);
        }
        for (uint32_t who = 0; who < PARTIES; who++) {
                struct crowd_key key = number(who);

                assert_int_equal(crowd_count(crowd, &key), expected[who]);
        }
        crowd_free(crowd);
}

static bool same(const char *one, const char *other)
{
        struct crowd_key a = crowd_key_of_address(one), b = crowd_key_of_address(other);

        return memcmp(&a, &b, sizeof(a)) == 0;
}

static void an_address_counts_by_its_network(void **state)
{
        (void)state;
        assert_true(same("192.0.2.1", "::ffff:192.0.2.1"));
        assert_false(same("192.0.2.1", "192.0.2.2"));
        assert_true(same("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"));
        assert_false(same("2001:db8:1:2::1", "2001:db8:1:3::1"));
        assert_true(same("", "neither"));
        assert_false(same("", "0.0.0.0"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_party_has_at_most_so_many_and_others_are_not_held_by_it),
                cmocka_unit_test(more_parties_than_the_table_has_room_for_are_turned_away),
                cmocka_unit_test(coming_and_going_is_counted_right),
                cmocka_unit_test(an_address_counts_by_its_network),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
