/* Entries that wait: what is told about them, and until when. */
#include "common/error.h"
#include "tests/unit/exchange_bed.h"
#include "tests/unit/unit.h"

#include <string.h>

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

static size_t still_parked(const struct reply *answer)
{
        size_t count = 0;

        for (size_t i = 0; i < tablet.parked_count; i++)
                if (reply_outcome(answer, &tablet.parked[i]) == OUTCOME_NONE)
                        tablet.parked[count++] = tablet.parked[i];
        return count;
}

static void test_more_receipts_than_an_answer_holds_come_in_pieces_that_take_turns(void **state)
{
        enum { COUNT_PARKED = 16, PIECE = 3, PIECES = 6 };
        struct uuid stranger = test_id(6, 2);

        (void)state;
        for (uint32_t i = 1; i <= COUNT_PARKED; i++)
                tablet.parked[i - 1] = tablet_alert(&tablet, &side, LANE_URGENT, i, &stranger, "x");
        tablet_sync(&tablet, &side, 1, &reply);
        tablet.parked_count = COUNT_PARKED;
        assert_int_equal(exchange_expire(side.writer,
                                         (int64_t)TEST_NOW_MS * 1000 + 8 * 86400 * (int64_t)1000),
                         0);
        side.settings.settled_max = PIECE * 100;
        for (int i = 0; i < 2 * PIECES && tablet.parked_count > 0; i++) {
                struct draft_request request;

                request_begin(&request, &tablet, false);
                request_send(&request, &tablet, &side, &reply);
                assert_in_range(reply.receipt_count, 1, PIECE);
                if (i != 1) /* that answer is lost */
                        tablet.parked_count = still_parked(&reply);
        }
        assert_int_equal(tablet.parked_count, 0);
        for (int i = 0; i < 2; i++) {
                struct draft_request request;

                request_begin(&request, &tablet, false);
                request_send(&request, &tablet, &side, &reply);
                assert_int_equal(reply.receipt_count, 0);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_entries_for_unknown_and_for_strange_people_are_parked_alike),
                TEST(test_an_entry_of_a_locality_that_is_not_kept_here_waits_and_comes_again),
                TEST(test_what_is_judged_while_an_answer_is_on_its_way_is_still_told),
                TEST(test_the_receipt_of_a_parked_entry_is_owed_until_the_device_knows_it),
                TEST(test_more_receipts_than_an_answer_holds_come_in_pieces_that_take_turns),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
