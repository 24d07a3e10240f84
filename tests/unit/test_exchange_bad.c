/* Entries that are bad, and a store that fails on them: the others go on, or nothing at all is recorded. */
#include "common/error.h"
#include "tests/unit/exchange_bed.h"
#include "tests/unit/unit.h"

#include <string.h>

/* ---- entries that are bad ---- */

static void test_one_bad_entry_among_a_thousand_stops_none_of_the_others(void **state)
{
        struct uuid bad = test_id(51, 1);

        (void)state;
        for (uint32_t i = 1; i <= 999; i++) {
                if (i == 500)
                        tablet_append(&tablet, LANE_URGENT, &bad, &test.locality,
                                      bytes_text("\x01\x01 this is no frame"));
                (void)tablet_alert(&tablet, &side, LANE_URGENT, i, &person, "x");
        }
        tablet_sync(&tablet, &side, 1, &reply);
        assert_int_equal(reply.error, 0);
        assert_int_equal(reply.receipt_count, 1000);
        assert_int_equal(reply_outcome(&reply, &bad), OUTCOME_QUARANTINED);
        assert_int_equal(reply_reason(&reply, &bad), REASON_MALFORMED);
        for (uint32_t i = 1; i <= 999; i++) {
                struct uuid id = alert_id(i);

                assert_int_equal(reply_outcome(&reply, &id), OUTCOME_APPLIED);
        }
}

static void test_a_header_that_contradicts_its_run_is_quarantined_not_believed(void **state)
{
        struct tablet other;
        struct uuid claimed = alert_id(7);

        (void)state;
        tablet_open(&other, &side, 2);
        (void)tablet_alert(&other, &side, LANE_URGENT, 7, &person, "not mine");
        /* The other device's entry, signed as our own first one. */
        tablet.lanes[LANE_URGENT].entries[0] = other.lanes[LANE_URGENT].entries[0];
        tablet.lanes[LANE_URGENT].count = 1;
        other.lanes[LANE_URGENT].count = 0;
        tablet_sync(&tablet, &side, 1, &reply);
        assert_int_equal(reply_outcome(&reply, &claimed), OUTCOME_QUARANTINED);
        assert_int_equal(reply_reason(&reply, &claimed), REASON_MALFORMED);
        assert_int_equal(reply.next[LANE_URGENT], 2);
        assert_false(alert_exists(7));
        tablet_close(&other);
}

static void test_another_devices_entry_id_is_quarantined_without_a_word_about_it(void **state)
{
        const struct scope scope = {SCOPE_TEAM, test_id(5, 1)};
        struct uuid id = alert_id(1);
        struct tablet other;

        (void)state;
        write_alerts(1);
        tablet_sync(&tablet, &side, 1, &reply);
        tablet_open(&other, &side, 2);
        assert_int_equal(test.writer->ops->grant_put(test.writer, &other.row.id, &scope), 0);
        (void)tablet_alert(&other, &side, LANE_URGENT, 1, &person, "dog in the garden");
        for (int i = 0; i < 2; i++) {
                tablet_sync(&other, &side, 1, &reply);
                assert_int_equal(reply_outcome(&reply, &id), OUTCOME_QUARANTINED);
                assert_int_equal(reply_reason(&reply, &id), REASON_ID_TAKEN);
        }
        tablet_sync(&tablet, &side, 1, &reply);
        assert_int_equal(reply_outcome(&reply, &id), OUTCOME_APPLIED);
        assert_int_equal(entries_in_log(), 2);
        tablet_close(&other);
}

/* ---- failures inside of the store ---- */

static struct storage_ops faulty;
static const struct storage_ops *real;
static struct uuid fails_for;
static int fails_with;
static int fails_at;

static int failing_record_put(struct storage *storage, const struct record *record,
                              struct bytes stamps)
{
        if (uuid_equal(&record->id, &fails_for))
                return FAIL(fails_with, "planted");
        return real->record_put(storage, record, stamps);
}

static int failing_log_append(struct storage *storage, const struct log_row *row)
{
        if (--fails_at == 0)
                return FAIL(PANNIER_E_STORAGE, "planted: the disk is full");
        return real->log_append(storage, row);
}

static void test_where_an_entry_fails_what_is_told_at_once_is_what_is_told_again(void **state)
{
        static struct reply first;
        struct uuid id = alert_id(3);

        (void)state;
        real = test.writer->ops;
        faulty = *real;
        faulty.record_put = failing_record_put;
        fails_for = id;
        fails_with = PANNIER_E_INTERNAL;
        store_side_close(&side); /* the judge remembers the table of functions */
        test.writer->ops = &faulty;
        store_side_open(&side, &test);
        write_alerts(5);
        tablet_sync(&tablet, &side, 1, &first);
        assert_int_equal(first.receipt_count, 5);
        assert_int_equal(reply_reason(&first, &id), REASON_INTERNAL);
        tablet_sync(&tablet, &side, 1, &reply);
        assert_int_equal(reply.receipt_count, 5);
        assert_memory_equal(reply.receipt_hashes, first.receipt_hashes, 5 * HASH_SIZE);
        test.writer->ops = real;
}

