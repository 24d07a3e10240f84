/*
 * The field rules, over whole tables and over random histories. The record type here is made by hand, one field or group
 * per rule, so that no change of the catalogue changes what is tested.
 */
#include "store/reconcile.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

enum place { /* in `fields` */
             LATEST,
             REVIEW,
             PROPOSE,
             STATE,
             FIXED,
             STORE,
             STREET, /* group of latest */
             TOWN,
             REACTION, /* group of review, with an order that is raised at once */
             SEVERITY,
             NEEDS,    /* set */
             WORDS,    /* map */
             PRIORITY, /* only upward */
             GRADE,    /* review, raised at once */
             ASKED,    /* propose, one option only proposed even at creation */
             PLACE_COUNT
};

enum { OPEN = 1, DONE = 2, GONE = 3, SHUT = 4 };
enum { LOW = 1, MIDDLE = 2, HIGH = 3 };

static const struct catalogue_transition moves[] = {
        {.from = 0, .to = OPEN, .roles = ROLE_ANY},
        {.from = 0, .to = DONE, .roles = ROLE_ANY, .reason = true},
        {.from = 0, .to = SHUT, .roles = 2},
        {.from = OPEN, .to = DONE, .roles = ROLE_ANY},
        {.from = OPEN, .to = GONE, .roles = ROLE_ANY, .reason = true},
        {.from = OPEN, .to = SHUT, .roles = 2},
        {.from = GONE, .to = DONE, .roles = ROLE_ANY},
};
static const uint16_t order[] = {LOW, MIDDLE, HIGH};
static const uint16_t always[] = {HIGH};
static const uint16_t proposed[] = {GONE};

static const struct catalogue_field fields[PLACE_COUNT] = {
        [LATEST] = {.number = 1, .name = "latest", .kind = KIND_INT, .rule = RULE_LATEST},
        [REVIEW] = {.number = 2, .name = "review", .kind = KIND_INT, .rule = RULE_REVIEW},
        [PROPOSE] = {.number = 3,
                     .name = "propose",
                     .kind = KIND_CODE,
                     .rule = RULE_PROPOSE,
                     .always = always,
                     .always_count = 1},
        [STATE] = {.number = 4,
                   .name = "state",
                   .kind = KIND_CODE,
                   .rule = RULE_STATE,
                   .transitions = moves,
                   .transition_count = COUNT(moves),
                   .initial = OPEN},
        [FIXED] = {.number = 5, .name = "fixed", .kind = KIND_INT, .rule = RULE_FIXED},
        [STORE] = {.number = 6, .name = "store", .kind = KIND_INT, .rule = RULE_STORE},
        [STREET] =
                {.number = 7, .name = "street", .kind = KIND_INT, .rule = RULE_LATEST, .group = 1},
        [TOWN] = {.number = 8, .name = "town", .kind = KIND_INT, .rule = RULE_LATEST, .group = 1},
        [REACTION] = {.number = 9,
                      .name = "reaction",
                      .kind = KIND_INT,
                      .rule = RULE_REVIEW,
                      .group = 2},
        [SEVERITY] = {.number = 10,
                      .name = "severity",
                      .kind = KIND_CODE,
                      .rule = RULE_REVIEW,
                      .group = 2,
                      .order = order,
                      .order_count = 3,
                      .raise = RAISE_APPLY},
        [NEEDS] = {.number = 11,
                   .name = "needs",
                   .kind = KIND_SET,
                   .element = KIND_CODE,
                   .rule = RULE_LATEST},
        [WORDS] = {.number = 12, .name = "words", .kind = KIND_MAP, .rule = RULE_LATEST},
        [PRIORITY] = {.number = 13,
                      .name = "priority",
                      .kind = KIND_CODE,
                      .rule = RULE_STATE,
                      .order = order,
                      .order_count = 3,
                      .raise = RAISE_ONLY,
                      .initial = LOW},
        [GRADE] = {.number = 14,
                   .name = "grade",
                   .kind = KIND_CODE,
                   .rule = RULE_REVIEW,
                   .order = order,
                   .order_count = 3,
                   .raise = RAISE_APPLY},
        [ASKED] = {.number = 15,
                   .name = "asked",
                   .kind = KIND_CODE,
                   .rule = RULE_PROPOSE,
                   .proposed = proposed,
                   .proposed_count = 1},
};

static const struct catalogue_type type = {
        .number = 200,
        .name = "made",
        .title = "Made by hand",
        .personal = true,
        .fields = fields,
        .field_count = PLACE_COUNT,
        .group_count = 2,
};

