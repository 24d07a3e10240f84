/* What survives: crashes between the files, answers cut and forged, people who leave, damage, drafts, small exchanges. */
#include "tests/unit/engine_bed.h"
#include "tests/unit/unit.h"

#include "common/conflict.h"

#include <stdio.h>
#include <string.h>

/* ---- crashes ---- */

static void copy_file(const char *from, const char *to)
{
        FILE *in = fopen(from, "rb"), *out;
        char bytes[4096];
        size_t size;

        if (!in) {
                (void)remove(to);
                return;
        }
        out = fopen(to, "wb");
        assert_non_null(out);
        while ((size = fread(bytes, 1, sizeof(bytes), in)) > 0)
                assert_int_equal(fwrite(bytes, 1, size, out), size);
        (void)fclose(in);
        (void)fclose(out);
}

static void copy_replica(struct station *station, void **state, bool back)
{
        static const char *const suffixes[] = {"", "-wal", "-shm"};

        for (size_t i = 0; i < COUNT(suffixes); i++) {
                char from[300], to[300];

                (void)snprintf(from, sizeof(from), "%s%s", station->replica, suffixes[i]);
                (void)snprintf(to, sizeof(to), "%s%s", unit_path(state, "kept.db"), suffixes[i]);
                copy_file(back ? to : from, back ? from : to);
        }
}

static void a_replica_that_missed_a_write_catches_up_from_the_outbox(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team), id = new_id(1);
        enum engine_field_state field;

        station_sync(&tablet);
        station_stop(&tablet);
        copy_replica(&tablet, state, false);
        station_start(&tablet);
        assert_int_equal(alert(&tablet, 1, &person, "first"), 0);
        assert_int_equal(edit_text(&tablet, 2, &id, "second"), 0);
        station_stop(&tablet);
        copy_replica(&tablet, state, true);
        station_start(&tablet);
        assert_string_equal(station_text(&tablet, &rig.nurse, &id, "text", &field, NULL), "second");
        assert_int_equal(field, FIELD_WAITING);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_string_equal(station_text(&tablet, &rig.nurse, &id, "text", &field, NULL), "second");
        assert_int_equal(field, FIELD_CONFIRMED);
        assert_int_equal(state_of(&tablet, 1), OUTCOME_APPLIED);
        assert_int_equal(state_of(&tablet, 2), OUTCOME_APPLIED);
}

static void a_lost_replica_is_rebuilt_without_losing_waiting_work(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team), id = new_id(1);

        (void)state;
        station_sync(&tablet);
        assert_int_equal(alert(&tablet, 1, &person, "bites"), 0);
        assert_int_equal(meet(&tablet, 5), 0);
        station_stop(&tablet);
        /* a file of garbage is taken for a lost one */
        copy_file(rig.test.writer ? "/dev/null" : "", tablet.replica);
        FILE *garbage = fopen(tablet.replica, "wb");
        assert_non_null(garbage);
        for (int i = 0; i < 9000; i++)
                (void)fputc(i * 7 & 255, garbage);
        (void)fclose(garbage);
        station_start(&tablet);
        assert_int_equal(status_of(&tablet).counts[OUTCOME_NONE], 2);
        assert_int_equal(status_of(&tablet).people, 1); /* the one met here */
        assert_false(status_of(&tablet).complete);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(status_of(&tablet).people, 2);
        assert_string_equal(station_text(&tablet, &rig.nurse, &id, "text", NULL, NULL), "bites");
        assert_int_equal(people(&tablet, &rig.nurse, "nora"), 1);
        assert_int_equal(status_of(&tablet).counts[OUTCOME_APPLIED], 2);
}

/* The store sends it again; the authority that signed it was pinned at enrolment. */
static void a_damaged_trust_bundle_is_fetched_again(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team);
        struct buffer kept = BUFFER_INIT;

        (void)state;
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(outbox_meta_get(tablet.engine->outbox, OUTBOX_META_TRUST, &kept), 1);
        kept.data[kept.size / 2] ^= 0x10; /* a certificate that cannot be read, or another key */
        kept.data[8] ^= 0x10;
        assert_int_equal(
                outbox_meta_put(tablet.engine->outbox, OUTBOX_META_TRUST, buffer_view(&kept)), 0);
        buffer_deinit(&kept);
        station_stop(&tablet);
        station_start(&tablet);
        assert_int_equal(alert(&tablet, 1, &person, "dog"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(state_of(&tablet, 1), OUTCOME_APPLIED);
}

/* A caller that is told "refused" gives up; whoever is told "not now" asks again. */
static void an_empty_replica_refuses_nobody_for_ever(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team),
                    stranger = test_id(99, 1);
        struct uuid nurse = rig.nurse;

        (void)state;
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        station_stop(&tablet);
        unit_copy_database("/nonexistent", tablet.replica);
        station_start(&tablet);
        assert_int_equal(alert(&tablet, 1, &person, "dog"), PANNIER_E_BUSY);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(alert(&tablet, 1, &person, "dog"), 0);
        rig.nurse = stranger;
        assert_int_equal(alert(&tablet, 2, &person, "dog"), PANNIER_E_REFUSED);
        rig.nurse = nurse;
}

