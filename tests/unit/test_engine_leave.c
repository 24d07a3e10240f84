/* Somebody leaves a device: what waits about them is rescued, what is here goes to the last byte, and the store is told. */
#include "tests/unit/engine_support.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAME "Zwieback-Testperson"

static struct rig rig;
static struct station tablet, other;
static struct uuid person, neighbour;

static int setup(void **state)
{
        if (unit_folder_make(state) != 0)
                return -1;
        rig_open(&rig, unit_path(state, "store.db"));
        station_open(&tablet, &rig, 1, state, &rig.team);
        station_open(&other, &rig, 2, state, &rig.other_team);
        person = rig_person(&rig, 1, NAME, "Ann", &rig.team);
        neighbour = rig_person(&rig, 2, "Birch", "Bea", &rig.team);
        rig_records(&rig, &person, 1, 3, NAME " was seen at home");
        return 0;
}

static int teardown(void **state)
{
        station_close(&tablet);
        station_close(&other);
        rig_close(&rig);
        return unit_folder_remove(state);
}

/* The replica in clear, so that its bytes can be searched as whoever has the key sees them. */
static void in_clear(void **state)
{
        station_stop(&tablet);
        (void)snprintf(tablet.replica, sizeof(tablet.replica), "%s", unit_path(state, "clear.db"));
        tablet.plain = true;
        station_start(&tablet);
}

static struct custody_row custody(const struct station *station, const struct uuid *who)
{
        struct storage *reader = rig.test.reader;
        struct custody_row row = {0};

        assert_int_equal(reader->ops->begin_read(reader), 0);
        assert_true(reader->ops->custody_get(reader, &station->row.id, who, &row) >= 0);
        assert_int_equal(reader->ops->commit(reader), 0);
        return row;
}

static uint64_t leaving(const struct station *station)
{
        struct storage *reader = rig.test.reader;
        uint64_t count = 0;

        assert_int_equal(reader->ops->begin_read(reader), 0);
        assert_int_equal(reader->ops->leaving_count(reader, &station->row.id, &count), 0);
        assert_int_equal(reader->ops->commit(reader), 0);
        return count;
}

static void assert_held(const struct station *station, const struct uuid *who, int class)
{
        struct custody_row row = custody(station, who);

        assert_int_equal(row.held, class);
        assert_int_equal(row.erased_ms != 0, class == 0);
}

/* From one team to the other. */
static void move(void)
{
        rig_assign(&rig, 1, &person, &rig.team, false);
        rig_assign(&rig, 50, &person, &rig.other_team, true);
}

static bool has_person(struct station *station, const struct uuid *who)
{
        const struct uuid *staff = station == &other ? &rig.stranger : &rig.nurse;

        return station_text(station, staff, who, "family", NULL, NULL) != NULL;
}

/* ---- bytes ---- */

static bool contains(struct bytes haystack, struct bytes needle)
{
        return memmem(haystack.data, haystack.size, needle.data, needle.size) != NULL;
}

static void read_file(const char *path, struct buffer *out)
{
        uint8_t piece[65536];
        FILE *file = fopen(path, "rb");
        size_t size;

        if (!file)
                return;
        while ((size = fread(piece, 1, sizeof(piece), file)) > 0)
                buffer_append(out, BYTES(piece, size));
        (void)fclose(file);
}

/* In the replica's file and its WAL. */
static bool any_byte_left(const char *path)
{
        CLEANUP(buffer_deinit) struct buffer bytes = BUFFER_INIT;
        char wal[300];

        (void)snprintf(wal, sizeof(wal), "%s-wal", path);
        read_file(path, &bytes);
        assert_true(bytes.size > 0);
        read_file(wal, &bytes);
        assert_int_equal(buffer_check(&bytes), 0);
        return contains(buffer_view(&bytes), bytes_text("Zwieback")) ||
               contains(buffer_view(&bytes), bytes_text("zwieback")) ||
               contains(buffer_view(&bytes), BYTES(person.bytes, sizeof(person.bytes)));
}