/* ---- a store of one record ---- */

struct world {
        struct arena arena;
        struct record record;
        struct stamps stamps;
        struct conflict conflicts[PLACE_COUNT];
        size_t conflict_count;
        struct reconcile_result result;
};

static struct uuid entry_id(unsigned number)
{
        struct uuid id = {{0}};

        id.bytes[0] = 1;
        id.bytes[14] = (uint8_t)(number >> 8);
        id.bytes[15] = (uint8_t)number;
        return id;
}

static void world_init(struct world *world)
{
        *world = (struct world){0};
        world->record.type = &type;
        world->record.id = entry_id(9999);
        world->record.person = entry_id(9998);
        world->record.position = 10;
        stamps_init(&world->stamps, &world->arena);
}

static void world_deinit(struct world *world)
{
        arena_deinit(&world->arena);
}

static struct value integer(int64_t number)
{
        return (struct value){.form = VALUE_INTEGER, .integer = number};
}

static struct stamp stamp_of(uint64_t position, int64_t time_ms, unsigned entry)
{
        return (struct stamp){.position = position,
                              .quality = CLOCK_SYNCHRONISED,
                              .corrected_ms = time_ms,
                              .entry = entry_id(entry)};
}

/* What stands, and who set it when. */
static void set(struct world *world, enum place place, int64_t number, const struct stamp *stamp)
{
        world->record.values[place] = integer(number);
        assert_int_equal(stamps_set(&world->stamps, fields[place].number, BYTES_NONE, stamp), 0);
}

static void open_conflict(struct world *world, enum place place, unsigned other_entry)
{
        struct conflict *conflict = &world->conflicts[world->conflict_count++];

        *conflict = (struct conflict){.id = entry_id(5000u + (unsigned)place),
                                      .kind = catalogue_bind()->conflict.kind_concurrent,
                                      .type = &type};
        for (size_t i = 0; i < PLACE_COUNT; i++)
                if (reconcile_key(&fields[i]) == reconcile_key(&fields[place]))
                        conflict->fields[conflict->field_count++] = fields[i].number;
        conflict->others = arena_alloc(&world->arena, sizeof(*conflict->others));
        conflict->others[0].id = entry_id(other_entry);
        conflict->other_count = 1;
}

struct edit {
        struct entry_change changes[8];
        size_t count;
        uint64_t base;
        struct uuid chain[8];
        size_t chain_count;
        struct stamp stamp;
        const char *reason;
        uint16_t role;
        bool by_store;
};

static void run(struct world *world, struct edit *edit, bool create)
{
        struct entry_body body = {
                .type = type.number,
                .record = world->record.id,
                .person = world->record.person,
                .operation = create ? ENTRY_CREATE : ENTRY_EDIT,
                .role = edit->role,
                .changes = edit->changes,
                .change_count = edit->count,
                .reason = edit->reason ? bytes_text(edit->reason) : BYTES_NONE,
        };
        const struct reconcile_input input = {
                .type = &type,
                .body = &body,
                .stamp = edit->stamp,
                .by_store = edit->by_store,
                .base = edit->base,
                .standing = create ? NULL : &world->record,
                .stamps = create ? NULL : &world->stamps,
                .chain = edit->chain,
                .chain_count = edit->chain_count,
                .conflicts = world->conflicts,
                .conflict_count = world->conflict_count,
        };

        assert_int_equal(reconcile(&input, &world->arena, &world->result), 0);
}

static struct edit one(enum place place, int64_t number)
{
        return (struct edit){
                .changes = {{.number = fields[place].number, .value = integer(number)}},
                .count = 1,
                .stamp = stamp_of(11, 2000, 50),
                .role = 1,
        };
}

static enum field_effect effect_on(const struct world *world, enum place place)
{
        for (size_t i = 0; i < world->result.effect_count; i++)
                if (world->result.effects[i].field == fields[place].number)
                        return world->result.effects[i].effect;
        return EFFECT_APPLIED;
}

static int64_t value_after(const struct world *world, enum place place)
{
        const struct value *value = &world->result.record.values[place];

        return value->form == VALUE_INTEGER ? value->integer : 0;
}

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
        const struct stamp stamp = stamp_of(10, 1500, STANDING_BY);
        struct edit edit = one(place, wanted);

        set(world, place, standing, &stamp);
        edit.base =
                situation == FRESH || situation == CONFLICT || situation == CONFLICT_OWN ? 10 : 9;
        if (situation == STALE_EARLIER)
                edit.stamp.corrected_ms = 1000;
        if (situation >= CONFLICT)
                open_conflict(world, place, OTHER_BY);
        if (situation == CHAIN || situation == CONFLICT_OWN_STANDING)
                edit.chain[edit.chain_count++] = entry_id(STANDING_BY);
        if (situation == CONFLICT_OWN)
                edit.chain[edit.chain_count++] = entry_id(OTHER_BY);
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

