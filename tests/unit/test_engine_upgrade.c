/* A store that is newer than the device: what the device cannot understand it passes over, and fetches once it can. */
#include "tests/unit/engine_support.h"
#include "tests/unit/unit.h"

#include "common/compress.h"

#include <string.h>

enum { VISITS = 40, NEW_TYPE = 250 };

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
        return 0;
}

static int teardown(void **state)
{
        station_close(&tablet);
        rig_close(&rig);
        return unit_folder_remove(state);
}

static struct engine_status status(void)
{
        struct engine_now now = station_now(&tablet);
        struct engine_status ret;

        assert_int_equal(engine_status(tablet.engine, &now, &ret), 0);
        return ret;
}

static int count_one(void *context, const struct record *record, struct bytes extra)
{
        (void)record;
        (void)extra;
        (*(size_t *)context)++;
        return 0;
}

static size_t records(const char *type)
{
        size_t count = 0;

        assert_int_equal(record_each(replica_tables(tablet.engine->replica),
                                     catalogue_type_by_name(bytes_text(type)), NULL, NULL,
                                     count_one, &count),
                         0);
        return count;
}

/* In the answer that came, visits become records of a type that only a newer catalogue has. How many messages were changed. */
static size_t make_visits_unknown(void)
{
        CLEANUP(compressor_freep) struct compressor *compressor = NULL;
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct wire_reader reader;
        struct wire_message message;
        size_t changed = 0;

        assert_int_equal(compressor_new(&compressor), 0);
        assert_int_equal(decompress_message(compressor, buffer_view(&tablet.answer),
                                            WIRE_ANSWER_MAX, &clear),
                         0);
        wire_reader_init(&reader, buffer_view(&clear), &arena);
        while (wire_next(&reader, &message) > 0) {
                /* [kind, locality, epoch, type, rows, bytes]: the type stands right in front of the number of rows */
                uint8_t *at = (uint8_t *)(uintptr_t)message.records.reader.input.data;

                if (message.kind != WIRE_KIND_RECORDS ||
                    message.records.type != catalogue_type_by_name(bytes_text("visit"))->number)
                        continue;
                assert_in_range(message.records.row_count, 24, 255);
                while (!(at[0] == 0x18 && at[1] == message.records.type && at[2] == 0x18 &&
                         at[3] == message.records.row_count))
                        at--;
                at[1] = NEW_TYPE;
                changed++;
        }
        buffer_reset(&tablet.answer);
        assert_int_equal(compress_message(compressor, buffer_view(&clear), &tablet.answer), 0);
        return changed;
}

/* The answer that came, changed: the protocol that its hello names, and a message that nobody here knows at its end. */
static void make_answer_newer(uint8_t protocol, bool strange)
{
        static const uint8_t unknown[] = {0x81, 0x18, 0x64}; /* [100] */
        CLEANUP(compressor_freep) struct compressor *compressor = NULL;
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;

        assert_int_equal(compressor_new(&compressor), 0);
        assert_int_equal(decompress_message(compressor, buffer_view(&tablet.answer),
                                            WIRE_ANSWER_MAX, &clear),
                         0);
        assert_int_equal(clear.data[1], WIRE_KIND_STORE_HELLO);
        assert_int_equal(clear.data[2], WIRE_PROTOCOL);
        clear.data[2] = protocol;
        if (strange)
                buffer_append(&clear, BYTES(unknown, sizeof(unknown)));
        buffer_reset(&tablet.answer);
        assert_int_equal(compress_message(compressor, buffer_view(&clear), &tablet.answer), 0);
}

/* One exchange with a store that has a type more. */
static size_t sync_with_newer_store(void)
{
        size_t changed = 0;
        int r;

        do {
                station_send(&tablet);
                changed += make_visits_unknown();
                r = station_take(&tablet);
        } while (r == EXCHANGE_AGAIN);
        assert_int_equal(r, EXCHANGE_DONE);
        return changed;
}

/* The build that starts next has another catalogue than the one before it. */
static void upgrade(void)
{
        assert_int_equal(engine_begin(tablet.engine), 0);
        assert_int_equal(replica_set_fact(tablet.engine->replica, FACT_CATALOGUE,
                                          (int64_t)catalogue_get()->version - 1),
                         0);
        assert_int_equal(engine_commit(tablet.engine), 0);
        assert_int_equal(replica_flush(tablet.engine->replica), 0);
        station_stop(&tablet);
        station_start(&tablet);
}