static void receipts_are_durable_before_the_replica_hears_of_them(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team), id = new_id(1);
        struct engine_now now;
        enum engine_field_state field;

        (void)state;
        station_sync(&tablet);
        assert_int_equal(alert(&tablet, 1, &person, "bites"), 0);
        station_send(&tablet);
        now = station_now(&tablet);
        assert_int_equal(engine_exchange_answer(tablet.engine, &now, buffer_view(&tablet.answer)),
                         EXCHANGE_STEP);
        station_stop(&tablet);
        station_start(&tablet);
        assert_int_equal(station_state(&tablet, &id), OUTCOME_APPLIED);
        assert_string_equal(station_text(&tablet, &rig.nurse, &id, "text", &field, NULL), "bites");
        assert_int_equal(field, FIELD_ANSWERED);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        station_text(&tablet, &rig.nurse, &id, "text", &field, NULL);
        assert_int_equal(field, FIELD_CONFIRMED);
}

static void a_first_sync_interrupted_after_every_step_ends_complete(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team);
        struct uuid other = rig_person(&rig, 2, "Oak", "Olu", &rig.team);
        int steps = 0, r;

        (void)state;
        rig.settings.changes_max = 6000; /* several pages, one of them in the middle of a join */
        rig_records(&rig, &person, 1, 600, "a visit of some length, so that pages fill");
        rig_records(&rig, &other, 2001, 10, "short");
        for (int interruptions = 0;; interruptions++) {
                station_send(&tablet);
                struct engine_now now = station_now(&tablet);
                r = engine_exchange_answer(tablet.engine, &now, buffer_view(&tablet.answer));
                for (int i = 0; i < interruptions % 9 && r == EXCHANGE_STEP; i++) {
                        r = engine_exchange_step(tablet.engine, &now);
                        steps++;
                }
                assert_true(r >= 0);
                if (r == EXCHANGE_DONE)
                        break;
                assert_true(interruptions < 500);
                if (r == EXCHANGE_STEP) { /* the power goes */
                        station_stop(&tablet);
                        station_start(&tablet);
                        assert_false(status_of(&tablet).complete);
                }
        }
        assert_true(steps > 20);
        assert_true(status_of(&tablet).complete);
        assert_int_equal(status_of(&tablet).people, 2);
        rig.settings.changes_max = 0;
}

struct counting {
        size_t count;
};

static int count_record(void *context, const struct engine_record *record)
{
        (void)record;
        ((struct counting *)context)->count++;
        return 0;
}

static void answers_cut_at_any_byte_change_nothing(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team), id = new_id(1);
        struct counting counting = {0};
        bool more;

        (void)state;
        station_sync(&tablet);
        rig_records(&rig, &person, 1, 40, "well");
        assert_int_equal(alert(&tablet, 1, &person, "bites"), 0);
        station_send(&tablet);
        for (size_t cut = 0; cut < tablet.answer.size; cut += 1 + cut / 16) {
                struct engine_now now = station_now(&tablet);
                size_t whole = tablet.answer.size;
                int r = engine_exchange_answer(tablet.engine, &now, BYTES(tablet.answer.data, cut));

                assert_int_equal(r, EXCHANGE_STOP);
                assert_int_equal(status_of(&tablet).failure, EXCHANGE_PROTOCOL);
                assert_int_equal(station_state(&tablet, &id), OUTCOME_NONE);
                station_send(&tablet);
                assert_true(tablet.answer.size > whole / 2);
        }
        assert_int_equal(station_take(&tablet), EXCHANGE_DONE);
        assert_int_equal(station_state(&tablet, &id), OUTCOME_APPLIED);
        struct engine_now now = station_now(&tablet);
        assert_int_equal(engine_records(tablet.engine, &rig.nurse, &now, &person,
                                        catalogue_type_by_name(bytes_text("visit")), NULL, 500,
                                        count_record, &counting, &more),
                         0);
        assert_int_equal(counting.count, 40);
}