static enum entry_outcome outcome_of(enum field_effect effect)
{
        switch (effect) {
        case EFFECT_APPLIED:
        case EFFECT_UNCHANGED:
                return OUTCOME_APPLIED;
        case EFFECT_SUPERSEDED:
                return OUTCOME_MERGED;
        case EFFECT_HELD:
        case EFFECT_PROPOSED:
        case EFFECT_LATE:
        case EFFECT_MAX:
                break;
        }
        return OUTCOME_HELD;
}

static void check_cell(const struct rule_row *row, enum situation situation, bool equal)
{
        struct world world;
        int64_t wanted = equal ? row->standing : row->wanted;
        enum field_effect effect = equal ? row->in[situation].equal : row->in[situation].different;
        struct edit edit;

        world_init(&world);
        edit = prepare(&world, situation, row->place, row->standing, wanted);
        run(&world, &edit, false);
        if (world.result.reason != row->reason ||
            (row->reason == 0 && effect_on(&world, row->place) != effect))
                fail_msg("%s %lld -> %lld, %s: reason %u, effect %u instead of %u",
                         fields[row->place].name, (long long)row->standing, (long long)wanted,
                         situation_names[situation], world.result.reason,
                         effect_on(&world, row->place), effect);
        if (row->reason == 0) {
                bool applied = effect == EFFECT_APPLIED;
                bool held = effect == EFFECT_HELD || effect == EFFECT_PROPOSED;

                assert_int_equal(world.result.outcome, outcome_of(effect));
                assert_int_equal(value_after(&world, row->place), applied ? wanted : row->standing);
                assert_int_equal(world.result.held_count, held ? 1 : 0);
                assert_int_equal(world.result.changed, applied && !equal);
                if (held)
                        assert_ptr_equal(world.result.held[0].open,
                                         world.conflict_count ? &world.conflicts[0] : NULL);
        } else {
                assert_int_equal(world.result.outcome, OUTCOME_QUARANTINED);
                assert_int_equal(value_after(&world, row->place), row->standing);
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
                run(&world, &edit, false);
                assert_int_equal(world.result.held_count, 1);
                assert_int_equal(world.result.held[0].kind, rows[i].kind);
                assert_int_equal(world.result.held[0].key, fields[rows[i].place].number);
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
                run(&world, &edit, false);
                assert_int_equal(world.result.reason, rows[i].refused);
                assert_int_equal(value_after(&world, STATE), rows[i].refused ? OPEN : rows[i].to);
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
                run(&world, &edit, false);
                assert_int_equal(world.result.reason, rows[i].reason);
                if (!rows[i].reason)
                        assert_int_equal(effect_on(&world, PRIORITY), rows[i].effect);
                world_deinit(&world);
        }
}

/* ---- groups ---- */

static struct edit two(enum place a, int64_t a_value, enum place b, int64_t b_value)
{
        struct edit edit = one(a, a_value);

        edit.changes[edit.count++] =
                (struct entry_change){.number = fields[b].number, .value = integer(b_value)};
        return edit;
}

static void test_a_group_of_latest_wins_or_loses_whole(void **state)
{
        const struct stamp early = stamp_of(10, 1500, STANDING_BY);

        (void)state;
        for (int later = 0; later < 2; later++) {
                struct world world;
                struct edit edit = two(STREET, 3, TOWN, 4);

                world_init(&world);
                set(&world, STREET, 1, &early); /* somebody else moved the street only */
                world.record.values[TOWN] = integer(2);
                edit.base = 9;
                edit.stamp.corrected_ms = later ? 2000 : 1000;
                run(&world, &edit, false);
                assert_int_equal(value_after(&world, STREET), later ? 3 : 1);
                assert_int_equal(value_after(&world, TOWN), later ? 4 : 2);
                assert_int_equal(world.result.outcome, later ? OUTCOME_APPLIED : OUTCOME_MERGED);
                world_deinit(&world);
        }
}

