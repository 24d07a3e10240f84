#include "tests/unit/unit.h"

#include "daemon/outbox.h"

#include "common/error.h"
#include "common/wire.h"

#include <stdio.h>
#include <string.h>

static struct db *db;
static struct outbox *outbox;
static struct private_key *key;
static uint8_t caseload[AEAD_KEY_SIZE];
static char path[256];

static struct uuid id_of(uint8_t kind, uint8_t number)
{
        return (struct uuid){{1, 2, 3, 4, 5, 6, 0x70, 7, 0x80, 0, 0, 0, 0, 0, kind, number}};
}

static void start(void)
{
        struct db_options db_options = {.durability = DB_FULL};
        struct outbox_options options = {.key = key,
                                         .device = id_of(1, 1),
                                         .caseload_key = caseload,
                                         .random = crypto_random};

        assert_int_equal(db_open(path, &db_options, &db), 0);
        options.db = db;
        assert_int_equal(outbox_new(&options, &outbox), 0);
}

static void stop(void)
{
        outbox = outbox_free(outbox);
        db = db_free(db);
}

static int setup(void **state)
{
        if (unit_folder_make(state) != 0)
                return -1;
        (void)snprintf(path, sizeof(path), "%s", unit_path(state, "outbox.db"));
        assert_int_equal(private_key_generate(&key), 0);
        crypto_random(caseload, sizeof(caseload));
        start();
        return 0;
}

static int teardown(void **state)
{
        stop();
        key = private_key_free(key);
        return unit_folder_remove(state);
}

static struct outbox_item item_of(uint8_t number, uint8_t lane, const char *body)
{
        return (struct outbox_item){.id = id_of(2, number),
                                    .lane = lane,
                                    .locality = id_of(3, 1),
                                    .body = bytes_text(body),
                                    .recorded_ms = 1000 + number};
}

static int append(uint8_t number, uint8_t lane, const char *body)
{
        struct outbox_item item = item_of(number, lane, body);

        return outbox_append(outbox, &item, 1);
}

static void not_good(void *context, const struct outbox_row *row, const char *what)
{
        (void)row;
        (void)what;
        (*(int *)context)++;
}

static int check(void)
{
        int told = 0, bad = outbox_check(outbox, not_good, &told);

        assert_int_equal(bad, told);
        return bad;
}

static void settle(uint8_t number, enum entry_outcome outcome, int expected)
{
        struct wire_receipt receipt = {.entry = id_of(2, number), .outcome = outcome, .epoch = 1};
        static const uint8_t signature[SIGNATURE_SIZE] = {1};
        struct bytes message;
        uint64_t place;

        receipt.position = outcome == OUTCOME_PARKED ? 0 : number;
        assert_int_equal(outbox_begin(outbox), 0);
        assert_int_equal(outbox_settle(outbox, 5000, &receipt, &place, &message), expected);
        assert_int_equal(outbox_batch(outbox, 5000, bytes_text("hashes"), signature), 0);
        assert_int_equal(outbox_commit(outbox), 0);
}

static void entries_hang_in_their_lanes_chain_and_come_back_as_they_went(void **state)
{
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;
        struct uuid id = id_of(2, 2), incarnation = *outbox_incarnation(outbox);
        struct entry_header header;
        struct outbox_row row;

        (void)state;
        assert_int_equal(append(1, LANE_URGENT, "one"), 0);
        assert_int_equal(append(2, LANE_ROUTINE, "two"), 0);
        assert_int_equal(append(3, LANE_ROUTINE, "three"), 0);
        stop();
        start();
        assert_memory_equal(&incarnation, outbox_incarnation(outbox), 16);
        assert_int_equal(outbox_seq(outbox, LANE_ROUTINE), 2);
        assert_int_equal(outbox_place(outbox), 3);
        assert_int_equal(outbox_get(outbox, &id, &row), 1);
        assert_false(row.damaged);
        assert_int_equal(outbox_open_body(outbox, &row, &body), 0);
        assert_text(buffer_view(&body), "two");
        assert_int_equal(entry_header_decode(row.header, &header), 0);
        assert_int_equal(header.seq, 1);
        assert_int_equal(check(), 0);
}

