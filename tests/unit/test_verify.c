/*
 * The books of the store: a sample locality, loaded through the judge, plays again to what is there; and every silent change
 * that is planted shows.
 */
#include "common/error.h"
#include "store/load.h"
#include "store/sample.h"
#include "store/verify.h"
#include "tests/unit/exchange_support.h"
#include "tests/unit/unit.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

static struct store_test test;
static struct store_side side;
static struct tablet tablet;
static char database[512];
static bool unexpected; /* problems are shown */

static int set_up(void **state)
{
        if (unit_folder_make(state) != 0)
                return -1;
        (void)snprintf(database, sizeof(database), "%s", unit_path(state, "store.db"));
        store_test_open(&test, database);
        return 0;
}

static int tear_down(void **state)
{
        store_test_close(&test);
        return unit_folder_remove(state);
}

struct seen {
        size_t count;
        enum verify_kind first;
};

static int see(void *context, const struct verify_problem *problem)
{
        struct seen *seen = context;

        if (seen->count++ == 0)
                seen->first = problem->kind;
        if (unexpected && seen->count < 20)
                print_message("  %s: row %llu %s %s\n", verify_kind_name(problem->kind),
                              (unsigned long long)problem->number,
                              problem->type ? problem->type->name : "",
                              problem->field ? problem->field->name : "");
        return 0;
}

static struct seen verify(const struct uuid *locality, struct verify_report *report)
{
        CLEANUP(storage_freep) struct storage *scratch = NULL;
        struct seen seen = {0};

        assert_int_equal(storage_sqlite_open(":memory:", false, &scratch), 0);
        assert_int_equal(verify_locality(test.reader, scratch, locality, NHS_ENVIRONMENT_TEST, see,
                                         &seen, report),
                         0);
        assert_int_equal(seen.count, report->problems);
        return seen;
}

/* ---- a locality as it is loaded ---- */

static void fixed_random(void *data, size_t size)
{
        static uint64_t state = 77;

        for (size_t i = 0; i < size; i++)
                ((uint8_t *)data)[i] = (uint8_t)test_random(&state, 256);
}

static void show(void *context, enum load_severity severity, uint64_t line, const char *text)
{
        (void)context;
        if (severity == LOAD_REFUSED)
                print_message("  refused, line %llu: %s\n", (unsigned long long)line, text);
}

static int take_first(void *context, const struct uuid *id)
{
        struct uuid *ret = context;

        if (!uuid_equal(id, &test.locality))
                *ret = *id;
        return 0;
}

static struct uuid load_sample(void **state, uint32_t people)
{
        const struct sample_options sample = {
                .seed = 5,
                .people = people,
                .visits = 3,
                .observations = 4,
                .now_ms = (int64_t)TEST_NOW_MS * 1000,
                .folder = unit_path(state, "sample"),
        };
        struct uuid locality = UUID_NONE;

        assert_int_equal(sample_write(&sample), 0);
        for (size_t i = 0; i < SAMPLE_FILE_COUNT; i++) {
                char path[600];
                struct load_report report;
                struct load_options options = {
                        .type = load_type(bytes_text(sample_files()[i].type)),
                        .path = path,
                        .now_ms = (int64_t)TEST_NOW_MS * 1000,
                        .random = fixed_random,
                        .message = show,
                };

                (void)snprintf(path, sizeof(path), "%s/%s", unit_path(state, "sample"),
                               sample_files()[i].name);
                assert_int_equal(load_table(test.writer, &options, &report), 0);
                assert_int_equal(report.refused, 0);
        }
        assert_int_equal(test.reader->ops->localities(test.reader, take_first, &locality), 0);
        return locality;
}

static void test_a_loaded_locality_plays_again_to_what_is_there(void **state)
{
        struct verify_report report;
        struct uuid locality = load_sample(state, 40);

        unexpected = true;
        assert_false(uuid_is_none(&locality));
        assert_int_equal(verify(&locality, &report).count, 0);
        assert_true(report.rows > 300);
        assert_true(report.records > 300);
        assert_int_equal(report.uncompared, 0);
        unexpected = false;
}

/* ---- planted changes ---- */

static void make_history(void)
{
        static struct reply reply;
        const struct uuid team = test_id(5, 1), person = test_id(6, 1), source = test_id(10, 1);
        const struct scope scope = {SCOPE_TEAM, team};

        store_side_open(&side, &test);
        tablet_open(&tablet, &side, 1);
        assert_int_equal(test.writer->ops->grant_put(test.writer, &tablet.row.id, &scope), 0);
        store_begin(&test);
        store_put(&test, "person", &person, &person, "Ada");
        store_teams(&test, &person, &source, &team, 1);
        store_commit(&test);
        for (uint32_t i = 1; i <= 5; i++)
                (void)tablet_alert(&tablet, &side, LANE_URGENT, i, &person, "dog");
        tablet_sync(&tablet, &side, 1, &reply);
        assert_int_equal(reply.receipt_count, 5);
        tablet_close(&tablet);
        store_side_close(&side);
}

