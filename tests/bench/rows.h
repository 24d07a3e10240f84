/*
 * Workload W of the bench as plain rows: people, visits and observations, from a seed, without anything of Pannier's engines.
 *
 * What the floor and the raw databases store and send. Row shapes follow the catalogue's types: a person of 12 fields, a
 * visit of 15, observations of 8.
 */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include "common/bytes.h"
#include "common/id.h"

#include <sqlite3.h>

enum row_kind { ROW_PERSON, ROW_VISIT, ROW_OBSERVATIONS, ROW_KIND_COUNT };
enum {
        ROW_FIELDS_MAX = 16,
        W_PEOPLE = 500,
        W_VISITS = 10,
        W_OBSERVATIONS = 40,
        W_ROWS = W_PEOPLE * (1 + W_VISITS + W_OBSERVATIONS)
};

struct row_value {
        bool is_text;
        int64_t number;
        char text[320];
};

struct row {
        enum row_kind kind;
        struct uuid id, person;
        size_t field_count;
        struct row_value fields[ROW_FIELDS_MAX];
};

/* row_make() - row @number of W (0 … W_ROWS - 1), or a further visit or observations past it; the same for the same seed */
void row_make(uint64_t seed, uint64_t number, struct row *ret);

/* row_encode() - positional CBOR: [kind, id, person, fields …]; row_decode() reads one, 0 or an error */
void row_encode(const struct row *row, struct buffer *out);
struct cbor_reader;
int row_decode(struct cbor_reader *reader, struct row *ret);

/* rows_schema() - tables r0, r1, r2; rows_prepare() - an INSERT for each; row_insert() - one row. Failures end the program. */
void rows_schema(sqlite3 *db);
void rows_prepare(sqlite3 *db, sqlite3_stmt *ret[ROW_KIND_COUNT]);
void row_insert(sqlite3 *db, sqlite3_stmt *stmts[ROW_KIND_COUNT], const struct row *row);

/* bench_exec() - run SQL, or end the program; bench_open() - a fresh database file: WAL, FULL or NORMAL */
void bench_exec(sqlite3 *db, const char *sql);
sqlite3 *bench_open(const char *path, bool full, bool encrypted);

/* bench_now_us() - monotonic microseconds */
int64_t bench_now_us(void);

#endif
