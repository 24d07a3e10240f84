/* An outbox that is gone, or was put back from an older copy, while the replica still shows what waited in it. */
#include "tests/unit/engine_bed.h"
#include "tests/unit/unit.h"

#include "daemon/rescue.h"

#include <stdio.h>
#include <string.h>

static const char *const suffixes[] = {"", "-wal", "-shm"};

static void lose(const char *path)
{
        for (size_t i = 0; i < COUNT(suffixes); i++) {
                char part[300];

                (void)snprintf(part, sizeof(part), "%s%s", path, suffixes[i]);
                (void)remove(part);
        }
}

static void copy_file(const char *from, const char *to)
{
        FILE *in = fopen(from, "rb"), *out;
        char bytes[4096];
        size_t size;

        if (!in)
                return;
        out = fopen(to, "wb");
        assert_non_null(out);
        while ((size = fread(bytes, 1, sizeof(bytes), in)) > 0)
                assert_int_equal(fwrite(bytes, 1, size, out), size);
        (void)fclose(in);
        (void)fclose(out);
}

static void copy(const char *from, const char *to)
{
        lose(to);
        for (size_t i = 0; i < COUNT(suffixes); i++) {
                char source[300], target[300];

                (void)snprintf(source, sizeof(source), "%s%s", from, suffixes[i]);
                (void)snprintf(target, sizeof(target), "%s%s", to, suffixes[i]);
                copy_file(source, target);
        }
}

/* The replica as it is when the power goes in the middle of a rescue: it says so, and knows nothing of what the outbox got. */
static void interrupt(const char *before)
{
        struct db_options options = {.durability = DB_FULL, .key = BYTES(tablet.caseload, 48)};
        struct db *db = NULL;

        copy(before, tablet.replica);
        assert_int_equal(db_open(tablet.replica, &options, &db), 0);
        assert_int_equal(db_exec(db, "INSERT INTO fact (name, value) VALUES ('rescue', 1)"), 0);
        db_free(db);
}

static void note_rescue(void *context, bool good, const char *text)
{
        if (!good && strstr(text, "came back from the replica"))
                *(bool *)context = true;
}

