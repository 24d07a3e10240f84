/* The real server on a real socket, on a thread of its own; the tests are its clients. */
#include "common/error.h"
#include "daemon/api_http.h"
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_MAX = 32 << 20, PATIENCE_MS = 10000, LARGE_SIZE = 2 << 20 };

struct server {
        struct event_base *base;
        struct api_http *http;
        pthread_t thread;
        struct api_exchange *kept;
        char path[108];
        int gone_pipe[2]; /* a byte comes when a kept client went away */
        int large;        /* large answers that were given */
};

static void on_gone(void *context)
{
        struct server *server = context;

        server->kept = NULL;
        assert_int_equal(write(server->gone_pipe[1], "g", 1), 1);
}

static bool is(const struct api_request *request, const char *name)
{
        return request->target.segment_count == 1 &&
               bytes_equal(request->target.segments[0], bytes_text(name));
}

static void stream_more(void *context)
{
        static const char piece[API_STREAM_QUEUE_MAX] = {0};
        struct server *server = context;

        assert_int_equal(api_stream_send(server->kept, BYTES(piece, sizeof(piece))), 0);
}

/* Pieces of a client's first turn come until its queue is full; then more whenever it has read all, so that only one that
   does not read is ever full for long. */
static void stream_until_full(struct server *server, struct api_exchange *exchange)
{
        static const char piece[4096] = {0};

        api_stream_begin(exchange, "text/event-stream");
        api_on_gone(exchange, on_gone, server);
        server->kept = exchange;
        api_stream_on_drained(exchange, stream_more);
        for (int i = 0; i < 1000; i++)
                if (api_stream_send(exchange, BYTES(piece, sizeof(piece))) == API_STREAM_FULL)
                        return;
}

static void handle(void *context, struct api_exchange *exchange, const struct api_request *request)
{
        struct server *server = context;

        if (is(request, "stop")) {
                api_answer(exchange, 204, NULL, BYTES_NONE);
                (void)event_base_loopbreak(server->base);
        } else if (is(request, "later")) {
                server->kept = exchange;
                api_on_gone(exchange, on_gone, server);
        } else if (is(request, "now")) {
                if (server->kept)
                        api_answer(server->kept, 200, "text/plain", bytes_text("later"));
                server->kept = NULL;
                api_answer(exchange, 200, "text/plain", bytes_text("now"));
        } else if (is(request, "large")) {
                static const char large[LARGE_SIZE] = {0};

                server->large++;
                api_answer(exchange, 200, "text/plain", BYTES(large, sizeof(large)));
        } else if (is(request, "count")) {
                char text[24];

                (void)snprintf(text, sizeof(text), "%d given", server->large);
                api_answer(exchange, 200, "text/plain", bytes_text(text));
        } else if (is(request, "stream")) {
                stream_until_full(server, exchange);
        } else {
                api_answer(exchange, 200, "text/plain", request->body);
        }
}

static void *serve(void *context)
{
        struct server *server = context;

        (void)event_base_dispatch(server->base);
        return NULL;
}

static struct server *start(void **state, const struct api_http_options *options)
{
        struct server *server = calloc(1, sizeof(*server));
        struct api_http_options used = *options;

        (void)snprintf(server->path, sizeof(server->path), "%s", unit_path(state, "api.sock"));
        used.path = server->path;
        assert_int_equal(pipe(server->gone_pipe), 0);
        server->base = event_base_new();
        assert_int_equal(api_http_new(server->base, &used, handle, server, &server->http), 0);
        assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
        return server;
}

static int dial(const struct server *server)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        memcpy(address.sun_path, server->path, sizeof(address.sun_path));
        assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