static void test_half_a_group_never_joins_another_half(void **state)
{
        const struct stamp other = stamp_of(10, 1500, STANDING_BY);
        struct world world;
        struct edit edit = one(STREET, 3);

        (void)state;
        world_init(&world);
        world.record.values[STREET] = integer(1);
        set(&world, TOWN, 2, &other);
        edit.base = 9; /* this author never saw that town */
        run(&world, &edit, false);
        assert_int_equal(effect_on(&world, STREET), EFFECT_HELD);
        assert_int_equal(value_after(&world, STREET), 1);
        edit.base = 10; /* this one did */
        run(&world, &edit, false);
        assert_int_equal(value_after(&world, STREET), 3);
        assert_int_equal(value_after(&world, TOWN), 2);
        world_deinit(&world);
}

static void test_a_group_of_review_is_held_whole_but_the_worse_value_shows(void **state)
{
        const struct stamp other = stamp_of(10, 1500, STANDING_BY);
        struct world world;
        struct edit edit = two(REACTION, 7, SEVERITY, HIGH);

        (void)state;
        world_init(&world);
        set(&world, REACTION, 1, &other);
        world.record.values[SEVERITY] = integer(LOW);
        edit.base = 9;
        run(&world, &edit, false);
        assert_int_equal(world.result.outcome, OUTCOME_HELD);
        assert_int_equal(world.result.held_count, 1);
        assert_int_equal(world.result.held[0].change_count, 2);
        assert_int_equal(world.result.held[0].key, RECONCILE_KEY_GROUP + 2);
        assert_int_equal(value_after(&world, REACTION), 1);
        assert_int_equal(value_after(&world, SEVERITY), HIGH);
        assert_int_equal(effect_on(&world, REACTION), EFFECT_HELD);
        assert_int_equal(effect_on(&world, SEVERITY), EFFECT_APPLIED);
        world_deinit(&world);
}

static void test_a_conflict_of_one_group_leaves_the_other_alone(void **state)
{
        const struct stamp other = stamp_of(10, 1500, STANDING_BY);
        struct world world;
        struct edit edit = two(STREET, 3, TOWN, 4);

        (void)state;
        world_init(&world);
        set(&world, REACTION, 1, &other);
        open_conflict(&world, REACTION, OTHER_BY);
        edit.base = 9;
        run(&world, &edit, false);
        assert_int_equal(world.result.outcome, OUTCOME_APPLIED);
        world_deinit(&world);
}

/* ---- whole entries ---- */

static void test_different_fields_both_take_effect(void **state)
{
        const struct stamp other = stamp_of(10, 1500, STANDING_BY);
        struct world world;
        struct edit edit = one(LATEST, 5);

        (void)state;
        world_init(&world);
        set(&world, REVIEW, 1, &other);
        edit.base = 3;
        run(&world, &edit, false);
        assert_int_equal(world.result.outcome, OUTCOME_APPLIED);
        assert_int_equal(value_after(&world, LATEST), 5);
        assert_int_equal(value_after(&world, REVIEW), 1);
        world_deinit(&world);
}

static void test_an_entry_has_the_worst_outcome_of_its_fields(void **state)
{
        const struct stamp other = stamp_of(10, 1500, STANDING_BY);
        struct world world;
        struct edit edit = two(LATEST, 5, REVIEW, 6);

        (void)state;
        world_init(&world);
        set(&world, LATEST, 1, &other);
        edit.base = 9;
        edit.stamp.corrected_ms = 1000;
        run(&world, &edit, false); /* superseded and applied */
        assert_int_equal(world.result.outcome, OUTCOME_MERGED);
        assert_int_equal(value_after(&world, REVIEW), 6);
        set(&world, REVIEW, 1, &other);
        run(&world, &edit, false); /* superseded and held */
        assert_int_equal(world.result.outcome, OUTCOME_HELD);
        world_deinit(&world);
}

static void test_quarantine_takes_back_every_field(void **state)
{
        struct world world;
        struct edit edit = two(LATEST, 5, FIXED, 6);

        (void)state;
        world_init(&world);
        edit.base = 10;
        run(&world, &edit, false);
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
        struct edit edit = two(FIXED, 5, STORE, 6);

        (void)state;
        world_init(&world);
        edit.by_store = true;
        edit.base = UINT64_MAX;
        run(&world, &edit, false);
        assert_int_equal(world.result.outcome, OUTCOME_APPLIED);
        assert_int_equal(value_after(&world, FIXED), 5);
        assert_int_equal(value_after(&world, STORE), 6);
        world_deinit(&world);
}

/* ---- creation ---- */

