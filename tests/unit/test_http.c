/*
 * The HTTPS server against a client that does what no library would: every trap of evhttp has a test here.
 *
 * file length: one harness of server and client, and a short test for each trap.
 */
#include "tests/unit/unit.h"

#include "common/error.h"
#include "store/ca.h"
#include "store/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DAY_MS ((int64_t)86400000)
enum { PATIENCE_MS = 20000 };

struct fixture {
        struct buffer ca_key, ca_der;
        struct ca *ca;
        struct buffer server_key, server_der;
        struct http_server *server;
        struct http_call *kept; /* by /keep; answered by the test's thread */
        pthread_mutex_t lock;
        pthread_cond_t changed;
        unsigned kept_count, gone_count;
};

/* ---- the server's side ---- */

static int64_t wall_ms(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_REALTIME, &now);
        return (int64_t)now.tv_sec * 1000;
}

static void on_hello(void *context, struct http_call *call)
{
        (void)context;
        http_call_text(call, 200, "hello\n");
}

static void on_echo(void *context, struct http_call *call)
{
        struct http_answer answer = {.status = 200};

        (void)context;
        buffer_append(&answer.body, http_call_body(call));
        http_call_answer(call, &answer);
}

static void on_query(void *context, struct http_call *call)
{
        char value[8] = "";
        int r = http_call_query(call, "a", value, sizeof(value));

        (void)context;
        http_call_text(call, r < 0 ? 400 : 200, r > 0 ? value : "none");
}

static void on_who(void *context, struct http_call *call)
{
        static const char *const names[] = {"unsafe", "none", "device", "other"};

        (void)context;
        http_call_text(call, 200, names[http_call_peer(call)->kind]);
}

static void on_large(void *context, struct http_call *call)
{
        struct http_answer answer = {.status = 200};
        size_t size = (size_t)16 << 20;
        uint8_t *room = buffer_reserve(&answer.body, size);

        (void)context;
        memset(room, 'x', size);
        answer.body.size += size;
        http_call_answer(call, &answer);
}

static void on_gone(void *context, struct http_call *call)
{
        struct fixture *f = context;
        struct http_answer answer = {.status = 204};

        (void)pthread_mutex_lock(&f->lock);
        f->gone_count++;
        f->kept = NULL;
        (void)pthread_cond_broadcast(&f->changed);
        (void)pthread_mutex_unlock(&f->lock);
        http_call_answer(call, &answer);
}

static void on_keep(void *context, struct http_call *call)
{
        struct fixture *f = context;

        http_call_keep(call, on_gone, f);
        (void)pthread_mutex_lock(&f->lock);
        f->kept = call;
        f->kept_count++;
        (void)pthread_cond_broadcast(&f->changed);
        (void)pthread_mutex_unlock(&f->lock);
}

static const struct http_route routes[] = {
        {"/hello", HTTP_METHOD_GET, on_hello}, {"/echo", HTTP_METHOD_POST, on_echo},
        {"/query", HTTP_METHOD_GET, on_query}, {"/who", HTTP_METHOD_GET, on_who},
        {"/keep", HTTP_METHOD_GET, on_keep},   {"/large", HTTP_METHOD_GET, on_large},
};

static void wait_for(struct fixture *f, const unsigned *count, unsigned want)
{
        struct timespec until;

        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += PATIENCE_MS / 1000;
        (void)pthread_mutex_lock(&f->lock);
        while (*count < want)
                assert_int_equal(pthread_cond_timedwait(&f->changed, &f->lock, &until), 0);
        (void)pthread_mutex_unlock(&f->lock);
}

static struct buffer pem_of(const struct private_key *key)
{
        struct buffer pem = BUFFER_INIT;

        assert_int_equal(private_key_to_pem(key, &pem), 0);
        return pem;
}

static void issue(struct fixture *f, struct ca_wish *wish, struct buffer *ret_key,
                  struct buffer *ret_der)
{
        CLEANUP(private_key_freep) struct private_key *key = NULL;
        uint8_t point[PUBLIC_KEY_SIZE];

        assert_int_equal(private_key_generate(&key), 0);
        private_key_public(key, point);
        wish->public_key = point;
        wish->common_name = "test";
        if (!wish->not_after_ms) {
                wish->not_before_ms = wall_ms() - DAY_MS;
                wish->not_after_ms = wall_ms() + DAY_MS;
        }
        assert_int_equal(ca_issue(f->ca, wish, ret_der), 0);
        *ret_key = pem_of(key);
}

