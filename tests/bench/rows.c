#include "tests/bench/rows.h"

#include "common/cbor.h"
#include "store/sample_draw.h"
#include "store/sample_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const size_t field_counts[ROW_KIND_COUNT] = {12, 15, 8};

int64_t bench_now_us(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void put_text(struct row *row, const char *text)
{
        struct row_value *value = &row->fields[row->field_count++];

        value->is_text = true;
        (void)snprintf(value->text, sizeof value->text, "%s", text);
}

static void put_number(struct row *row, int64_t number)
{
        row->fields[row->field_count++] = (struct row_value){.number = number};
}

static void put_note(struct row *row, const struct words *words, struct draw *draw)
{
        char text[320];

        words_note(words, draw, text, sizeof text);
        put_text(row, text);
}

static void make_person(struct row *row, struct draw *draw)
{
        char text[96];

        (void)snprintf(text, sizeof text, "999%07u", draw_below(draw, 10000000));
        put_text(row, text);
        put_number(row, 1);
        put_text(row, words_pick(&words_family, draw));
        put_text(row, words_pick(&words_female, draw));
        put_number(row, draw_between(draw, -15000, -4000));
        put_number(row, draw_between(draw, 1, 2));
        (void)snprintf(text, sizeof text, "%d %s %s, Harrowdale", draw_between(draw, 1, 240),
                       words_pick(&words_street, draw), words_pick(&words_street_kind, draw));
        put_text(row, text);
        put_text(row, "ZZ99 3AB");
        (void)snprintf(text, sizeof text, "0161 496 0%03u", draw_below(draw, 1000));
        put_text(row, text);
        put_number(row, 1);
        put_text(row, words_pick(&words_language, draw));
        put_number(row, draw_between(draw, 1, 9));
}

static void make_visit(struct row *row, struct draw *draw)
{
        int64_t arrived = 1770000000000 + (int64_t)draw_below(draw, 25000) * 1000000;

        put_number(row, 1);
        put_number(row, arrived);
        put_number(row, arrived + draw_between(draw, 600000, 3300000));
        put_number(row, 1);
        put_note(row, &words_subjective, draw);
        put_note(row, &words_objective, draw);
        put_note(row, &words_assessment, draw);
        put_note(row, &words_plan, draw);
        for (int i = 0; i < 6; i++)
                put_number(row, draw_between(draw, 0, 5));
        put_number(row, arrived + 60000);
}

static void make_observations(struct row *row, struct draw *draw)
{
        put_number(row, 1770000000000 + (int64_t)draw_below(draw, 25000) * 1000000);
        put_number(row, draw_near(draw, 16, 2));
        put_number(row, draw_near(draw, 96, 1));
        put_number(row, draw_near(draw, 132, 16));
        put_number(row, draw_near(draw, 78, 8));
        put_number(row, draw_near(draw, 76, 9));
        put_number(row, draw_near(draw, 368, 4));
        put_number(row, 1);
}

static struct uuid draw_id(uint64_t seed, uint64_t number)
{
        struct draw draw = {seed ^ (number * 0x9e3779b97f4a7c15u)};
        uint64_t bits[2] = {draw_next(&draw), draw_next(&draw)};
        uint8_t random[10];

        memcpy(random, bits, sizeof random);
        return uuid_v7(1790000000000 + (int64_t)number, random);
}

void row_make(uint64_t seed, uint64_t number, struct row *ret)
{
        uint64_t per_person = 1 + W_VISITS + W_OBSERVATIONS, place = number % per_person;
        uint64_t person = number / per_person % W_PEOPLE;
        struct draw draw = {seed * 7919 + number};

        (void)draw_next(&draw);
        memset(ret, 0, sizeof *ret);
        ret->id = draw_id(seed, number);
        ret->person = draw_id(seed, person * per_person);
        ret->kind = place == 0 ? ROW_PERSON : place <= W_VISITS ? ROW_VISIT : ROW_OBSERVATIONS;
        if (ret->kind == ROW_PERSON && number >= W_ROWS)
                ret->kind = ROW_VISIT;
        if (ret->kind == ROW_PERSON)
                make_person(ret, &draw);
        else if (ret->kind == ROW_VISIT)
                make_visit(ret, &draw);
        else
                make_observations(ret, &draw);
}

void row_encode(const struct row *row, struct buffer *out)
{
        cbor_put_array(out, 3 + row->field_count);
        cbor_put_uint(out, row->kind);
        cbor_put_uuid(out, &row->id);
        cbor_put_uuid(out, &row->person);
        for (size_t i = 0; i < row->field_count; i++)
                if (row->fields[i].is_text)
                        cbor_put_text(out, bytes_text(row->fields[i].text));
                else
                        cbor_put_int(out, row->fields[i].number);
}

int row_decode(struct cbor_reader *reader, struct row *ret)
{
        struct cbor_item item;
        uint64_t count, kind;
        int r = cbor_read_array(reader, 3 + ROW_FIELDS_MAX, &count);

        if (r == 0)
                r = cbor_read_uint(reader, ROW_KIND_COUNT - 1, &kind);
        if (r == 0)
                r = cbor_read_uuid(reader, &ret->id);
        if (r == 0)
                r = cbor_read_uuid(reader, &ret->person);
        if (r < 0)
                return r;
        ret->kind = (enum row_kind)kind;
        ret->field_count = count - 3;
        for (size_t i = 0; r == 0 && i < ret->field_count; i++) {
                struct row_value *value = &ret->fields[i];

                r = cbor_next(reader, &item);
                value->is_text = r == 0 && item.kind == CBOR_TEXT;
                value->number = item.number;
                if (value->is_text)
                        (void)snprintf(value->text, sizeof value->text, "%.*s",
                                       (int)item.bytes.size, (const char *)item.bytes.data);
        }
        return r;
}

static void must(sqlite3 *db, int code)
{
        if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW)
                return;
        (void)fprintf(stderr, "bench: %s\n", sqlite3_errmsg(db));
        exit(EXIT_FAILURE);
}