static void test_values_at_creation_take_effect_but_for_what_is_only_proposed(void **state)
{
        struct world world;
        struct edit edit = two(PROPOSE, MIDDLE, ASKED, GONE);

        (void)state;
        world_init(&world);
        run(&world, &edit, true);
        assert_int_equal(world.result.outcome, OUTCOME_HELD);
        assert_int_equal(value_after(&world, PROPOSE), MIDDLE);
        assert_int_equal(effect_on(&world, ASKED), EFFECT_PROPOSED);
        assert_int_equal(world.result.record.values[ASKED].form, VALUE_UNSET);
        assert_int_equal(value_after(&world, STATE), OPEN); /* begins where it begins */
        assert_int_equal(value_after(&world, PRIORITY), LOW);
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
                struct edit edit = one(STATE, rows[i].begin);

                world_init(&world);
                edit.reason = rows[i].reason;
                edit.role = rows[i].role;
                run(&world, &edit, true);
                assert_int_equal(world.result.reason, rows[i].refused);
                if (!rows[i].refused)
                        assert_int_equal(value_after(&world, STATE), rows[i].stands);
                if (rows[i].begin == GONE)
                        assert_int_equal(world.result.outcome, OUTCOME_HELD);
                world_deinit(&world);
        }
}

static void test_a_field_of_the_store_is_refused_at_creation_too(void **state)
{
        struct world world;
        struct edit edit = one(STORE, 1);

        (void)state;
        world_init(&world);
        run(&world, &edit, true);
        assert_int_equal(world.result.reason, REASON_STORE_FIELD);
        world_deinit(&world);
}

/* ---- sets and maps ---- */

static struct bytes hex(struct world *world, const char *digits)
{
        CLEANUP(buffer_deinit) struct buffer buffer = BUFFER_INIT;

        unit_hex(digits, &buffer);
        return arena_copy(&world->arena, buffer_view(&buffer));
}

static struct edit packed(struct world *world, enum place place, const char *digits)
{
        struct edit edit = one(place, 0);

        edit.changes[0].value = (struct value){.form = VALUE_PACKED, .bytes = hex(world, digits)};
        return edit;
}

static void set_packed(struct world *world, enum place place, const char *digits)
{
        world->record.values[place] =
                (struct value){.form = VALUE_PACKED, .bytes = hex(world, digits)};
}

static void assert_packed(struct world *world, enum place place, const char *digits)
{
        const struct value *value = &world->result.record.values[place];

        assert_int_equal(value->form, VALUE_PACKED);
        assert_bytes(value->bytes, hex(world, digits));
}

/* Of the set {1, 2}: entry STANDING_BY added 2 at position 10. */
static void set_needs(struct world *world)
{
        const struct stamp before = stamp_of(5, 1000, 39), after = stamp_of(10, 1500, STANDING_BY);

        set_packed(world, NEEDS, "82 01 02");
        assert_int_equal(stamps_set(&world->stamps, 11, hex(world, "01"), &before), 0);
        assert_int_equal(stamps_set(&world->stamps, 11, hex(world, "02"), &after), 0);
}

static void test_adds_and_removes_of_a_set_both_take_effect(void **state)
{
        struct world world;
        struct edit edit;

        (void)state;
        world_init(&world);
        set_needs(&world);
        edit = packed(&world, NEEDS, "a2 00 81 03 01 81 01"); /* add 3, remove 1 */
        edit.base = 9;
        run(&world, &edit, false);
        assert_packed(&world, NEEDS, "82 02 03");
        assert_int_equal(world.result.outcome, OUTCOME_APPLIED);
        assert_non_null(stamps_find(&world.result.stamps, 11, hex(&world, "03")));
        assert_null(stamps_find(&world.result.stamps, 11, hex(&world, "01")));
        world_deinit(&world);
}

static void test_an_add_wins_over_a_concurrent_remove(void **state)
{
        struct world world;
        struct edit edit;

        (void)state;
        world_init(&world);
        set_needs(&world);
        edit = packed(&world, NEEDS, "a1 01 82 01 02"); /* remove 1 and 2 */
        edit.base = 9;
        run(&world, &edit, false);
        assert_packed(&world, NEEDS, "81 02");
        assert_int_equal(world.result.outcome, OUTCOME_MERGED);
        edit.base = 10; /* this author saw the 2 */
        run(&world, &edit, false);
        assert_int_equal(world.result.record.values[NEEDS].form, VALUE_UNSET);
        edit.base = 9; /* this one added it on their own device */
        edit.chain[edit.chain_count++] = entry_id(STANDING_BY);
        run(&world, &edit, false);
        assert_int_equal(world.result.record.values[NEEDS].form, VALUE_UNSET);
        world_deinit(&world);
}