static void one_commit_is_one_flush_and_one_signature_a_lane(void **state)
{
        struct outbox_item items[] = {item_of(1, LANE_URGENT, "a"), item_of(2, LANE_ROUTINE, "b"),
                                      item_of(3, LANE_URGENT, "c"), item_of(4, LANE_ROUTINE, "d")};
        uint64_t flushes = db_flush_count(db);
        struct outbox_row row;

        (void)state;
        assert_int_equal(outbox_append(outbox, items, 4), 0);
        assert_int_equal(db_flush_count(db) - flushes, 1);
        for (size_t i = 0; i < 4; i++) {
                assert_int_equal(outbox_get(outbox, &items[i].id, &row), 1);
                assert_int_equal(row.signature.size, i < 2 ? 0 : SIGNATURE_SIZE);
                assert_int_equal(items[i].place, i + 1);
        }
        assert_int_equal(check(), 0);
}

static void an_id_is_taken_once(void **state)
{
        struct outbox_item items[] = {item_of(2, LANE_URGENT, "a"), item_of(2, LANE_URGENT, "b")};

        (void)state;
        assert_int_equal(append(1, LANE_URGENT, "one"), 0);
        assert_int_equal(append(1, LANE_ROUTINE, "other"), PANNIER_E_TAKEN);
        assert_int_equal(outbox_append(outbox, items, 2), PANNIER_E_TAKEN);
        assert_int_equal(outbox_seq(outbox, LANE_URGENT), 1);
        assert_int_equal(outbox_seq(outbox, LANE_ROUTINE), 0);
        assert_int_equal(outbox_place(outbox), 1);
        assert_int_equal(append(2, LANE_URGENT, "two"), 0);
        assert_int_equal(check(), 0);
}

static void a_commit_over_the_limit_is_refused_whole(void **state)
{
        static char large[COMMIT_SIZE_MAX / 2];
        struct outbox_item items[3];

        (void)state;
        memset(large, 'x', sizeof(large) - 1);
        for (uint8_t i = 0; i < 3; i++)
                items[i] = item_of((uint8_t)(i + 1), LANE_ROUTINE, large);
        assert_int_equal(outbox_append(outbox, items, 3), PANNIER_E_LIMIT);
        assert_int_equal(outbox_seq(outbox, LANE_ROUTINE), 0);
        assert_int_equal(outbox_append(outbox, items, 1), 0);
        assert_int_equal(check(), 0);
}

static void a_full_disk_records_nothing_and_keeps_what_was(void **state)
{
        static char large[60000];
        char pragma[64];
        sqlite3_stmt *stmt;
        int64_t pages;

        (void)state;
        assert_int_equal(append(1, LANE_ROUTINE, "one"), 0);
        assert_int_equal(db_prepare(db, "PRAGMA page_count", &stmt), 0);
        assert_int_equal(db_step(db, stmt), 1);
        pages = db_column_int(stmt, 0);
        db_reset(stmt);
        (void)snprintf(pragma, sizeof(pragma), "PRAGMA max_page_count = %lld", (long long)pages);
        assert_int_equal(db_exec(db, pragma), 0);
        memset(large, 'x', sizeof(large) - 1);
        assert_int_equal(append(2, LANE_ROUTINE, large), PANNIER_E_STORAGE);
        assert_int_equal(outbox_seq(outbox, LANE_ROUTINE), 1);
        assert_int_equal(outbox_counts(outbox)->states[OUTCOME_NONE], 1);
        assert_int_equal(db_exec(db, "PRAGMA max_page_count = 100000"), 0);
        assert_int_equal(append(2, LANE_ROUTINE, large), 0);
        stop();
        start();
        assert_int_equal(outbox_seq(outbox, LANE_ROUTINE), 2);
        assert_int_equal(check(), 0);
}

static void a_crash_before_the_commit_leaves_the_chain_as_it_was(void **state)
{
        struct wire_lane before, after;

        (void)state;
        assert_int_equal(append(1, LANE_ROUTINE, "one"), 0);
        outbox_lane(outbox, LANE_ROUTINE, &before);
        /* what was written and never committed is what a killed process leaves */
        assert_int_equal(db_begin(db), 0);
        assert_int_equal(db_exec(db, "UPDATE lane SET seq = seq + 1"), 0);
        stop();
        start();
        outbox_lane(outbox, LANE_ROUTINE, &after);
        assert_memory_equal(&before, &after, sizeof(before));
        assert_int_equal(append(2, LANE_ROUTINE, "two"), 0);
        assert_int_equal(check(), 0);
}

