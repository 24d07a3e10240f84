/* The HTTPS server against clients that are slow, silent or in a hurry: every trap of evhttp has a test here. */
#include "tests/unit/http_bed.h"

static void requests_follow_each_other_on_one_connection(void **state)
{
        struct fixture *f = *state;
        struct client client;

        serve(f, HTTP_LIMITS_DEFAULT, 2);
        client = client_open(f, NULL, NULL);
        for (int i = 0; i < 3; i++)
                assert_answer(&client, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "200", "hello\n");
        assert_answer(&client, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
                      "200", "abc");
        assert_answer(&client, "GET /query?a=b%20c HTTP/1.1\r\nHost: a\r\n\r\n", "200", "b c");
        assert_answer(&client, "GET /query?a=12345678 HTTP/1.1\r\nHost: a\r\n\r\n", "400", NULL);
        assert_answer(&client, "GET /query HTTP/1.1\r\nHost: a\r\n\r\n", "200", "none");
        assert_answer(&client, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", "404", NULL);
        assert_answer(&client, "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n", "405", NULL);
        client_close(&client);
}

static void answers_do_not_wait_for_acknowledgements(void **state)
{
        struct fixture *f = *state;
        struct timespec begin, end;
        struct client client;

        serve(f, HTTP_LIMITS_DEFAULT, 1);
        client = client_open(f, NULL, NULL);
        (void)clock_gettime(CLOCK_MONOTONIC, &begin);
        for (int i = 0; i < 100; i++)
                assert_answer(&client, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "200", "hello\n");
        (void)clock_gettime(CLOCK_MONOTONIC, &end);
        /* Without TCP_NODELAY each answer takes 40 ms: 4 s. */
        assert_true((end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000 <
                    2000);
        client_close(&client);
}

static void a_client_that_leaves_a_long_wait_is_noticed(void **state)
{
        struct fixture *f = *state;
        struct client client;

        serve(f, HTTP_LIMITS_DEFAULT, 1);
        client = client_open(f, NULL, NULL);
        client_send(&client, "GET /keep HTTP/1.1\r\nHost: a\r\n\r\n");
        wait_for(f, &f->kept_count, 1);
        client_close(&client);
        wait_for(f, &f->gone_count, 1);
        assert_null(f->kept);
}

static void what_is_pipelined_into_a_long_wait_is_answered_after_it(void **state)
{
        struct fixture *f = *state;
        struct http_answer answer = {.status = 200};
        struct client client;
        char first[1024], second[1024];

        serve(f, HTTP_LIMITS_DEFAULT, 1);
        client = client_open(f, NULL, NULL);
        client_send(&client, "GET /keep HTTP/1.1\r\nHost: a\r\n\r\n");
        wait_for(f, &f->kept_count, 1);
        client_send(&client, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
        /* Another client's answer says that the loop has seen those bytes. */
        for (int i = 0; i < 3; i++) {
                struct client other = client_open(f, NULL, NULL);

                assert_answer(&other, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "200", "hello\n");
                client_close(&other);
        }
        buffer_append_text(&answer.body, "done");
        http_call_answer(f->kept, &answer);
        assert_true(client_receive(&client, first, sizeof(first)) > 0);
        assert_string_equal(strstr(first, "\r\n\r\n") + 4, "done");
        assert_true(client_receive(&client, second, sizeof(second)) > 0);
        assert_string_equal(strstr(second, "\r\n\r\n") + 4, "hello\n");
        client_close(&client);
}

static void many_pipelined_requests_are_answered_in_order(void **state)
{
        struct fixture *f = *state;
        CLEANUP(buffer_deinit) struct buffer requests = BUFFER_INIT;
        struct client client;
        char answers[65536] = "";
        size_t have = 0;
        int count = 0;

        serve(f, HTTP_LIMITS_DEFAULT, 1);
        client = client_open(f, NULL, NULL);
        for (int i = 0; i < 100; i++)
                buffer_append_format(&requests, "GET /query?a=%d HTTP/1.1\r\nHost: a\r\n\r\n", i);
        buffer_append_text(&requests,
                           "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert_int_equal(SSL_write(client.tls, requests.data, (int)requests.size), requests.size);
        for (;;) {
                int n = SSL_read(client.tls, answers + have, (int)(sizeof(answers) - 1 - have));

                if (n <= 0)
                        break;
                have += (size_t)n;
        }
        answers[have] = '\0';
        for (const char *at = answers; (at = strstr(at, "\r\n\r\n")); at += 4, count++)
                if (count < 100)
                        assert_int_equal(strtol(at + 4, NULL, 10), count);
        assert_int_equal(count, 101);
        client_close(&client);
}

static void plain_text_on_the_tls_port_gets_no_answer(void **state)
{
        static const char request[] = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
        struct fixture *f = *state;
        struct client client;
        int fd;

        serve(f, HTTP_LIMITS_DEFAULT, 1);
        fd = dial(f);
        assert_int_equal(send(fd, request, sizeof(request) - 1, 0), sizeof(request) - 1);
        assert_true(bytes_until_end(fd) <= 7); /* a TLS alert at most */
        (void)close(fd);
        client = client_open(f, NULL, NULL); /* and the server goes on */
        assert_answer(&client, request, "200", "hello\n");
        client_close(&client);
}

static void silence_before_the_handshake_ends(void **state)
{
        struct fixture *f = *state;
        struct http_figures figures;
        int fd;

        serve(f, hasty(), 1);
        fd = dial(f);
        assert_int_equal(bytes_until_end(fd), 0);
        (void)close(fd);
        http_server_figures(f->server, &figures);
        assert_int_equal(figures.timed_out, 1);
}

static void a_header_that_drips_is_cut(void **state)
{
        struct fixture *f = *state;
        struct client client;
        char byte;
        int sent = 0;

        serve(f, hasty(), 1);
        client = client_open(f, NULL, NULL);
        client_send(&client, "GET /hello HTTP/1.1\r\nHost: ");
        for (;;
             sent++) { /* a byte as often as we are let: each one would begin evhttp's time-out anew */
                struct pollfd ended = {.fd = client.fd, .events = POLLRDHUP};

                if (poll(&ended, 1, 20) > 0 && (ended.revents & (POLLRDHUP | POLLHUP | POLLERR)))
                        break;
                assert_true(sent < 1000);
                if (SSL_write(client.tls, "a", 1) <= 0)
                        break;
        }
        assert_true(SSL_read(client.tls, &byte, 1) <= 0);
        client_close(&client);
}

static void a_client_that_does_not_read_its_answer_is_cut(void **state)
{
        struct fixture *f = *state;
        struct http_limits limits = hasty();
        struct http_figures figures = {0};
        struct client client;
        int patience = 10000;

        limits.rate_min = 64 << 20;
        serve(f, limits, 1);
        client = client_open(f, NULL, NULL);
        client_send(&client, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
        do { /* the kernel does not tell a client that does not read: ask the server, a request at a time */
                struct client other = client_open(f, NULL, NULL);

                assert_answer(&other, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "200", "hello\n");
                client_close(&other);
                http_server_figures(f->server, &figures);
        } while (!figures.timed_out && --patience);
        assert_int_equal(figures.timed_out, 1);
        assert_true(bytes_until_end(client.fd) < 16 << 20);
        client_close(&client);
}

static void an_idle_connection_is_closed(void **state)
{
        struct fixture *f = *state;
        struct client client;
        char byte;

        serve(f, hasty(), 1);
        client = client_open(f, NULL, NULL);
        assert_answer(&client, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "200", "hello\n");
        assert_true(SSL_read(client.tls, &byte, 1) <= 0);
        client_close(&client);
}

static void a_long_wait_is_no_idle_connection(void **state)
{
        struct fixture *f = *state;
        struct http_answer answer = {.status = 200};
        struct client client, other;
        char text[1024];

        serve(f, hasty(), 1);
        client = client_open(f, NULL, NULL);
        client_send(&client, "GET /keep HTTP/1.1\r\nHost: a\r\n\r\n");
        wait_for(f, &f->kept_count, 1);
        other = client_open(f, NULL,
                            NULL); /* this one is cut after the same time: so the time is over */
        assert_true(SSL_read(other.tls, text, 1) <= 0);
        client_close(&other);
        buffer_append_text(&answer.body, "still here");
        http_call_answer(f->kept, &answer);
        assert_true(client_receive(&client, text, sizeof(text)) > 0);
        assert_non_null(strstr(text, "still here"));
        client_close(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(requests_follow_each_other_on_one_connection),
                TEST(answers_do_not_wait_for_acknowledgements),
                TEST(a_client_that_leaves_a_long_wait_is_noticed),
                TEST(what_is_pipelined_into_a_long_wait_is_answered_after_it),
                TEST(many_pipelined_requests_are_answered_in_order),
                TEST(plain_text_on_the_tls_port_gets_no_answer),
                TEST(silence_before_the_handshake_ends),
                TEST(a_header_that_drips_is_cut),
                TEST(a_client_that_does_not_read_its_answer_is_cut),
                TEST(an_idle_connection_is_closed),
                TEST(a_long_wait_is_no_idle_connection),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