static void test_an_element_that_is_added_again_is_new_again(void **state)
{
        struct world world;
        struct edit edit;

        (void)state;
        world_init(&world);
        set_needs(&world);
        edit = packed(&world, NEEDS, "a1 00 81 01");
        edit.base = 10;
        run(&world, &edit, false);
        assert_packed(&world, NEEDS, "82 01 02");
        assert_int_equal(effect_on(&world, NEEDS), EFFECT_UNCHANGED);
        assert_false(world.result.changed);
        assert_true(world.result.stamped);
        assert_int_equal(stamps_find(&world.result.stamps, 11, hex(&world, "01"))->position, 11);
        world_deinit(&world);
}

static void test_keys_of_a_map_merge_each_by_the_later_word(void **state)
{
        const struct stamp other = stamp_of(10, 1500, STANDING_BY);
        struct world world;
        struct edit edit;

        (void)state;
        world_init(&world);
        set_packed(&world, WORDS, "a2 01 61 61 02 61 62"); /* {1: "a", 2: "b"} */
        assert_int_equal(stamps_set(&world.stamps, 12, hex(&world, "01"), &other), 0);
        edit = packed(&world, WORDS, "a3 01 61 78 02 f6 03 61 79"); /* 1: "x", 2 gone, 3: "y" */
        edit.base = 9;
        edit.stamp.corrected_ms = 1000; /* earlier than what stands under 1 */
        run(&world, &edit, false);
        assert_packed(&world, WORDS, "a2 01 61 61 03 61 79");
        assert_int_equal(world.result.outcome, OUTCOME_MERGED);
        edit.stamp.corrected_ms = 2000;
        run(&world, &edit, false);
        assert_packed(&world, WORDS, "a2 01 61 78 03 61 79");
        assert_int_equal(world.result.outcome, OUTCOME_APPLIED);
        world_deinit(&world);
}

static void test_an_older_word_does_not_bring_a_removed_key_back(void **state)
{
        const struct stamp removal = stamp_of(10, 1500, STANDING_BY);
        struct world world;
        struct edit edit;

        (void)state;
        world_init(&world);
        assert_int_equal(stamps_set(&world.stamps, 12, hex(&world, "01"), &removal), 0);
        edit = packed(&world, WORDS, "a1 01 61 78");
        edit.base = 9;
        edit.stamp.corrected_ms = 1000;
        run(&world, &edit, false);
        assert_int_equal(world.result.record.values[WORDS].form, VALUE_UNSET);
        assert_int_equal(world.result.outcome, OUTCOME_MERGED);
        world_deinit(&world);
}

/* ---- fields of a newer catalogue ---- */

static void test_unknown_fields_are_kept_and_given_back(void **state)
{
        struct world world;
        struct edit edit = {.stamp = stamp_of(11, 2000, 50), .base = 10};

        (void)state;
        world_init(&world);
        world.record.unknown = hex(&world, "a2 18c8 01 18ca 61 61"); /* {200: 1, 202: "a"} */
        edit.changes[0] = (struct entry_change){.number = 201, .raw = hex(&world, "05")};
        edit.changes[1] = (struct entry_change){.number = 202, .raw = hex(&world, "f6")};
        edit.count = 2;
        run(&world, &edit, false);
        assert_bytes(world.result.record.unknown, hex(&world, "a2 18c8 01 18c9 05"));
        assert_true(world.result.changed);
        world_deinit(&world);
}

/* ---- random histories ---- */

struct dice {
        uint64_t state;
};

static uint32_t roll(struct dice *dice, uint32_t sides)
{
        dice->state = dice->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (uint32_t)(dice->state >> 33) % sides;
}

/* Several edits that all saw the same record: the order in which they arrive must not matter. */
static void play_order(struct world *world, struct edit *edits, const size_t *order_of,
                       size_t count)
{
        for (size_t i = 0; i < count; i++) {
                struct edit edit = edits[order_of[i]];

                edit.stamp.position = 11 + i;
                run(world, &edit, false);
                world->record = world->result.record;
                world->stamps = world->result.stamps;
        }
}

static void shuffle(struct dice *dice, size_t *places, size_t count)
{
        for (size_t i = 0; i < count; i++)
                places[i] = i;
        for (size_t i = count; i > 1; i--) {
                size_t k = roll(dice, (uint32_t)i), kept = places[i - 1];

                places[i - 1] = places[k];
                places[k] = kept;
        }
}

