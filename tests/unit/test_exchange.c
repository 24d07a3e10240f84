/* The store's side of an exchange with devices made by hand: repeats, gaps, damage, forks. */
#include "common/error.h"
#include "tests/unit/exchange_bed.h"
#include "tests/unit/unit.h"

#include <string.h>

static void test_entries_are_applied_and_their_receipts_signed(void **state)
{
        (void)state;
        write_alerts(5);
        tablet_sync(&tablet, &side, 1, &reply);
        assert_int_equal(reply.error, 0);
        assert_int_equal(reply.receipt_count, 5);
        assert_int_equal(reply.next[LANE_URGENT], 6);
        for (uint32_t i = 1; i <= 5; i++) {
                struct uuid id = alert_id(i);

                assert_int_equal(reply_outcome(&reply, &id), OUTCOME_APPLIED);
                assert_true(alert_exists(i));
        }
        assert_int_equal(entries_in_log(), 5);
}

static void test_a_request_that_comes_again_gets_the_same_receipts_and_changes_nothing(void **state)
{
        static struct reply first;

        (void)state;
        write_alerts(5);
        tablet_sync(&tablet, &side, 1, &first);
        for (int i = 0; i < 3; i++) {
                tablet_sync(&tablet, &side, 1, &reply);
                assert_int_equal(reply.receipt_count, 5);
                for (size_t k = 0; k < 5; k++) {
                        assert_int_equal(reply.receipts[k].position, first.receipts[k].position);
                        assert_int_equal(reply.receipts[k].outcome, first.receipts[k].outcome);
                }
                /* The first ones were told as they were judged, these are read from the log. */
                assert_memory_equal(reply.receipt_hashes, first.receipt_hashes, 5 * HASH_SIZE);
        }
        assert_int_equal(entries_in_log(), 5);
}

static void test_whatever_part_of_an_outbox_arrives_in_whatever_order_nothing_is_twice(void **state)
{
        uint64_t random = 0x1234567;

        (void)state;
        write_alerts(40);
        for (int i = 0; i < 200; i++) {
                uint64_t first = 1 + test_random(&random, 40);
                uint64_t last = first + test_random(&random, 41 - first);
                struct draft_request request;

                request_begin(&request, &tablet, false);
                request_run(&request, &tablet, LANE_URGENT, first, last);
                request_send(&request, &tablet, &side, &reply);
                assert_int_equal(reply.error, 0);
                assert_false(reply.forked[LANE_URGENT]);
                assert_int_equal(entries_in_log(), reply.next[LANE_URGENT] - 1);
        }
        tablet_sync(&tablet, &side, 1, &reply);
        assert_int_equal(reply.receipt_count, 40);
        assert_int_equal(entries_in_log(), 40);
}

static uint64_t reported_waiting(void)
{
        struct device_report report = {0};
        struct storage *reader = test.reader;

        assert_int_equal(reader->ops->device_reported(reader, &tablet.row.id, &report), 1);
        return report.waiting;
}

static void test_what_still_waits_on_a_device_is_known_after_each_exchange(void **state)
{
        struct draft_request request;

        (void)state;
        write_alerts(5); /* this tablet never learns that one arrived */
        request_begin(&request, &tablet, false);
        request_run(&request, &tablet, LANE_URGENT, 1, 2);
        request_send(&request, &tablet, &side, &reply);
        assert_int_equal(reported_waiting(), 3);
        request_begin(&request, &tablet, false);
        request_run(&request, &tablet, LANE_URGENT, 4, 5); /* behind a gap: nothing is taken */
        request_send(&request, &tablet, &side, &reply);
        assert_int_equal(reported_waiting(), 5);
        tablet_sync(&tablet, &side, 1, &reply); /* two repeats and three new ones */
        assert_int_equal(reported_waiting(), 0);
}

static void test_a_gap_that_nobody_declared_changes_nothing(void **state)
{
        struct draft_request request;

        (void)state;
        write_alerts(5);
        request_begin(&request, &tablet, false);
        request_run(&request, &tablet, LANE_URGENT, 3, 5);
        request_send(&request, &tablet, &side, &reply);
        assert_int_equal(reply.error, 0);
        assert_int_equal(reply.next[LANE_URGENT], 1);
        assert_int_equal(reply.receipt_count, 0);
        assert_int_equal(entries_in_log(), 0);
}

