/* What is promised of any history: the order of arrival does not matter where it must not, and nobody conflicts with herself. */
#include "tests/unit/reconcile_support.h"
#include "tests/unit/unit.h"

#include <string.h>

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
                world_run(world, &edit, false);
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
                edit = edit_one(LATEST, 1 + roll(dice, 3));
                break;
        case 1:
                edit = edit_two(STREET, 1 + roll(dice, 3), TOWN, 1 + roll(dice, 3));
                break;
        case 2:
                edit = edit_packed(world, NEEDS, sets[roll(dice, COUNT(sets))]);
                break;
        default:
                edit = edit_packed(world, WORDS, maps[roll(dice, COUNT(maps))]);
                break;
        }
        edit.base = 10;
        edit.stamp = made_stamp(0, 1000 + roll(dice, 3), number); /* times often equal */
        return edit;
}

static void assert_same_values(const struct record *a, const struct record *b, unsigned seed)
{
        for (size_t i = 0; i < MADE_COUNT; i++)
                if (!value_equal(&a->values[i], &b->values[i]))
                        fail_msg("seed %u: %s depends on the order of arrival", seed,
                                 made_fields[i].name);
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
                world_set_needs(&first);
                world_set_needs(&second);
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
        struct edit edit = edit_one(random_place(dice), 1 + roll(dice, 3));

        edit.base = nurse->base;
        memcpy(edit.chain, nurse->chain, sizeof(edit.chain[0]) * nurse->chain_count);
        edit.chain_count = nurse->chain_count;
        qsort(edit.chain, edit.chain_count, sizeof(edit.chain[0]), compare_ids);
        edit.stamp = made_stamp(position, 1000 + roll(dice, 500), (unsigned)(1000 + position));
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
                        int place = catalogue_field_index(&made_type, held->changes[0].number);

                        world_dispute(world, (enum place)place, 0);
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
        int place = catalogue_field_index(&made_type, edit->changes[0].number);
        const struct stamp *stamp =
                stamps_find(&world->stamps, edit->changes[0].number, BYTES_NONE);

        for (size_t i = 0; i < world->conflict_count; i++)
                for (size_t k = 0; k < world->conflicts[i].field_count; k++)
                        if (world->conflicts[i].fields[k] == edit->changes[0].number)
                                return true;
        if (made_fields[place].rule == RULE_PROPOSE || made_fields[place].rule == RULE_STATE)
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
        int place = catalogue_field_index(&made_type, edit->changes[0].number);

        for (int i = 0; i < MADE_COUNT; i++)
                if (i != place && !value_equal(&world->record.values[i], &result->record.values[i]))
                        fail_msg("seed %u: %s changed, but %s was edited", seed,
                                 made_fields[i].name, made_fields[place].name);
        if (result->held_count && !has_a_cause(world, edit))
                fail_msg("seed %u: %s was held without a cause", seed, made_fields[place].name);
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
        world.record.values[STATE] = made_integer(OPEN);
        for (uint64_t position = 11; position < 11 + STEPS; position++) {
                struct nurse *nurse = &nurses[roll(&dice, nurse_count)];
                struct edit edit;

                if (roll(&dice, 4) == 0 || nurse->chain_count == 8) {
                        nurse->base = position - 1; /* pulled: all settled */
                        nurse->chain_count = 0;
                        continue;
                }
                edit = nurse_edit(nurse, &dice, position);
                world_run(&world, &edit, false);
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
                cmocka_unit_test(test_latest_sets_and_maps_do_not_depend_on_the_order_of_arrival),
                cmocka_unit_test(test_random_histories_of_three_nurses_keep_what_is_promised),
                cmocka_unit_test(test_a_nurse_alone_never_conflicts_with_herself),
        };

        return cmocka_run_group_tests_name("reconcile_random", tests, NULL, NULL);
}
