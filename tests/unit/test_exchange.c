/*
 * The store's side of an exchange with devices made by hand: repeats, cuts, gaps, forks, bad entries, what is sent.
 */
#include "common/error.h"
#include "tests/unit/exchange_support.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct store_test test;
static struct store_side side;
static struct tablet tablet;
static struct reply reply;
static struct uuid person;

static int set_up(void **state)
{
        const struct uuid team = test_id(5, 1), source = test_id(10, 1);
        const struct scope scope = {SCOPE_TEAM, team};

        if (unit_folder_make(state) != 0)
                return -1;
        store_test_open(&test, unit_path(state, "store.db"));
        store_side_open(&side, &test);
        tablet_open(&tablet, &side, 1);
        person = test_id(6, 1);
        assert_int_equal(test.writer->ops->grant_put(test.writer, &tablet.row.id, &scope), 0);
        store_begin(&test);
        store_put(&test, "person", &person, &person, "Ada");
        store_teams(&test, &person, &source, &team, 1);
        store_commit(&test);
        return 0;
}

static int tear_down(void **state)
{
        tablet_close(&tablet);
        store_side_close(&side);
        store_test_close(&test);
        return unit_folder_remove(state);
}

static uint64_t entries_in_log(void)
{
        struct storage_counts counts;

        assert_int_equal(test.reader->ops->counts(test.reader, &test.locality, &counts), 0);
        return counts.entries;
}

static void write_alerts(uint32_t count)
{
        for (uint32_t i = 1; i <= count; i++)
                (void)tablet_alert(&tablet, &side, LANE_URGENT, i, &person, "dog in the garden");
}

static struct uuid alert_id(uint32_t number)
{
        return test_id(50, number);
}

static bool alert_exists(uint32_t number)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        const struct catalogue_type *type = catalogue_type_by_name(bytes_text("alert"));
        struct uuid id = alert_id(number);
        struct record record;

        return test.reader->ops->record_get(test.reader, type, &id, &arena, &record, NULL) == 1;
}

/* ---- what is taken ---- */

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

static void test_entries_for_unknown_and_for_strange_people_are_parked_alike(void **state)
{
        const struct uuid stranger = test_id(6, 2), nobody = test_id(6, 3);
        const struct uuid team = test_id(5, 9), source = test_id(10, 2);
        struct uuid about_stranger = alert_id(1), about_nobody = alert_id(2);

        (void)state;
        store_begin(&test);
        store_put(&test, "person", &stranger, &stranger, "Eve");
        store_teams(&test, &stranger, &source, &team, 1);
        store_commit(&test);
        (void)tablet_alert(&tablet, &side, LANE_URGENT, 1, &stranger, "x");
        (void)tablet_alert(&tablet, &side, LANE_URGENT, 2, &nobody, "x");
        tablet_sync(&tablet, &side, 1, &reply);
        assert_int_equal(reply_outcome(&reply, &about_stranger), OUTCOME_PARKED);
        assert_int_equal(reply_outcome(&reply, &about_nobody), OUTCOME_PARKED);
        assert_int_equal(reply.next[LANE_URGENT], 3);
        assert_int_equal(entries_in_log(), 0);
}

static void test_an_entry_of_a_locality_that_is_not_kept_here_waits_and_comes_again(void **state)
{
        const struct uuid stranger = test_id(6, 2), elsewhere = test_id(1, 99);
        struct uuid id;
        struct tablet other;

        (void)state;
        tablet_open(&other, &side, 2);
        id = tablet_alert(&other, &side, LANE_URGENT, 1, &stranger, "x");
        tablet_append(&tablet, LANE_URGENT, &id, &elsewhere,
                      buffer_view(&other.lanes[LANE_URGENT].entries[0].body));
        for (int i = 0; i < 2; i++) {
                tablet_sync(&tablet, &side, 1, &reply);
                assert_int_equal(reply.error, 0);
                assert_int_equal(reply_outcome(&reply, &id), OUTCOME_PARKED);
                assert_false(reply.forked[LANE_URGENT]);
        }
        tablet_close(&other);
}

/* Somebody of whom entries spoke becomes known here, and those entries are looked at again. */
static void become_known(const struct uuid *who)
{
        const struct uuid team = test_id(5, 1), source = test_id(10, 2 + who->bytes[15]);

        store_begin(&test);
        store_put(&test, "person", who, who, "Eve");
        store_teams(&test, who, &source, &team, 1);
        store_commit(&test);
        assert_int_equal(exchange_expire(side.writer, (int64_t)TEST_NOW_MS * 1000), 0);
}