static void what_waited_in_a_lost_outbox_comes_back_from_the_replica(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team), second = new_id(2);
        enum engine_field_state field;
        bool told = false;

        (void)state;
        station_sync(&tablet);
        assert_int_equal(alert(&tablet, 1, &person, "dog"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(alert(&tablet, 2, &person, "stairs"), 0);
        assert_int_equal(edit_text(&tablet, 3, &second, "steep stairs"), 0);
        assert_int_equal(meet(&tablet, 4), 0);
        station_stop(&tablet);
        lose(tablet.outbox);
        station_start(&tablet);
        assert_int_equal(state_of(&tablet, 1), -1); /* the store has it */
        assert_int_equal(state_of(&tablet, 2), OUTCOME_NONE);
        assert_int_equal(state_of(&tablet, 3), OUTCOME_NONE);
        assert_int_equal(state_of(&tablet, 4), OUTCOME_NONE);
        assert_int_equal(engine_doctor(tablet.engine, false, note_rescue, &told), 0);
        assert_true(told);
        /* offline as before, with everybody there */
        assert_int_equal(people(&tablet, &rig.nurse, ""), 2);
        assert_string_equal(station_text(&tablet, &rig.nurse, &second, "text", NULL, NULL),
                            "steep stairs");
        assert_int_equal(edit_text(&tablet, 5, &second, "very steep stairs"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        for (uint32_t number = 2; number <= 5; number++)
                assert_int_equal(state_of(&tablet, number), OUTCOME_APPLIED);
        assert_string_equal(station_text(&tablet, &rig.nurse, &second, "text", &field, NULL),
                            "very steep stairs");
        assert_int_equal(field, FIELD_CONFIRMED);
        assert_int_equal(people(&tablet, &rig.nurse, "nora"), 1);
}

static void a_rescue_that_was_interrupted_appends_nothing_twice(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team), id = new_id(1);
        enum engine_field_state field;
        char before[300];

        (void)snprintf(before, sizeof(before), "%s", unit_path(state, "before.db"));
        station_sync(&tablet);
        for (uint32_t number = 1; number <= 4; number++)
                assert_int_equal(alert(&tablet, number, &person, "dog"), 0);
        station_stop(&tablet);
        lose(tablet.outbox);
        copy(tablet.replica, before);
        for (int again = 0; again < 2; again++) {
                station_start(&tablet);
                station_stop(&tablet);
                interrupt(before);
        }
        station_start(&tablet);
        assert_int_equal(status_of(&tablet).counts[OUTCOME_NONE], 4);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(status_of(&tablet).counts[OUTCOME_APPLIED], 4);
        station_text(&tablet, &rig.nurse, &id, "text", &field, NULL);
        assert_int_equal(field, FIELD_CONFIRMED);
        station_stop(&tablet);
        station_start(&tablet); /* the places fit: nothing is left to do */
        assert_int_equal(replica_fact(tablet.engine->replica, FACT_RESCUE), RESCUE_NONE);
        assert_false(engine_needs_rescue(tablet.engine));
}

static void more_than_one_commit_holds_comes_back_too(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team);

        (void)state;
        station_sync(&tablet);
        for (uint32_t number = 1; number <= ENGINE_WRITE_MAX + 50; number++)
                assert_int_equal(alert(&tablet, number, &person, "dog"), 0);
        station_stop(&tablet);
        lose(tablet.outbox);
        station_start(&tablet);
        assert_int_equal(status_of(&tablet).counts[OUTCOME_NONE], ENGINE_WRITE_MAX + 50);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(status_of(&tablet).counts[OUTCOME_APPLIED], ENGINE_WRITE_MAX + 50);
}

static void an_entry_that_had_arrived_is_a_repeat_with_its_outcome(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team);

        (void)state;
        station_sync(&tablet);
        assert_int_equal(alert(&tablet, 1, &person, "dog"), 0);
        station_send(&tablet); /* it arrived, the answer did not */
        station_stop(&tablet);
        lose(tablet.outbox);
        station_start(&tablet);
        assert_int_equal(state_of(&tablet, 1), OUTCOME_NONE);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(state_of(&tablet, 1), OUTCOME_APPLIED);
}

static void what_an_older_copy_of_the_outbox_lacks_comes_back(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team);
        char kept[300];

        (void)snprintf(kept, sizeof(kept), "%s", unit_path(state, "kept.db"));
        station_sync(&tablet);
        assert_int_equal(alert(&tablet, 1, &person, "dog"), 0);
        station_stop(&tablet);
        copy(tablet.outbox, kept);
        station_start(&tablet);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(alert(&tablet, 2, &person, "stairs"), 0);
        assert_int_equal(alert(&tablet, 3, &person, "key safe"), 0);
        station_stop(&tablet);
        copy(kept, tablet.outbox);
        station_start(&tablet);
        assert_int_equal(status_of(&tablet).counts[OUTCOME_NONE], 3);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        for (uint32_t number = 1; number <= 3; number++)
                assert_int_equal(state_of(&tablet, number), OUTCOME_APPLIED);
}

static void the_id_of_a_rescued_entry_is_not_taken_twice(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team);

        (void)state;
        station_sync(&tablet);
        assert_int_equal(alert(&tablet, 1, &person, "dog"), 0);
        station_stop(&tablet);
        lose(tablet.outbox);
        station_start(&tablet);
        assert_int_equal(alert(&tablet, 1, &person, "cat"), PANNIER_E_TAKEN);
        assert_int_equal(status_of(&tablet).counts[OUTCOME_NONE], 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_make, bed_unmake)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(what_waited_in_a_lost_outbox_comes_back_from_the_replica),
                TEST(a_rescue_that_was_interrupted_appends_nothing_twice),
                TEST(more_than_one_commit_holds_comes_back_too),
                TEST(an_entry_that_had_arrived_is_a_repeat_with_its_outcome),
                TEST(what_an_older_copy_of_the_outbox_lacks_comes_back),
                TEST(the_id_of_a_rescued_entry_is_not_taken_twice),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
