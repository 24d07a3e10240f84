/*
 * The raw database, without any network: raw FILE [--encrypted] [--single COUNT]. Prints one JSON object with
 * microseconds: W in batches; one durable row per transaction (the median of 2,000, or of COUNT, and then no W).
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

static int compare(const void *left, const void *right)
{
        int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

        return (a > b) - (a < b);
}

/* A log that does not grow any more: its blocks are there, as on a device that has been used. */
static void warm_up(sqlite3 *db, sqlite3_stmt *stmts[ROW_KIND_COUNT])
{
        struct row row;

        bench_exec(db, "BEGIN IMMEDIATE");
        for (uint64_t i = 0; i < W_ROWS; i++) {
                row_make(1, i, &row);
                row_insert(db, stmts, &row);
        }
        bench_exec(db, "COMMIT");
}

static int64_t single(const char *path, bool encrypted, uint64_t count)
{
        sqlite3 *db = bench_open(path, true, encrypted);
        sqlite3_stmt *stmts[ROW_KIND_COUNT];
        int64_t *us = calloc(count, sizeof *us), median;
        struct row row;

        if (!us)
                exit(EXIT_FAILURE);
        rows_prepare(db, stmts);
        warm_up(db, stmts);
        for (uint64_t i = 0; i < count; i++) {
                int64_t start;

                row_make(1, W_ROWS + i, &row);
                start = bench_now_us();
                row_insert(db, stmts, &row);
                us[i] = bench_now_us() - start;
        }
        qsort(us, count, sizeof *us, compare);
        median = us[count / 2];
        free(us);
        return median;
}

int main(int argc, char **argv)
{
        bool encrypted = false;
        uint64_t count = 0;

        for (int i = 2; i < argc; i++)
                if (strcmp(argv[i], "--encrypted") == 0)
                        encrypted = true;
                else if (strcmp(argv[i], "--single") == 0 && i + 1 < argc)
                        count = strtoull(argv[++i], NULL, 10);
        if (argc < 2)
                return EXIT_FAILURE;
        (void)printf("{");
        if (count == 0)
                (void)printf("\"batch_us\": %" PRId64 ", ", batch(argv[1], encrypted));
        (void)printf("\"single_us\": %" PRId64 "}\n",
                     single(argv[1], encrypted, count > 0 ? count : SINGLE_ROWS));
        return 0;
}
