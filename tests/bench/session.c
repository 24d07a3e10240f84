/*
 * SQLite's session extension, without any network: session FOLDER. One database records W and 1,000 further rows as
 * changesets, another applies them, durable. Prints one JSON object: microseconds, and bytes under zstd-3.
 */
#include "tests/bench/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

enum { PUSH_ROWS = 1000, ZSTD_LEVEL = 3 };

static void must(int code)
{
        if (code == SQLITE_OK)
                return;
        (void)fprintf(stderr, "session: %s\n", sqlite3_errstr(code));
        exit(EXIT_FAILURE);
}

static int on_conflict(void *context, int kind, sqlite3_changeset_iter *changes)
{
        (void)context;
        (void)kind;
        (void)changes;
        return SQLITE_CHANGESET_ABORT; /* there is none in what is measured */
}

static int packed_size(const void *data, int size)
{
        size_t bound = ZSTD_compressBound((size_t)size), packed;
        void *to = malloc(bound);

        if (!to)
                exit(EXIT_FAILURE);
        packed = ZSTD_compress(to, bound, data, (size_t)size, ZSTD_LEVEL);
        free(to);
        return (int)packed;
}

static void carry(sqlite3 *from, sqlite3 *to, uint64_t first, uint64_t count, const char *name,
                  const char *end)
{
        sqlite3_session *session;
        sqlite3_stmt *stmts[ROW_KIND_COUNT];
        void *changes;
        int size;
        struct row row;
        int64_t start;

        must(sqlite3session_create(from, "main", &session));
        must(sqlite3session_attach(session, NULL));
        rows_prepare(from, stmts);
        bench_exec(from, "BEGIN");
        for (uint64_t i = first; i < first + count; i++) {
                row_make(1, i, &row);
                row_insert(from, stmts, &row);
        }
        bench_exec(from, "COMMIT");
        start = bench_now_us();
        must(sqlite3session_changeset(session, &size, &changes));
        must(sqlite3changeset_apply(to, size, changes, NULL, on_conflict, NULL));
        (void)printf("\"%s_us\": %" PRId64 ", ", name, bench_now_us() - start);
        (void)printf("\"%s_bytes\": %d%s", name, packed_size(changes, size), end);
        sqlite3session_delete(session);
        sqlite3_free(changes);
}

int main(int argc, char **argv)
{
        char path[4096];
        sqlite3 *from, *to;

        if (argc != 2)
                return EXIT_FAILURE;
        (void)snprintf(path, sizeof path, "%s/session-from.db", argv[1]);
        from = bench_open(path, true, false);
        (void)snprintf(path, sizeof path, "%s/session-to.db", argv[1]);
        to = bench_open(path, true, false);
        (void)printf("{");
        carry(from, to, 0, W_ROWS, "first", ", ");
        carry(from, to, W_ROWS, PUSH_ROWS, "push", "}\n");
        return 0;
}