static void outcomes_are_final_and_parking_is_not(void **state)
{
        (void)state;
        for (uint8_t i = 1; i <= 3; i++)
                assert_int_equal(append(i, LANE_ROUTINE, "body"), 0);
        settle(1, OUTCOME_APPLIED, OUTBOX_CHANGED);
        settle(1, OUTCOME_APPLIED, OUTBOX_UNCHANGED);
        settle(1, OUTCOME_QUARANTINED, OUTBOX_OTHER);
        settle(2, OUTCOME_PARKED, OUTBOX_CHANGED);
        settle(2, OUTCOME_MERGED, OUTBOX_CHANGED);
        assert_int_equal(outbox_counts(outbox)->states[OUTCOME_APPLIED], 1);
        assert_int_equal(outbox_counts(outbox)->states[OUTCOME_MERGED], 1);
        assert_int_equal(outbox_counts(outbox)->states[OUTCOME_PARKED], 0);
        stop();
        start();
        assert_int_equal(outbox_counts(outbox)->states[OUTCOME_NONE], 1);
        assert_int_equal(check(), 0);
}

static void every_column_that_is_changed_shows(void **state)
{
        static const char *const changes[] = {
                "recorded_ms = recorded_ms + 1",
                "state = 1",
                "seq = seq + 7",
                "body_hash = zeroblob(32)",
                "chain = zeroblob(32)",
                "request_hash = CAST(zeroblob(31) || x'01' AS BLOB)",
                "signature = zeroblob(64)",
                "header = CAST(header || x'00' AS BLOB)",
                "receipt = x'80'",
                "erased = 1",
                "body = zeroblob(length(body))",
        };

        (void)state;
        assert_int_equal(append(1, LANE_ROUTINE, "one"), 0);
        assert_int_equal(db_exec(db, "CREATE TEMP TABLE kept AS SELECT * FROM entry"), 0);
        for (size_t i = 0; i < COUNT(changes); i++) {
                char sql[128];

                (void)snprintf(sql, sizeof(sql), "UPDATE entry SET %s", changes[i]);
                assert_int_equal(db_exec(db, sql), 0);
                assert_int_equal(check(), 1);
                assert_int_equal(db_exec(db, "DELETE FROM entry"), 0);
                assert_int_equal(db_exec(db, "INSERT INTO entry SELECT * FROM kept"), 0);
                assert_int_equal(check(), 0);
        }
}

static void a_receipt_settles_a_damaged_row_and_does_not_make_it_good_again(void **state)
{
        (void)state;
        assert_int_equal(append(1, LANE_ROUTINE, "one"), 0);
        assert_int_equal(append(2, LANE_ROUTINE, "two"), 0);
        assert_int_equal(db_exec(db, "UPDATE entry SET recorded_ms = 1, state = 3 WHERE place = 1"),
                         0);
        settle(1, OUTCOME_APPLIED, OUTBOX_CHANGED);
        settle(1, OUTCOME_APPLIED, OUTBOX_UNCHANGED);
        assert_int_equal(outbox_counts(outbox)->states[OUTCOME_APPLIED], 1);
        assert_int_equal(outbox_counts(outbox)->states[OUTCOME_NONE], 1);
        assert_int_equal(outbox_counts(outbox)->states[OUTCOME_HELD], 0);
        assert_int_equal(check(), 1);
}