static void test_an_entry_that_the_store_fails_on_is_quarantined_alone(void **state)
{
        struct uuid id = alert_id(3);
        struct tablet other;
        const struct scope scope = {SCOPE_TEAM, test_id(5, 1)};
        CLEANUP(exchange_request_freep) struct exchange_request *ours = NULL;
        CLEANUP(exchange_request_freep) struct exchange_request *theirs = NULL;
        CLEANUP(buffer_deinit) struct buffer one = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer two = BUFFER_INIT;
        struct draft_request request;
        struct exchange_request *both[2];

        (void)state;
        tablet_open(&other, &side, 2);
        assert_int_equal(test.writer->ops->grant_put(test.writer, &other.row.id, &scope), 0);
        real = test.writer->ops;
        faulty = *real;
        faulty.record_put = failing_record_put;
        fails_for = id;
        fails_with = PANNIER_E_INTERNAL;
        store_side_close(&side); /* the judge remembers the table of functions */
        test.writer->ops = &faulty;
        store_side_open(&side, &test);
        write_alerts(5);
        (void)tablet_alert(&other, &side, LANE_URGENT, 77, &person, "fine");
        request_begin(&request, &tablet, false);
        request_run(&request, &tablet, LANE_URGENT, 1, 5);
        request_pack(&request, &side, &one);
        request_begin(&request, &other, false);
        request_run(&request, &other, LANE_URGENT, 1, 1);
        request_pack(&request, &side, &two);
        assert_int_equal(exchange_read(side.reader, buffer_view(&one), &tablet.row, 1, &ours), 0);
        assert_int_equal(exchange_read(side.reader, buffer_view(&two), &other.row, 1, &theirs), 0);
        both[0] = ours;
        both[1] = theirs;
        assert_int_equal(exchange_commit(side.writer, both, 2, (int64_t)TEST_NOW_MS * 1000), 0);
        tablet_sync(&tablet, &side, 1, &reply);
        assert_int_equal(reply.receipt_count, 5);
        assert_int_equal(reply_outcome(&reply, &id), OUTCOME_QUARANTINED);
        assert_int_equal(reply_reason(&reply, &id), REASON_INTERNAL);
        id = alert_id(4);
        assert_int_equal(reply_outcome(&reply, &id), OUTCOME_APPLIED);
        assert_true(alert_exists(77));
        assert_int_equal(entries_in_log(), 6);
        test.writer->ops = real;
        tablet_close(&other);
}

static void test_where_storage_fails_nothing_at_all_is_recorded(void **state)
{
        (void)state;
        write_alerts(10);
        real = test.writer->ops;
        faulty = *real;
        faulty.log_append = failing_log_append;
        store_side_close(&side);
        test.writer->ops = &faulty;
        store_side_open(&side, &test);
        for (fails_at = 10; fails_at >= 1;) {
                int at = fails_at;

                tablet_sync(&tablet, &side, 1, &reply);
                assert_int_equal(reply.error, PANNIER_E_STORAGE);
                assert_int_equal(entries_in_log(), 0);
                fails_at = at - 1;
        }
        fails_at = -1;
        tablet_sync(&tablet, &side, 1, &reply);
        assert_int_equal(reply.error, 0);
        assert_int_equal(entries_in_log(), 10);
        test.writer->ops = real;
}

static int failing_lane_put(struct storage *storage, const struct lane_row *row)
{
        return uuid_equal(&row->device, &tablet.row.id) ? FAIL(PANNIER_E_INTERNAL, "planted")
                                                        : real->lane_put(storage, row);
}

static struct exchange_request *read_one_alert(struct tablet *from, uint32_t number)
{
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;
        struct exchange_request *read = NULL;
        struct draft_request request;

        (void)tablet_alert(from, &side, LANE_URGENT, number, &person, "dog");
        request_begin(&request, from, false);
        request_run(&request, from, LANE_URGENT, 1, 1);
        request_pack(&request, &side, &body);
        assert_int_equal(exchange_read(side.reader, buffer_view(&body), &from->row, 1, &read), 0);
        return read;
}

static void test_a_request_that_fails_as_a_whole_fails_alone(void **state)
{
        const struct scope scope = {SCOPE_TEAM, test_id(5, 1)};
        struct exchange_request *all[2];
        struct tablet other;

        (void)state;
        tablet_open(&other, &side, 2);
        assert_int_equal(test.writer->ops->grant_put(test.writer, &other.row.id, &scope), 0);
        real = test.writer->ops;
        faulty = *real;
        faulty.lane_put = failing_lane_put;
        all[0] = read_one_alert(&tablet, 1);
        all[1] = read_one_alert(&other, 2);
        test.writer->ops = &faulty;
        assert_int_equal(exchange_commit(side.writer, all, 2, (int64_t)TEST_NOW_MS * 1000), 0);
        test.writer->ops = real;
        assert_int_equal(exchange_error(all[0]), PANNIER_E_INTERNAL);
        assert_int_equal(exchange_error(all[1]), 0);
        assert_int_equal(entries_in_log(), 1);
        for (size_t i = 0; i < COUNT(all); i++)
                (void)exchange_request_free(all[i]);
        tablet_close(&other);
        error_clear();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_one_bad_entry_among_a_thousand_stops_none_of_the_others),
                TEST(test_a_header_that_contradicts_its_run_is_quarantined_not_believed),
                TEST(test_another_devices_entry_id_is_quarantined_without_a_word_about_it),
                TEST(test_where_an_entry_fails_what_is_told_at_once_is_what_is_told_again),
                TEST(test_an_entry_that_the_store_fails_on_is_quarantined_alone),
                TEST(test_where_storage_fails_nothing_at_all_is_recorded),
                TEST(test_a_request_that_fails_as_a_whole_fails_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