static void test_what_is_judged_while_an_answer_is_on_its_way_is_still_told(void **state)
{
        CLEANUP(exchange_request_freep) struct exchange_request *read = NULL;
        CLEANUP(exchange_answer_deinit) struct exchange_answer answer = {0};
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;
        const struct exchange_answer *answers[] = {&answer};
        const struct uuid one = test_id(6, 2), two = test_id(6, 3);
        const int64_t now_ms = (int64_t)TEST_NOW_MS * 1000;
        struct draft_request request;

        (void)state;
        tablet.parked[0] = tablet_alert(&tablet, &side, LANE_URGENT, 1, &one, "x");
        tablet.parked[1] = tablet_alert(&tablet, &side, LANE_URGENT, 2, &two, "x");
        tablet.parked_count = 2;
        tablet_sync(&tablet, &side, 1, &reply);
        assert_int_equal(reply_outcome(&reply, &tablet.parked[1]), OUTCOME_PARKED);
        become_known(&one);
        request_begin(&request, &tablet, false);
        request_send(&request, &tablet, &side, &reply);
        assert_int_equal(reply_outcome(&reply, &tablet.parked[0]), OUTCOME_APPLIED);
        tablet.parked[0] = tablet.parked[1];
        tablet.parked_count = 1;
        /* The device knows of the first: the store is about to note so when the second is judged. */
        request_begin(&request, &tablet, false);
        request_pack(&request, &side, &body);
        assert_int_equal(exchange_read(side.reader, buffer_view(&body), &tablet.row, now_ms, &read),
                         0);
        assert_int_equal(exchange_answer(side.reader, read, now_ms, &answer), 0);
        assert_true(answer.commit_first);
        become_known(&two);
        assert_int_equal(exchange_custody(side.writer, answers, 1, now_ms), 0);
        request_begin(&request, &tablet, false);
        request_send(&request, &tablet, &side, &reply);
        assert_int_equal(reply_outcome(&reply, &tablet.parked[0]), OUTCOME_APPLIED);
}

