/* A copy that differs from the store's is repaired by the next exchange: only what differs is fetched, and nothing else is touched. */
#include "tests/unit/engine_bed.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct uuid ann, olu;

static int setup(void **state)
{
        if (bed_make(state) != 0)
                return -1;
        ann = rig_person(&rig, 1, "Ash", "Ann", &rig.team);
        olu = rig_person(&rig, 2, "Oak", "Olu", &rig.team);
        rig_records(&rig, &ann, 1, 5, "one");
        rig_records(&rig, &olu, 100, 5, "two");
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        return 0;
}

static struct replica_proof prove(void)
{
        struct replica_proof proof;

        assert_int_equal(replica_prove(tablet.engine->replica, &proof), 0);
        return proof;
}

/* Behind the engine's back, as a disk or a stranger does it. */
static void plant(const char *sql)
{
        tablet.boot_ms += 60000; /* some of the copy is counted anew once a minute */
        struct db *db = tablet.engine->options.replica_db;

        assert_int_equal(replica_begin(tablet.engine->replica), 0);
        if (db_exec(db, sql) < 0)
                fail_msg("%s: %s", sql, error_detail());
        assert_true(sqlite3_changes(db_handle(db)) > 0);
        assert_int_equal(replica_commit(tablet.engine->replica), 0);
}

static struct replica_repairs repairs(void)
{
        struct replica_repairs ret;

        assert_int_equal(replica_repairs(tablet.engine->replica, &ret), 0);
        return ret;
}

static int count_told(void *context, const struct uuid *device, const struct wire_repair *repair)
{
        size_t *counts = context;

        assert_true(uuid_equal(device, &tablet.row.id));
        counts[repair->what]++;
        return 0;
}

/* What the store knows of repairs, by enum repair_what. */
static void told(size_t ret[4])
{
        struct storage *reader = rig.test.reader;

        memset(ret, 0, 4 * sizeof(*ret));
        assert_int_equal(reader->ops->begin_read(reader), 0);
        assert_int_equal(reader->ops->repairs_of(reader, &tablet.row.id, count_told, ret), 0);
        reader->ops->rollback(reader);
}

static size_t round_trips(void)
{
        return status_of(&tablet).last_round_trips;
}

static void expect_equal(void)
{
        struct replica_proof proof = prove();

        assert_true(proof.told);
        assert_true(proof.equal);
        assert_int_equal(proof.wrong, 0);
}

static void whatever_is_changed_is_repaired_and_counted(void **state)
{
        static const struct {
                const char *sql;
                bool deep; /* it shows when a doctor looks; the others at the next exchange */
        } planted[] = {
                {"UPDATE r_person SET f_family = 'Asp' WHERE f_family = 'Ash'", false},
                {"UPDATE r_visit SET recorded_ms = recorded_ms + 1 WHERE id = (SELECT min(id) FROM "
                 "r_visit)",
                 false},
                {"UPDATE r_visit SET position = position + 1 WHERE id = (SELECT min(id) FROM "
                 "r_visit)",
                 false},
                {"UPDATE r_visit SET f_subjective = 'damaged'", false},
                {"UPDATE r_visit SET person = (SELECT max(id) FROM r_person) WHERE id = "
                 "(SELECT min(id) FROM r_visit)",
                 false},
                {"UPDATE r_visit SET locality = x'00112233445566778899aabbccddeeff' WHERE id = "
                 "(SELECT min(id) FROM r_visit)",
                 false},
                {"UPDATE r_team SET f_name = 'other' WHERE id = (SELECT min(id) FROM r_team)",
                 false},
                {"DELETE FROM r_team WHERE id = (SELECT min(id) FROM r_team)", false},
                {"DELETE FROM r_visit WHERE id = (SELECT max(id) FROM r_visit)", false},
                {"DELETE FROM r_person WHERE f_family = 'Oak'", false},
                {"DELETE FROM member WHERE person = (SELECT min(person) FROM member)", true},
                {"UPDATE owner_sum SET digests = zeroblob(48) WHERE owner = (SELECT max(owner) "
                 "FROM owner_sum)",
                 false},
                {"DELETE FROM owner_sum", true},
                {"UPDATE feed SET digest = zeroblob(16)", false},
        };

        (void)state;
        for (size_t i = 0; i < COUNT(planted); i++) {
                size_t before[4], after[4];

                rig_records(&rig, &ann, 1000 + (uint32_t)i, 1, "news"); /* another position */
                assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
                told(before);
                plant(planted[i].sql);
                if (planted[i].deep)
                        assert_true(prove().wrong > 0);
                if (station_sync(&tablet) != EXCHANGE_DONE || !prove().equal || prove().wrong > 0)
                        fail_msg("not repaired: %s", planted[i].sql);
                expect_equal();
                assert_int_equal(repairs().faults, 0);
                assert_int_equal(people(&tablet, &rig.nurse, ""), 2);
                if (strstr(planted[i].sql, "UPDATE feed") || strstr(planted[i].sql, "owner_sum"))
                        continue; /* the sums alone were wrong: counting them again was enough */
                told(after);
                /* of reference data, which stands where it stood, it is a fault the second time */
                if (after[REPAIR_MADE] + after[REPAIR_FAULT] <=
                    before[REPAIR_MADE] + before[REPAIR_FAULT])
                        fail_msg("not counted: %s", planted[i].sql);
        }
}

