#include "tests/unit/http_bed.h"

/* ---- the server's side ---- */

int64_t wall_ms(void)
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

void wait_for(struct fixture *f, const unsigned *count, unsigned want)
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

void issue(struct fixture *f, struct ca_wish *wish, struct buffer *ret_key, struct buffer *ret_der)
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

void serve(struct fixture *f, struct http_limits limits, unsigned loops)
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

int setup(void **state)
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

int teardown(void **state)
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

int dial(const struct fixture *f)
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

struct client client_open(const struct fixture *f, const struct buffer *key,
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

void client_close(struct client *client)
{
        SSL_free(client->tls);
        SSL_CTX_free(client->context);
        (void)close(client->fd);
}

void client_send(struct client *client, const char *text)
{
        assert_int_equal(SSL_write(client->tls, text, (int)strlen(text)), (int)strlen(text));
}

/* One whole answer with Content-Length, or what came until the end of the connection. */
size_t client_receive(struct client *client, char *ret, size_t size)
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

void assert_answer(struct client *client, const char *request, const char *status, const char *body)
{
        char answer[4096];

        client_send(client, request);
        assert_true(client_receive(client, answer, sizeof(answer)) > 0);
        assert_memory_equal(answer + 9, status, 3);
        if (body)
                assert_string_equal(strstr(answer, "\r\n\r\n") + 4, body);
}

/* The server ends the connection; whatever it said before is counted. */
size_t bytes_until_end(int fd)
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

struct http_limits hasty(void)
{
        return (struct http_limits){
                .connection_max = 100, .request_ms = 300, .rate_min = 1 << 20, .idle_ms = 300};
}
