/* A copy is proven equal to the store only where it is: whatever is changed behind the engine's back shows. */
#include "tests/unit/engine_support.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static struct rig rig;
static struct station tablet;
static struct uuid person, other;

static int setup(void **state)
{
        if (unit_folder_make(state) != 0)
                return -1;
        rig_open(&rig, unit_path(state, "store.db"));
        station_open(&tablet, &rig, 1, state, &rig.team);
        person = rig_person(&rig, 1, "Ash", "Ann", &rig.team);
        other = rig_person(&rig, 2, "Oak", "Olu", &rig.team);
        rig_records(&rig, &person, 1, 5, "one");
        rig_records(&rig, &other, 100, 5, "two");
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        return 0;
}

static int teardown(void **state)
{
        station_close(&tablet);
        rig_close(&rig);
        return unit_folder_remove(state);
}

static struct replica_proof prove(void)
{
        struct replica_proof proof;

        assert_int_equal(replica_prove(tablet.engine->replica, &proof), 0);
        return proof;
}

static void expect_equal(void)
{
        struct replica_proof proof = prove();

        assert_true(proof.told);
        assert_true(proof.equal);
        assert_true(proof.records > 0);
        assert_int_equal(proof.wrong, 0);
}

static struct uuid alert(uint32_t number, const char *text)
{
        struct uuid id = test_id(90, number);

        assert_int_equal(station_create(&tablet, &rig.nurse, &id, "alert", &person,
                                        (struct field_text[]){{"category", "dog", NULL, 0},
                                                              {"text", text, NULL, 0}},
                                        2),
                         0);
        return id;
}

static void after_every_completed_exchange_both_sides_count_the_same(void **state)
{
        struct uuid edit = test_id(91, 1), created;

        (void)state;
        expect_equal();
        created = alert(1, "dog");
        expect_equal(); /* pending work is on top, not in it */
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        expect_equal();
        assert_int_equal(station_edit(&tablet, &rig.nurse, &edit, "alert", &created,
                                      (struct field_text[]){{"text", "no dog", NULL, 0}}, 1),
                         0);
        expect_equal(); /* the confirmed state lies in its shadow */
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        expect_equal();
        rig_records(&rig, &other, 200, 3, "more");
        expect_equal(); /* of where the device stands: the store went on */
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        expect_equal();
}

static void people_who_leave_and_come_back_are_counted_with_all_they_have(void **state)
{
        (void)state;
        rig_assign(&rig, 2, &other, &rig.team, false);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        expect_equal();
        rig_records(&rig, &other, 300, 2, "meanwhile");
        rig_assign(&rig, 2, &other, &rig.team, true);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        expect_equal();
}

static void nothing_is_said_of_half_an_answer(void **state)
{
        struct engine_now now = station_now(&tablet);
        int r;

        (void)state;
        rig_records(&rig, &person, 400, 3, "late");
        station_send(&tablet);
        r = engine_exchange_answer(tablet.engine, &now, buffer_view(&tablet.answer));
        assert_int_equal(r, EXCHANGE_STEP);
        (void)engine_exchange_step(tablet.engine, &now);
        if (tablet.engine->session.phase != PHASE_AGAIN)
                assert_false(prove().told);
        station_stop(&tablet);
        station_start(&tablet);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        expect_equal();
}

static void whatever_is_changed_behind_the_engines_back_shows(void **state)
{
        static const char *const planted[] = {
                "UPDATE r_person SET f_family = 'Asp' WHERE f_family = 'Ash'",
                "UPDATE r_visit SET recorded_ms = recorded_ms + 1 WHERE id = (SELECT min(id) FROM "
                "r_visit)",
                "UPDATE r_visit SET position = position + 1 WHERE id = (SELECT min(id) FROM "
                "r_visit)",
                "UPDATE r_team SET f_name = 'other' WHERE id = (SELECT min(id) FROM r_team)",
                "DELETE FROM r_visit WHERE id = (SELECT max(id) FROM r_visit)",
                "DELETE FROM r_person WHERE f_family = 'Oak'",
                "DELETE FROM member WHERE person = (SELECT min(person) FROM member)",
        };

        (void)state;
        for (size_t i = 0; i < COUNT(planted); i++) {
                struct db *db = tablet.engine->options.replica_db;
                struct replica_proof proof;

                expect_equal();
                assert_int_equal(replica_begin(tablet.engine->replica), 0);
                assert_int_equal(db_exec(db, planted[i]), 0);
                assert_true(sqlite3_changes(db_handle(db)) > 0);
                assert_int_equal(replica_commit(tablet.engine->replica), 0);
                proof = prove();
                assert_true(proof.told);
                assert_false(proof.equal);
                assert_true(proof.wrong > 0);
                proof = prove(); /* what is kept is what is here, and not what the store has */
                assert_int_equal(proof.wrong, 0);
                assert_false(proof.equal);
                station_stop(&tablet);
                assert_int_equal(db_remove(tablet.replica), 0);
                station_start(&tablet);
                assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        }
        expect_equal();
}

static void count_findings(void *context, bool good, const char *text)
{
        (void)text;
        *(size_t *)context += !good;
}

static void a_store_that_says_another_digest_is_not_believed_to_be_equal(void **state)
{
        size_t bad = 0;

        (void)state;
        assert_int_equal(engine_doctor(tablet.engine, true, count_findings, &bad), 0);
        assert_int_equal(bad, 0);
        rig_reopen(&rig, NULL);
        {
                sqlite3 *handle;

                assert_int_equal(sqlite3_open(rig.path, &handle), SQLITE_OK);
                assert_int_equal(sqlite3_exec(handle, "UPDATE feed SET digests = zeroblob(48)",
                                              NULL, NULL, NULL),
                                 SQLITE_OK);
                (void)sqlite3_close(handle);
        }
        rig_records(&rig, &person, 500, 1, "news");
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_false(prove().equal);
        assert_int_equal(engine_doctor(tablet.engine, true, count_findings, &bad), 0);
        assert_int_equal(bad, 2); /* the copy is not equal, and the store contradicts itself */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(after_every_completed_exchange_both_sides_count_the_same),
                TEST(people_who_leave_and_come_back_are_counted_with_all_they_have),
                TEST(nothing_is_said_of_half_an_answer),
                TEST(whatever_is_changed_behind_the_engines_back_shows),
                TEST(a_store_that_says_another_digest_is_not_believed_to_be_equal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