static void send_gap(uint64_t first, uint64_t last)
{
        const struct wire_gap gap = {.incarnation = tablet.incarnation,
                                     .lane = LANE_URGENT,
                                     .first = first,
                                     .last = last};
        struct draft_request request;

        request_begin(&request, &tablet, false);
        wire_put_gap(&gap, &request.clear);
        request_run(&request, &tablet, LANE_URGENT, 4, 5);
        request_send(&request, &tablet, &side, &reply);
        assert_int_equal(reply.error, 0);
}

static void test_a_declared_gap_is_passed_and_what_is_found_again_is_still_taken(void **state)
{
        struct uuid third = alert_id(3);
        struct draft_request request;

        (void)state;
        write_alerts(5);
        send_gap(2, 3); /* the first is missing, too */
        assert_int_equal(reply.next[LANE_URGENT], 1);
        send_gap(1, 3);
        assert_int_equal(reply.next[LANE_URGENT], 6);
        assert_int_equal(reply.receipt_count, 2);
        send_gap(1, 3);
        assert_int_equal(reply.next[LANE_URGENT], 6);
        assert_int_equal(entries_in_log(), 2);
        request_begin(&request, &tablet, false);
        request_run(&request, &tablet, LANE_URGENT, 3, 5);
        request_send(&request, &tablet, &side, &reply);
        assert_false(reply.forked[LANE_URGENT]);
        assert_int_equal(reply_outcome(&reply, &third), OUTCOME_APPLIED);
        assert_int_equal(entries_in_log(), 3);
}

static void test_a_damaged_entry_is_kept_in_quarantine_and_the_lane_goes_on(void **state)
{
        struct wire_damaged damaged = {
                .incarnation = tablet.incarnation,
                .lane = LANE_URGENT,
                .seq = 1,
                .header = bytes_text("what was"),
                .body = bytes_text("left of it"),
                .detail = bytes_text("hash"),
                .entry = test_id(53, 1),
        };
        struct storage_counts counts;

        (void)state;
        write_alerts(2);
        for (int i = 0; i < 2; i++) {
                struct draft_request request;

                request_begin(&request, &tablet, false);
                wire_put_damaged(&damaged, &request.clear);
                request_run(&request, &tablet, LANE_URGENT, 2, 2);
                request_send(&request, &tablet, &side, &reply);
                assert_int_equal(reply.error, 0);
                assert_int_equal(reply.next[LANE_URGENT], 3);
                assert_int_equal(reply.receipt_count, 2);
                assert_int_equal(reply_outcome(&reply, &damaged.entry), OUTCOME_QUARANTINED);
                assert_int_equal(reply_reason(&reply, &damaged.entry), REASON_DAMAGED);
        }
        assert_int_equal(test.reader->ops->counts(test.reader, &test.locality, &counts), 0);
        assert_int_equal(counts.quarantined, 1);
        assert_int_equal(counts.entries, 2);
}

static void test_a_damaged_entry_of_a_name_that_is_anothers_tells_nothing_about_it(void **state)
{
        struct wire_damaged damaged = {.lane = LANE_URGENT, .seq = 1, .entry = alert_id(1)};
        struct uuid id = alert_id(1);
        struct draft_request request;
        struct tablet other;

        (void)state;
        write_alerts(1);
        tablet_sync(&tablet, &side, 1, &reply);
        tablet_open(&other, &side, 2);
        damaged.incarnation = other.incarnation;
        request_begin(&request, &other, false);
        wire_put_damaged(&damaged, &request.clear);
        request_send(&request, &other, &side, &reply);
        assert_int_equal(reply_outcome(&reply, &id), OUTCOME_QUARANTINED);
        assert_int_equal(reply_reason(&reply, &id), REASON_DAMAGED);
        tablet_sync(&tablet, &side, 1, &reply);
        assert_int_equal(reply_outcome(&reply, &id), OUTCOME_APPLIED);
        assert_true(alert_exists(1));
        tablet_close(&other);
}

