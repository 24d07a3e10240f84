/* What the tests of the HTTPS server share: the server with a few routes, and a client that does what no library would. */
#ifndef TESTS_UNIT_HTTP_BED_H
#define TESTS_UNIT_HTTP_BED_H

#include "common/error.h"
#include "store/ca.h"
#include "store/http.h"
#include "tests/unit/unit.h"
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

struct client {
        int fd;
        SSL_CTX *context;
        SSL *tls;
};

int64_t wall_ms(void);
/* wait_for() - until a counter of the fixture, which the server raises under its lock, has reached @want */
void wait_for(struct fixture *f, const unsigned *count, unsigned want);
/* issue() - a key in PEM and a certificate for it in DER, of the fixture's authority */
void issue(struct fixture *f, struct ca_wish *wish, struct buffer *ret_key, struct buffer *ret_der);
/* serve() - begin to listen, on a free port of loopback */
void serve(struct fixture *f, struct http_limits limits, unsigned loops);
/* setup(), teardown() - of a test: its fixture with an authority; the server is stopped where one runs */
int setup(void **state);
int teardown(void **state);
/* dial() - a bare TCP connection; client_open() - with TLS, with a certificate where @key is given */
int dial(const struct fixture *f);
struct client client_open(const struct fixture *f, const struct buffer *key,
                          const struct buffer *der);
void client_close(struct client *client);
/* client_receive() - what has come, at most @size; 0: the server closed */
void client_send(struct client *client, const char *text);
size_t client_receive(struct client *client, char *ret, size_t size);
/* assert_answer() - send a request and have this answer to it */
void assert_answer(struct client *client, const char *request, const char *status,
                   const char *body);
/* bytes_until_end() - read a bare connection to its end; how many bytes came */
size_t bytes_until_end(int fd);
/* hasty() - limits that a test can wait for */
struct http_limits hasty(void);

#endif
