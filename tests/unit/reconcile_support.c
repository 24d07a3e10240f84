#include "tests/unit/reconcile_support.h"
#include "tests/unit/unit.h"

#include <string.h>

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

const struct catalogue_field made_fields[MADE_COUNT] = {
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

const struct catalogue_type made_type = {
        .number = 200,
        .name = "made",
        .title = "Made by hand",
        .personal = true,
        .fields = made_fields,
        .field_count = MADE_COUNT,
        .group_count = 2,
};

struct uuid made_id(unsigned number)
{
        struct uuid id = {{0}};

        id.bytes[0] = 1;
        id.bytes[14] = (uint8_t)(number >> 8);
        id.bytes[15] = (uint8_t)number;
        return id;
}

void world_init(struct world *world)
{
        *world = (struct world){0};
        world->record.type = &made_type;
        world->record.id = made_id(9999);
        world->record.person = made_id(9998);
        world->record.position = 10;
        stamps_init(&world->stamps, &world->arena);
}

void world_deinit(struct world *world)
{
        arena_deinit(&world->arena);
}

struct value made_integer(int64_t number)
{
        return (struct value){.form = VALUE_INTEGER, .integer = number};
}

struct stamp made_stamp(uint64_t position, int64_t time_ms, unsigned entry)
{
        return (struct stamp){.position = position,
                              .quality = CLOCK_SYNCHRONISED,
                              .corrected_ms = time_ms,
                              .entry = made_id(entry)};
}

/* What stands, and who set it when. */
void world_set(struct world *world, enum place place, int64_t number, const struct stamp *stamp)
{
        world->record.values[place] = made_integer(number);
        assert_int_equal(stamps_set(&world->stamps, made_fields[place].number, BYTES_NONE, stamp),
                         0);
}

void world_dispute(struct world *world, enum place place, unsigned other_entry)
{
        struct conflict *conflict = &world->conflicts[world->conflict_count++];

        *conflict = (struct conflict){.id = made_id(5000u + (unsigned)place),
                                      .kind = catalogue_bind()->conflict.kind_concurrent,
                                      .type = &made_type};
        for (size_t i = 0; i < MADE_COUNT; i++)
                if (reconcile_key(&made_fields[i]) == reconcile_key(&made_fields[place]))
                        conflict->fields[conflict->field_count++] = made_fields[i].number;
        conflict->others = arena_alloc(&world->arena, sizeof(*conflict->others));
        conflict->others[0].id = made_id(other_entry);
        conflict->other_count = 1;
}

void world_run(struct world *world, struct edit *edit, bool create)
{
        struct entry_body body = {
                .type = made_type.number,
                .record = world->record.id,
                .person = world->record.person,
                .operation = create ? ENTRY_CREATE : ENTRY_EDIT,
                .role = edit->role,
                .changes = edit->changes,
                .change_count = edit->count,
                .reason = edit->reason ? bytes_text(edit->reason) : BYTES_NONE,
        };
        const struct reconcile_input input = {
                .type = &made_type,
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

struct edit edit_one(enum place place, int64_t number)
{
        return (struct edit){
                .changes = {{.number = made_fields[place].number, .value = made_integer(number)}},
                .count = 1,
                .stamp = made_stamp(11, 2000, 50),
                .role = 1,
        };
}

enum field_effect world_effect(const struct world *world, enum place place)
{
        for (size_t i = 0; i < world->result.effect_count; i++)
                if (world->result.effects[i].field == made_fields[place].number)
                        return world->result.effects[i].effect;
        return EFFECT_APPLIED;
}

int64_t world_value(const struct world *world, enum place place)
{
        const struct value *value = &world->result.record.values[place];

        return value->form == VALUE_INTEGER ? value->integer : 0;
}

struct edit edit_two(enum place a, int64_t a_value, enum place b, int64_t b_value)
{
        struct edit edit = edit_one(a, a_value);

        edit.changes[edit.count++] = (struct entry_change){.number = made_fields[b].number,
                                                           .value = made_integer(b_value)};
        return edit;
}

enum entry_outcome outcome_of(enum field_effect effect)
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

struct bytes world_hex(struct world *world, const char *digits)
{
        CLEANUP(buffer_deinit) struct buffer buffer = BUFFER_INIT;

        unit_hex(digits, &buffer);
        return arena_copy(&world->arena, buffer_view(&buffer));
}

struct edit edit_packed(struct world *world, enum place place, const char *digits)
{
        struct edit edit = edit_one(place, 0);

        edit.changes[0].value =
                (struct value){.form = VALUE_PACKED, .bytes = world_hex(world, digits)};
        return edit;
}

void world_set_packed(struct world *world, enum place place, const char *digits)
{
        world->record.values[place] =
                (struct value){.form = VALUE_PACKED, .bytes = world_hex(world, digits)};
}

void world_assert_packed(struct world *world, enum place place, const char *digits)
{
        const struct value *value = &world->result.record.values[place];

        assert_int_equal(value->form, VALUE_PACKED);
        assert_bytes(value->bytes, world_hex(world, digits));
}

/* Of the set {1, 2}: entry 40 added 2 at position 10. */
void world_set_needs(struct world *world)
{
        const struct stamp before = made_stamp(5, 1000, 39), after = made_stamp(10, 1500, 40);

        world_set_packed(world, NEEDS, "82 01 02");
        assert_int_equal(stamps_set(&world->stamps, 11, world_hex(world, "01"), &before), 0);
        assert_int_equal(stamps_set(&world->stamps, 11, world_hex(world, "02"), &after), 0);
}
