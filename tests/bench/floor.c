/*
 * The floor: what the job costs with nothing but the transport and the database. Mutual TLS 1.3 on loopback, positional
 * CBOR, zstd-3, straight into SQLite: no log, no conflicts, no resume. Both sides are this program.
 *
 *     floor server FOLDER        keys and certificates of FOLDER; prints its port, serves one client, ends
 *     floor client FOLDER PORT [--encrypted]
 *
 * The client pushes 1,000 rows and fetches W; it prints one JSON object: connect_us (TCP and TLS), push_us, push_bytes,
 * first_us, first_bytes (positional CBOR under zstd-3, in pieces of 1 MiB), rows.
 */
#include "common/cbor.h"
#include "tests/bench/rows.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zstd.h>

enum { PUSH_ROWS = 1000, CHUNK_SIZE = 1 << 20, ZSTD_LEVEL = 3, SEED = 1, MESSAGE_MAX = 16 << 20 };

static void die(const char *what)
{
        (void)fprintf(stderr, "floor: %s\n", what);
        ERR_print_errors_fp(stderr);
        exit(EXIT_FAILURE);
}

static SSL_CTX *context(const char *folder, bool server)
{
        SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
        char path[4096];

        if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1)
                die("no TLS");
        (void)snprintf(path, sizeof path, "%s/%s.crt", folder, server ? "server" : "client");
        if (SSL_CTX_use_certificate_file(ctx, path, SSL_FILETYPE_PEM) != 1)
                die(path);
        (void)snprintf(path, sizeof path, "%s/%s.key", folder, server ? "server" : "client");
        if (SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) != 1)
                die(path);
        (void)snprintf(path, sizeof path, "%s/ca.crt", folder);
        if (SSL_CTX_load_verify_locations(ctx, path, NULL) != 1)
                die(path);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        return ctx;
}

static void write_all(SSL *tls, const void *data, size_t size)
{
        size_t written;

        if (size > 0 && (SSL_write_ex(tls, data, size, &written) != 1 || written != size))
                die("cannot write");
}

static void read_all(SSL *tls, void *data, size_t size)
{
        size_t got, done = 0;

        while (done < size) {
                if (SSL_read_ex(tls, (uint8_t *)data + done, size - done, &got) != 1)
                        die("cannot read");
                done += got;
        }
}

/* One message: its size, then a zstd frame. Returns what went over the wire. */
static size_t send_message(SSL *tls, struct bytes clear)
{
        size_t bound = ZSTD_compressBound(clear.size), size;
        uint8_t *packed = malloc(bound);
        uint32_t length;

        if (!packed)
                die("no memory");
        size = ZSTD_compress(packed, bound, clear.data, clear.size, ZSTD_LEVEL);
        length = htonl((uint32_t)size);
        write_all(tls, &length, sizeof length);
        write_all(tls, packed, size);
        free(packed);
        return size + sizeof length;
}

static size_t receive_message(SSL *tls, struct buffer *ret)
{
        uint32_t length;
        uint8_t *packed;
        unsigned long long clear_size;

        read_all(tls, &length, sizeof length);
        length = ntohl(length);
        packed = malloc(length);
        if (!packed || length > MESSAGE_MAX)
                die("no memory");
        read_all(tls, packed, length);
        clear_size = ZSTD_getFrameContentSize(packed, length);
        buffer_reset(ret);
        if (clear_size > MESSAGE_MAX || !buffer_reserve(ret, (size_t)clear_size))
                die("message too large");
        ret->size = ZSTD_decompress(ret->data, (size_t)clear_size, packed, length);
        free(packed);
        return length + sizeof length;
}

static uint64_t store_rows(sqlite3 *db, sqlite3_stmt *stmts[ROW_KIND_COUNT], struct bytes rows)
{
        struct cbor_reader reader;
        struct row row;
        uint64_t count = 0;

        cbor_reader_init(&reader, rows);
        bench_exec(db, "BEGIN IMMEDIATE");
        while (!cbor_at_end(&reader)) {
                if (row_decode(&reader, &row) < 0)
                        die("a row that is none");
                row_insert(db, stmts, &row);
                count++;
        }
        bench_exec(db, "COMMIT");
        return count;
}

/* ---- server ---- */

static void read_row(sqlite3_stmt *stmt, enum row_kind kind, struct row *ret)
{
        ret->kind = kind;
        memcpy(ret->id.bytes, sqlite3_column_blob(stmt, 0), 16);
        memcpy(ret->person.bytes, sqlite3_column_blob(stmt, 1), 16);
        ret->field_count = (size_t)sqlite3_column_count(stmt) - 2;
        for (size_t i = 0; i < ret->field_count; i++) {
                int column = (int)i + 2;

                ret->fields[i].is_text = sqlite3_column_type(stmt, column) == SQLITE_TEXT;
                ret->fields[i].number = sqlite3_column_int64(stmt, column);
                if (ret->fields[i].is_text)
                        (void)snprintf(ret->fields[i].text, sizeof ret->fields[i].text, "%s",
                                       (const char *)sqlite3_column_text(stmt, column));
        }
}