static void tamper(const char *sql)
{
        sqlite3 *handle;

        assert_int_equal(sqlite3_open(database, &handle), SQLITE_OK);
        assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
        assert_true(sqlite3_changes(handle) > 0);
        (void)sqlite3_close(handle);
}

/* The nurse and the person of the history were put there behind the judge's back: two records that no row made. */
enum { UNKNOWN_IN_HISTORY = 2 };

static void test_every_planted_change_of_the_log_shows(void **state)
{
        static const struct {
                const char *sql;
                enum verify_kind kind;
        } planted[] = {
                {"UPDATE log SET received_ms = received_ms + 1 WHERE seq = 3", VERIFY_CHAIN},
                {"UPDATE log SET outcome = 2 WHERE seq = 3", VERIFY_CHAIN},
                {"UPDATE log SET effects = x'82808001' WHERE seq = 3", VERIFY_CHAIN},
                {"UPDATE log SET position = position + 1 WHERE seq = 5", VERIFY_CHAIN},
                {"UPDATE log SET clock_offset_ms = 9 WHERE seq = 1", VERIFY_CHAIN},
                {"UPDATE log SET device = randomblob(16) WHERE seq = 1", VERIFY_CHAIN},
                {"UPDATE log SET header = x'00' WHERE seq = 2", VERIFY_CHAIN},
                {"UPDATE log SET body = x'0101ff' WHERE seq = 2", VERIFY_BODY},
                {"UPDATE log SET chain = randomblob(32) WHERE seq = 4", VERIFY_CHAIN},
                {"DELETE FROM log WHERE seq = 2", VERIFY_NUMBER},
                {"DELETE FROM log WHERE seq = 5", VERIFY_HEAD},
                {"UPDATE locality SET head = randomblob(32)", VERIFY_HEAD},
        };

        for (size_t i = 0; i < COUNT(planted); i++) {
                struct verify_report report;
                struct seen seen;

                make_history();
                assert_int_equal(verify(&test.locality, &report).count, UNKNOWN_IN_HISTORY);
                tamper(planted[i].sql);
                seen = verify(&test.locality, &report);
                assert_true(seen.count > UNKNOWN_IN_HISTORY);
                assert_int_equal(seen.first, planted[i].kind);
                assert_int_equal(tear_down(state), 0);
                assert_int_equal(set_up(state), 0);
        }
}

static void test_every_planted_change_of_a_record_shows(void **state)
{
        /* A changed record is not what the log makes it, nor what devices were sent, nor what the digests say. */
        static const struct {
                const char *sql;
                size_t problems;
        } planted[] = {
                {"UPDATE r_alert SET f_text = 'no dog' WHERE rowid = 2", 3},
                {"UPDATE r_alert SET f_status = 2 WHERE rowid = 1", 3},
                {"UPDATE r_alert SET f_category = NULL WHERE rowid = 1", 3},
                {"UPDATE r_alert SET author = randomblob(16) WHERE rowid = 1", 3},
                {"DELETE FROM r_alert WHERE rowid = 3", 2},
                {"INSERT INTO r_alert (id, person, locality, author, role, recorded_ms, position)"
                 " SELECT randomblob(16), person, locality, author, role, recorded_ms, position"
                 " FROM r_alert LIMIT 1",
                 3},
                {"UPDATE sent_row SET row = randomblob(90) WHERE id = (SELECT id FROM r_alert "
                 "LIMIT "
                 "1)",
                 1},
                {"DELETE FROM sent_row WHERE id = (SELECT id FROM r_alert LIMIT 1)", 1},
                {"UPDATE feed SET digests = randomblob(48) WHERE kind = 2", 3}, /* of each class */
        };

        for (size_t i = 0; i < COUNT(planted); i++) {
                struct verify_report report;

                make_history();
                tamper(planted[i].sql);
                assert_int_equal(verify(&test.locality, &report).count,
                                 UNKNOWN_IN_HISTORY + planted[i].problems);
                assert_int_equal(tear_down(state), 0);
                assert_int_equal(set_up(state), 0);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_loaded_locality_plays_again_to_what_is_there),
                TEST(test_every_planted_change_of_the_log_shows),
                TEST(test_every_planted_change_of_a_record_shows),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
