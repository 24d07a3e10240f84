/* Stores that lost commits: they find out by themselves, and the devices heal them. Nothing is lost, nothing is doubled. */
#include "tests/unit/engine_support.h"
#include "tests/unit/unit.h"

#include "store/verify.h"

#include <stdio.h>
#include <string.h>

static struct rig rig;
static struct station tablet, other;
static struct uuid person;

static int setup(void **state)
{
        if (unit_folder_make(state) != 0)
                return -1;
        rig_open(&rig, unit_path(state, "store.db"));
        station_open(&tablet, &rig, 1, state, &rig.team);
        station_open(&other, &rig, 2, state, &rig.team);
        person = rig_person(&rig, 1, "Ash", "Ann", &rig.team);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(station_sync(&other), EXCHANGE_DONE);
        return 0;
}

static int teardown(void **state)
{
        station_close(&tablet);
        station_close(&other);
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

static int edit(struct station *station, uint32_t number, uint32_t record, const char *text)
{
        struct uuid id = new_id(number), of = new_id(record);

        rig.now_ms += 1000;
        return station_edit(station, &rig.nurse, &id, "alert", &of,
                            (struct field_text[]){{"text", text, NULL, 0}}, 1);
}

static int state_of(struct station *station, uint32_t number)
{
        struct uuid id = new_id(number);

        return station_state(station, &id);
}

static const char *text_of(struct station *station, uint32_t number)
{
        struct uuid id = new_id(number);

        return station_text(station, &rig.nurse, &id, "text", NULL, NULL);
}

static struct storage_locality locality(void)
{
        struct storage *reader = rig.test.reader;
        struct storage_locality ret;

        assert_int_equal(reader->ops->begin_read(reader), 0);
        ret = *reader->ops->locality(reader, &rig.test.locality);
        reader->ops->rollback(reader);
        return ret;
}

static size_t conflicts(void)
{
        struct storage_counts counts;

        assert_int_equal(rig.test.reader->ops->counts(rig.test.reader, &rig.test.locality, &counts),
                         0);
        return (size_t)counts.conflicts;
}

static int no_problem(void *context, const struct verify_problem *problem)
{
        (void)context;
        fail_msg("verify: %s in log row %llu", verify_kind_name(problem->kind),
                 (unsigned long long)problem->number);
        return 0;
}

static void verify(void)
{
        CLEANUP(storage_freep) struct storage *scratch = NULL;
        struct verify_report report;

        assert_int_equal(storage_sqlite_open(":memory:", false, &scratch), 0);
        assert_int_equal(verify_locality(rig.test.reader, scratch, &rig.test.locality,
                                         NHS_ENVIRONMENT_TEST, no_problem, NULL, &report),
                         0);
        assert_int_equal(report.problems, 0);
}

static int count_row(void *context, const struct log_row *row)
{
        struct uuid id = new_id(0);

        if (memcmp(row->id.bytes, id.bytes, 12) == 0)
                (*(size_t *)context)++;
        return 0;
}

/* How many log rows are of entries that devices wrote in these tests. */
static size_t entries_in_log(void)
{
        struct storage *reader = rig.test.reader;
        size_t count = 0;

        assert_int_equal(reader->ops->begin_read(reader), 0);
        assert_int_equal(reader->ops->log_each(reader, &rig.test.locality, 1, count_row, &count),
                         0);
        reader->ops->rollback(reader);
        return count;
}

/* An exchange without news: one round trip. */
static void is_quiet(struct station *station)
{
        struct engine_now now = station_now(station);
        struct engine_status status;
        struct replica_proof proof;

        assert_int_equal(station_sync(station), EXCHANGE_DONE);
        assert_int_equal(station_sync(station), EXCHANGE_DONE);
        assert_int_equal(engine_status(station->engine, &now, &status), 0);
        assert_int_equal(station->engine->session.last_round_trips, 1);
        assert_int_equal(status.counts[OUTCOME_NONE], 0);
        assert_true(station->request.size + station->answer.size <= 1024);
        assert_int_equal(replica_prove(station->engine->replica, &proof), 0);
        assert_int_equal(proof.wrong, 0);
        assert_true(proof.equal);
}

/* ---- healing ---- */

static void a_store_that_lost_commits_is_healed_by_its_devices(void **state)
{
        char image[300];
        uint64_t epoch = locality().epoch;

        (void)snprintf(image, sizeof(image), "%s", unit_path(state, "image.db"));
        assert_int_equal(alert(&tablet, 1, "before"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        rig_keep(&rig, image);
        for (uint32_t i = 2; i <= 20; i++)
                assert_int_equal(alert(&tablet, i, "after"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(edit(&tablet, 101, 2, "second"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(edit(&tablet, 102, 2, "third"), 0);
        assert_int_equal(edit(&tablet, 103, 1, "edited"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(station_sync(&other), EXCHANGE_DONE);
        assert_int_equal(entries_in_log(), 23);

        rig_reopen(&rig, image);
        assert_int_equal(entries_in_log(), 1);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(rig.losses, 1);
        assert_true(locality().epoch > epoch);
        assert_int_equal(entries_in_log(), 23);
        for (uint32_t i = 1; i <= 20; i++)
                assert_int_equal(state_of(&tablet, i), OUTCOME_APPLIED);
        for (uint32_t i = 101; i <= 103; i++)
                assert_int_equal(state_of(&tablet, i), OUTCOME_APPLIED);
        assert_string_equal(text_of(&tablet, 2), "third");
        assert_string_equal(text_of(&tablet, 1), "edited");
        assert_int_equal(conflicts(), 0);

        epoch = locality().epoch;
        assert_int_equal(station_sync(&other), EXCHANGE_DONE);
        assert_string_equal(text_of(&other, 2), "third");
        assert_string_equal(text_of(&other, 1), "edited");
        assert_int_equal(
                rig.losses,
                1); /* once: the other one's head is of a history that is known to be gone */
        assert_int_equal(locality().epoch, epoch);
        is_quiet(&tablet);
        is_quiet(&other);
        verify();
}

/* ---- bases ---- */

static void a_base_of_the_lost_history_is_not_taken_for_one_of_the_new(void **state)
{
        uint64_t epoch = locality().epoch;
        char image[300];

        (void)snprintf(image, sizeof(image), "%s", unit_path(state, "image.db"));
        assert_int_equal(alert(&tablet, 1, "first"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(station_sync(&other), EXCHANGE_DONE);
        rig_keep(&rig, image);
        /* the lost history goes far ahead, and the other one sees it: its base has a great position */
        for (uint32_t i = 2; i <= 9; i++) {
                assert_int_equal(alert(&tablet, i, "later"), 0);
                assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        }
        assert_int_equal(edit(&tablet, 101, 1, "seen by the other one"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(station_sync(&other), EXCHANGE_DONE);
        assert_int_equal(edit(&other, 201, 1, "on top of it"), 0);
        rig_reopen(&rig, image);

        /* somebody whom the loss does not concern edits the same field before anybody tells of it */
        struct station third;
        station_open(&third, &rig, 3, state, &rig.team);
        assert_int_equal(station_sync(&third), EXCHANGE_DONE);
        assert_string_equal(text_of(&third, 1), "first");
        assert_int_equal(edit(&third, 301, 1, "in between"), 0);
        assert_int_equal(station_sync(&third), EXCHANGE_DONE);
        assert_int_equal(locality().epoch, epoch); /* nobody told of it yet */

        assert_int_equal(station_sync(&other), EXCHANGE_DONE);
        assert_true(locality().epoch > epoch);
        assert_int_equal(state_of(&other, 201), OUTCOME_HELD); /* it never saw "in between" */
        assert_string_equal(text_of(&third, 1), "in between");
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_true(state_of(&tablet, 101) == OUTCOME_HELD);
        assert_int_equal(conflicts(), 1);
        assert_int_equal(state_of(&tablet, 9), OUTCOME_APPLIED);
        verify();
        station_close(&third);
}

/* ---- what nobody brings back ---- */

static int edit_safe(struct station *station, uint32_t number, const char *field, const char *text)
{
        struct uuid id = new_id(number), safe = new_id(1);

        rig.now_ms += 1000;
        return station_edit(station, &rig.nurse, &id, "key_safe", &safe,
                            (struct field_text[]){{field, text, NULL, 0}}, 1);
}

static const char *safe_place(struct station *station)
{
        struct uuid safe = new_id(1);

        return station_text(station, &rig.nurse, &safe, "place", NULL, NULL);
}

/* Both histories have positions of one epoch until somebody tells of the loss. Whose head lies on our chain saw ours. */
static void a_base_of_our_history_is_not_taken_for_one_of_the_lost(void **state)
{
        struct uuid safe = new_id(1);
        struct station third;
        char image[300];

        (void)snprintf(image, sizeof(image), "%s", unit_path(state, "image.db"));
        assert_int_equal(station_create(&tablet, &rig.nurse, &safe, "key_safe", &person,
                                        (struct field_text[]){{"place", "by the door", NULL, 0}},
                                        1),
                         0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        rig_keep(&rig, image);
        assert_int_equal(edit_safe(&tablet, 101, "place", "of the lost history"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        rig_reopen(&rig, image);

        station_open(&third, &rig, 3, state, &rig.team);
        for (uint32_t i = 2; i <= 4; i++) { /* beyond every position of the lost history */
                assert_int_equal(station_sync(&third), EXCHANGE_DONE);
                assert_int_equal(alert(&third, i, "since"), 0);
        }
        assert_int_equal(edit_safe(&third, 302, "code", "1234"), 0);
        assert_int_equal(station_sync(&third), EXCHANGE_DONE);
        assert_int_equal(state_of(&third, 302), OUTCOME_APPLIED);

        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE); /* tells of it, and gives it back */
        assert_int_equal(state_of(&tablet, 101), OUTCOME_APPLIED);
        /* the third has not heard: what it edits knowingly is applied, what it never saw is not overwritten */
        assert_string_equal(safe_place(&third), "by the door");
        assert_int_equal(edit(&third, 303, 4, "known"), 0);
        assert_int_equal(edit_safe(&third, 304, "place", "unknowing"), 0);
        assert_int_equal(station_sync(&third), EXCHANGE_DONE);
        assert_int_equal(state_of(&third, 303), OUTCOME_APPLIED);
        assert_int_equal(state_of(&third, 304), OUTCOME_HELD);
        assert_string_equal(safe_place(&third), "of the lost history");
        assert_int_equal(conflicts(), 1);
        verify();
        station_close(&third);
}

static void what_nobody_gives_back_goes_from_every_device(void **state)
{
        struct uuid lost;
        char image[300];

        (void)snprintf(image, sizeof(image), "%s", unit_path(state, "image.db"));
        assert_int_equal(alert(&tablet, 1, "stays"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        rig_keep(&rig, image);
        lost = rig_person(&rig, 7, "Gone", "Gill",
                          &rig.team); /* loaded at the store: no device has it as an entry */
        assert_int_equal(alert(&tablet, 2, "by a device that is lost, too"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(station_sync(&other), EXCHANGE_DONE);
        assert_non_null(station_text(&other, &rig.nurse, &lost, "family", NULL, NULL));
        assert_non_null(text_of(&other, 2));
        rig_reopen(&rig, image);

        assert_int_equal(station_sync(&other), EXCHANGE_DONE);
        assert_null(station_text(&other, &rig.nurse, &lost, "family", NULL, NULL));
        assert_null(text_of(&other, 2));
        assert_string_equal(text_of(&other, 1), "stays");
        is_quiet(&other);
        /* and when its device comes after all, it is there again */
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(station_sync(&other), EXCHANGE_DONE);
        assert_non_null(text_of(&other, 2));
        is_quiet(&other);
        is_quiet(&tablet);
        verify();
}

static void who_saw_nothing_of_what_was_lost_goes_on_where_it_was(void **state)
{
        char image[300];
        size_t first;

        (void)snprintf(image, sizeof(image), "%s", unit_path(state, "image.db"));
        rig_records(&rig, &person, 1, 300,
                    "a visit of some length, so that sending all of them again shows");
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(station_sync(&other), EXCHANGE_DONE);
        first = (size_t)other.engine->session.last_bytes_received;
        rig_keep(&rig, image);
        assert_int_equal(alert(&tablet, 1, "lost and found"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        rig_reopen(&rig, image);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(rig.losses, 1);
        assert_int_equal(station_sync(&other), EXCHANGE_DONE);
        assert_non_null(text_of(&other, 1));
        assert_true(other.engine->session.last_bytes_received < first);
        is_quiet(&other);
}

static void a_store_that_loses_commits_again_and_again_is_healed_again_and_again(void **state)
{
        uint64_t epoch = locality().epoch;
        char image[300];

        (void)snprintf(image, sizeof(image), "%s", unit_path(state, "image.db"));
        rig_keep(&rig, image);
        for (uint32_t round = 1; round <= 4; round++) {
                assert_int_equal(alert(&tablet, round, "mine"), 0);
                assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
                assert_int_equal(alert(&other, 100 + round, "theirs"), 0);
                assert_int_equal(station_sync(&other), EXCHANGE_DONE);
                rig_reopen(&rig,
                           image); /* always the same one: it knows nothing of the epochs before */
                assert_int_equal(station_sync(round % 2 ? &tablet : &other), EXCHANGE_DONE);
                assert_int_equal(station_sync(round % 2 ? &other : &tablet), EXCHANGE_DONE);
                assert_true(locality().epoch > epoch);
                epoch = locality().epoch;
                assert_int_equal(entries_in_log(), 2 * round);
        }
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        for (uint32_t round = 1; round <= 4; round++) {
                assert_int_equal(state_of(&tablet, round), OUTCOME_APPLIED);
                assert_int_equal(state_of(&other, 100 + round), OUTCOME_APPLIED);
                assert_non_null(text_of(&tablet, 100 + round));
        }
        is_quiet(&tablet);
        is_quiet(&other);
        verify();
}

static void a_power_cut_in_the_middle_of_healing_loses_nothing(void **state)
{
        char image[300];
        struct engine_now now;
        int r;

        (void)snprintf(image, sizeof(image), "%s", unit_path(state, "image.db"));
        rig_keep(&rig, image);
        for (uint32_t i = 1; i <= 10; i++)
                assert_int_equal(alert(&tablet, i, "work"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        rig_reopen(&rig, image);
        for (int cut = 0; cut < 12; cut++) { /* each time one step further */
                station_send(&tablet);
                now = station_now(&tablet);
                r = engine_exchange_answer(tablet.engine, &now, buffer_view(&tablet.answer));
                for (int i = 0; i < cut && r == EXCHANGE_STEP; i++)
                        r = engine_exchange_step(tablet.engine, &now);
                station_stop(&tablet);
                tablet.has_early = false;
                station_start(&tablet);
        }
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(entries_in_log(), 10);
        for (uint32_t i = 1; i <= 10; i++) {
                assert_int_equal(state_of(&tablet, i), OUTCOME_APPLIED);
                assert_non_null(text_of(&tablet, i));
        }
        is_quiet(&tablet);
        verify();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_store_that_lost_commits_is_healed_by_its_devices),
                TEST(a_base_of_the_lost_history_is_not_taken_for_one_of_the_new),
                TEST(a_base_of_our_history_is_not_taken_for_one_of_the_lost),
                TEST(what_nobody_gives_back_goes_from_every_device),
                TEST(who_saw_nothing_of_what_was_lost_goes_on_where_it_was),
                TEST(a_store_that_loses_commits_again_and_again_is_healed_again_and_again),
                TEST(a_power_cut_in_the_middle_of_healing_loses_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