static void say(int fd, const char *text)
{
        assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Everything until the server closes, or until @until came. */
static void hear(int fd, const char *until, struct buffer *out)
{
        struct pollfd poller = {.fd = fd, .events = POLLIN};

        out->limit = ANSWER_MAX;
        while (!until || !out->size || !memmem(out->data, out->size, until, strlen(until))) {
                uint8_t *place = buffer_reserve(out, 65536);
                assert_int_equal(poll(&poller, 1, PATIENCE_MS), 1);
                ssize_t size = recv(fd, place, 65536, 0);
                if (size <= 0)
                        break;
                out->size += (size_t)size;
        }
}

static bool has(const struct buffer *buffer, const char *text)
{
        return buffer->size && memmem(buffer->data, buffer->size, text, strlen(text));
}

/* One request on a connection of its own; what comes until the server closes. */
static void ask(const struct server *server, const char *request, struct buffer *out)
{
        int fd = dial(server);

        buffer_reset(out);
        say(fd, request);
        hear(fd, NULL, out);
        (void)close(fd);
}

static void stop(struct server *server)
{
        CLEANUP(buffer_deinit) struct buffer answer = BUFFER_INIT;
        int fd = dial(server);

        say(fd, "GET /stop HTTP/1.1\r\n\r\n");
        assert_int_equal(pthread_join(server->thread, NULL), 0);
        (void)close(fd);
        (void)api_http_free(server->http);
        event_base_free(server->base);
        (void)close(server->gone_pipe[0]);
        (void)close(server->gone_pipe[1]);
        free(server);
}

static void test_a_connection_is_kept_and_pipelined_requests_are_answered_in_order(void **state)
{
        struct server *server = start(state, &(struct api_http_options){0});
        CLEANUP(buffer_deinit) struct buffer answer = BUFFER_INIT;
        int fd = dial(server);

        say(fd, "POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nfirst"
                "POST /b HTTP/1.1\r\nContent-Length: 6\r\n\r\nsecond");
        hear(fd, "second", &answer);
        assert_true(has(&answer, "first"));
        buffer_reset(&answer);
        say(fd, "POST /c HTTP/1.1\r\nConnection: close\r\nContent-Length: 5\r\n\r\nthird");
        hear(fd, NULL, &answer);
        assert_true(has(&answer, "HTTP/1.1 200 OK\r\n"));
        assert_true(has(&answer, "Connection: close\r\n"));
        assert_true(has(&answer, "\r\n\r\nthird"));
        (void)close(fd);
        stop(server);
}

static void test_who_reads_no_answers_gets_no_more_of_them(void **state)
{
        enum { REQUESTS = 10 };
        struct server *server = start(state, &(struct api_http_options){0});
        CLEANUP(buffer_deinit) struct buffer answer = BUFFER_INIT;
        int fd = dial(server);

        for (int i = 0; i < REQUESTS; i++)
                say(fd, i + 1 < REQUESTS ? "GET /large HTTP/1.1\r\n\r\n"
                                         : "GET /large HTTP/1.1\r\nConnection: close\r\n\r\n");
        for (int i = 0; i < 20; i++) /* turns of the loop in which more could have been answered */
                ask(server, "GET /count HTTP/1.1\r\nConnection: close\r\n\r\n", &answer);
        assert_true(has(&answer, "\r\n\r\n1 given"));
        buffer_reset(&answer);
        hear(fd, NULL, &answer); /* and all of them when they are read */
        assert_true(answer.size > (size_t)REQUESTS * LARGE_SIZE);
        (void)close(fd);
        stop(server);
}

static void test_who_only_stops_sending_still_gets_the_answer(void **state)
{
        struct server *server = start(state, &(struct api_http_options){0});
        CLEANUP(buffer_deinit) struct buffer answer = BUFFER_INIT;
        int fd = dial(server);

        say(fd, "GET /large HTTP/1.1\r\n\r\n");
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        hear(fd, NULL, &answer);
        assert_true(answer.size > LARGE_SIZE);
        (void)close(fd);
        stop(server);
}

static void test_a_request_may_come_byte_by_byte(void **state)
{
        static const char request[] = "POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nxyz";
        struct server *server = start(state, &(struct api_http_options){0});
        CLEANUP(buffer_deinit) struct buffer answer = BUFFER_INIT;
        int fd = dial(server);

        for (size_t i = 0; i < sizeof(request) - 1; i++)
                assert_int_equal(send(fd, request + i, 1, MSG_NOSIGNAL), 1);
        hear(fd, "xyz", &answer);
        assert_true(has(&answer, "200 OK"));
        (void)close(fd);
        stop(server);
}

static void test_what_is_not_a_request_is_refused_by_name_and_the_connection_ends(void **state)
{
        struct server *server = start(state, &(struct api_http_options){0});
        CLEANUP(buffer_deinit) struct buffer answer = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer large = BUFFER_INIT;

        ask(server, "HELO\r\n\r\n", &answer);
        assert_true(has(&answer, "HTTP/1.1 400 ") && has(&answer, "\"code\": \"malformed\""));
        ask(server, "GET /%zz HTTP/1.1\r\n\r\n", &answer);
        assert_true(has(&answer, "HTTP/1.1 400 "));
        ask(server, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &answer);
        assert_true(has(&answer, "HTTP/1.1 411 "));
        ask(server, "POST / HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n", &answer);
        assert_true(has(&answer, "HTTP/1.1 413 ") && has(&answer, "\"code\": \"limit\""));
        buffer_append_text(&large, "GET / HTTP/1.1\r\nA: ");
        while (large.size < HTTP1_HEAD_MAX)
                buffer_append_byte(&large, 'a');
        buffer_append_byte(&large, 0);
        ask(server, (const char *)large.data, &answer);
        assert_true(has(&answer, "HTTP/1.1 431 "));
        stop(server);
}

static void test_an_answer_reaches_a_client_that_still_sends_a_refused_body(void **state)
{
        struct server *server = start(state, &(struct api_http_options){0});
        CLEANUP(buffer_deinit) struct buffer answer = BUFFER_INIT;
        CLEANUP(free_pointerp) char *body = calloc(1, 65536);
        int fd = dial(server);

        say(fd, "POST / HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n");
        for (int i = 0; i < 30; i++) /* what the server has no use for any more */
                if (send(fd, body, 65536, MSG_NOSIGNAL) < 0)
                        break;
        hear(fd, NULL, &answer);
        assert_true(has(&answer, "HTTP/1.1 413 "));
        (void)close(fd);
        stop(server);
}

static void test_slow_heads_slow_bodies_and_silence_are_ended(void **state)
{
        struct server *server = start(
                state, &(struct api_http_options){.head_ms = 50, .body_ms = 50, .idle_ms = 50});
        CLEANUP(buffer_deinit) struct buffer answer = BUFFER_INIT;

        ask(server, "GET / HTT", &answer);
        assert_true(has(&answer, "HTTP/1.1 408 "));
        ask(server, "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf", &answer);
        assert_true(has(&answer, "HTTP/1.1 408 "));
        ask(server, "", &answer);
        assert_int_equal(answer.size, 0);
        stop(server);
}

static void test_connections_are_limited_and_the_next_is_told(void **state)
{
        struct server *server = start(state, &(struct api_http_options){.connections_max = 2});
        CLEANUP(buffer_deinit) struct buffer answer = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer first_answer = BUFFER_INIT;
        int first = dial(server), second = dial(server), third;

        say(first, "GET /a HTTP/1.1\r\n\r\n");
        hear(first, "\r\n\r\n", &first_answer);
        say(second, "GET /a HTTP/1.1\r\n\r\n");
        hear(second, "\r\n\r\n", &answer);
        third = dial(server);
        buffer_reset(&answer);
        hear(third, NULL, &answer);
        assert_true(has(&answer, "HTTP/1.1 503 ") && has(&answer, "\"code\": \"busy\""));
        (void)close(first);
        (void)close(second);
        (void)close(third);
        do { /* a place is free as soon as the server has seen the end of the first */
                ask(server, "GET /a HTTP/1.1\r\nConnection: close\r\n\r\n", &answer);
        } while (has(&answer, "HTTP/1.1 503 "));
        assert_true(has(&answer, "HTTP/1.1 200 "));
        stop(server);
}

static void test_an_answer_may_come_later_and_a_client_that_left_is_noticed(void **state)
{
        struct server *server = start(state, &(struct api_http_options){0});
        CLEANUP(buffer_deinit) struct buffer answer = BUFFER_INIT;
        int waiting = dial(server);
        char byte;

        say(waiting, "GET /later HTTP/1.1\r\nConnection: close\r\n\r\n");
        do {
                ask(server, "GET /now HTTP/1.1\r\nConnection: close\r\n\r\n", &answer);
        } while (poll(&(struct pollfd){.fd = waiting, .events = POLLIN}, 1, 0) == 0);
        buffer_reset(&answer);
        hear(waiting, NULL, &answer);
        assert_true(has(&answer, "\r\n\r\nlater"));
        (void)close(waiting);
        waiting = dial(server);
        say(waiting, "GET /later HTTP/1.1\r\n\r\n");
        (void)close(waiting);
        assert_int_equal(read(server->gone_pipe[0], &byte, 1), 1);
        stop(server);
}

static void test_a_stream_whose_client_does_not_read_is_cut_off(void **state)
{
        struct server *server = start(state, &(struct api_http_options){.write_ms = 50});
        CLEANUP(buffer_deinit) struct buffer answer = BUFFER_INIT;
        int fd = dial(server);
        char byte;

        say(fd, "GET /stream HTTP/1.1\r\n\r\n");
        assert_int_equal(read(server->gone_pipe[0], &byte, 1), 1);
        hear(fd, NULL, &answer);
        assert_true(answer.size <= 2 * API_STREAM_QUEUE_MAX);
        (void)close(fd);
        stop(server);
}

static void test_a_second_server_is_refused_and_a_dead_ones_socket_is_replaced(void **state)
{
        struct server *server = start(state, &(struct api_http_options){0});
        struct api_http_options options = {.path = server->path};
        struct api_http *other = NULL;
        struct event_base *base = event_base_new();
        struct stat facts;

        assert_int_equal(stat(server->path, &facts), 0);
        assert_int_equal(facts.st_mode & 0777, 0660);
        assert_int_equal(api_http_new(base, &options, handle, NULL, &other), PANNIER_E_BUSY);
        assert_null(other);
        stop(server);
        /* What a killed daemon leaves: a socket that nobody listens on. */
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s",
                       unit_path(state, "api.sock"));
        assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        (void)close(fd);
        options.path = address.sun_path;
        assert_int_equal(api_http_new(base, &options, handle, NULL, &other), 0);
        (void)api_http_free(other);
        assert_int_not_equal(stat(address.sun_path, &facts), 0);
        event_base_free(base);
}

