/* Outboxes that were restored, cloned or damaged: everything that is unsent goes on, both histories stay, what is gone is said once. */
#include "daemon/incarnation.h"
#include "tests/unit/engine_support.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static struct rig rig;
static struct station tablet, twin;
static struct uuid person;
static bool has_twin;

static int setup(void **state)
{
        if (unit_folder_make(state) != 0)
                return -1;
        has_twin = false;
        rig_open(&rig, unit_path(state, "store.db"));
        station_open(&tablet, &rig, 1, state, &rig.team);
        person = rig_person(&rig, 1, "Ash", "Ann", &rig.team);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        return 0;
}

static int teardown(void **state)
{
        if (has_twin) {
                twin.key = NULL; /* it is the other one's */
                station_close(&twin);
        }
        station_close(&tablet);
        rig_close(&rig);
        return unit_folder_remove(state);
}

static struct uuid new_id(uint32_t number)
{
        return test_id(90, number);
}

static int alert(struct station *station, uint32_t number, const char *text)
{
        struct uuid id = new_id(number);

        rig.now_ms += 1000;
        return station_create(
                station, &rig.nurse, &id, "alert", &person,
                (struct field_text[]){{"category", "dog", NULL, 0}, {"text", text, NULL, 0}}, 2);
}

static int state_of(struct station *station, uint32_t number)
{
        struct uuid id = new_id(number);

        return station_state(station, &id);
}

static bool shows(struct station *station, uint32_t number)
{
        struct uuid id = new_id(number);

        return station_text(station, &rig.nurse, &id, "text", NULL, NULL) != NULL;
}

/* The store has the entry, with this outcome. */
static bool is_stored(uint32_t number, enum entry_outcome outcome)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        static const uint8_t no_hash[HASH_SIZE];
        struct storage *reader = rig.test.reader;
        struct uuid id = new_id(number);
        struct log_row row = {0};
        int r;

        assert_int_equal(reader->ops->begin_read(reader), 0);
        r = reader->ops->log_find(reader, &rig.test.locality, &id, &tablet.row.id, no_hash, &arena,
                                  &row);
        reader->ops->rollback(reader);
        assert_true(r >= 0);
        return r > 0 && row.outcome == outcome;
}

static struct uuid incarnation(struct station *station)
{
        return *outbox_incarnation(station->engine->outbox);
}

static bool is_same(struct uuid a, struct uuid b)
{
        return uuid_equal(&a, &b);
}

/* ---- restored ---- */

/* The whole state of the device, as an image of its disk has it. */
static void keep(void **state, struct station *station)
{
        station_stop(station);
        unit_copy_database(station->outbox, unit_path(state, "kept-outbox.db"));
        unit_copy_database(station->replica, unit_path(state, "kept-replica.db"));
        station_start(station);
}

static void restore(void **state, struct station *station)
{
        station_stop(station);
        unit_copy_database(unit_path(state, "kept-outbox.db"), station->outbox);
        unit_copy_database(unit_path(state, "kept-replica.db"), station->replica);
        station_start(station);
}