static void records_of_an_unknown_type_are_passed_over_and_fetched_after_the_upgrade(void **state)
{
        (void)state;
        rig_records(&rig, &person, 1, VISITS, "well");
        assert_true(sync_with_newer_store() > 0);
        assert_true(status().complete);
        assert_true(status().upgrade_needed);
        assert_int_equal(status().people, 1);
        assert_int_equal(records("visit"), 0);
        /* not again and again */
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_true(status().last_bytes_received <= 1024);
        /* nor by a start of the same build */
        station_stop(&tablet);
        station_start(&tablet);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_true(status().upgrade_needed);
        assert_int_equal(records("visit"), 0);
        upgrade();
        assert_false(status().complete);
        assert_int_equal(status().people, 1);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_false(status().upgrade_needed);
        assert_true(status().complete);
        assert_int_equal(records("visit"), VISITS);
}

static void an_upgrade_that_was_not_needed_fetches_nothing_again(void **state)
{
        (void)state;
        rig_records(&rig, &person, 1, VISITS, "well");
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_false(status().upgrade_needed);
        upgrade();
        assert_true(status().complete);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_true(status().last_bytes_received <= 1024);
}

static void who_left_before_the_upgrade_does_not_come_back_with_it(void **state)
{
        struct uuid other = rig_person(&rig, 2, "Oak", "Olga", &rig.team);

        (void)state;
        rig_records(&rig, &person, 1, VISITS, "well");
        rig_records(&rig, &other, 1000, VISITS, "well");
        assert_true(sync_with_newer_store() > 0);
        assert_int_equal(status().people, 2);
        rig_assign(&rig, 2, &other, &rig.team, false);
        upgrade();
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(status().people, 1);
        assert_int_equal(records("visit"), VISITS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static int write_alert(uint32_t number)
{
        struct uuid id = test_id(90, number);

        return station_create(
                &tablet, &rig.nurse, &id, "alert", &person,
                (struct field_text[]){{"category", "dog", NULL, 0}, {"text", "Large.", NULL, 0}},
                2);
}

static void what_cannot_be_read_puts_off_the_download_and_not_the_upload(void **state)
{
        struct uuid alert = test_id(90, 1);

        (void)state;
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(write_alert(1), 0);
        (void)rig_person(&rig, 2, "Birch", "Bob", &rig.team);
        station_send(&tablet);
        make_answer_newer(WIRE_PROTOCOL, true);
        assert_int_equal(station_take(&tablet), EXCHANGE_STOP);
        assert_int_equal(status().failure, EXCHANGE_UPGRADE);
        assert_int_equal(station_state(&tablet, &alert), OUTCOME_APPLIED);
        assert_int_equal(status().people, 1);
        /* nothing was concluded from it */
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(status().people, 2);
}

static void a_store_of_the_next_protocol_is_understood_and_the_one_after_it_refused(void **state)
{
        struct uuid alert = test_id(90, 2);
        int r;

        (void)state;
        do {
                station_send(&tablet);
                make_answer_newer(WIRE_PROTOCOL + 1, false);
                r = station_take(&tablet);
        } while (r == EXCHANGE_AGAIN);
        assert_int_equal(r, EXCHANGE_DONE);
        assert_int_equal(status().people, 1);
        assert_int_equal(write_alert(2), 0);
        station_send(&tablet);
        make_answer_newer(WIRE_PROTOCOL + 2, false);
        assert_int_equal(station_take(&tablet), EXCHANGE_STOP);
        assert_int_equal(status().failure, EXCHANGE_UPGRADE);
        assert_int_equal(station_state(&tablet, &alert),
                         OUTCOME_NONE); /* it waits, and goes again */
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(station_state(&tablet, &alert), OUTCOME_APPLIED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(records_of_an_unknown_type_are_passed_over_and_fetched_after_the_upgrade),
                TEST(an_upgrade_that_was_not_needed_fetches_nothing_again),
                TEST(who_left_before_the_upgrade_does_not_come_back_with_it),
                cmocka_unit_test_setup_teardown(
                        what_cannot_be_read_puts_off_the_download_and_not_the_upload, setup,
                        teardown),
                cmocka_unit_test_setup_teardown(
                        a_store_of_the_next_protocol_is_understood_and_the_one_after_it_refused,
                        setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