static void test_a_path_that_no_socket_can_have_is_refused(void **state)
{
        struct event_base *base = event_base_new();
        struct api_http *http = NULL;
        char path[200];

        (void)state;
        memset(path, 'a', sizeof(path) - 1);
        path[sizeof(path) - 1] = 0;
        struct api_http_options options = {.path = path};
        assert_int_equal(api_http_new(base, &options, handle, NULL, &http), PANNIER_E_INVALID);
        event_base_free(base);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, unit_folder_make, unit_folder_remove)

int main(void)
{
        const struct CMUnitTest tests[] = {
                IN_FOLDER(test_a_connection_is_kept_and_pipelined_requests_are_answered_in_order),
                IN_FOLDER(test_who_reads_no_answers_gets_no_more_of_them),
                IN_FOLDER(test_who_only_stops_sending_still_gets_the_answer),
                IN_FOLDER(test_a_request_may_come_byte_by_byte),
                IN_FOLDER(test_what_is_not_a_request_is_refused_by_name_and_the_connection_ends),
                IN_FOLDER(test_an_answer_reaches_a_client_that_still_sends_a_refused_body),
                IN_FOLDER(test_slow_heads_slow_bodies_and_silence_are_ended),
                IN_FOLDER(test_connections_are_limited_and_the_next_is_told),
                IN_FOLDER(test_an_answer_may_come_later_and_a_client_that_left_is_noticed),
                IN_FOLDER(test_a_stream_whose_client_does_not_read_is_cut_off),
                IN_FOLDER(test_a_second_server_is_refused_and_a_dead_ones_socket_is_replaced),
                cmocka_unit_test(test_a_path_that_no_socket_can_have_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