static void send_everything(SSL *tls, sqlite3 *db)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        struct row row;

        for (int kind = 0; kind < ROW_KIND_COUNT; kind++) {
                char sql[64];
                sqlite3_stmt *stmt;

                (void)snprintf(sql, sizeof sql, "SELECT * FROM r%d ORDER BY id", kind);
                if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
                        die(sqlite3_errmsg(db));
                while (sqlite3_step(stmt) == SQLITE_ROW) {
                        read_row(stmt, (enum row_kind)kind, &row);
                        row_encode(&row, &out);
                        if (out.size >= CHUNK_SIZE) {
                                (void)send_message(tls, buffer_view(&out));
                                buffer_reset(&out);
                        }
                }
                (void)sqlite3_finalize(stmt);
        }
        (void)send_message(tls, buffer_view(&out));
        (void)send_message(tls, BYTES_NONE);
}

static int listen_on_loopback(unsigned int *ret_port)
{
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof address;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 1) < 0 ||
            getsockname(fd, (struct sockaddr *)&address, &size) < 0)
                die("cannot listen");
        *ret_port = ntohs(address.sin_port);
        return fd;
}

static void no_delay(int fd)
{
        int on = 1;

        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void serve(const char *folder)
{
        CLEANUP(buffer_deinit) struct buffer request = BUFFER_INIT;
        SSL_CTX *ctx = context(folder, true);
        char path[4096];
        sqlite3_stmt *stmts[ROW_KIND_COUNT];
        sqlite3 *db, *pushed;
        struct row row;
        unsigned int port;
        int listener = listen_on_loopback(&port), fd;
        SSL *tls;

        (void)snprintf(path, sizeof path, "%s/floor-w.db", folder);
        db = bench_open(path, true, false);
        rows_prepare(db, stmts);
        bench_exec(db, "BEGIN");
        for (uint64_t i = 0; i < W_ROWS; i++) {
                row_make(SEED, i, &row);
                row_insert(db, stmts, &row);
        }
        bench_exec(db, "COMMIT");
        (void)snprintf(path, sizeof path, "%s/floor-push.db", folder);
        pushed = bench_open(path, true, false);
        rows_prepare(pushed, stmts);
        (void)printf("%u\n", port); /* ready */
        (void)fflush(stdout);
        fd = accept(listener, NULL, NULL);
        no_delay(fd);
        tls = SSL_new(ctx);
        if (!tls || SSL_set_fd(tls, fd) != 1 || SSL_accept(tls) != 1)
                die("no handshake");
        (void)receive_message(tls, &request);
        (void)store_rows(pushed, stmts, buffer_view(&request));
        (void)send_message(tls, BYTES_NONE);
        (void)receive_message(tls, &request);
        send_everything(tls, db);
        (void)SSL_shutdown(tls);
}

/* ---- client ---- */

static SSL *connect_to(SSL_CTX *ctx, unsigned int port)
{
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                      .sin_port = htons((uint16_t)port)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        SSL *tls = SSL_new(ctx);

        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
                die("cannot connect");
        no_delay(fd);
        if (!tls || SSL_set_fd(tls, fd) != 1 || SSL_connect(tls) != 1)
                die("no handshake");
        return tls;
}

static void push(SSL *tls)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT, answer = BUFFER_INIT;
        int64_t start;
        size_t sent;
        struct row row;

        start = bench_now_us();
        for (uint64_t i = 0; i < PUSH_ROWS; i++) {
                row_make(SEED, W_ROWS + i, &row);
                row_encode(&row, &out);
        }
        sent = send_message(tls, buffer_view(&out));
        (void)receive_message(tls, &answer);
        (void)printf("\"push_us\": %" PRId64 ", \"push_bytes\": %zu, ", bench_now_us() - start,
                     sent);
}

static void fetch(SSL *tls, const char *folder, bool encrypted)
{
        CLEANUP(buffer_deinit) struct buffer chunk = BUFFER_INIT;
        char path[4096];
        sqlite3_stmt *stmts[ROW_KIND_COUNT];
        sqlite3 *db;
        size_t received = 0;
        uint64_t rows = 0;
        int64_t start;

        (void)snprintf(path, sizeof path, "%s/floor-client.db", folder);
        db = bench_open(path, false, encrypted);
        rows_prepare(db, stmts);
        start = bench_now_us();
        (void)send_message(tls, BYTES_NONE);
        do {
                received += receive_message(tls, &chunk);
                rows += store_rows(db, stmts, buffer_view(&chunk));
        } while (chunk.size > 0);
        (void)printf("\"first_us\": %" PRId64 ", \"first_bytes\": %zu, \"rows\": %" PRIu64 "}\n",
                     bench_now_us() - start, received, rows);
}

int main(int argc, char **argv)
{
        if (argc == 3 && strcmp(argv[1], "server") == 0) {
                serve(argv[2]);
        } else if (argc >= 4 && strcmp(argv[1], "client") == 0) {
                SSL_CTX *ctx = context(argv[2], false);
                int64_t start = bench_now_us();
                SSL *tls = connect_to(ctx, (unsigned int)strtoul(argv[3], NULL, 10));

                (void)printf("{\"connect_us\": %" PRId64 ", ", bench_now_us() - start);
                push(tls);
                fetch(tls, argv[2], argc == 5 && strcmp(argv[4], "--encrypted") == 0);
        } else {
                return EXIT_FAILURE;
        }
        return 0;
}