static void serve(struct fixture *f, struct http_limits limits, unsigned loops)
{
        const struct http_settings settings = {
                .address = "127.0.0.1",
                .loop_count = loops,
                .limits = limits,
                .identity = {buffer_view(&f->ca_der), buffer_view(&f->server_der),
                             buffer_view(&f->server_key)},
                .routes = routes,
                .route_count = COUNT(routes),
                .context = f,
        };

        assert_int_equal(http_server_new(&settings, &f->server), 0);
        assert_int_equal(http_server_start(f->server), 0);
}

static int setup(void **state)
{
        static const char *const hosts[] = {"127.0.0.1"};
        struct fixture *f = calloc(1, sizeof(*f));
        struct ca_wish wish = {.profile = CA_PROFILE_SERVER, .hosts = hosts, .host_count = 1};

        assert_non_null(f);
        (void)signal(SIGPIPE, SIG_IGN);
        (void)pthread_mutex_init(&f->lock, NULL);
        (void)pthread_cond_init(&f->changed, NULL);
        assert_int_equal(ca_create("Test", wall_ms() - 30 * DAY_MS, &f->ca_key, &f->ca_der), 0);
        assert_int_equal(ca_open(buffer_view(&f->ca_key), buffer_view(&f->ca_der), &f->ca), 0);
        issue(f, &wish, &f->server_key, &f->server_der);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        (void)http_server_free(f->server);
        (void)ca_free(f->ca);
        buffer_wipe(&f->ca_key);
        buffer_deinit(&f->ca_der);
        buffer_wipe(&f->server_key);
        buffer_deinit(&f->server_der);
        (void)pthread_mutex_destroy(&f->lock);
        (void)pthread_cond_destroy(&f->changed);
        free(f);
        return 0;
}

/* ---- the client's side ---- */

struct client {
        int fd;
        SSL_CTX *context;
        SSL *tls;
};

static int dial(const struct fixture *f)
{
        const struct sockaddr_in address = {.sin_family = AF_INET,
                                            .sin_port = htons(http_server_port(f->server)),
                                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        assert_true(fd >= 0);
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

static void use_certificate(SSL_CTX *context, const struct buffer *key, const struct buffer *der)
{
        const uint8_t *at = der->data;
        X509 *certificate = d2i_X509(NULL, &at, (long)der->size);
        BIO *bio = BIO_new_mem_buf(key->data, (int)key->size);
        EVP_PKEY *pair = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

        assert_int_equal(SSL_CTX_use_certificate(context, certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(context, pair), 1);
        X509_free(certificate);
        EVP_PKEY_free(pair);
        (void)BIO_free(bio);
}

static struct client client_open(const struct fixture *f, const struct buffer *key,
                                 const struct buffer *der)
{
        struct client client = {.fd = dial(f), .context = SSL_CTX_new(TLS_client_method())};

        if (key)
                use_certificate(client.context, key, der);
        client.tls = SSL_new(client.context);
        (void)SSL_set_fd(client.tls, client.fd);
        assert_int_equal(SSL_connect(client.tls), 1);
        return client;
}

static void client_close(struct client *client)
{
        SSL_free(client->tls);
        SSL_CTX_free(client->context);
        (void)close(client->fd);
}

static void client_send(struct client *client, const char *text)
{
        assert_int_equal(SSL_write(client->tls, text, (int)strlen(text)), (int)strlen(text));
}

/* One whole answer with Content-Length, or what came until the end of the connection. */
static size_t client_receive(struct client *client, char *ret, size_t size)
{
        size_t have = 0;

        while (have + 1 < size) {
                const char *body, *length;
                int n = SSL_read(client->tls, ret + have, (int)(size - 1 - have));

                if (n <= 0)
                        break;
                have += (size_t)n;
                ret[have] = '\0';
                body = strstr(ret, "\r\n\r\n");
                length = strstr(ret, "Content-Length: ");
                if (body && length &&
                    have >= (size_t)(body + 4 - ret) + strtoul(length + 16, NULL, 10))
                        break;
        }
        ret[have] = '\0';
        ERR_clear_error();
        return have;
}

static void assert_answer(struct client *client, const char *request, const char *status,
                          const char *body)
{
        char answer[4096];

        client_send(client, request);
        assert_true(client_receive(client, answer, sizeof(answer)) > 0);
        assert_memory_equal(answer + 9, status, 3);
        if (body)
                assert_string_equal(strstr(answer, "\r\n\r\n") + 4, body);
}

/* The server ends the connection; whatever it said before is counted. */
static size_t bytes_until_end(int fd)
{
        char bytes[4096];
        size_t have = 0;
        ssize_t n;

        while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
                have += (size_t)n;
        assert_true(n == 0 || errno == ECONNRESET); /* not the patience of the test */
        return have;
}

/* ---- tests ---- */

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

static struct http_limits hasty(void)
{
        return (struct http_limits){
                .connection_max = 100, .request_ms = 300, .rate_min = 1 << 20, .idle_ms = 300};
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