static struct edit random_concurrent(struct world *world, struct dice *dice, unsigned number)
{
        static const char *const sets[] = {"a1 00 81 01", "a1 00 81 02", "a1 01 81 01",
                                           "a2 00 81 03 01 81 02", "a1 01 82 01 02"};
        static const char *const maps[] = {"a1 01 61 61", "a1 01 61 62", "a1 01 f6",
                                           "a2 01 61 63 02 61 64"};
        struct edit edit;

        switch (roll(dice, 4)) {
        case 0:
                edit = one(LATEST, 1 + roll(dice, 3));
                break;
        case 1:
                edit = two(STREET, 1 + roll(dice, 3), TOWN, 1 + roll(dice, 3));
                break;
        case 2:
                edit = packed(world, NEEDS, sets[roll(dice, COUNT(sets))]);
                break;
        default:
                edit = packed(world, WORDS, maps[roll(dice, COUNT(maps))]);
                break;
        }
        edit.base = 10;
        edit.stamp = stamp_of(0, 1000 + roll(dice, 3), number); /* times often equal */
        return edit;
}

static void assert_same_values(const struct record *a, const struct record *b, unsigned seed)
{
        for (size_t i = 0; i < PLACE_COUNT; i++)
                if (!value_equal(&a->values[i], &b->values[i]))
                        fail_msg("seed %u: %s depends on the order of arrival", seed,
                                 fields[i].name);
}

static void test_latest_sets_and_maps_do_not_depend_on_the_order_of_arrival(void **state)
{
        (void)state;
        for (unsigned seed = 1; seed <= 3000; seed++) {
                struct dice dice = {seed};
                struct world first, second;
                struct edit edits[6];
                size_t places[6], count = 2 + roll(&dice, 5);

                world_init(&first);
                world_init(&second);
                set_needs(&first);
                set_needs(&second);
                for (size_t i = 0; i < count; i++)
                        edits[i] = random_concurrent(&first, &dice, (unsigned)(100 + i));
                shuffle(&dice, places, count);
                play_order(&first, edits, places, count);
                shuffle(&dice, places, count);
                play_order(&second, edits, places, count);
                assert_same_values(&first.record, &second.record, seed);
                world_deinit(&second);
                world_deinit(&first);
        }
}

/* Three nurses, each with a device that pulls and pushes now and then; one record, all rules. */
struct nurse {
        uint64_t base;
        struct uuid chain[16];
        size_t chain_count;
};

enum { NURSES = 3, STEPS = 40 };

static enum place random_place(struct dice *dice)
{
        static const enum place places[] = {LATEST, REVIEW, PROPOSE, STATE, GRADE, STREET};

        return places[roll(dice, COUNT(places))];
}

static int compare_ids(const void *a, const void *b)
{
        return uuid_compare(a, b);
}

static struct edit nurse_edit(struct nurse *nurse, struct dice *dice, uint64_t position)
{
        struct edit edit = one(random_place(dice), 1 + roll(dice, 3));

        edit.base = nurse->base;
        memcpy(edit.chain, nurse->chain, sizeof(edit.chain[0]) * nurse->chain_count);
        edit.chain_count = nurse->chain_count;
        qsort(edit.chain, edit.chain_count, sizeof(edit.chain[0]), compare_ids);
        edit.stamp = stamp_of(position, 1000 + roll(dice, 500), (unsigned)(1000 + position));
        edit.reason = "because";
        return edit;
}

/* The store's part outside of reconcile(): a held value opens a conflict, or joins the one that is open. */
static void keep_held(struct world *world, const struct edit *edit)
{
        for (size_t i = 0; i < world->result.held_count; i++) {
                const struct reconcile_held *held = &world->result.held[i];
                struct conflict *conflict = held->open;
                struct conflict_value *others;

                if (!conflict) {
                        int place = catalogue_field_index(&type, held->changes[0].number);

                        open_conflict(world, (enum place)place, 0);
                        conflict = &world->conflicts[world->conflict_count - 1];
                        conflict->kind = held->kind;
                        conflict->other_count = 0;
                }
                others = arena_alloc(&world->arena, (conflict->other_count + 1) * sizeof(*others));
                memcpy(others, conflict->others, conflict->other_count * sizeof(*others));
                others[conflict->other_count] = (struct conflict_value){
                        .id = edit->stamp.entry,
                        .changes = arena_alloc(&world->arena, sizeof(*held->changes)),
                        .change_count = 1,
                };
                others[conflict->other_count++].changes[0] = held->changes[0];
                conflict->others = others;
        }
}

