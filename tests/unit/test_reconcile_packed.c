/* Sets and maps merge by element and by key; fields of a newer catalogue are kept. */
#include "tests/unit/reconcile_support.h"
#include "tests/unit/unit.h"

enum { STANDING_BY = 40 };

static void test_adds_and_removes_of_a_set_both_take_effect(void **state)
{
        struct world world;
        struct edit edit;

        (void)state;
        world_init(&world);
        world_set_needs(&world);
        edit = edit_packed(&world, NEEDS, "a2 00 81 03 01 81 01"); /* add 3, remove 1 */
        edit.base = 9;
        world_run(&world, &edit, false);
        world_assert_packed(&world, NEEDS, "82 02 03");
        assert_int_equal(world.result.outcome, OUTCOME_APPLIED);
        assert_non_null(stamps_find(&world.result.stamps, 11, world_hex(&world, "03")));
        assert_null(stamps_find(&world.result.stamps, 11, world_hex(&world, "01")));
        world_deinit(&world);
}

static void test_an_add_wins_over_a_concurrent_remove(void **state)
{
        struct world world;
        struct edit edit;

        (void)state;
        world_init(&world);
        world_set_needs(&world);
        edit = edit_packed(&world, NEEDS, "a1 01 82 01 02"); /* remove 1 and 2 */
        edit.base = 9;
        world_run(&world, &edit, false);
        world_assert_packed(&world, NEEDS, "81 02");
        assert_int_equal(world.result.outcome, OUTCOME_MERGED);
        edit.base = 10; /* this author saw the 2 */
        world_run(&world, &edit, false);
        assert_int_equal(world.result.record.values[NEEDS].form, VALUE_UNSET);
        edit.base = 9; /* this one added it on their own device */
        edit.chain[edit.chain_count++] = made_id(STANDING_BY);
        world_run(&world, &edit, false);
        assert_int_equal(world.result.record.values[NEEDS].form, VALUE_UNSET);
        world_deinit(&world);
}

static void test_an_element_that_is_added_again_is_new_again(void **state)
{
        struct world world;
        struct edit edit;

        (void)state;
        world_init(&world);
        world_set_needs(&world);
        edit = edit_packed(&world, NEEDS, "a1 00 81 01");
        edit.base = 10;
        world_run(&world, &edit, false);
        world_assert_packed(&world, NEEDS, "82 01 02");
        assert_int_equal(world_effect(&world, NEEDS), EFFECT_UNCHANGED);
        assert_false(world.result.changed);
        assert_true(world.result.stamped);
        assert_int_equal(stamps_find(&world.result.stamps, 11, world_hex(&world, "01"))->position,
                         11);
        world_deinit(&world);
}

static void test_keys_of_a_map_merge_each_by_the_later_word(void **state)
{
        const struct stamp other = made_stamp(10, 1500, STANDING_BY);
        struct world world;
        struct edit edit;

        (void)state;
        world_init(&world);
        world_set_packed(&world, WORDS, "a2 01 61 61 02 61 62"); /* {1: "a", 2: "b"} */
        assert_int_equal(stamps_set(&world.stamps, 12, world_hex(&world, "01"), &other), 0);
        edit = edit_packed(&world, WORDS,
                           "a3 01 61 78 02 f6 03 61 79"); /* 1: "x", 2 gone, 3: "y" */
        edit.base = 9;
        edit.stamp.corrected_ms = 1000; /* earlier than what stands under 1 */
        world_run(&world, &edit, false);
        world_assert_packed(&world, WORDS, "a2 01 61 61 03 61 79");
        assert_int_equal(world.result.outcome, OUTCOME_MERGED);
        edit.stamp.corrected_ms = 2000;
        world_run(&world, &edit, false);
        world_assert_packed(&world, WORDS, "a2 01 61 78 03 61 79");
        assert_int_equal(world.result.outcome, OUTCOME_APPLIED);
        world_deinit(&world);
}

static void test_an_older_word_does_not_bring_a_removed_key_back(void **state)
{
        const struct stamp removal = made_stamp(10, 1500, STANDING_BY);
        struct world world;
        struct edit edit;

        (void)state;
        world_init(&world);
        assert_int_equal(stamps_set(&world.stamps, 12, world_hex(&world, "01"), &removal), 0);
        edit = edit_packed(&world, WORDS, "a1 01 61 78");
        edit.base = 9;
        edit.stamp.corrected_ms = 1000;
        world_run(&world, &edit, false);
        assert_int_equal(world.result.record.values[WORDS].form, VALUE_UNSET);
        assert_int_equal(world.result.outcome, OUTCOME_MERGED);
        world_deinit(&world);
}

/* ---- fields of a newer catalogue ---- */

static void test_unknown_fields_are_kept_and_given_back(void **state)
{
        struct world world;
        struct edit edit = {.stamp = made_stamp(11, 2000, 50), .base = 10};

        (void)state;
        world_init(&world);
        world.record.unknown = world_hex(&world, "a2 18c8 01 18ca 61 61"); /* {200: 1, 202: "a"} */
        edit.changes[0] = (struct entry_change){.number = 201, .raw = world_hex(&world, "05")};
        edit.changes[1] = (struct entry_change){.number = 202, .raw = world_hex(&world, "f6")};
        edit.count = 2;
        world_run(&world, &edit, false);
        assert_bytes(world.result.record.unknown, world_hex(&world, "a2 18c8 01 18c9 05"));
        assert_true(world.result.changed);
        world_deinit(&world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_adds_and_removes_of_a_set_both_take_effect),
                cmocka_unit_test(test_an_add_wins_over_a_concurrent_remove),
                cmocka_unit_test(test_an_element_that_is_added_again_is_new_again),
                cmocka_unit_test(test_keys_of_a_map_merge_each_by_the_later_word),
                cmocka_unit_test(test_an_older_word_does_not_bring_a_removed_key_back),
                cmocka_unit_test(test_unknown_fields_are_kept_and_given_back),
        };

        return cmocka_run_group_tests_name("reconcile_packed", tests, NULL, NULL);
}