static void copy_file(const char *from, const char *to)
{
        CLEANUP(buffer_deinit) struct buffer bytes = BUFFER_INIT;
        FILE *file = fopen(to, "wb");

        assert_non_null(file);
        read_file(from, &bytes);
        assert_int_equal(fwrite(bytes.data, 1, bytes.size, file), bytes.size);
        assert_int_equal(fclose(file), 0);
}

static void copy_database(const char *from, const char *to)
{
        char wal[300], to_wal[300];

        (void)snprintf(wal, sizeof(wal), "%s-wal", from);
        (void)snprintf(to_wal, sizeof(to_wal), "%s-wal", to);
        copy_file(from, to);
        copy_file(wal, to_wal);
}

/* ---- rescue ---- */

static void what_was_written_meanwhile_reaches_whoever_has_the_person_now(void **state)
{
        struct uuid visit = test_id(90, 1), edit = test_id(90, 2);

        (void)state;
        station_sync(&tablet);
        assert_held(&tablet, &person, CLASS_CLINICAL);
        assert_int_equal(
                station_create(&tablet, &rig.nurse, &visit, "visit", &person,
                               (struct field_text[]){{"subjective", "Much better", NULL, 0},
                                                     {"outcome", "completed", NULL, 0},
                                                     {"setting", "home", NULL, 0}},
                               3),
                0);
        assert_int_equal(station_edit(&tablet, &rig.nurse, &edit, "person", &person,
                                      (struct field_text[]){{"phone", "0161 2", NULL, 0}}, 1),
                         0);
        move();
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(station_state(&tablet, &visit), OUTCOME_LATE);
        assert_int_equal(station_state(&tablet, &edit), OUTCOME_LATE);
        assert_false(has_person(&tablet, &person));
        assert_true(has_person(&tablet, &neighbour));
        assert_held(&tablet, &person, 0);
        assert_held(&tablet, &neighbour, CLASS_CLINICAL);
        assert_int_equal(leaving(&tablet), 0);
        /* The other team sees the visit, and the value that waits for a decision. */
        assert_int_equal(station_sync(&other), EXCHANGE_DONE);
        assert_string_equal(station_text(&other, &rig.stranger, &visit, "subjective", NULL, NULL),
                            "Much better");
        assert_string_equal(station_text(&other, &rig.stranger, &person, "phone", NULL, NULL), "");
        assert_held(&other, &person, CLASS_CLINICAL);
        {
                struct storage *reader = rig.test.reader;
                struct storage_counts counts;

                assert_int_equal(reader->ops->begin_read(reader), 0);
                assert_int_equal(reader->ops->counts(reader, &rig.test.locality, &counts), 0);
                assert_int_equal(reader->ops->commit(reader), 0);
                assert_int_equal(counts.conflicts, 1);
                assert_int_equal(counts.outcomes[OUTCOME_LATE], 2);
                assert_int_equal(counts.parked, 0);
        }
}

/* ---- erasing ---- */

static void not_a_byte_is_left_after_the_next_exchange(void **state)
{
        in_clear(state);
        station_sync(&tablet);
        assert_int_equal(replica_flush(tablet.engine->replica), 0);
        assert_true(any_byte_left(tablet.replica));
        move();
        station_sync(&tablet);
        assert_false(any_byte_left(tablet.replica));
        assert_held(&tablet, &person, 0);
}

static char image[256]; /* of the replica, as the power left it */

/* After the erasing commit, before anything is copied out of the WAL. */
static int cut_power(void *context, sqlite3 *db, const char *name, int pages)
{
        (void)context;
        (void)db;
        (void)name;
        (void)pages;
        if (replica_fact(tablet.engine->replica, FACT_CONFIRM) && !tablet.engine->sealed)
                copy_database(tablet.replica, image);
        return SQLITE_OK;
}

