/* What an answer sends: news to those who have not got it, and to nobody else. */
#include "common/error.h"
#include "tests/unit/exchange_bed.h"
#include "tests/unit/unit.h"

#include <string.h>

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
        assert_int_equal(exchange_news(side.reader, &tablet.row.id, vector, parked, 0, 1), 0);
        (void)tablet_alert(&tablet, &side, LANE_URGENT, 99, &person, "news");
        tablet_sync(&tablet, &side, 51, &reply);
        assert_int_equal(exchange_news(side.reader, &tablet.row.id, vector, parked, 0, 1), 1);
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
                TEST(test_a_device_ends_level_with_the_store_and_then_nothing_is_news),
                TEST(test_no_news_costs_no_more_with_fifty_scopes),
                TEST(test_a_device_that_is_not_active_hands_in_and_gets_nothing),
                TEST(test_custody_is_noted_for_everybody_who_was_sent),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
