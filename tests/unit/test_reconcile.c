/* The field rules over whole tables: every rule in every situation. */
#include "tests/unit/reconcile_support.h"
#include "tests/unit/unit.h"

#include <string.h>

/* ---- every rule in every situation ---- */

enum situation {
        FRESH,
        STALE,
        STALE_EARLIER,
        CHAIN,
        CONFLICT,
        CONFLICT_OWN,
        CONFLICT_OWN_STANDING
};
enum { SITUATION_COUNT = CONFLICT_OWN_STANDING + 1, STANDING_BY = 40, OTHER_BY = 41 };

static const char *const situation_names[SITUATION_COUNT] = {
        "fresh",         "stale",        "stale and earlier",         "own chain",
        "conflict open", "conflict own", "conflict, standing is own",
};

/* The standing value was set at position 10, time 1500, by entry STANDING_BY. */
static struct edit prepare(struct world *world, enum situation situation, enum place place,
                           int64_t standing, int64_t wanted)
{
        const struct stamp stamp = made_stamp(10, 1500, STANDING_BY);
        struct edit edit = edit_one(place, wanted);

        world_set(world, place, standing, &stamp);
        edit.base =
                situation == FRESH || situation == CONFLICT || situation == CONFLICT_OWN ? 10 : 9;
        if (situation == STALE_EARLIER)
                edit.stamp.corrected_ms = 1000;
        if (situation >= CONFLICT)
                world_dispute(world, place, OTHER_BY);
        if (situation == CHAIN || situation == CONFLICT_OWN_STANDING)
                edit.chain[edit.chain_count++] = made_id(STANDING_BY);
        if (situation == CONFLICT_OWN)
                edit.chain[edit.chain_count++] = made_id(OTHER_BY);
        return edit;
}

struct expected {
        enum field_effect different, equal;
};

struct rule_row {
        enum place place;
        int64_t standing, wanted;
        struct expected in[SITUATION_COUNT];
        uint16_t reason; /* of the quarantine in all situations */
};

#define A EFFECT_APPLIED
#define U EFFECT_UNCHANGED
#define M EFFECT_SUPERSEDED
#define H EFFECT_HELD
#define P EFFECT_PROPOSED

static const struct rule_row rule_rows[] = {
        {LATEST, 1, 2, {{A, U}, {A, U}, {M, U}, {A, U}, {H, H}, {H, H}, {A, A}}, 0},
        {REVIEW, 1, 2, {{A, U}, {H, U}, {H, U}, {A, U}, {H, H}, {H, H}, {A, A}}, 0},
        {PROPOSE, LOW, MIDDLE, {{P, U}, {P, U}, {P, U}, {P, U}, {H, U}, {H, U}, {H, U}}, 0},
        {PROPOSE, LOW, HIGH, {{A, U}, {A, U}, {A, U}, {A, U}, {A, U}, {A, U}, {A, U}}, 0},
        {STATE, OPEN, DONE, {{A, U}, {A, U}, {A, U}, {A, U}, {H, U}, {H, U}, {A, U}}, 0},
        {STATE, DONE, OPEN, {{H, U}, {H, U}, {H, U}, {H, U}, {H, U}, {H, U}, {H, U}}, 0},
        {FIXED, 1, 2, {{0}}, REASON_FIXED},
        {STORE, 1, 2, {{0}}, REASON_STORE_FIELD},
        {GRADE, LOW, HIGH, {{A, U}, {A, U}, {A, U}, {A, U}, {A, H}, {A, H}, {A, A}}, 0},
        {GRADE, HIGH, LOW, {{A, U}, {H, U}, {H, U}, {A, U}, {H, H}, {H, H}, {A, A}}, 0},
};

static void check_cell(const struct rule_row *row, enum situation situation, bool equal)
{
        struct world world;
        int64_t wanted = equal ? row->standing : row->wanted;
        enum field_effect effect = equal ? row->in[situation].equal : row->in[situation].different;
        struct edit edit;

        world_init(&world);
        edit = prepare(&world, situation, row->place, row->standing, wanted);
        world_run(&world, &edit, false);
        if (world.result.reason != row->reason ||
            (row->reason == 0 && world_effect(&world, row->place) != effect))
                fail_msg("%s %lld -> %lld, %s: reason %u, effect %u instead of %u",
                         made_fields[row->place].name, (long long)row->standing, (long long)wanted,
                         situation_names[situation], world.result.reason,
                         world_effect(&world, row->place), effect);
        if (row->reason == 0) {
                bool applied = effect == EFFECT_APPLIED;
                bool held = effect == EFFECT_HELD || effect == EFFECT_PROPOSED;

                assert_int_equal(world.result.outcome, outcome_of(effect));
                assert_int_equal(world_value(&world, row->place), applied ? wanted : row->standing);
                assert_int_equal(world.result.held_count, held ? 1 : 0);
                assert_int_equal(world.result.changed, applied && !equal);
                if (held)
                        assert_ptr_equal(world.result.held[0].open,
                                         world.conflict_count ? &world.conflicts[0] : NULL);
        } else {
                assert_int_equal(world.result.outcome, OUTCOME_QUARANTINED);
                assert_int_equal(world_value(&world, row->place), row->standing);
                assert_false(world.result.changed);
        }
        world_deinit(&world);
}