static void an_erasure_that_lies_in_the_wal_is_finished_before_it_is_spoken_of(void **state)
{
        in_clear(state);
        station_sync(&tablet);
        assert_int_equal(replica_flush(tablet.engine->replica), 0);
        move();
        (void)snprintf(image, sizeof(image), "%s", unit_path(state, "cut.db"));
        (void)sqlite3_wal_hook(db_handle(replica_db(tablet.engine->replica)), cut_power, NULL);
        while (access(image, F_OK) != 0) {
                station_send(&tablet);
                assert_int_equal(station_take(&tablet), EXCHANGE_AGAIN);
        }
        assert_held(&tablet, &person, CLASS_CLINICAL);
        station_stop(&tablet);
        (void)snprintf(tablet.replica, sizeof(tablet.replica), "%s", image);
        assert_true(any_byte_left(tablet.replica));
        station_start(&tablet);
        assert_false(any_byte_left(tablet.replica));
        assert_held(&tablet, &person, CLASS_CLINICAL);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_held(&tablet, &person, 0);
        assert_false(has_person(&tablet, &person));
}

static void a_word_that_comes_late_erases_nobody_who_is_back(void **state)
{
        CLEANUP(buffer_deinit) struct buffer word = BUFFER_INIT;

        (void)state;
        station_sync(&tablet);
        rig_assign(&rig, 1, &person, &rig.team, false);
        station_sync(&tablet);
        assert_held(&tablet, &person, 0);
        buffer_append(&word, buffer_view(&tablet.request)); /* the last one said so */
        rig_assign(&rig, 1, &person, &rig.team, true);
        station_sync(&tablet);
        assert_held(&tablet, &person, CLASS_CLINICAL);
        station_replay(&tablet, buffer_view(&word));
        assert_held(&tablet, &person, CLASS_CLINICAL);
        /* Nor where they are on their way out a second time, and the device does not know it yet. */
        rig_assign(&rig, 1, &person, &rig.team, false);
        while (leaving(&tablet) == 0) {
                station_send(&tablet);
                station_replay(&tablet, buffer_view(&word));
                assert_held(&tablet, &person, CLASS_CLINICAL);
                assert_int_equal(station_take(&tablet), EXCHANGE_AGAIN);
        }
        assert_held(&tablet, &person, CLASS_CLINICAL);
        station_sync(&tablet);
        assert_held(&tablet, &person, 0);
}

static int count_exit(void *context, const struct feed_row *row, const struct wire_row *sent)
{
        (void)sent;
        *(size_t *)context += row->kind == FEED_EXIT;
        return 0;
}

/* Exit rows of the first team, in the basic class. */
static size_t exit_rows(void)
{
        const struct scope scope = {SCOPE_TEAM, rig.team};
        struct storage *reader = rig.test.reader;
        const struct feed_place start = {0};
        uint64_t feed = 0;
        size_t count = 0;

        assert_int_equal(reader->ops->begin_read(reader), 0);
        assert_int_equal(reader->ops->feed_number(reader, &rig.test.locality, &scope, false, &feed),
                         0);
        assert_int_equal(
                reader->ops->feed_scan(reader, feed, CLASS_BASIC, &start, count_exit, &count), 0);
        assert_int_equal(reader->ops->commit(reader), 0);
        return count;
}

static void an_exit_row_goes_with_the_last_device_that_held_the_person(void **state)
{
        struct station second;
        uint64_t received;

        station_open(&second, &rig, 3, state, &rig.team);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(station_sync(&second), EXCHANGE_DONE);
        rig_assign(&rig, 1, &person, &rig.team, false);
        assert_int_equal(exit_rows(), 1);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_held(&tablet, &person, 0);
        assert_int_equal(exit_rows(), 1); /* the second one was not told yet */
        assert_int_equal(station_sync(&second), EXCHANGE_DONE);
        assert_held(&second, &person, 0);
        assert_int_equal(exit_rows(), 0);
        /* The row was the newest of its feed: nobody begins anew because it is gone. */
        received = tablet.engine->session.last_bytes_received;
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_true(tablet.engine->session.last_bytes_received <= received);
        assert_true(tablet.engine->session.last_bytes_received < 1024);
        assert_true(has_person(&tablet, &neighbour));
        station_close(&second);
}

static void who_stays_in_another_scope_is_not_erased(void **state)
{
        struct storage *writer = rig.test.writer;
        const struct scope scope = {SCOPE_TEAM, rig.other_team};

        (void)state;
        assert_int_equal(writer->ops->grant_put(writer, &tablet.row.id, &scope), 0);
        station_sync(&tablet);
        move();
        station_sync(&tablet);
        assert_held(&tablet, &person, CLASS_CLINICAL);
        assert_int_equal(leaving(&tablet), 0);
        assert_int_equal(tablet.events[ENGINE_EVENT_PERSON] > 0, 1);
        assert_true(replica_fact(tablet.engine->replica, FACT_CONFIRM) == 0);
}