static void a_forged_signature_is_believed_about_nothing(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team), id = new_id(1);
        struct private_key *forger = NULL, *real = rig.signing_key;

        (void)state;
        station_sync(&tablet);
        assert_int_equal(alert(&tablet, 1, &person, "bites"), 0);
        assert_int_equal(private_key_generate(&forger), 0);
        rig.settings.signing_key = forger;
        station_send(&tablet);
        assert_int_equal(station_take(&tablet), EXCHANGE_STOP);
        assert_int_equal(status_of(&tablet).failure, EXCHANGE_PROTOCOL);
        assert_int_equal(station_state(&tablet, &id), OUTCOME_NONE);
        rig.settings.signing_key = real;
        rig_person(&rig, 2, "Oak", "Olu", &rig.team); /* a new head, signed anew */
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(station_state(&tablet, &id), OUTCOME_APPLIED);
        private_key_free(forger);
}

/* ---- leaving ---- */

static bool file_has(const char *path, const char *suffix, const char *needle)
{
        CLEANUP(buffer_deinit) struct buffer content = BUFFER_INIT;
        char name[300], bytes[4096];
        size_t size;
        FILE *file;

        (void)snprintf(name, sizeof(name), "%s%s", path, suffix);
        file = fopen(name, "rb");
        if (!file)
                return false;
        while ((size = fread(bytes, 1, sizeof(bytes), file)) > 0)
                buffer_append(&content, BYTES(bytes, size));
        (void)fclose(file);
        return content.size && memmem(content.data, content.size, needle, strlen(needle)) != NULL;
}

static void who_leaves_is_erased_to_the_last_byte(void **state)
{
        struct uuid person, stays, id = new_id(1);
        struct station plain;

        (void)state;
        station_open(&plain, &rig, 2, state, &rig.team);
        station_stop(&plain);
        (void)remove(plain.replica);
        plain.plain = true;
        station_start(&plain);
        person = rig_person(&rig, 1, "Quetzalcanary", "Ann", &rig.team);
        stays = rig_person(&rig, 2, "Oak", "Olu", &rig.team);
        rig_records(&rig, &person, 1, 700, "Quetzalcanary sang");
        station_sync(&plain);
        assert_int_equal(alert(&plain, 1, &person, "Quetzalcanary bites"), 0);
        station_sync(&plain);
        assert_int_equal(edit_text(&plain, 2, &id, "Quetzalcanary waits"), 0);
        plain.boot_ms += 1000;
        struct engine_now now = station_now(&plain);
        assert_true(engine_tick(plain.engine, &now) >= 0);
        assert_int_equal(engine_tick(plain.engine, &now) >= 0, 1);
        assert_true(file_has(plain.replica, "", "Quetzalcanary") ||
                    file_has(plain.replica, "-wal", "Quetzalcanary"));
        rig_assign(&rig, 1, &person, &rig.team, false);
        assert_int_equal(station_sync(&plain), EXCHANGE_DONE);
        assert_int_equal(status_of(&plain).people, 1);
        assert_memory_equal(&plain.last_gone, &person, sizeof(person));
        assert_false(file_has(plain.replica, "", "Quetzalcanary"));
        assert_false(file_has(plain.replica, "-wal", "Quetzalcanary"));
        assert_null(station_text(&plain, &rig.nurse, &person, "family", NULL, NULL));
        assert_non_null(station_text(&plain, &rig.nurse, &stays, "family", NULL, NULL));
        /* the entry that waits is not lost with the person */
        assert_true(state_of(&plain, 2) >= 0);
        /* and a rebuilt replica does not bring the person back */
        station_stop(&plain);
        (void)remove(plain.replica);
        station_start(&plain);
        station_sync(&plain);
        assert_int_equal(status_of(&plain).people, 1);
        assert_false(file_has(plain.replica, "", "Quetzalcanary"));
        station_close(&plain);
}

/* about whom the replica knows own work: even the id of who left is too much */
static int64_t own_work(struct station *station)
{
        sqlite3_stmt *stmt = NULL;
        int64_t count;

        assert_int_equal(
                db_prepare(station->engine->options.replica_db, "SELECT count(*) FROM own", &stmt),
                0);
        assert_int_equal(db_step(station->engine->options.replica_db, stmt), 1);
        count = db_column_int(stmt, 0);
        db_reset(stmt);
        return count;
}

