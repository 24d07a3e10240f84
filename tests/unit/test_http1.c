#include "common/error.h"
#include "common/http1.h"
#include "tests/unit/unit.h"

#include <string.h>

static int parse(const char *text, struct http1_head *ret)
{
        return http1_parse_request(bytes_text(text), ret);
}

static void test_a_request_is_taken_apart(void **state)
{
        static const char text[] =
                "POST /v1/entries?x=1 HTTP/1.1\r\nHost: pannier\r\n"
                "content-LENGTH:  12 \r\nPannier-Staff: abc\r\n\r\n{\"body\":1}..";
        struct http1_head head;

        (void)state;
        assert_int_equal(parse(text, &head), 1);
        assert_text(head.method, "POST");
        assert_text(head.target, "/v1/entries?x=1");
        assert_int_equal(head.length, 12);
        assert_false(head.close);
        assert_int_equal(head.size, strlen(text) - 12);
        assert_text(*http1_header(&head, "pannier-staff"), "abc");
        assert_null(http1_header(&head, "Pannier"));
}

static void test_every_prefix_of_a_head_asks_for_more(void **state)
{
        static const char text[] = "GET /v1/status HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n";
        struct http1_head head;

        (void)state;
        for (size_t size = 0; size < sizeof(text) - 1; size++)
                assert_int_equal(http1_parse_request(BYTES(text, size), &head), 0);
        assert_int_equal(http1_parse_request(BYTES(text, sizeof(text) - 1), &head), 1);
}

static void test_what_is_not_plain_http_is_refused(void **state)
{
        static const char *const texts[] = {
                "GET /x HTTP/1.1\nHost: x\n\n",          /* bare LF */
                "GET /x HTTP/1.1\r\nA: b\rc\r\n\r\n",    /* bare CR */
                "GET /x HTTP/1.1\r\n A: folded\r\n\r\n", /* no name */
                "GET /x HTTP/1.1\r\nA : b\r\n\r\n",      /* blank in a name */
                "GET /x HTTP/1.1\r\nno colon\r\n\r\n",
                "GET /x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
                "GET /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                "GET /x HTTP/1.1\r\nContent-Length: 1234567890123456\r\n\r\n",
                "GET /x HTTP/1.1\r\nContent-Length: \r\n\r\n",
                "GET  /x HTTP/1.1\r\n\r\n",
                "GET x HTTP/1.1\r\n\r\n",
                "GET /x\r\n\r\n",
                "GET /x HTTP/2\r\n\r\n",
                "G\x01T /x HTTP/1.1\r\n\r\n",
                "GET /\x7f HTTP/1.1\r\n\r\n",
                "GET /x HTTP/1.1\r\nA: \x01\r\n\r\n",
                "\r\n",
        };
        struct http1_head head;

        (void)state;
        for (size_t i = 0; i < COUNT(texts); i++)
                assert_int_equal(parse(texts[i], &head), PANNIER_E_MALFORMED);
}

static void test_a_head_has_limits(void **state)
{
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;
        struct http1_head head;

        (void)state;
        buffer_append_text(&text, "GET /x HTTP/1.1\r\nA: ");
        while (text.size < HTTP1_HEAD_MAX - 1)
                buffer_append_byte(&text, 'a');
        assert_int_equal(http1_parse_request(buffer_view(&text), &head), 0);
        buffer_append_text(&text, "aaa\r\n\r\n");
        assert_int_equal(http1_parse_request(buffer_view(&text), &head), PANNIER_E_LIMIT);
        buffer_reset(&text);
        buffer_append_text(&text, "GET /x HTTP/1.1\r\n");
        for (int i = 0; i <= HTTP1_HEADER_COUNT_MAX; i++)
                buffer_append_text(&text, "A: b\r\n");
        buffer_append_text(&text, "\r\n");
        assert_int_equal(http1_parse_request(buffer_view(&text), &head), PANNIER_E_LIMIT);
}