static void test_two_histories_under_one_incarnation_are_answered_as_forked(void **state)
{
        struct tablet clone;

        (void)state;
        write_alerts(3);
        tablet_sync(&tablet, &side, 1, &reply);
        tablet_open(&clone, &side, 1);
        private_key_free(clone.key);
        clone.key = TAKE(tablet.key);
        clone.row = tablet.row;
        assert_int_equal(test.writer->ops->device_put(test.writer, &clone.row), 0);
        (void)tablet_alert(&clone, &side, LANE_URGENT, 1, &person, "dog in the garden");
        (void)tablet_alert(&clone, &side, LANE_URGENT, 22, &person, "another story");
        (void)tablet_alert(&clone, &side, LANE_URGENT, 23, &person, "another story");
        (void)tablet_alert(&clone, &side, LANE_URGENT, 24, &person, "another story");
        tablet_sync(&clone, &side, 1, &reply);
        assert_int_equal(reply.error, 0);
        assert_true(reply.forked[LANE_URGENT]);
        assert_int_equal(reply.next[LANE_URGENT], 4);
        assert_int_equal(entries_in_log(), 3);
        tablet_close(&clone);
}

static void test_a_chain_that_does_not_continue_ours_is_a_fork(void **state)
{
        struct draft_request request;

        (void)state;
        write_alerts(4);
        request_begin(&request, &tablet, false);
        request_run(&request, &tablet, LANE_URGENT, 1, 2);
        request_send(&request, &tablet, &side, &reply);
        assert_int_equal(reply.next[LANE_URGENT], 3);
        tablet.lanes[LANE_URGENT].entries[1].head[0] ^= 1;
        request_begin(&request, &tablet, false);
        for (size_t i = 2; i < 4; i++) {
                struct tablet_entry *entry = &tablet.lanes[LANE_URGENT].entries[i];

                entry_chain(entry[-1].head, buffer_view(&entry->header), buffer_view(&entry->body),
                            entry->head);
        }
        request_run(&request, &tablet, LANE_URGENT, 3, 4);
        request_send(&request, &tablet, &side, &reply);
        assert_true(reply.forked[LANE_URGENT]);
        assert_int_equal(entries_in_log(), 2);
}

static void test_nothing_is_taken_that_the_device_did_not_sign(void **state)
{
        struct draft_request request;
        struct private_key *own = tablet.key;

        (void)state;
        write_alerts(3);
        assert_int_equal(private_key_generate(&tablet.key), 0);
        tablet_sync(&tablet, &side, 1, &reply);
        assert_int_equal(reply.error, 0);
        assert_int_equal(reply.receipt_count, 0);
        assert_int_equal(reply.next[LANE_URGENT], 1);
        (void)private_key_free(tablet.key);
        tablet.key = own;
        /* One changed byte of a body is not what was signed. */
        tablet.lanes[LANE_URGENT].entries[1].body.data[3] ^= 1;
        request_begin(&request, &tablet, false);
        request_run(&request, &tablet, LANE_URGENT, 1, 3);
        request_send(&request, &tablet, &side, &reply);
        assert_int_equal(reply.receipt_count, 0);
        assert_int_equal(entries_in_log(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_entries_are_applied_and_their_receipts_signed),
                TEST(test_a_request_that_comes_again_gets_the_same_receipts_and_changes_nothing),
                TEST(test_whatever_part_of_an_outbox_arrives_in_whatever_order_nothing_is_twice),
                TEST(test_what_still_waits_on_a_device_is_known_after_each_exchange),
                TEST(test_a_gap_that_nobody_declared_changes_nothing),
                TEST(test_a_declared_gap_is_passed_and_what_is_found_again_is_still_taken),
                TEST(test_a_damaged_entry_is_kept_in_quarantine_and_the_lane_goes_on),
                TEST(test_a_damaged_entry_of_a_name_that_is_anothers_tells_nothing_about_it),
                TEST(test_two_histories_under_one_incarnation_are_answered_as_forked),
                TEST(test_a_chain_that_does_not_continue_ours_is_a_fork),
                TEST(test_nothing_is_taken_that_the_device_did_not_sign),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