void bench_exec(sqlite3 *db, const char *sql)
{
        must(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

sqlite3 *bench_open(const char *path, bool full, bool encrypted)
{
        sqlite3 *db = NULL;
        char side[4096];

        (void)unlink(path);
        (void)snprintf(side, sizeof side, "%s-wal", path);
        (void)unlink(side);
        must(db, sqlite3_open(path, &db));
        if (encrypted)
                bench_exec(db,
                           "PRAGMA key = "
                           "\"x'000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
                           "00112233445566778899aabbccddeeff'\"");
        bench_exec(db, "PRAGMA journal_mode = WAL");
        bench_exec(db, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
        rows_schema(db);
        return db;
}

void rows_schema(sqlite3 *db)
{
        for (int kind = 0; kind < ROW_KIND_COUNT; kind++) {
                char sql[512];
                int size = snprintf(sql, sizeof sql,
                                    "CREATE TABLE r%d (id BLOB PRIMARY KEY, person BLOB", kind);

                for (size_t i = 0; i < field_counts[kind]; i++)
                        size += snprintf(sql + size, sizeof sql - (size_t)size, ", f%zu", i);
                (void)snprintf(sql + size, sizeof sql - (size_t)size, ") WITHOUT ROWID");
                bench_exec(db, sql);
        }
}

void rows_prepare(sqlite3 *db, sqlite3_stmt *ret[ROW_KIND_COUNT])
{
        for (int kind = 0; kind < ROW_KIND_COUNT; kind++) {
                char sql[512];
                int size = snprintf(sql, sizeof sql, "INSERT INTO r%d VALUES (?, ?", kind);

                for (size_t i = 0; i < field_counts[kind]; i++)
                        size += snprintf(sql + size, sizeof sql - (size_t)size, ", ?");
                (void)snprintf(sql + size, sizeof sql - (size_t)size, ")");
                must(db, sqlite3_prepare_v2(db, sql, -1, &ret[kind], NULL));
        }
}

void row_insert(sqlite3 *db, sqlite3_stmt *stmts[ROW_KIND_COUNT], const struct row *row)
{
        sqlite3_stmt *stmt = stmts[row->kind];

        must(db, sqlite3_bind_blob(stmt, 1, row->id.bytes, 16, SQLITE_STATIC));
        must(db, sqlite3_bind_blob(stmt, 2, row->person.bytes, 16, SQLITE_STATIC));
        for (size_t i = 0; i < row->field_count; i++)
                if (row->fields[i].is_text)
                        must(db, sqlite3_bind_text(stmt, (int)i + 3, row->fields[i].text, -1,
                                                   SQLITE_STATIC));
                else
                        must(db, sqlite3_bind_int64(stmt, (int)i + 3, row->fields[i].number));
        must(db, sqlite3_step(stmt));
        must(db, sqlite3_reset(stmt));
}