static void test_every_rule_does_its_own_in_every_situation(void **state)
{
        (void)state;
        for (size_t i = 0; i < COUNT(rule_rows); i++)
                for (int situation = 0; situation < SITUATION_COUNT; situation++) {
                        check_cell(&rule_rows[i], (enum situation)situation, false);
                        check_cell(&rule_rows[i], (enum situation)situation, true);
                }
}

static void test_kinds_of_conflict_follow_the_rule(void **state)
{
        const struct {
                enum place place;
                int64_t standing, wanted;
                uint16_t kind;
        } rows[] = {
                {REVIEW, 1, 2, catalogue_bind()->conflict.kind_concurrent},
                {PROPOSE, LOW, MIDDLE, catalogue_bind()->conflict.kind_proposal},
                {STATE, DONE, OPEN, catalogue_bind()->conflict.kind_transition},
        };

        (void)state;
        for (size_t i = 0; i < COUNT(rows); i++) {
                struct world world;
                struct edit edit;

                world_init(&world);
                edit = prepare(&world, STALE, rows[i].place, rows[i].standing, rows[i].wanted);
                world_run(&world, &edit, false);
                assert_int_equal(world.result.held_count, 1);
                assert_int_equal(world.result.held[0].kind, rows[i].kind);
                assert_int_equal(world.result.held[0].key, made_fields[rows[i].place].number);
                assert_int_equal(world.result.held[0].change_count, 1);
                assert_int_equal(world.result.held[0].changes[0].value.integer, rows[i].wanted);
                world_deinit(&world);
        }
}

/* ---- states, roles, reasons, orders ---- */

static void test_a_move_may_need_a_reason_and_a_role(void **state)
{
        const struct {
                int64_t to;
                const char *reason;
                uint16_t role;
                uint16_t refused;
        } rows[] = {
                {GONE, NULL, 1, REASON_REASON},
                {GONE, "moved away", 1, REASON_NONE},
                {SHUT, NULL, 2, REASON_ROLE},
                {SHUT, NULL, 1, REASON_NONE},
        };

        (void)state;
        for (size_t i = 0; i < COUNT(rows); i++) {
                struct world world;
                struct edit edit;

                world_init(&world);
                edit = prepare(&world, FRESH, STATE, OPEN, rows[i].to);
                edit.reason = rows[i].reason;
                edit.role = rows[i].role;
                world_run(&world, &edit, false);
                assert_int_equal(world.result.reason, rows[i].refused);
                assert_int_equal(world_value(&world, STATE), rows[i].refused ? OPEN : rows[i].to);
                world_deinit(&world);
        }
}

static void test_an_order_that_only_rises_refuses_to_fall_but_forgives_late_news(void **state)
{
        const struct {
                int64_t standing, wanted;
                uint64_t base;
                enum field_effect effect;
                uint16_t reason;
        } rows[] = {
                {LOW, HIGH, 10, EFFECT_APPLIED, 0},     {LOW, HIGH, 9, EFFECT_APPLIED, 0},
                {HIGH, MIDDLE, 10, 0, REASON_DOWNWARD}, {HIGH, MIDDLE, 9, EFFECT_SUPERSEDED, 0},
                {HIGH, HIGH, 9, EFFECT_UNCHANGED, 0},
        };

        (void)state;
        for (size_t i = 0; i < COUNT(rows); i++) {
                struct world world;
                struct edit edit;

                world_init(&world);
                edit = prepare(&world, FRESH, PRIORITY, rows[i].standing, rows[i].wanted);
                edit.base = rows[i].base;
                world_run(&world, &edit, false);
                assert_int_equal(world.result.reason, rows[i].reason);
                if (!rows[i].reason)
                        assert_int_equal(world_effect(&world, PRIORITY), rows[i].effect);
                world_deinit(&world);
        }
}

/* ---- groups ---- */

