/* Requests that no honest device would send: cut, changed, too large, out of place. */
#include "common/error.h"
#include "tests/unit/exchange_bed.h"
#include "tests/unit/unit.h"

static int read_bytes(struct bytes body)
{
        struct exchange_request *request = NULL;
        int r = exchange_read(side.reader, body, &tablet.row, 1, &request);

        if (r == 0 && exchange_has_work(request))
                assert_int_equal(
                        exchange_commit(side.writer, &request, 1, (int64_t)TEST_NOW_MS * 1000), 0);
        (void)exchange_request_free(request);
        error_clear();
        return r;
}

static void make_request(struct buffer *body)
{
        struct draft_request request;

        request_begin(&request, &tablet, true);
        request_run(&request, &tablet, LANE_URGENT, 1, tablet.lanes[LANE_URGENT].count);
        request_pack(&request, &side, body);
}

static void test_a_request_cut_anywhere_is_refused_and_takes_nothing(void **state)
{
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;

        (void)state;
        write_alerts(4);
        make_request(&body);
        for (size_t size = 0; size < body.size; size++)
                assert_true(read_bytes(BYTES(body.data, size)) < 0);
        assert_int_equal(entries_in_log(), 0);
        assert_int_equal(read_bytes(buffer_view(&body)), 0);
        assert_int_equal(entries_in_log(), 4);
}

static void test_a_sequence_cut_or_changed_anywhere_does_no_harm(void **state)
{
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;

        (void)state;
        write_alerts(4);
        make_request(&body);
        assert_int_equal(
                decompress_message(side.compressor, buffer_view(&body), WIRE_REQUEST_MAX, &clear),
                0);
        for (size_t i = 0; i < clear.size; i++) {
                CLEANUP(buffer_deinit) struct buffer cut = BUFFER_INIT;

                assert_int_equal(compress_message(side.compressor, BYTES(clear.data, i), &cut), 0);
                (void)read_bytes(buffer_view(&cut));
                buffer_reset(&cut);
                clear.data[i] ^= (uint8_t)(1 + i % 255);
                assert_int_equal(compress_message(side.compressor, buffer_view(&clear), &cut), 0);
                (void)read_bytes(buffer_view(&cut));
                clear.data[i] ^= (uint8_t)(1 + i % 255);
        }
        /* Signed runs are all or nothing: no changed byte of an entry was ever taken for the entry. */
        assert_true(entries_in_log() <= 4);
        assert_int_equal(read_bytes(buffer_view(&body)), 0);
        assert_int_equal(entries_in_log(), 4);
}

static void test_messages_that_have_no_place_in_a_request_are_refused(void **state)
{
        const struct wire_end end = {0};
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;
        struct draft_request request;
        struct wire_gap gap = {.incarnation = tablet.incarnation, .first = 1, .last = INT64_MAX};

        (void)state;
        request_begin(&request, &tablet, false);
        wire_put_end(&end, &request.clear);
        request_pack(&request, &side, &body);
        assert_int_equal(read_bytes(buffer_view(&body)), PANNIER_E_MALFORMED);
        buffer_reset(&body);
        request = (struct draft_request){0};
        wire_put_gap(&gap, &request.clear);
        request_pack(&request, &side, &body);
        assert_int_equal(read_bytes(buffer_view(&body)), PANNIER_E_MALFORMED);
        buffer_reset(&body);
        request_begin(&request, &tablet, false);
        wire_put_gap(&gap, &request.clear);
        request_pack(&request, &side, &body);
        assert_int_equal(read_bytes(buffer_view(&body)), 0);
}

static void test_more_entries_than_a_request_may_hold_are_refused(void **state)
{
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;
        static uint8_t large[60000];

        (void)state;
        for (uint32_t i = 1; i <= 5; i++) {
                struct uuid id = test_id(52, i);

                tablet_append(&tablet, LANE_URGENT, &id, &test.locality,
                              BYTES(large, sizeof(large)));
        }
        make_request(&body);
        assert_int_equal(read_bytes(buffer_view(&body)), PANNIER_E_LIMIT);
}

/* A megabyte of them travels as a few kilobytes. */
static void test_more_small_things_than_a_request_may_hold_are_refused(void **state)
{
        static struct wire_entry none[WIRE_RUN_ENTRIES_MAX];
        const struct wire_run run = {.incarnation = tablet.incarnation,
                                     .first = 1,
                                     .entries = none,
                                     .entries_count = WIRE_RUN_ENTRIES_MAX};
        const struct wire_gap gap = {.incarnation = tablet.incarnation, .first = 2, .last = 2};
        (void)state;
        for (int kind = 0; kind < 2; kind++) {
                CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;
                struct draft_request request;

                request_begin(&request, &tablet, false);
                for (int i = 0; i <= LANE_COUNT && kind == 0; i++)
                        wire_put_run(&run, &request.clear);
                for (int i = 0; i <= LANE_COUNT * WIRE_RUN_ENTRIES_MAX && kind == 1; i++)
                        wire_put_gap(&gap, &request.clear);
                assert_true(request.clear.size < WIRE_REQUEST_MAX);
                request_pack(&request, &side, &body);
                assert_true(body.size < 8192);
                assert_int_equal(read_bytes(buffer_view(&body)), PANNIER_E_LIMIT);
        }
}

/* A bad lane must not hold back the others; but to check signatures is dear, and a bad one costs its sender nothing. */
static void test_after_a_few_bad_signatures_no_more_are_checked(void **state)
{
        (void)state;
        tablet_append(&tablet, LANE_ROUTINE, &(struct uuid){{1}}, &test.locality, BYTES("x", 1));
        for (int bad = 16; bad >= 15; bad--) {
                const struct wire_entry entry = {0};
                const struct wire_run run = {.incarnation = tablet.incarnation,
                                             .first = 1,
                                             .entries = &entry,
                                             .entries_count = 1,
                                             .signature = {1}};
                CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;
                struct draft_request request;
                uint64_t before = entries_in_log();

                request_begin(&request, &tablet, false);
                for (int i = 0; i < bad; i++)
                        wire_put_run(&run, &request.clear);
                request_run(&request, &tablet, LANE_ROUTINE, 1, 1);
                request_pack(&request, &side, &body);
                assert_int_equal(read_bytes(buffer_view(&body)), 0);
                assert_int_equal(entries_in_log(), before + (bad == 15));
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_request_cut_anywhere_is_refused_and_takes_nothing),
                TEST(test_a_sequence_cut_or_changed_anywhere_does_no_harm),
                TEST(test_messages_that_have_no_place_in_a_request_are_refused),
                TEST(test_more_entries_than_a_request_may_hold_are_refused),
                TEST(test_more_small_things_than_a_request_may_hold_are_refused),
                TEST(test_after_a_few_bad_signatures_no_more_are_checked),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