static void test_who_closes_is_said_by_version_and_header(void **state)
{
        struct http1_head head;

        (void)state;
        assert_int_equal(parse("GET / HTTP/1.1\r\n\r\n", &head), 1);
        assert_false(head.close);
        assert_int_equal(parse("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", &head), 1);
        assert_true(head.close);
        assert_int_equal(parse("GET / HTTP/1.0\r\n\r\n", &head), 1);
        assert_true(head.close);
        assert_int_equal(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &head), 1);
        assert_false(head.close);
}

static void test_an_answer_has_a_status(void **state)
{
        struct http1_head head;

        (void)state;
        assert_int_equal(http1_parse_answer(bytes_text("HTTP/1.1 404 Not Found\r\n"
                                                       "Content-Length: 2\r\n\r\n{}"),
                                            &head),
                         1);
        assert_int_equal(head.status, 404);
        assert_int_equal(head.length, 2);
        assert_int_equal(http1_parse_answer(bytes_text("HTTP/1.1 99\r\n\r\n"), &head),
                         PANNIER_E_MALFORMED);
        assert_int_equal(http1_parse_answer(bytes_text("HTTP/1.1 2x0 OK\r\n\r\n"), &head),
                         PANNIER_E_MALFORMED);
        assert_int_equal(http1_parse_answer(bytes_text("SSH-2.0-x\r\n\r\n"), &head),
                         PANNIER_E_MALFORMED);
}

static void test_a_target_is_decoded(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct http1_target target;

        (void)state;
        assert_int_equal(http1_parse_target(bytes_text("/v1/people?q=ann%20lee+x&limit=5&after="),
                                            &arena, &target),
                         0);
        assert_int_equal(target.segment_count, 2);
        assert_text(target.segments[1], "people");
        assert_text(*http1_parameter(&target, "q"), "ann lee x");
        assert_text(*http1_parameter(&target, "after"), "");
        assert_null(http1_parameter(&target, "Q"));
        assert_int_equal(http1_parse_target(bytes_text("/a%2fb/c+d"), &arena, &target), 0);
        assert_text(target.segments[0], "a/b");
        assert_text(target.segments[1], "c+d");
        assert_int_equal(http1_parse_target(bytes_text("/"), &arena, &target), 0);
        assert_int_equal(target.segment_count, 0);
}

static void test_a_bad_target_is_refused(void **state)
{
        static const char *const texts[] = {"/a%2", "/a%zz",      "/a%00b",     "/a%ff",
                                            "//a",  "/a?q=1&q=2", "/a?q=%c3%28"};
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct http1_target target;

        (void)state;
        for (size_t i = 0; i < COUNT(texts); i++)
                assert_int_equal(http1_parse_target(bytes_text(texts[i]), &arena, &target),
                                 PANNIER_E_MALFORMED);
        assert_int_equal(http1_parse_target(bytes_text("/1/2/3/4/5/6/7/8/9"), &arena, &target),
                         PANNIER_E_LIMIT);
}

static void test_what_was_escaped_reads_back(void **state)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        struct http1_target target;

        (void)state;
        buffer_append_text(&out, "/p?q=");
        http1_append_escaped(&out, bytes_text("O'Hara & Sön+1%/?"));
        assert_int_equal(http1_parse_target(buffer_view(&out), &arena, &target), 0);
        assert_text(*http1_parameter(&target, "q"), "O'Hara & Sön+1%/?");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_request_is_taken_apart),
                cmocka_unit_test(test_every_prefix_of_a_head_asks_for_more),
                cmocka_unit_test(test_what_is_not_plain_http_is_refused),
                cmocka_unit_test(test_a_head_has_limits),
                cmocka_unit_test(test_who_closes_is_said_by_version_and_header),
                cmocka_unit_test(test_an_answer_has_a_status),
                cmocka_unit_test(test_a_target_is_decoded),
                cmocka_unit_test(test_a_bad_target_is_refused),
                cmocka_unit_test(test_what_was_escaped_reads_back),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
