/* Rows that are no longer what was written, or could not be: nothing waits for ever, nothing is missing, both ends know why. */
#include "tests/unit/engine_support.h"
#include "tests/unit/unit.h"

#include "common/reason.h"

#include <stdio.h>
#include <string.h>

static struct rig rig;
static struct station tablet;
static struct uuid person;

static int setup(void **state)
{
        if (unit_folder_make(state) != 0)
                return -1;
        rig_open(&rig, unit_path(state, "store.db"));
        station_open(&tablet, &rig, 1, state, &rig.team);
        person = rig_person(&rig, 1, "Ash", "Ann", &rig.team);
        station_sync(&tablet);
        return 0;
}

static int teardown(void **state)
{
        station_close(&tablet);
        rig_close(&rig);
        return unit_folder_remove(state);
}

static struct uuid alert(uint32_t number)
{
        struct uuid id = test_id(90, number);
        int r = station_create(
                &tablet, &rig.nurse, &id, "alert", &person,
                (struct field_text[]){{"category", "dog", NULL, 0}, {"text", "dog", NULL, 0}}, 2);

        assert_int_equal(r, 0);
        return id;
}

static struct engine_status status(void)
{
        struct engine_now now = station_now(&tablet);
        struct engine_status ret;

        assert_int_equal(engine_status(tablet.engine, &now, &ret), 0);
        return ret;
}

/* ---- damage ---- */