static void test_the_receipt_of_a_parked_entry_is_owed_until_the_device_knows_it(void **state)
{
        struct uuid id = alert_id(1), stranger = test_id(6, 2);
        struct draft_request request;

        (void)state;
        (void)tablet_alert(&tablet, &side, LANE_URGENT, 1, &stranger, "x");
        tablet_sync(&tablet, &side, 1, &reply);
        assert_int_equal(reply_outcome(&reply, &id), OUTCOME_PARKED);
        tablet.parked[0] = id;
        tablet.parked_count = 1;
        /* Seven days later nobody of that name has come. */
        assert_int_equal(exchange_expire(side.writer,
                                         (int64_t)TEST_NOW_MS * 1000 + 8 * 86400 * (int64_t)1000),
                         0);
        for (int i = 0; i < 2; i++) {
                request_begin(&request, &tablet, false);
                request_send(&request, &tablet, &side, &reply);
                assert_int_equal(reply_outcome(&reply, &id), OUTCOME_QUARANTINED);
                assert_int_equal(reply_reason(&reply, &id), REASON_NOT_HERE);
        }
        tablet.parked_count = 0;
        for (int i = 0; i < 2; i++) {
                request_begin(&request, &tablet, false);
                request_send(&request, &tablet, &side, &reply);
                assert_int_equal(reply.receipt_count, 0);
        }
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

/* ---- what is sent ---- */

static void test_a_device_ends_level_with_the_store_and_then_nothing_is_news(void **state)
{
        struct draft_request request;
        uint8_t vector[HASH_SIZE], parked[HASH_SIZE] = {0};

        (void)state;
        side.settings.changes_max = 300;
        write_alerts(50);
        tablet_sync(&tablet, &side, 1, &reply);
        assert_true(tablet_pull(&tablet, &side) > 5);
        assert_int_equal(tablet.rows, 1 + 50 + 1); /* the nurse, the alerts, the person */
        request_begin(&request, &tablet, false);
        request_send(&request, &tablet, &side, &reply);
        assert_false(reply.more);
        assert_false(reply.vector_wanted);
        assert_false(reply.grants_listed);
        assert_int_equal(reply.row_count, 0);
        assert_true(reply.request_size + reply.answer_size <= 1024);
        assert_int_equal(wire_vector_hash(tablet.feeds, tablet.feed_count, vector), 0);
        assert_int_equal(exchange_news(side.reader, &tablet.row.id, vector, parked, 1), 0);
        (void)tablet_alert(&tablet, &side, LANE_URGENT, 99, &person, "news");
        tablet_sync(&tablet, &side, 51, &reply);
        assert_int_equal(exchange_news(side.reader, &tablet.row.id, vector, parked, 1), 1);
        assert_true(reply.vector_wanted);
        assert_true(reply.more);
        (void)tablet_pull(&tablet, &side);
        assert_int_equal(tablet.rows, 53);
}

static void test_no_news_costs_no_more_with_fifty_scopes(void **state)
{
        struct draft_request request;

        (void)state;
        for (uint32_t i = 2; i <= 50; i++) {
                const struct scope scope = {SCOPE_TEAM, test_id(5, i)};

                assert_int_equal(test.writer->ops->grant_put(test.writer, &tablet.row.id, &scope),
                                 0);
        }
        (void)tablet_pull(&tablet, &side);
        assert_true(tablet.feed_count >= 100);
        request_begin(&request, &tablet, false);
        request_send(&request, &tablet, &side, &reply);
        assert_false(reply.more);
        assert_true(reply.request_size + reply.answer_size <= 1024);
}

static void test_a_device_that_is_not_active_hands_in_and_gets_nothing(void **state)
{
        struct uuid id = alert_id(1);
        static const enum wire_device_state states[] = {DEVICE_REVOKED, DEVICE_LOCKED,
                                                        DEVICE_WIPED};

        (void)state;
        write_alerts(1);
        for (size_t i = 0; i < COUNT(states); i++) {
                tablet.row.state = states[i];
                assert_int_equal(test.writer->ops->device_put(test.writer, &tablet.row), 0);
                tablet_sync(&tablet, &side, 1, &reply);
                assert_int_equal(reply.state, states[i]);
                assert_int_equal(reply_outcome(&reply, &id), OUTCOME_QUARANTINED);
                assert_int_equal(reply_reason(&reply, &id), REASON_DEVICE);
                assert_int_equal(reply.row_count, 0);
                assert_int_equal(reply.locality_count, 0);
                assert_false(reply.more);
        }
        assert_int_equal(entries_in_log(), 1);
        assert_false(alert_exists(1));
}

static void test_custody_is_noted_for_everybody_who_was_sent(void **state)
{
        struct custody_row row;

        (void)state;
        assert_int_equal(test.reader->ops->custody_get(test.reader, &tablet.row.id, &person, &row),
                         0);
        (void)tablet_pull(&tablet, &side);
        assert_int_equal(test.reader->ops->custody_get(test.reader, &tablet.row.id, &person, &row),
                         1);
        assert_int_equal(row.erased_ms, 0);
        assert_true(row.position > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_entries_are_applied_and_their_receipts_signed),
                TEST(test_a_request_that_comes_again_gets_the_same_receipts_and_changes_nothing),
                TEST(test_whatever_part_of_an_outbox_arrives_in_whatever_order_nothing_is_twice),
                TEST(test_a_gap_that_nobody_declared_changes_nothing),
                TEST(test_a_declared_gap_is_passed_and_what_is_found_again_is_still_taken),
                TEST(test_a_damaged_entry_is_kept_in_quarantine_and_the_lane_goes_on),
                TEST(test_a_damaged_entry_of_a_name_that_is_anothers_tells_nothing_about_it),
                TEST(test_two_histories_under_one_incarnation_are_answered_as_forked),
                TEST(test_a_chain_that_does_not_continue_ours_is_a_fork),
                TEST(test_nothing_is_taken_that_the_device_did_not_sign),
                TEST(test_one_bad_entry_among_a_thousand_stops_none_of_the_others),
                TEST(test_a_header_that_contradicts_its_run_is_quarantined_not_believed),
                TEST(test_another_devices_entry_id_is_quarantined_without_a_word_about_it),
                TEST(test_entries_for_unknown_and_for_strange_people_are_parked_alike),
                TEST(test_an_entry_of_a_locality_that_is_not_kept_here_waits_and_comes_again),
                TEST(test_what_is_judged_while_an_answer_is_on_its_way_is_still_told),
                TEST(test_the_receipt_of_a_parked_entry_is_owed_until_the_device_knows_it),
                TEST(test_where_an_entry_fails_what_is_told_at_once_is_what_is_told_again),
                TEST(test_an_entry_that_the_store_fails_on_is_quarantined_alone),
                TEST(test_where_storage_fails_nothing_at_all_is_recorded),
                TEST(test_a_device_ends_level_with_the_store_and_then_nothing_is_news),
                TEST(test_no_news_costs_no_more_with_fifty_scopes),
                TEST(test_a_device_that_is_not_active_hands_in_and_gets_nothing),
                TEST(test_custody_is_noted_for_everybody_who_was_sent),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