static void who_left_while_the_replica_was_lost_is_erased_too(void **state)
{
        struct station plain;
        struct uuid person;

        (void)state;
        station_open(&plain, &rig, 2, state, &rig.team);
        person = rig_person(&rig, 1, "Quetzalcanary", "Ann", &rig.team);
        station_sync(&plain);
        (void)alert(&plain, 1, &person, "Quetzalcanary bites");
        station_sync(&plain);
        station_stop(&plain);
        (void)remove(plain.replica);
        plain.plain = true;
        rig_assign(&rig, 1, &person, &rig.team, false);
        station_start(&plain);
        /* what it took back from the outbox is in the file when the power goes once more */
        assert_int_equal(replica_flush(plain.engine->replica), 0);
        station_stop(&plain);
        station_start(&plain);
        assert_int_equal(station_sync(&plain), EXCHANGE_DONE);
        assert_false(file_has(plain.replica, "", "Quetzalcanary"));
        assert_false(file_has(plain.replica, "-wal", "Quetzalcanary"));
        assert_int_equal(own_work(&plain), 0);
        assert_true(state_of(&plain, 1) > 0);
        station_close(&plain);
}

static void what_lies_behind_the_last_commit_of_a_wal_goes_at_the_start(void **state)
{
        struct station plain;
        char path[300];
        FILE *file;

        (void)state;
        station_open(&plain, &rig, 2, state, &rig.team);
        station_stop(&plain);
        plain.plain = remove(plain.replica) == 0;
        (void)snprintf(path, sizeof(path), "%s-wal", plain.replica);
        file = fopen(path, "w");
        assert_non_null(file);
        assert_int_equal(fseek(file, 100000, SEEK_SET), 0); /* behind what a start writes */
        assert_int_equal(fwrite("Quetzalcanary", 1, 13, file), 13);
        (void)fclose(file);
        station_start(&plain);
        assert_false(file_has(plain.replica, "-wal", "Quetzalcanary"));
        station_close(&plain);
}

static void a_scope_that_is_no_longer_granted_is_an_exit_of_all_in_it(void **state)
{
        struct scope scope = {.kind = SCOPE_TEAM, .id = rig.team};

        (void)state;
        rig_person(&rig, 1, "Ash", "Ann", &rig.team);
        rig_person(&rig, 2, "Oak", "Olu", &rig.team);
        station_sync(&tablet);
        assert_int_equal(status_of(&tablet).people, 2);
        assert_int_equal(
                rig.test.writer->ops->grant_remove(rig.test.writer, &tablet.row.id, &scope), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(status_of(&tablet).people, 0);
}

/* ---- the rest ---- */

static void an_exchange_without_news_is_one_small_round_trip(void **state)
{
        struct engine_status status;

        (void)state;
        for (uint32_t i = 0; i < 48; i++) {
                struct uuid team = test_id(8, i);
                struct scope scope = {.kind = SCOPE_TEAM, .id = team};

                rig_person(&rig, 100 + i, "Ash", "Ann", &team);
                assert_int_equal(
                        rig.test.writer->ops->grant_put(rig.test.writer, &tablet.row.id, &scope),
                        0);
        }
        station_sync(&tablet);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        status = status_of(&tablet);
        assert_int_equal(status.last_round_trips, 1);
        assert_true(status.last_bytes_sent + status.last_bytes_received <= 1024);
        assert_int_equal(status.people, 48);
}

static void looking_at_people_is_recorded_within_a_second(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team);
        struct engine_now now;

        (void)state;
        station_sync(&tablet);
        for (int i = 0; i < 5; i++)
                station_text(&tablet, &rig.nurse, &person, "family", NULL, NULL);
        people(&tablet, &rig.nurse, "");
        now = station_now(&tablet);
        assert_int_equal(status_of(&tablet).access_events, 0);
        assert_true(engine_deadline(tablet.engine) <= now.boot_ms + 1000);
        tablet.boot_ms += 1000;
        now = station_now(&tablet);
        assert_true(engine_tick(tablet.engine, &now) >= 0);
        assert_int_equal(status_of(&tablet).access_events, 2); /* one person, one list */
        station_sync(&tablet);
        assert_int_equal(status_of(&tablet).counts[OUTCOME_APPLIED], 2);
        assert_int_equal(status_of(&tablet).counts[OUTCOME_NONE], 0);
}

static int take_draft(void *context, const struct engine_draft *draft)
{
        (*(size_t *)context)++;
        assert_true(bytes_equal(draft->content, bytes_text("half a visit")));
        return 0;
}