static void only_the_person_who_differs_is_fetched(void **state)
{
        size_t counts[4], last;

        (void)state;
        for (uint32_t i = 0; i < 40; i++) {
                struct uuid id = rig_person(&rig, 10 + i, "Elm", "Eve", &rig.team);

                rig_records(&rig, &id, 2000 + 10 * i, 10, "a visit with a text of some length");
        }
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        last = status_of(&tablet).last_bytes_received;
        plant("UPDATE r_visit SET f_subjective = 'damaged' WHERE id = (SELECT min(id) FROM "
              "r_visit)");
        assert_true(prove().wrong == 1);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        expect_equal();
        assert_int_equal(repairs().made, 1);
        /* the end, its feed, the page of people, their records, no feed differs, the report */
        assert_int_equal(round_trips(), 5);
        assert_true(status_of(&tablet).last_bytes_received < last / 3 + 2500);
        told(counts);
        assert_int_equal(counts[REPAIR_MADE], 1);
        assert_int_equal(counts[REPAIR_FAULT], 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(round_trips(), 1);
        assert_true(status_of(&tablet).last_bytes_received + status_of(&tablet).last_bytes_sent <=
                    1024);
        told(counts);
        assert_int_equal(counts[REPAIR_MADE], 1);
}

static void own_work_on_what_is_repaired_stays(void **state)
{
        struct uuid record = new_id(1), edit = new_id(2);
        enum engine_field_state shown;

        (void)state;
        assert_int_equal(alert(&tablet, 1, &ann, "dog"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        plant("UPDATE r_alert SET f_text = 'damaged'");
        assert_true(prove().wrong == 1);
        /* both are written while the copy is wrong: an edit of what differs, and a new record */
        assert_int_equal(edit_text(&tablet, 2, &record, "large dog"), 0);
        assert_int_equal(alert(&tablet, 3, &ann, "cat"), 0);
        tablet.engine->session.forked = true; /* nothing goes up: it waits through the repair */
        while (repairs().made == 0) {
                station_send(&tablet);
                assert_int_equal(station_take(&tablet), EXCHANGE_AGAIN);
        }
        assert_int_equal(repairs().made, 1);
        assert_string_equal(station_text(&tablet, &rig.nurse, &record, "text", &shown, NULL),
                            "large dog");
        assert_int_equal(shown, FIELD_WAITING);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(repairs().made, 1);
        assert_int_equal(station_state(&tablet, &edit), OUTCOME_APPLIED);
        assert_int_equal(state_of(&tablet, 3), OUTCOME_APPLIED);
        assert_string_equal(station_text(&tablet, &rig.nurse, &record, "text", &shown, NULL),
                            "large dog");
        expect_equal();
}

/* Somebody whom the store does not list: in the files of a device that should not have them. */
static void who_is_not_listed_is_erased_and_who_was_met_here_is_not(void **state)
{
        struct uuid met = new_id(7);

        (void)state;
        assert_int_equal(meet(&tablet, 7), 0);
        tablet.engine->session.forked = true; /* not sent yet */
        plant("UPDATE r_person SET id = x'0123456789abcdef0123456789abcdef', person = "
              "x'0123456789abcdef0123456789abcdef' WHERE f_family = 'Oak'");
        plant("INSERT INTO member (feed, person) SELECT feed, "
              "x'0123456789abcdef0123456789abcdef' FROM member WHERE person = "
              "(SELECT max(person) FROM member)");
        assert_true(prove().wrong > 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_true(repairs().made > 0);
        assert_true(repairs().erased > 0);
        assert_int_equal(people(&tablet, &rig.nurse, ""), 3);
        expect_equal();
        tablet.engine->session.forked = false;
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(station_state(&tablet, &met), OUTCOME_APPLIED);
        expect_equal();
}

static void spoil_the_store(const char *sql)
{
        sqlite3 *handle;

        rig_reopen(&rig, NULL);
        assert_int_equal(sqlite3_open(rig.path, &handle), SQLITE_OK);
        assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
        (void)sqlite3_close(handle);
}

static void a_store_that_contradicts_itself_changes_nothing_here(void **state)
{
        (void)state;
        spoil_the_store("UPDATE feed SET digests = randomblob(48)");
        rig_records(&rig, &ann, 500, 1, "news");
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(people(&tablet, &rig.nurse, ""), 2);
        assert_int_equal(repairs().made + repairs().erased, 0);
        assert_int_equal(replica_fact(tablet.engine->replica, FACT_CONTRADICTION), 1);
        assert_false(prove().equal);
        assert_int_equal(prove().wrong, 0);
        /* and it is not asked again at once */
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(round_trips(), 1);
        tablet.boot_ms += 70000;
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_true(round_trips() > 1);
        tablet.boot_ms += 70000; /* twice as long now */
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(round_trips(), 1);
}

static void nonsense_for_an_answer_changes_nothing_here(void **state)
{
        static const struct bytes nonsense[] = {
                {(const uint8_t *)"", 0},
                {(const uint8_t *)"what is this", 12},
                {(const uint8_t *)"\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00", 9},
        };

        (void)state;
        for (size_t i = 0; i <= COUNT(nonsense); i++) {
                struct engine_now now;
                int r = EXCHANGE_AGAIN;

                tablet.boot_ms += 7 * 3600 * 1000;
                plant("UPDATE r_visit SET recorded_ms = recorded_ms + 1");
                while (r == EXCHANGE_AGAIN) {
                        station_send(&tablet);
                        if (strcmp(engine_exchange_path(tablet.engine), "/v1/check") == 0)
                                break;
                        r = station_take(&tablet);
                }
                assert_int_equal(r, EXCHANGE_AGAIN); /* a check is out */
                now = station_now(&tablet);
                if (i == COUNT(nonsense)) {
                        engine_exchange_failed(tablet.engine, &now, EXCHANGE_PROTOCOL, 0);
                } else {
                        r = engine_exchange_answer(tablet.engine, &now, nonsense[i]);
                        while (r == EXCHANGE_STEP)
                                r = engine_exchange_step(tablet.engine, &now);
                        while (r == EXCHANGE_AGAIN) {
                                station_send(&tablet);
                                r = station_take(&tablet);
                        }
                        assert_int_equal(r, EXCHANGE_DONE);
                }
                assert_int_equal(status_of(&tablet).failure, EXCHANGE_OK);
                assert_int_equal(people(&tablet, &rig.nurse, ""), 2);
                assert_int_equal(repairs().made + repairs().erased, 0);
        }
        tablet.boot_ms += 7 * 3600 * 1000;
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        expect_equal();
}

static void who_differs_again_at_the_same_position_is_a_fault(void **state)
{
        size_t counts[4];

        (void)state;
        plant("UPDATE r_visit SET recorded_ms = recorded_ms + 1 WHERE id = (SELECT min(id) FROM "
              "r_visit)");
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(repairs().made, 1);
        plant("UPDATE r_visit SET recorded_ms = recorded_ms + 1 WHERE id = (SELECT min(id) FROM "
              "r_visit)");
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        expect_equal();
        assert_int_equal(repairs().made, 1);
        told(counts);
        assert_int_equal(counts[REPAIR_MADE], 1);
        assert_int_equal(counts[REPAIR_FAULT], 1);
}

static void a_power_cut_in_the_middle_of_a_repair_is_made_good(void **state)
{
        (void)state;
        for (int steps = 0; steps < 8; steps++) {
                struct engine_now now;
                int r = EXCHANGE_AGAIN, left = steps;

                plant("UPDATE r_visit SET f_subjective = 'damaged'");
                while (r == EXCHANGE_AGAIN || r == EXCHANGE_STEP) {
                        if (r == EXCHANGE_AGAIN) {
                                station_send(&tablet);
                                now = station_now(&tablet);
                                r = engine_exchange_answer(tablet.engine, &now,
                                                           buffer_view(&tablet.answer));
                                continue;
                        }
                        if (tablet.engine->session.check && left-- == 0)
                                break;
                        r = engine_exchange_step(tablet.engine, &now);
                }
                station_stop(&tablet);
                station_start(&tablet);
                assert_int_equal(prove().wrong, 0);
                assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
                expect_equal();
                assert_int_equal(people(&tablet, &rig.nurse, ""), 2);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, bed_unmake)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(whatever_is_changed_is_repaired_and_counted),
                TEST(only_the_person_who_differs_is_fetched),
                TEST(own_work_on_what_is_repaired_stays),
                TEST(who_is_not_listed_is_erased_and_who_was_met_here_is_not),
                TEST(a_store_that_contradicts_itself_changes_nothing_here),
                TEST(nonsense_for_an_answer_changes_nothing_here),
                TEST(who_differs_again_at_the_same_position_is_a_fault),
                TEST(a_power_cut_in_the_middle_of_a_repair_is_made_good),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
