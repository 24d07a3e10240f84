/* What the HTTPS server refuses, whom it knows, and how it ends. */
#include "tests/unit/http_bed.h"

static void what_is_too_large_is_refused(void **state)
{
        struct fixture *f = *state;
        CLEANUP(buffer_deinit) struct buffer header = BUFFER_INIT;
        struct client client;
        char answer[4096];

        serve(f, HTTP_LIMITS_DEFAULT, 1);
        client = client_open(f, NULL, NULL);
        client_send(&client, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n");
        (void)client_receive(&client, answer, sizeof(answer));
        assert_non_null(strstr(answer, " 413 "));
        assert_true(SSL_read(client.tls, answer, 1) <= 0); /* and nothing more is read from it */
        client_close(&client);
        client = client_open(f, NULL, NULL);
        buffer_append_text(&header, "GET /hello HTTP/1.1\r\nHost: ");
        for (int i = 0; i < HTTP_HEADERS_MAX + 1024; i++)
                buffer_append_byte(&header, 'a');
        (void)SSL_write(client.tls, header.data, (int)header.size);
        (void)client_receive(&client, answer, sizeof(answer));
        assert_null(strstr(answer, "hello\n"));
        client_close(&client);
        client = client_open(f, NULL, NULL);
        client_send(&client, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: "
                             "99999999999999999999\r\n\r\n");
        (void)client_receive(&client, answer, sizeof(answer));
        assert_null(strstr(answer, " 200 "));
        client_close(&client);
}

static void a_stranger_cannot_fill_the_memory(void **state)
{
        struct fixture *f = *state;
        char *text = malloc(HTTP_BODY_MAX);
        struct client client;
        int sent = 0;

        serve(f, HTTP_LIMITS_DEFAULT, 1);
        client = client_open(f, NULL, NULL);
        client_send(&client, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n");
        memset(text, 'q', HTTP_BODY_MAX);
        while (sent <
               HTTP_BODY_MAX) { /* all of it fits into no buffer on the way: it ends before */
                int n = SSL_write(client.tls, text, 16384);

                if (n <= 0)
                        break;
                sent += n;
        }
        assert_true(client_receive(&client, text, HTTP_BODY_MAX) == 0);
        client_close(&client);
        free(text);
}

static void the_largest_body_comes_back_whole(void **state)
{
        struct fixture *f = *state;
        const size_t size = HTTP_BODY_MAX;
        CLEANUP(buffer_wipe) struct buffer key = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;
        struct ca_wish wish = {.profile = CA_PROFILE_DEVICE, .device = {{1}}};
        char *text = malloc(size + 4096), *answer = malloc(size + 4096), *body;
        struct client client;
        int head;

        serve(f, HTTP_LIMITS_DEFAULT, 2);
        issue(f, &wish, &key, &der);
        client = client_open(f, &key, &der);
        head = snprintf(text, 200, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
                        size);
        memset(text + head, 'q', size);
        text[(size_t)head + size] = '\0';
        client_send(&client, text);
        assert_true(client_receive(&client, answer, size + 4096) > size);
        body = strstr(answer, "\r\n\r\n") + 4;
        assert_int_equal(strlen(body), size);
        assert_string_equal(body, text + head);
        client_close(&client);
        free(text);
        free(answer);
}

static void other_methods_are_refused(void **state)
{
        static const char *const methods[] = {"PUT",     "DELETE", "OPTIONS", "TRACE",
                                              "CONNECT", "PATCH",  "HEAD",    "BREW"};
        struct fixture *f = *state;

        serve(f, hasty(), 1); /* evhttp keeps a CONNECT open after its refusal */
        for (size_t i = 0; i < COUNT(methods); i++) {
                struct client client = client_open(f, NULL, NULL);
                char text[1024];

                (void)snprintf(text, sizeof(text), "%s /hello HTTP/1.1\r\nHost: a\r\n\r\n",
                               methods[i]);
                client_send(&client, text);
                (void)client_receive(&client, text, sizeof(text));
                assert_null(strstr(text, "hello\n"));
                assert_null(strstr(text, " 200 "));
                client_close(&client);
        }
}

static void the_peer_is_known_by_its_certificate(void **state)
{
        static const char request[] = "GET /who HTTP/1.1\r\nHost: a\r\n\r\n";
        struct fixture *f = *state;
        struct ca_wish wishes[] = {
                {.profile = CA_PROFILE_DEVICE, .device = {{1}}},
                {.profile = CA_PROFILE_DEVICE,
                 .device = {{1}},
                 .not_before_ms = wall_ms() - 2 * DAY_MS,
                 .not_after_ms =
                         wall_ms() - DAY_MS}, /* expired: dates are the handler's business */
        };
        struct client client;

        serve(f, HTTP_LIMITS_DEFAULT, 1);
        client = client_open(f, NULL, NULL);
        assert_answer(&client, request, "200", "none");
        client_close(&client);
        for (size_t i = 0; i < COUNT(wishes); i++) {
                CLEANUP(buffer_wipe) struct buffer key = BUFFER_INIT;
                CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;

                issue(f, &wishes[i], &key, &der);
                client = client_open(f, &key, &der);
                assert_answer(&client, request, "200", "device");
                client_close(&client);
        }
}

/* The client believes in its handshake before the server judged it: the answer is what counts. */
static size_t answer_size(struct fixture *f, const struct buffer *key, const struct buffer *der)
{
        static const char request[] = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
        struct client client = client_open(f, key, der);
        char answer[1024];
        size_t size = 0;

        if (SSL_write(client.tls, request, sizeof(request) - 1) > 0)
                size = client_receive(&client, answer, sizeof(answer));
        ERR_clear_error();
        client_close(&client);
        return size;
}

static void certificates_that_are_not_ours_end_the_handshake(void **state)
{
        static const char *const hosts[] = {"127.0.0.1"};
        struct fixture *f = *state;
        struct fixture other = {0};
        struct ca_wish wishes[] = {
                {.profile = CA_PROFILE_DEVICE, .device = {{1}}}, /* of the other authority */
                {.profile = CA_PROFILE_DEVICE,
                 .device = {{1}},
                 .not_before_ms = wall_ms() + DAY_MS,
                 .not_after_ms = wall_ms() + 2 * DAY_MS}, /* not yet */
                {.profile = CA_PROFILE_SIGNING},
                {.profile = CA_PROFILE_SERVER, .hosts = hosts, .host_count = 1},
        };

        serve(f, HTTP_LIMITS_DEFAULT, 1);
        assert_int_equal(ca_create("Test", wall_ms() - DAY_MS, &other.ca_key, &other.ca_der), 0);
        assert_int_equal(ca_open(buffer_view(&other.ca_key), buffer_view(&other.ca_der), &other.ca),
                         0);
        for (size_t i = 0; i < COUNT(wishes); i++) {
                CLEANUP(buffer_wipe) struct buffer key = BUFFER_INIT;
                CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;

                issue(i == 0 ? &other : f, &wishes[i], &key, &der);
                assert_int_equal(answer_size(f, &key, &der), 0);
        }
        assert_true(answer_size(f, NULL, NULL) > 0);
        (void)ca_free(other.ca);
        buffer_wipe(&other.ca_key);
        buffer_deinit(&other.ca_der);
}

static void more_connections_than_allowed_wait_their_turn(void **state)
{
        struct fixture *f = *state;
        struct http_limits limits = HTTP_LIMITS_DEFAULT;
        struct client first, second;
        struct http_figures figures;
        int waiting;

        limits.connection_max = 2;
        serve(f, limits, 1);
        first = client_open(f, NULL, NULL);
        second = client_open(f, NULL, NULL);
        waiting = dial(f); /* the kernel takes it; nobody accepts it */
        assert_answer(&first, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "200", "hello\n");
        http_server_figures(f->server, &figures);
        assert_int_equal(figures.accepted, 2);
        client_close(&second);
        (void)close(waiting);
        second = client_open(f, NULL, NULL);
        assert_answer(&second, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "200", "hello\n");
        client_close(&second);
        client_close(&first);
}

static void draining_finishes_what_is_in_flight(void **state)
{
        struct fixture *f = *state;
        struct http_answer answer = {.status = 200};
        struct client idle, busy;
        char text[1024];

        serve(f, HTTP_LIMITS_DEFAULT, 1);
        idle = client_open(f, NULL, NULL);
        assert_answer(&idle, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "200", "hello\n");
        busy = client_open(f, NULL, NULL);
        client_send(&busy, "GET /keep HTTP/1.1\r\nHost: a\r\n\r\n");
        wait_for(f, &f->kept_count, 1);
        http_server_drain(f->server);
        assert_true(SSL_read(idle.tls, text, 1) <= 0); /* closed at once */
        assert_int_equal(http_server_busy(f->server), 1);
        buffer_append_text(&answer.body, "last words");
        http_call_answer(f->kept, &answer);
        assert_true(client_receive(&busy, text, sizeof(text)) > 0);
        assert_non_null(strstr(text, "last words"));
        assert_non_null(strstr(text, "Connection: close"));
        assert_true(SSL_read(busy.tls, text, 1) <= 0);
        client_close(&idle);
        client_close(&busy);
}

static void a_server_may_stop_under_a_kept_call(void **state)
{
        struct fixture *f = *state;
        struct client client;

        serve(f, HTTP_LIMITS_DEFAULT, 2);
        client = client_open(f, NULL, NULL);
        client_send(&client, "GET /keep HTTP/1.1\r\nHost: a\r\n\r\n");
        wait_for(f, &f->kept_count, 1);
        http_server_stop(f->server);
        assert_int_equal(f->gone_count, 1);
        assert_int_equal(http_server_busy(f->server), 0);
        client_close(&client);
}

static void a_port_is_not_shared(void **state)
{
        struct fixture *f = *state;
        struct http_settings settings = {
                .address = "127.0.0.1",
                .loop_count = 1,
                .limits = HTTP_LIMITS_DEFAULT,
                .identity = {buffer_view(&f->ca_der), buffer_view(&f->server_der),
                             buffer_view(&f->server_key)},
        };
        struct http_server *second = NULL;

        serve(f, HTTP_LIMITS_DEFAULT, 2);
        settings.port = http_server_port(f->server);
        assert_int_equal(http_server_new(&settings, &second), PANNIER_E_BUSY);
        assert_null(second);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(what_is_too_large_is_refused),
                TEST(a_stranger_cannot_fill_the_memory),
                TEST(the_largest_body_comes_back_whole),
                TEST(other_methods_are_refused),
                TEST(the_peer_is_known_by_its_certificate),
                TEST(certificates_that_are_not_ours_end_the_handshake),
                TEST(more_connections_than_allowed_wait_their_turn),
                TEST(draining_finishes_what_is_in_flight),
                TEST(a_server_may_stop_under_a_kept_call),
                TEST(a_port_is_not_shared),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