static void a_lost_replica_confirms_what_it_no_longer_has(void **state)
{
        station_sync(&tablet);
        station_stop(&tablet);
        (void)snprintf(tablet.replica, sizeof(tablet.replica), "%s", unit_path(state, "new.db"));
        move();
        station_start(&tablet);
        station_sync(&tablet);
        assert_held(&tablet, &person, 0);
        assert_held(&tablet, &neighbour, CLASS_CLINICAL);
        assert_int_equal(leaving(&tablet), 0);
}

/* ---- grants ---- */

static void a_scope_that_is_no_longer_granted_is_confirmed_whole(void **state)
{
        struct storage *writer = rig.test.writer;
        const struct scope scope = {SCOPE_TEAM, rig.team};
        struct uuid visit = test_id(90, 1);

        (void)state;
        station_sync(&tablet);
        assert_int_equal(
                station_create(&tablet, &rig.nurse, &visit, "visit", &person,
                               (struct field_text[]){{"subjective", "Much better", NULL, 0},
                                                     {"outcome", "completed", NULL, 0},
                                                     {"setting", "home", NULL, 0}},
                               3),
                0);
        assert_int_equal(writer->ops->grant_remove(writer, &tablet.row.id, &scope), 0);
        station_sync(&tablet);
        assert_int_equal(station_state(&tablet, &visit), OUTCOME_LATE);
        assert_held(&tablet, &person, 0);
        assert_held(&tablet, &neighbour, 0);
        assert_int_equal(leaving(&tablet), 0);
}

static void a_ceiling_that_falls_takes_the_class_and_leaves_the_person(void **state)
{
        struct storage *writer = rig.test.writer;
        struct uuid visit = test_id(90, 1), seen = test_id(24, 1);

        in_clear(state);
        station_sync(&tablet);
        assert_non_null(station_text(&tablet, &rig.nurse, &seen, "subjective", NULL, NULL));
        assert_int_equal(
                station_create(&tablet, &rig.nurse, &visit, "visit", &person,
                               (struct field_text[]){{"subjective", "Much better", NULL, 0},
                                                     {"outcome", "completed", NULL, 0},
                                                     {"setting", "home", NULL, 0}},
                               3),
                0);
        tablet.row.ceiling = CLASS_BASIC;
        assert_int_equal(writer->ops->device_put(writer, &tablet.row), 0);
        station_sync(&tablet);
        assert_int_equal(station_state(&tablet, &visit), OUTCOME_LATE);
        assert_true(has_person(&tablet, &person));
        assert_null(station_text(&tablet, &rig.nurse, &seen, "subjective", NULL, NULL));
        assert_held(&tablet, &person, CLASS_BASIC);
        assert_held(&tablet, &neighbour, CLASS_BASIC);
        assert_int_equal(custody(&tablet, &person).class, CLASS_CLINICAL);
        assert_int_equal(leaving(&tablet), 0);
        {
                CLEANUP(buffer_deinit) struct buffer bytes = BUFFER_INIT;

                read_file(tablet.replica, &bytes);
                assert_false(contains(buffer_view(&bytes), bytes_text("was seen at home")));
        }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(what_was_written_meanwhile_reaches_whoever_has_the_person_now),
                TEST(not_a_byte_is_left_after_the_next_exchange),
                TEST(an_erasure_that_lies_in_the_wal_is_finished_before_it_is_spoken_of),
                TEST(a_word_that_comes_late_erases_nobody_who_is_back),
                TEST(an_exit_row_goes_with_the_last_device_that_held_the_person),
                TEST(who_stays_in_another_scope_is_not_erased),
                TEST(a_lost_replica_confirms_what_it_no_longer_has),
                TEST(a_scope_that_is_no_longer_granted_is_confirmed_whole),
                TEST(a_ceiling_that_falls_takes_the_class_and_leaves_the_person),
        };

        return cmocka_run_group_tests_name("engine_leave", tests, NULL, NULL);
}