static void flip_blob(struct db *db, const char *column, int place)
{
        CLEANUP(buffer_deinit) struct buffer value = BUFFER_INIT;
        sqlite3_stmt *stmt;
        char sql[128];

        (void)snprintf(sql, sizeof(sql), "SELECT %s FROM entry WHERE place = %d", column, place);
        assert_int_equal(sqlite3_prepare_v2(db_handle(db), sql, -1, &stmt, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        buffer_append(&value, db_column_bytes(stmt, 0));
        assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
        assert_true(value.size > 0);
        value.data[value.size / 2] ^= 0x10;
        (void)snprintf(sql, sizeof(sql), "UPDATE entry SET %s = ?1 WHERE place = %d", column,
                       place);
        assert_int_equal(sqlite3_prepare_v2(db_handle(db), sql, -1, &stmt, NULL), SQLITE_OK);
        db_bind_blob(stmt, 1, buffer_view(&value));
        assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
        assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
}

/* One bit of a column, on a card that nobody uses meanwhile. */
static void flip(const char *column, bool number, int place)
{
        const struct db_options options = {.durability = DB_FULL};
        CLEANUP(db_freep) struct db *db = NULL;

        station_stop(&tablet);
        assert_int_equal(db_open(tablet.outbox, &options, &db), 0);
        if (number) {
                char sql[128];

                (void)snprintf(sql, sizeof(sql), "UPDATE entry SET %s = %s + 1 WHERE place = %d",
                               column, column, place);
                assert_int_equal(db_exec(db, sql), 0);
        } else {
                flip_blob(db, column, place);
        }
        db = db_free(db);
        station_start(&tablet);
}

/* ---- what both ends say ---- */

struct said {
        struct uuid id;
        enum entry_outcome outcome;
        uint16_t reason;
};

static int take_device(void *context, const struct engine_outbox_entry *entry)
{
        *(struct said *)context = (struct said){entry->id, entry->state, entry->reason};
        return 0;
}

/* What the device shows as its entry number @place. */
static struct said device_says(uint64_t place)
{
        struct engine_now now = station_now(&tablet);
        struct said said = {0};
        bool more;

        assert_int_equal(engine_outbox(tablet.engine, NULL, &now, 0, place - 1, 1, take_device,
                                       &said, &more),
                         0);
        return said;
}

static struct said store_says(const struct uuid *id)
{
        static const uint8_t no_hash[HASH_SIZE];
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct storage *storage = rig.test.reader;
        struct log_row row;

        assert_true(storage->ops->log_find(storage, &rig.test.locality, id, &tablet.row.id, no_hash,
                                           &arena, &row) > 0);
        return (struct said){row.id, row.outcome, row.reason};
}

static uint64_t entries_of_device(void)
{
        struct storage_counts counts;

        assert_int_equal(rig.test.reader->ops->counts(rig.test.reader, &rig.test.locality, &counts),
                         0);
        return counts.entries;
}

static void assert_both_say(uint64_t place, enum entry_outcome outcome, uint16_t reason)
{
        struct said here = device_says(place), there = store_says(&here.id);

        assert_int_equal(here.outcome, outcome);
        assert_int_equal(here.reason, reason);
        assert_int_equal(there.outcome, outcome);
        assert_int_equal(there.reason, reason);
}

static void assert_settled_and_quiet(void)
{
        assert_int_equal(status().counts[OUTCOME_NONE], 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(status().last_round_trips, 1);
        assert_true(status().last_bytes_sent + status().last_bytes_received <= 1024);
}

/* ---- tests ---- */

static void whatever_is_damaged_in_a_row_it_ends_with_one_outcome_at_both_ends(void **state)
{
        static const struct {
                const char *column;
                bool number;
                uint16_t reason; /* REASON_NONE: what travels is whole, so it is applied */
        } damages[] = {
                {"header", false, REASON_DAMAGED},    {"body", false, REASON_DAMAGED},
                {"id", false, REASON_DAMAGED},        {"chain", false, REASON_DAMAGED},
                {"body_hash", false, REASON_DAMAGED}, {"signature", false, REASON_NONE},
                {"request_hash", false, REASON_NONE}, {"row_hash", false, REASON_NONE},
                {"recorded_ms", true, REASON_NONE},   {"state", true, REASON_NONE},
        };

        (void)state;
        for (size_t i = 0; i < COUNT(damages); i++) {
                uint64_t place = 3 * i + 2;
                uint16_t reason = damages[i].reason;

                for (uint32_t k = 0; k < 3; k++)
                        (void)alert((uint32_t)place + k);
                flip(damages[i].column, damages[i].number, (int)place);
                assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
                assert_both_say(place - 1, OUTCOME_APPLIED, REASON_NONE);
                assert_both_say(place, reason ? OUTCOME_QUARANTINED : OUTCOME_APPLIED, reason);
                assert_both_say(place + 1, OUTCOME_APPLIED, REASON_NONE);
                assert_settled_and_quiet();
        }
        assert_true(status().damaged > 0);
}

static void a_damaged_entry_whose_receipt_was_lost_on_the_way_gets_it_again(void **state)
{
        uint64_t before = entries_of_device();

        (void)state;
        for (uint32_t i = 1; i <= 3; i++)
                (void)alert(i);
        flip("body", false, 2);
        station_send(&tablet); /* the answer is lost */
        station_stop(&tablet);
        station_start(&tablet);
        assert_int_equal(device_says(2).outcome, OUTCOME_NONE);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_both_say(2, OUTCOME_QUARANTINED, REASON_DAMAGED);
        assert_both_say(3, OUTCOME_APPLIED, REASON_NONE);
        assert_int_equal(entries_of_device(), before + 3);
        assert_settled_and_quiet();
}

static void what_the_store_has_whole_is_not_damaged_by_what_happens_here_later(void **state)
{
        uint64_t before = entries_of_device();

        (void)state;
        for (uint32_t i = 1; i <= 3; i++)
                (void)alert(i);
        station_send(&tablet); /* the store took them; the answer is lost */
        flip("body", false, 1);
        flip("header", false, 2);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        for (uint64_t place = 1; place <= 3; place++)
                assert_both_say(place, OUTCOME_APPLIED, REASON_NONE);
        assert_int_equal(entries_of_device(), before + 3);
        assert_settled_and_quiet();
}

static void a_head_that_is_damaged_once_its_entry_is_settled_holds_nothing_back(void **state)
{
        (void)state;
        (void)alert(1);
        (void)alert(2);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        flip("chain", false, 2);
        (void)alert(3);
        (void)alert(4);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        for (uint64_t place = 1; place <= 4; place++)
                assert_both_say(place, OUTCOME_APPLIED, REASON_NONE);
        assert_settled_and_quiet();
}

/* The store no longer knows that the device ever had anybody: what would come late is parked. */
static void forget_custody(void **state)
{
        const struct db_options options = {.durability = DB_FULL};
        CLEANUP(db_freep) struct db *db = NULL;

        assert_int_equal(db_open(unit_path(state, "store.db"), &options, &db), 0);
        assert_int_equal(db_exec(db, "DELETE FROM custody"), 0);
}

static void a_parked_entry_that_is_damaged_later_gets_its_outcome(void **state)
{
        struct uuid id;

        person = rig_person(&rig, 2, "Oak", "Olga", &rig.team);
        station_sync(&tablet);
        rig_assign(&rig, 2, &person, &rig.team, false); /* the device does not know yet */
        forget_custody(state);
        id = alert(1);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(station_state(&tablet, &id), OUTCOME_PARKED);
        flip("recorded_ms", true, 1);
        assert_int_equal(device_says(1).outcome, OUTCOME_PARKED);
        rig_assign(&rig, 2, &person, &rig.team, true);
        rig.now_ms += 8LL * 86400 * 1000;
        assert_int_equal(exchange_expire(rig.writer, rig.now_ms), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_true(device_says(1).outcome != OUTCOME_PARKED);
        assert_int_equal(device_says(1).outcome, store_says(&id).outcome);
        assert_settled_and_quiet();
}

static void count_findings(void *context, bool good, const char *text)
{
        size_t *bad = context;

        (void)text;
        *bad += !good;
}

static void doctor_finds_what_is_damaged(void **state)
{
        size_t bad = 0;

        (void)state;
        for (uint32_t i = 1; i <= 5; i++)
                (void)alert(i);
        assert_int_equal(engine_doctor(tablet.engine, true, count_findings, &bad), 0);
        assert_int_equal(bad, 0);
        flip("recorded_ms", true, 2);
        assert_int_equal(engine_doctor(tablet.engine, true, count_findings, &bad), 0);
        assert_true(bad > 0);
        /* also once the store has answered */
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        bad = 0;
        assert_int_equal(engine_doctor(tablet.engine, true, count_findings, &bad), 0);
        assert_true(bad > 0);
}

/* ---- a disk that refuses ---- */

static int refuse_commit(void *context)
{
        (void)context;
        return 1;
}

static size_t visits_here(void)
{
        sqlite3_stmt *stmt;
        size_t count;

        assert_int_equal(sqlite3_prepare_v2(db_handle(tablet.engine->options.replica_db),
                                            "SELECT count(*) FROM r_visit", -1, &stmt, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        count = (size_t)sqlite3_column_int64(stmt, 0);
        assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
        return count;
}

static void lose_what_is_gathered(void)
{
        assert_true(visits_here() > 0);
        sqlite3_commit_hook(db_handle(tablet.engine->options.replica_db), refuse_commit, NULL);
        assert_true(replica_flush(tablet.engine->replica) < 0);
        sqlite3_commit_hook(db_handle(tablet.engine->options.replica_db), NULL, NULL);
        assert_int_equal(visits_here(), 0);
}

static void no_cursor_passes_records_that_could_not_be_written(void **state)
{
        struct engine_now now = station_now(&tablet);
        int r;

        (void)state;
        assert_int_equal(replica_flush(tablet.engine->replica), 0);
        rig_records(&rig, &person, 1, 700, "a visit of some length, so that pages fill");
        /* between two steps */
        station_send(&tablet);
        assert_int_equal(station_take(&tablet), EXCHANGE_AGAIN); /* the vector is asked for */
        station_send(&tablet);
        r = engine_exchange_answer(tablet.engine, &now, buffer_view(&tablet.answer));
        while (r == EXCHANGE_STEP && visits_here() == 0)
                r = engine_exchange_step(tablet.engine, &now);
        assert_int_equal(r, EXCHANGE_STEP);
        lose_what_is_gathered();
        while (r == EXCHANGE_STEP)
                r = engine_exchange_step(tablet.engine, &now);
        assert_int_equal(r, PANNIER_E_STORAGE);
        /* while the request for the next page is out */
        rig.settings.changes_max = 6000;
        station_send(&tablet);
        assert_int_equal(station_take(&tablet), EXCHANGE_AGAIN);
        while (visits_here() == 0) {
                station_send(&tablet);
                assert_int_equal(station_take(&tablet), EXCHANGE_AGAIN);
        }
        station_send(&tablet);
        lose_what_is_gathered();
        assert_int_equal(engine_exchange_answer(tablet.engine, &now, buffer_view(&tablet.answer)),
                         PANNIER_E_STORAGE);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(visits_here(), 700);
        rig.settings.changes_max = 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(whatever_is_damaged_in_a_row_it_ends_with_one_outcome_at_both_ends),
                TEST(a_damaged_entry_whose_receipt_was_lost_on_the_way_gets_it_again),
                TEST(what_the_store_has_whole_is_not_damaged_by_what_happens_here_later),
                TEST(a_head_that_is_damaged_once_its_entry_is_settled_holds_nothing_back),
                TEST(a_parked_entry_that_is_damaged_later_gets_its_outcome),
                TEST(doctor_finds_what_is_damaged),
                TEST(no_cursor_passes_records_that_could_not_be_written),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