static void test_a_group_of_latest_wins_or_loses_whole(void **state)
{
        const struct stamp early = made_stamp(10, 1500, STANDING_BY);

        (void)state;
        for (int later = 0; later < 2; later++) {
                struct world world;
                struct edit edit = edit_two(STREET, 3, TOWN, 4);

                world_init(&world);
                world_set(&world, STREET, 1, &early); /* somebody else moved the street only */
                world.record.values[TOWN] = made_integer(2);
                edit.base = 9;
                edit.stamp.corrected_ms = later ? 2000 : 1000;
                world_run(&world, &edit, false);
                assert_int_equal(world_value(&world, STREET), later ? 3 : 1);
                assert_int_equal(world_value(&world, TOWN), later ? 4 : 2);
                assert_int_equal(world.result.outcome, later ? OUTCOME_APPLIED : OUTCOME_MERGED);
                world_deinit(&world);
        }
}

static void test_half_a_group_never_joins_another_half(void **state)
{
        const struct stamp other = made_stamp(10, 1500, STANDING_BY);
        struct world world;
        struct edit edit = edit_one(STREET, 3);

        (void)state;
        world_init(&world);
        world.record.values[STREET] = made_integer(1);
        world_set(&world, TOWN, 2, &other);
        edit.base = 9; /* this author never saw that town */
        world_run(&world, &edit, false);
        assert_int_equal(world_effect(&world, STREET), EFFECT_HELD);
        assert_int_equal(world_value(&world, STREET), 1);
        edit.base = 10; /* this one did */
        world_run(&world, &edit, false);
        assert_int_equal(world_value(&world, STREET), 3);
        assert_int_equal(world_value(&world, TOWN), 2);
        world_deinit(&world);
}

static void test_a_group_of_review_is_held_whole_but_the_worse_value_shows(void **state)
{
        const struct stamp other = made_stamp(10, 1500, STANDING_BY);
        struct world world;
        struct edit edit = edit_two(REACTION, 7, SEVERITY, HIGH);

        (void)state;
        world_init(&world);
        world_set(&world, REACTION, 1, &other);
        world.record.values[SEVERITY] = made_integer(LOW);
        edit.base = 9;
        world_run(&world, &edit, false);
        assert_int_equal(world.result.outcome, OUTCOME_HELD);
        assert_int_equal(world.result.held_count, 1);
        assert_int_equal(world.result.held[0].change_count, 2);
        assert_int_equal(world.result.held[0].key, RECONCILE_KEY_GROUP + 2);
        assert_int_equal(world_value(&world, REACTION), 1);
        assert_int_equal(world_value(&world, SEVERITY), HIGH);
        assert_int_equal(world_effect(&world, REACTION), EFFECT_HELD);
        assert_int_equal(world_effect(&world, SEVERITY), EFFECT_APPLIED);
        world_deinit(&world);
}

static void test_a_conflict_of_one_group_leaves_the_other_alone(void **state)
{
        const struct stamp other = made_stamp(10, 1500, STANDING_BY);
        struct world world;
        struct edit edit = edit_two(STREET, 3, TOWN, 4);

        (void)state;
        world_init(&world);
        world_set(&world, REACTION, 1, &other);
        world_dispute(&world, REACTION, OTHER_BY);
        edit.base = 9;
        world_run(&world, &edit, false);
        assert_int_equal(world.result.outcome, OUTCOME_APPLIED);
        world_deinit(&world);
}

/* ---- whole entries ---- */

static void test_different_fields_both_take_effect(void **state)
{
        const struct stamp other = made_stamp(10, 1500, STANDING_BY);
        struct world world;
        struct edit edit = edit_one(LATEST, 5);

        (void)state;
        world_init(&world);
        world_set(&world, REVIEW, 1, &other);
        edit.base = 3;
        world_run(&world, &edit, false);
        assert_int_equal(world.result.outcome, OUTCOME_APPLIED);
        assert_int_equal(world_value(&world, LATEST), 5);
        assert_int_equal(world_value(&world, REVIEW), 1);
        world_deinit(&world);
}

static void test_an_entry_has_the_worst_outcome_of_its_fields(void **state)
{
        const struct stamp other = made_stamp(10, 1500, STANDING_BY);
        struct world world;
        struct edit edit = edit_two(LATEST, 5, REVIEW, 6);

        (void)state;
        world_init(&world);
        world_set(&world, LATEST, 1, &other);
        edit.base = 9;
        edit.stamp.corrected_ms = 1000;
        world_run(&world, &edit, false); /* superseded and applied */
        assert_int_equal(world.result.outcome, OUTCOME_MERGED);
        assert_int_equal(world_value(&world, REVIEW), 6);
        world_set(&world, REVIEW, 1, &other);
        world_run(&world, &edit, false); /* superseded and held */
        assert_int_equal(world.result.outcome, OUTCOME_HELD);
        world_deinit(&world);
}