/* Was the unit touched by somebody whom this edit did not know of? */
static bool has_a_cause(const struct world *world, const struct edit *edit)
{
        int place = catalogue_field_index(&type, edit->changes[0].number);
        const struct stamp *stamp =
                stamps_find(&world->stamps, edit->changes[0].number, BYTES_NONE);

        for (size_t i = 0; i < world->conflict_count; i++)
                for (size_t k = 0; k < world->conflicts[i].field_count; k++)
                        if (world->conflicts[i].fields[k] == edit->changes[0].number)
                                return true;
        if (fields[place].rule == RULE_PROPOSE || fields[place].rule == RULE_STATE)
                return true;
        if (!stamp || stamp->position <= edit->base)
                return false;
        for (size_t i = 0; i < edit->chain_count; i++)
                if (uuid_equal(&edit->chain[i], &stamp->entry))
                        return false;
        return true;
}

static void check_step(const struct world *world, const struct edit *edit, unsigned seed)
{
        const struct reconcile_result *result = &world->result;
        int place = catalogue_field_index(&type, edit->changes[0].number);

        for (int i = 0; i < PLACE_COUNT; i++)
                if (i != place && !value_equal(&world->record.values[i], &result->record.values[i]))
                        fail_msg("seed %u: %s changed, but %s was edited", seed, fields[i].name,
                                 fields[place].name);
        if (result->held_count && !has_a_cause(world, edit))
                fail_msg("seed %u: %s was held without a cause", seed, fields[place].name);
        if (result->outcome !=
                    outcome_of(result->effect_count ? result->effects[0].effect : EFFECT_APPLIED) &&
            result->outcome != OUTCOME_QUARANTINED)
                fail_msg("seed %u: outcome %u is not the worst of its fields", seed,
                         result->outcome);
}

static void check_conflicts(const struct world *world, unsigned seed)
{
        for (size_t i = 0; i < world->conflict_count; i++)
                for (size_t k = i + 1; k < world->conflict_count; k++)
                        if (world->conflicts[i].fields[0] == world->conflicts[k].fields[0])
                                fail_msg("seed %u: two conflicts are open about one field", seed);
}

static void play_nurses(unsigned seed, unsigned nurse_count)
{
        struct dice dice = {seed};
        struct nurse nurses[NURSES] = {0};
        struct world world;

        world_init(&world);
        for (int i = 0; i < NURSES; i++)
                nurses[i].base = 10;
        world.record.values[STATE] = integer(OPEN);
        for (uint64_t position = 11; position < 11 + STEPS; position++) {
                struct nurse *nurse = &nurses[roll(&dice, nurse_count)];
                struct edit edit;

                if (roll(&dice, 4) == 0 || nurse->chain_count == 8) {
                        nurse->base = position - 1; /* pulled: all settled */
                        nurse->chain_count = 0;
                        continue;
                }
                edit = nurse_edit(nurse, &dice, position);
                run(&world, &edit, false);
                check_step(&world, &edit, seed);
                if (nurse_count == 1 && world.result.held_count)
                        assert_true(world.result.held[0].kind !=
                                    catalogue_bind()->conflict.kind_concurrent);
                keep_held(&world, &edit);
                check_conflicts(&world, seed);
                world.record = world.result.record;
                world.stamps = world.result.stamps;
                nurse->chain[nurse->chain_count++] = edit.stamp.entry;
        }
        world_deinit(&world);
}

static void test_random_histories_of_three_nurses_keep_what_is_promised(void **state)
{
        (void)state;
        for (unsigned seed = 1; seed <= 3000; seed++)
                play_nurses(seed, NURSES);
}

static void test_a_nurse_alone_never_conflicts_with_herself(void **state)
{
        (void)state;
        for (unsigned seed = 1; seed <= 3000; seed++)
                play_nurses(seed, 1);
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
                cmocka_unit_test(test_adds_and_removes_of_a_set_both_take_effect),
                cmocka_unit_test(test_an_add_wins_over_a_concurrent_remove),
                cmocka_unit_test(test_an_element_that_is_added_again_is_new_again),
                cmocka_unit_test(test_keys_of_a_map_merge_each_by_the_later_word),
                cmocka_unit_test(test_an_older_word_does_not_bring_a_removed_key_back),
                cmocka_unit_test(test_unknown_fields_are_kept_and_given_back),
                cmocka_unit_test(test_latest_sets_and_maps_do_not_depend_on_the_order_of_arrival),
                cmocka_unit_test(test_random_histories_of_three_nurses_keep_what_is_promised),
                cmocka_unit_test(test_a_nurse_alone_never_conflicts_with_herself),
        };

        return cmocka_run_group_tests_name("reconcile", tests, NULL, NULL);
}