static void drafts_are_their_owners_and_survive(void **state)
{
        struct engine_now now;
        struct uuid id = new_id(1), person = new_id(2);
        size_t count = 0;

        (void)state;
        station_sync(&tablet);
        now = station_now(&tablet);
        assert_int_equal(engine_draft_put(tablet.engine, &rig.nurse, &now, &id, &person, NULL,
                                          bytes_text("half a visit")),
                         0);
        assert_int_equal(engine_draft_put(tablet.engine, &rig.coordinator, &now, &id, &person, NULL,
                                          bytes_text("mine")),
                         PANNIER_E_TAKEN);
        assert_int_equal(
                engine_draft_get(tablet.engine, &rig.coordinator, &now, &id, take_draft, &count),
                PANNIER_E_NOT_FOUND);
        station_stop(&tablet);
        assert_false(file_has(tablet.outbox, "", "half a visit"));
        assert_false(file_has(tablet.outbox, "-wal", "half a visit"));
        (void)remove(tablet.replica);
        station_start(&tablet);
        station_sync(&tablet);
        assert_int_equal(engine_draft_list(tablet.engine, &rig.nurse, &now, take_draft, &count), 0);
        assert_int_equal(count, 1);
        assert_int_equal(status_of(&tablet).drafts, 1);
        assert_int_equal(engine_draft_delete(tablet.engine, &rig.nurse, &id), 0);
        assert_int_equal(engine_draft_delete(tablet.engine, &rig.nurse, &id), PANNIER_E_NOT_FOUND);
}

static int refuse_commit(void *context)
{
        (void)context;
        return 1;
}

static void a_replica_that_cannot_be_written_loses_nothing(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team), id = new_id(1);
        struct engine_now now;

        (void)state;
        station_sync(&tablet);
        assert_int_equal(replica_flush(tablet.engine->replica), 0);
        sqlite3_commit_hook(db_handle(tablet.engine->options.replica_db), refuse_commit, NULL);
        assert_int_equal(alert(&tablet, 1, &person, "dog"), 0);
        tablet.boot_ms += 5000;
        now = station_now(&tablet);
        assert_true(engine_tick(tablet.engine, &now) < 0);
        sqlite3_commit_hook(db_handle(tablet.engine->options.replica_db), NULL, NULL);
        assert_int_equal(engine_tick(tablet.engine, &now),
                         ENGINE_NOTHING); /* what failed rests first */
        tablet.boot_ms += 5000;
        now = station_now(&tablet);
        assert_true(engine_tick(tablet.engine, &now) >= 0);
        assert_string_equal(station_text(&tablet, &rig.nurse, &id, "text", NULL, NULL), "dog");
        assert_int_equal(alert(&tablet, 2, &person, "cat"), 0);
        station_sync(&tablet);
        assert_int_equal(state_of(&tablet, 1), OUTCOME_APPLIED);
        assert_int_equal(state_of(&tablet, 2), OUTCOME_APPLIED);
}

static void nothing_of_a_body_lies_in_clear_on_the_disk(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Quetzalcanary", "Ann", &rig.team);

        (void)state;
        station_sync(&tablet);
        assert_int_equal(alert(&tablet, 1, &person, "Quetzalcanary"), 0);
        assert_false(file_has(tablet.outbox, "", "Quetzalcanary"));
        assert_false(file_has(tablet.outbox, "-wal", "Quetzalcanary"));
        assert_false(file_has(tablet.replica, "", "Quetzalcanary"));
        assert_false(file_has(tablet.replica, "-wal", "Quetzalcanary"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_make, bed_unmake)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_replica_that_missed_a_write_catches_up_from_the_outbox),
                TEST(a_lost_replica_is_rebuilt_without_losing_waiting_work),
                TEST(an_empty_replica_refuses_nobody_for_ever),
                TEST(a_damaged_trust_bundle_is_fetched_again),
                TEST(receipts_are_durable_before_the_replica_hears_of_them),
                TEST(a_first_sync_interrupted_after_every_step_ends_complete),
                TEST(answers_cut_at_any_byte_change_nothing),
                TEST(a_forged_signature_is_believed_about_nothing),
                TEST(who_leaves_is_erased_to_the_last_byte),
                TEST(who_left_while_the_replica_was_lost_is_erased_too),
                TEST(what_lies_behind_the_last_commit_of_a_wal_goes_at_the_start),
                TEST(a_scope_that_is_no_longer_granted_is_an_exit_of_all_in_it),
                TEST(an_exchange_without_news_is_one_small_round_trip),
                TEST(looking_at_people_is_recorded_within_a_second),
                TEST(drafts_are_their_owners_and_survive),
                TEST(a_replica_that_cannot_be_written_loses_nothing),
                TEST(nothing_of_a_body_lies_in_clear_on_the_disk),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
