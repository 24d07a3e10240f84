/*
 * What a device's rows weigh by themselves: wire_size REPLICA KEYFILE DEVICE PLAIN.
 *
 * Reads the record tables of a replica whose daemon does not run, and prints one JSON object: `all_bytes`, `own_bytes`:
 * all rows, and those that DEVICE (hex) recorded, in positional CBOR (every column in its order, nothing else) under
 * zstd-3, in pieces of 1 MiB as the floor sends them; `all_rows`, `own_rows`. Writes the whole database into the new file
 * PLAIN, unencrypted, for others to look at its pages.
 */
#include "common/cbor.h"
#include "common/crypto.h"
#include "tests/bench/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum { KEY_SIZE = 48, PIECE_SIZE = 1 << 20, ZSTD_LEVEL = 3, TABLES_MAX = 200 };

struct total {
        struct buffer piece;
        size_t bytes;
        uint64_t rows;
};

static void die(const char *what)
{
        (void)fprintf(stderr, "wire_size: %s\n", what);
        exit(EXIT_FAILURE);
}

static void flush_piece(struct total *total)
{
        size_t bound = ZSTD_compressBound(total->piece.size);
        void *to = malloc(bound);

        if (!to || total->piece.failed)
                die("no memory");
        total->bytes += ZSTD_compress(to, bound, total->piece.data, total->piece.size, ZSTD_LEVEL);
        free(to);
        buffer_reset(&total->piece);
}

static void put_column(sqlite3_stmt *stmt, int column, struct buffer *out)
{
        struct bytes bytes = {NULL, 0};

        switch (sqlite3_column_type(stmt, column)) {
        case SQLITE_INTEGER:
                cbor_put_int(out, sqlite3_column_int64(stmt, column));
                return;
        case SQLITE_NULL:
                cbor_put_null(out);
                return;
        case SQLITE_TEXT:
                bytes.data = sqlite3_column_text(stmt, column);
                bytes.size = (size_t)sqlite3_column_bytes(stmt, column);
                cbor_put_text(out, bytes);
                return;
        default:
                bytes.data = sqlite3_column_blob(stmt, column);
                bytes.size = (size_t)sqlite3_column_bytes(stmt, column);
                cbor_put_bytes(out, bytes);
        }
}

static void add_table(sqlite3 *db, const char *name, const char *where, struct total *total)
{
        char sql[256];
        sqlite3_stmt *stmt;
        int code;

        (void)snprintf(sql, sizeof(sql), "SELECT * FROM %s %s ORDER BY id", name, where);
        if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
                die(sqlite3_errmsg(db));
        while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
                cbor_put_array(&total->piece, (uint64_t)sqlite3_column_count(stmt));
                for (int i = 0; i < sqlite3_column_count(stmt); i++)
                        put_column(stmt, i, &total->piece);
                total->rows++;
                if (total->piece.size >= PIECE_SIZE)
                        flush_piece(total);
        }
        if (code != SQLITE_DONE)
                die(sqlite3_errmsg(db));
        (void)sqlite3_finalize(stmt);
}

static void open_with_key(const char *path, const char *key_path, sqlite3 **ret)
{
        uint8_t key[KEY_SIZE];
        char text[2 * KEY_SIZE + 1], sql[160];
        FILE *file = fopen(key_path, "re");

        if (!file || fread(key, 1, sizeof(key), file) != sizeof(key))
                die("no key");
        (void)fclose(file);
        bytes_hex(BYTES(key, sizeof(key)), text);
        if (sqlite3_open(path, ret) != SQLITE_OK)
                die("no replica");
        (void)snprintf(sql, sizeof(sql), "PRAGMA key = \"x'%s'\"", text);
        bench_exec(*ret, sql);
}

static size_t list_tables(sqlite3 *db, char ret[TABLES_MAX][64])
{
        sqlite3_stmt *stmt;
        size_t count = 0;

        if (sqlite3_prepare_v2(
                    db,
                    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'r_*'"
                    " ORDER BY name",
                    -1, &stmt, NULL) != SQLITE_OK)
                die(sqlite3_errmsg(db));
        while (sqlite3_step(stmt) == SQLITE_ROW && count < TABLES_MAX)
                (void)snprintf(ret[count++], sizeof(ret[0]), "%s",
                               (const char *)sqlite3_column_text(stmt, 0));
        (void)sqlite3_finalize(stmt);
        return count;
}

static void export_plain(sqlite3 *db, const char *path)
{
        char sql[4200];

        (void)snprintf(sql, sizeof(sql), "ATTACH '%s' AS plain KEY ''", path);
        bench_exec(db, sql);
        bench_exec(db, "SELECT sqlcipher_export('plain')");
        bench_exec(db, "DETACH plain");
}

int main(int argc, char **argv)
{
        static char tables[TABLES_MAX][64];
        static char own[128];
        struct total all = {.piece = BUFFER_INIT}, mine = {.piece = BUFFER_INIT};
        sqlite3 *db;
        size_t count;

        if (argc != 5)
                die("see the head of wire_size.c");
        open_with_key(argv[1], argv[2], &db);
        (void)snprintf(own, sizeof(own), "WHERE device = x'%s'", argv[3]);
        count = list_tables(db, tables);
        for (size_t i = 0; i < count; i++) {
                add_table(db, tables[i], "", &all);
                add_table(db, tables[i], own, &mine);
        }
        flush_piece(&all);
        flush_piece(&mine);
        (void)printf("{\"all_bytes\": %zu, \"all_rows\": %" PRIu64 ", \"own_bytes\": %zu, "
                     "\"own_rows\": %" PRIu64 "}\n",
                     all.bytes, all.rows, mine.bytes, mine.rows);
        export_plain(db, argv[4]);
        return 0;
}