static void test_quarantine_takes_back_every_field(void **state)
{
        struct world world;
        struct edit edit = edit_two(LATEST, 5, FIXED, 6);

        (void)state;
        world_init(&world);
        edit.base = 10;
        world_run(&world, &edit, false);
        assert_int_equal(world.result.outcome, OUTCOME_QUARANTINED);
        assert_int_equal(world.result.reason, REASON_FIXED);
        assert_int_equal(world.result.record.values[LATEST].form, VALUE_UNSET);
        assert_int_equal(world.result.stamps.count, 0);
        assert_int_equal(world.result.held_count, 0);
        world_deinit(&world);
}

static void test_the_store_itself_is_bound_by_no_rule(void **state)
{
        struct world world;
        struct edit edit = edit_two(FIXED, 5, STORE, 6);

        (void)state;
        world_init(&world);
        edit.by_store = true;
        edit.base = UINT64_MAX;
        world_run(&world, &edit, false);
        assert_int_equal(world.result.outcome, OUTCOME_APPLIED);
        assert_int_equal(world_value(&world, FIXED), 5);
        assert_int_equal(world_value(&world, STORE), 6);
        world_deinit(&world);
}

/* ---- creation ---- */

static void test_values_at_creation_take_effect_but_for_what_is_only_proposed(void **state)
{
        struct world world;
        struct edit edit = edit_two(PROPOSE, MIDDLE, ASKED, GONE);

        (void)state;
        world_init(&world);
        world_run(&world, &edit, true);
        assert_int_equal(world.result.outcome, OUTCOME_HELD);
        assert_int_equal(world_value(&world, PROPOSE), MIDDLE);
        assert_int_equal(world_effect(&world, ASKED), EFFECT_PROPOSED);
        assert_int_equal(world.result.record.values[ASKED].form, VALUE_UNSET);
        assert_int_equal(world_value(&world, STATE), OPEN); /* begins where it begins */
        assert_int_equal(world_value(&world, PRIORITY), LOW);
        world_deinit(&world);
}

static void test_a_record_begins_in_a_state_that_may_be_begun_in(void **state)
{
        const struct {
                int64_t begin;
                const char *reason;
                uint16_t role;
                uint16_t refused;
                int64_t stands;
        } rows[] = {
                {OPEN, NULL, 9, 0, OPEN},        {DONE, NULL, 9, REASON_REASON, 0},
                {DONE, "as it was", 9, 0, DONE}, {SHUT, NULL, 9, REASON_ROLE, 0},
                {GONE, NULL, 9, 0, OPEN}, /* held: nobody begins there */
        };

        (void)state;
        for (size_t i = 0; i < COUNT(rows); i++) {
                struct world world;
                struct edit edit = edit_one(STATE, rows[i].begin);

                world_init(&world);
                edit.reason = rows[i].reason;
                edit.role = rows[i].role;
                world_run(&world, &edit, true);
                assert_int_equal(world.result.reason, rows[i].refused);
                if (!rows[i].refused)
                        assert_int_equal(world_value(&world, STATE), rows[i].stands);
                if (rows[i].begin == GONE)
                        assert_int_equal(world.result.outcome, OUTCOME_HELD);
                world_deinit(&world);
        }
}

static void test_a_field_of_the_store_is_refused_at_creation_too(void **state)
{
        struct world world;
        struct edit edit = edit_one(STORE, 1);

        (void)state;
        world_init(&world);
        world_run(&world, &edit, true);
        assert_int_equal(world.result.reason, REASON_STORE_FIELD);
        world_deinit(&world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_rule_does_its_own_in_every_situation),
                cmocka_unit_test(test_kinds_of_conflict_follow_the_rule),
                cmocka_unit_test(test_a_move_may_need_a_reason_and_a_role),
                cmocka_unit_test(
                        test_an_order_that_only_rises_refuses_to_fall_but_forgives_late_news),
                cmocka_unit_test(test_a_group_of_latest_wins_or_loses_whole),
                cmocka_unit_test(test_half_a_group_never_joins_another_half),
                cmocka_unit_test(test_a_group_of_review_is_held_whole_but_the_worse_value_shows),
                cmocka_unit_test(test_a_conflict_of_one_group_leaves_the_other_alone),
                cmocka_unit_test(test_different_fields_both_take_effect),
                cmocka_unit_test(test_an_entry_has_the_worst_outcome_of_its_fields),
                cmocka_unit_test(test_quarantine_takes_back_every_field),
                cmocka_unit_test(test_the_store_itself_is_bound_by_no_rule),
                cmocka_unit_test(test_values_at_creation_take_effect_but_for_what_is_only_proposed),
                cmocka_unit_test(test_a_record_begins_in_a_state_that_may_be_begun_in),
                cmocka_unit_test(test_a_field_of_the_store_is_refused_at_creation_too),
        };

        return cmocka_run_group_tests_name("reconcile", tests, NULL, NULL);
}