static void only_what_is_in_a_verified_backup_and_old_is_pruned(void **state)
{
        struct uuid locality = id_of(3, 1), id = id_of(2, 1);
        struct position backup = {1, 3};
        struct outbox_row row;

        (void)state;
        for (uint8_t i = 1; i <= 6; i++)
                assert_int_equal(append(i, LANE_ROUTINE, "body"), 0);
        for (uint8_t i = 1; i <= 5; i++)
                settle(i, i == 2 ? OUTCOME_QUARANTINED : OUTCOME_APPLIED, OUTBOX_CHANGED);
        assert_int_equal(outbox_begin(outbox), 0);
        assert_int_equal(outbox_set_next(outbox, LANE_ROUTINE, 6), 0);
        assert_int_equal(outbox_commit(outbox), 0);
        assert_int_equal(outbox_prune(outbox, &locality, &backup, 1000), 0);
        assert_int_equal(outbox_prune(outbox, &locality, &backup, 9000), 2); /* 1 and 3 */
        assert_int_equal(outbox_get(outbox, &id, &row), 0);
        assert_int_equal(check(), 0);
        assert_int_equal(append(7, LANE_ROUTINE, "seven"), 0);
        assert_int_equal(check(), 0);
}

static void a_batch_whose_entries_are_pruned_leaves_its_number_taken(void **state)
{
        struct uuid locality = id_of(3, 1);
        struct position backup = {1, 3};

        (void)state;
        assert_int_equal(append(1, LANE_ROUTINE, "one"), 0);
        assert_int_equal(append(2, LANE_ROUTINE, "two"), 0);
        settle(1, OUTCOME_APPLIED, OUTBOX_CHANGED);
        assert_int_equal(outbox_begin(outbox), 0);
        assert_int_equal(outbox_set_next(outbox, LANE_ROUTINE, 3), 0);
        assert_int_equal(outbox_commit(outbox), 0);
        assert_int_equal(outbox_prune(outbox, &locality, &backup, 9000), 1);
        stop();
        start();
        assert_int_equal(outbox_next_batch(outbox), 2);
}

static void who_waits_is_known_again_whatever_the_lane_says(void **state)
{
        uint64_t first = 0, count = 0;
        int64_t oldest_ms = 0;

        (void)state;
        for (uint8_t i = 1; i <= 4; i++)
                assert_int_equal(append(i, LANE_ROUTINE, "body"), 0);
        settle(1, OUTCOME_APPLIED, OUTBOX_CHANGED);
        settle(3, OUTCOME_APPLIED, OUTBOX_CHANGED);
        assert_int_equal(outbox_first_waiting(outbox, LANE_ROUTINE, &first), 0);
        assert_int_equal(first, 2);
        assert_int_equal(db_exec(db, "UPDATE lane SET waits = 9"), 0); /* a bound that is wrong */
        stop();
        start();
        assert_int_equal(outbox_first_waiting(outbox, LANE_ROUTINE, &first), 0);
        assert_int_equal(first, 2);
        assert_int_equal(outbox_waiting_of(outbox, LANE_ROUTINE, &count, &oldest_ms), 0);
        assert_int_equal(count, 2);
        assert_int_equal(oldest_ms, 1002);
        settle(2, OUTCOME_APPLIED, OUTBOX_CHANGED);
        settle(4, OUTCOME_APPLIED, OUTBOX_CHANGED);
        assert_int_equal(outbox_first_waiting(outbox, LANE_ROUTINE, &first), 0);
        assert_int_equal(first, 0);
}

static void the_outbox_of_another_device_is_refused(void **state)
{
        struct outbox_options options = {.key = key,
                                         .device = id_of(1, 2),
                                         .caseload_key = caseload,
                                         .random = crypto_random,
                                         .db = db};
        struct outbox *other = NULL;

        (void)state;
        assert_int_equal(outbox_new(&options, &other), PANNIER_E_INVALID);
        assert_null(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(entries_hang_in_their_lanes_chain_and_come_back_as_they_went),
                TEST(one_commit_is_one_flush_and_one_signature_a_lane),
                TEST(an_id_is_taken_once),
                TEST(a_commit_over_the_limit_is_refused_whole),
                TEST(a_full_disk_records_nothing_and_keeps_what_was),
                TEST(a_crash_before_the_commit_leaves_the_chain_as_it_was),
                TEST(outcomes_are_final_and_parking_is_not),
                TEST(every_column_that_is_changed_shows),
                TEST(a_receipt_settles_a_damaged_row_and_does_not_make_it_good_again),
                TEST(only_what_is_in_a_verified_backup_and_old_is_pruned),
                TEST(a_batch_whose_entries_are_pruned_leaves_its_number_taken),
                TEST(who_waits_is_known_again_whatever_the_lane_says),
                TEST(the_outbox_of_another_device_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