static void a_restored_outbox_goes_on_under_a_new_incarnation(void **state)
{
        struct uuid before = incarnation(&tablet);

        assert_int_equal(alert(&tablet, 1, "one"), 0);
        keep(state, &tablet);
        assert_int_equal(alert(&tablet, 2, "two"), 0);
        assert_int_equal(alert(&tablet, 3, "three"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        restore(state, &tablet);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_false(is_same(before, incarnation(&tablet)));
        assert_int_equal(state_of(&tablet, 1), OUTCOME_APPLIED);
        assert_int_equal(state_of(&tablet, 2), -1);
        assert_true(shows(&tablet, 2) && shows(&tablet, 3)); /* the other life's work is not lost */
        assert_int_equal(alert(&tablet, 4, "four"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_true(is_stored(4, OUTCOME_APPLIED));
}

static void a_restored_outbox_that_wrote_on_loses_nothing_of_either_life(void **state)
{
        assert_int_equal(alert(&tablet, 1, "one"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        keep(state, &tablet);
        for (uint32_t i = 2; i <= 6; i++)
                assert_int_equal(alert(&tablet, i, "first life"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        restore(state, &tablet);
        for (uint32_t i = 12; i <= 18; i++) /* the same numbers, and more */
                assert_int_equal(alert(&tablet, i, "second life"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        for (uint32_t i = 1; i <= 6; i++)
                assert_true(is_stored(i, OUTCOME_APPLIED) && shows(&tablet, i));
        for (uint32_t i = 12; i <= 18; i++) {
                assert_true(is_stored(i, OUTCOME_APPLIED));
                assert_int_equal(state_of(&tablet, i), OUTCOME_APPLIED);
        }
}

static uint64_t waiting(struct station *station)
{
        uint64_t sum = 0, count;
        int64_t oldest_ms;

        for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
                assert_int_equal(
                        outbox_waiting_of(station->engine->outbox, lane, &count, &oldest_ms), 0);
                sum += count;
        }
        return sum;
}

static void what_goes_on_under_a_new_incarnation_is_counted_as_waiting(void **state)
{
        assert_int_equal(alert(&tablet, 1, "first life"), 0);
        keep(state, &tablet);
        assert_int_equal(alert(&tablet, 2, "first life"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        restore(state, &tablet);
        assert_int_equal(alert(&tablet, 3, "second life"), 0);
        assert_int_equal(waiting(&tablet), 2);
        assert_int_equal(outbox_draw(tablet.engine->outbox, rig.now_ms, "a test"), 0);
        assert_int_equal(waiting(&tablet), 2);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(waiting(&tablet), 0);
}

/* As many entries as the other life: only the heads differ. */
static void a_restored_outbox_that_stands_at_the_same_number_is_found_by_its_head(void **state)
{
        struct uuid before = incarnation(&tablet);

        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        keep(state, &tablet);
        assert_int_equal(alert(&tablet, 1, "first life"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        restore(state, &tablet);
        assert_int_equal(alert(&tablet, 2, "second life"), 0);
        assert_int_equal(db_exec(tablet.engine->options.outbox_db, "UPDATE entry SET state = 1"),
                         0);
        station_stop(&tablet);
        station_start(&tablet); /* it believes that it has nothing to send */
        (void)station_sync(&tablet);
        assert_false(is_same(before, incarnation(&tablet)));
}

/* Found by the model (docs/model.md): its first life was lost by the store, and healed under the name of its second. */
static void an_image_put_back_again_after_the_store_lost_its_life_goes_on(void **state)
{
        rig_keep(&rig, unit_path(state, "kept-store.db"));
        assert_int_equal(alert(&tablet, 1, "one"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(alert(&tablet, 2, "two"), 0);
        keep(state, &tablet);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(alert(&tablet, 3, "three"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        restore(state, &tablet);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        rig_reopen(&rig, unit_path(state, "kept-store.db"));
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE); /* heals the store */
        assert_true(is_stored(1, OUTCOME_APPLIED) && is_stored(2, OUTCOME_APPLIED));
        restore(state, &tablet);
        assert_int_equal(alert(&tablet, 4, "four"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        for (uint32_t i = 1; i <= 4; i++)
                assert_int_equal(state_of(&tablet, i), i == 3 ? -1 : OUTCOME_APPLIED);
        assert_true(is_stored(4, OUTCOME_APPLIED));
        assert_true(shows(&tablet, 4));
}

/* ---- cloned ---- */

static void clone(void **state)
{
        twin = tablet;
        has_twin = true;
        (void)snprintf(twin.outbox, sizeof(twin.outbox), "%s", unit_path(state, "twin-outbox.db"));
        (void)snprintf(twin.replica, sizeof(twin.replica), "%s",
                       unit_path(state, "twin-replica.db"));
        memset(&twin.request, 0, sizeof(twin.request));
        memset(&twin.answer, 0, sizeof(twin.answer));
        memset(&twin.early, 0, sizeof(twin.early));
        station_stop(&tablet);
        unit_copy_database(tablet.outbox, twin.outbox);
        unit_copy_database(tablet.replica, twin.replica);
        station_start(&tablet);
        twin.engine = NULL;
        station_start(&twin);
}

static int count_again(void *context, const struct incarnation_row *row)
{
        *(size_t *)context += row->again_ms != 0;
        return 0;
}

static size_t incidents(void)
{
        struct storage *reader = rig.test.reader;
        size_t count = 0;

        assert_int_equal(reader->ops->incarnations(reader, NULL, count_again, &count), 0);
        return count;
}

static void two_machines_with_one_identity_both_go_on_and_are_an_incident(void **state)
{
        assert_int_equal(alert(&tablet, 1, "common"), 0);
        clone(state);
        for (uint32_t round = 0; round < 4; round++) {
                assert_int_equal(alert(&tablet, 100 + round, "tablet"), 0);
                assert_int_equal(alert(&twin, 200 + round, "twin"), 0);
                assert_int_equal(alert(&twin, 300 + round, "twin"), 0);
                assert_int_equal(station_sync(&twin), EXCHANGE_DONE);
                assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        }
        assert_int_equal(station_sync(&twin), EXCHANGE_DONE);
        assert_true(is_stored(1, OUTCOME_APPLIED));
        assert_int_equal(state_of(&tablet, 1), OUTCOME_APPLIED);
        assert_int_equal(state_of(&twin, 1), OUTCOME_APPLIED);
        for (uint32_t round = 0; round < 4; round++) {
                assert_true(is_stored(100 + round, OUTCOME_APPLIED));
                assert_true(is_stored(200 + round, OUTCOME_APPLIED));
                assert_true(is_stored(300 + round, OUTCOME_APPLIED));
                assert_int_equal(state_of(&tablet, 100 + round), OUTCOME_APPLIED);
                assert_int_equal(state_of(&twin, 200 + round), OUTCOME_APPLIED);
                assert_true(shows(&tablet, 200 + round) && shows(&twin, 100 + round));
        }
        assert_true(incidents() > 0);
}

/* What one machine gave back, the other offers under its own name: an answer that is lost meanwhile is no sign of a fork. */
static void a_repeat_under_another_incarnation_is_a_repeat(void **state)
{
        struct uuid before;

        rig_keep(&rig, unit_path(state, "kept-store.db"));
        assert_int_equal(alert(&tablet, 1, "common"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        clone(state);
        assert_int_equal(alert(&tablet, 2, "tablet"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(alert(&twin, 3, "twin"), 0);
        assert_int_equal(station_sync(&twin), EXCHANGE_DONE); /* under a name of its own */
        rig_reopen(&rig, unit_path(state, "kept-store.db"));
        assert_int_equal(station_sync(&twin), EXCHANGE_DONE); /* gives back what it has */
        assert_true(is_stored(1, OUTCOME_APPLIED));
        before = incarnation(&tablet);
        station_send(&tablet);
        assert_int_equal(station_take(&tablet), EXCHANGE_AGAIN);
        station_send(&tablet); /* what was lost is offered, and the answer never comes */
        station_stop(&tablet);
        station_start(&tablet);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_true(is_same(before, incarnation(&tablet)));
        assert_int_equal(state_of(&tablet, 1), OUTCOME_APPLIED);
        assert_int_equal(state_of(&tablet, 2), OUTCOME_APPLIED);
}

static void one_machine_that_was_restored_once_is_no_incident(void **state)
{
        keep(state, &tablet);
        assert_int_equal(alert(&tablet, 1, "one"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        restore(state, &tablet);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        for (uint32_t i = 2; i <= 4; i++) {
                assert_int_equal(alert(&tablet, i, "again"), 0);
                assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        }
        assert_int_equal(incidents(), 0);
}

/* ---- gaps ---- */

struct seen_gaps {
        size_t count;
        uint64_t first, last;
};

static int see_gap(void *context, const struct gap_row *row)
{
        struct seen_gaps *seen = context;

        seen->count++;
        seen->first = row->from_seq;
        seen->last = row->to_seq;
        assert_true(strlen(row->detail) > 0);
        return 0;
}

static int see_own_gap(void *context, const struct wire_gap *gap, int64_t found_ms)
{
        struct seen_gaps *seen = context;

        assert_true(found_ms > 0);
        seen->count++;
        seen->first = gap->first;
        seen->last = gap->last;
        return 0;
}

static void forget_rows(struct station *station, const char *where)
{
        char sql[200];

        (void)snprintf(sql, sizeof(sql), "DELETE FROM entry WHERE %s", where);
        assert_int_equal(db_exec(station->engine->options.outbox_db, sql), 0);
        station_stop(station);
        (void)remove(station->replica);
        station_start(station);
}

static void find_gone(void *context, bool good, const char *text)
{
        *(size_t *)context += !good && strstr(text, "entries 3 to 5 of lane 0 are gone");
}

static void what_was_destroyed_is_reported_once_and_everything_else_goes_on(void **state)
{
        struct seen_gaps there = {0}, here = {0}, open = {0};
        size_t told = 0;
        struct storage *reader = rig.test.reader;

        (void)state;
        for (uint32_t i = 1; i <= 8; i++)
                assert_int_equal(alert(&tablet, i, "dog"), 0);
        forget_rows(&tablet, "seq BETWEEN 3 AND 5 AND lane = 0");
        for (int i = 0; i < 3; i++)
                assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_true(is_stored(1, OUTCOME_APPLIED) && is_stored(2, OUTCOME_APPLIED));
        assert_true(is_stored(6, OUTCOME_APPLIED) && is_stored(8, OUTCOME_APPLIED));
        assert_int_equal(reader->ops->gaps(reader, &tablet.row.id, see_gap, &there), 0);
        assert_int_equal(there.count, 1);
        assert_int_equal(there.first, 3);
        assert_int_equal(there.last, 5);
        assert_int_equal(outbox_gaps(tablet.engine->outbox, true, see_own_gap, &here), 0);
        assert_int_equal(here.count, 1);
        assert_int_equal(here.first, 3);
        assert_int_equal(outbox_gaps(tablet.engine->outbox, false, see_own_gap, &open), 0);
        assert_int_equal(engine_doctor(tablet.engine, false, find_gone, &told), 0);
        assert_int_equal(told, 1);
        assert_int_equal(open.count, 0); /* the store has answered: not again */
        assert_int_equal(incidents(), 0);
}

static void the_end_of_a_lane_that_is_gone_is_a_gap_as_well(void **state)
{
        struct seen_gaps there = {0};
        struct storage *reader = rig.test.reader;

        (void)state;
        for (uint32_t i = 1; i <= 4; i++)
                assert_int_equal(alert(&tablet, i, "dog"), 0);
        forget_rows(&tablet, "seq >= 3 AND lane = 0");
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_true(is_stored(2, OUTCOME_APPLIED));
        assert_int_equal(alert(&tablet, 9, "dog"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_true(is_stored(9, OUTCOME_APPLIED));
        assert_int_equal(reader->ops->gaps(reader, &tablet.row.id, see_gap, &there), 0);
        assert_int_equal(there.count, 1);
        assert_int_equal(there.first, 3);
        assert_int_equal(there.last, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_restored_outbox_goes_on_under_a_new_incarnation),
                TEST(a_restored_outbox_that_wrote_on_loses_nothing_of_either_life),
                TEST(what_goes_on_under_a_new_incarnation_is_counted_as_waiting),
                TEST(a_restored_outbox_that_stands_at_the_same_number_is_found_by_its_head),
                TEST(an_image_put_back_again_after_the_store_lost_its_life_goes_on),
                TEST(two_machines_with_one_identity_both_go_on_and_are_an_incident),
                TEST(a_repeat_under_another_incarnation_is_a_repeat),
                TEST(one_machine_that_was_restored_once_is_no_incident),
                TEST(what_was_destroyed_is_reported_once_and_everything_else_goes_on),
                TEST(the_end_of_a_lane_that_is_gone_is_a_gap_as_well),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
