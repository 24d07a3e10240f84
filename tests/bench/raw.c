/*
 * The raw database, without any network: raw FILE [--encrypted]. Prints one JSON object with microseconds:
 * W in one batch; one durable row per transaction (of 2,000).
 */
#include "tests/bench/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SINGLE_ROWS = 2000, BATCH_ROWS = 1000 };

static int64_t batch(const char *path, bool encrypted)
{
        sqlite3 *db = bench_open(path, false, encrypted);
        sqlite3_stmt *stmts[ROW_KIND_COUNT];
        struct row *rows = calloc(W_ROWS, sizeof *rows);
        int64_t start;

        if (!rows)
                exit(EXIT_FAILURE);
        for (uint64_t i = 0; i < W_ROWS; i++)
                row_make(1, i, &rows[i]);
        rows_prepare(db, stmts);
        start = bench_now_us();
        for (uint64_t i = 0; i < W_ROWS; i++) {
                if (i % BATCH_ROWS == 0)
                        bench_exec(db, "BEGIN IMMEDIATE");
                row_insert(db, stmts, &rows[i]);
                if (i % BATCH_ROWS == BATCH_ROWS - 1 || i == W_ROWS - 1)
                        bench_exec(db, "COMMIT");
        }
        free(rows);
        return bench_now_us() - start;
}

static int64_t single(const char *path, bool encrypted)
{
        sqlite3 *db = bench_open(path, true, encrypted);
        sqlite3_stmt *stmts[ROW_KIND_COUNT];
        struct row row;
        int64_t start;

        rows_prepare(db, stmts);
        start = bench_now_us();
        for (uint64_t i = 0; i < SINGLE_ROWS; i++) {
                row_make(1, W_ROWS + i, &row);
                row_insert(db, stmts, &row);
        }
        return (bench_now_us() - start) / SINGLE_ROWS;
}

int main(int argc, char **argv)
{
        bool encrypted = argc == 3 && strcmp(argv[2], "--encrypted") == 0;

        if (argc < 2)
                return EXIT_FAILURE;
        (void)printf("{\"batch_us\": %" PRId64 ", ", batch(argv[1], encrypted));
        (void)printf("\"single_us\": %" PRId64 "}\n", single(argv[1], encrypted));
        return 0;
}
