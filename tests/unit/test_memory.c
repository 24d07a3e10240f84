/*
 * Memory runs out at every allocation in turn: each scenario is played with the first allocation failing, then the second,
 * until none fails any more. It must then say PANNIER_E_MEMORY, crash never, and leak nothing (ASan looks).
 *
 * Our own calls are wrapped by the linker (--wrap), SQLite's and jansson's by their own hooks.
 */
#include "common/bytes.h"
#include "common/cbor.h"
#include "common/compress.h"
#include "common/db.h"
#include "common/error.h"
#include "common/json.h"
#include "common/table.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

static long until_failure = -1; /* allocations that still succeed; negative: all do */
static bool failed;

static bool fails_now(void)
{
        if (until_failure < 0)
                return false;
        if (until_failure-- > 0)
                return false;
        failed = true;
        return true;
}

/* Names that the linker gives: --wrap=malloc sends our calls of malloc() to __wrap_malloc(). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);

void *__wrap_malloc(size_t size)
{
        return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
        return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
        return fails_now() ? NULL : __real_reallocarray(memory, count, size);
}

static sqlite3_mem_methods sqlite_memory; /* SQLite's own */

static void *sqlite_malloc(int size)
{
        return fails_now() ? NULL : sqlite_memory.xMalloc(size);
}

static void *sqlite_realloc(void *memory, int size)
{
        return fails_now() ? NULL : sqlite_memory.xRealloc(memory, size);
}

/* Play @scenario with every allocation failing once. @at_least: allocations it is known to make; @other: a further code it may give */
static void try_all(int (*scenario)(void), long at_least, int other)
{
        for (long n = 0;; n++) {
                int r;

                until_failure = n;
                failed = false;
                r = scenario();
                until_failure = -1;
                if (!failed) {
                        assert_int_equal(r, 0);
                        assert_true(n >= at_least);
                        return;
                }
                if (r != 0 && r != PANNIER_E_MEMORY && r != other)
                        fail_msg("allocation %ld: %s (%s)", n, pannier_error_name(r),
                                 error_detail());
        }
}

static int build_a_message(void)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;

        for (uint64_t i = 0; i < 2000; i++) {
                cbor_put_array(&out, 2);
                cbor_put_uint(&out, i << i % 60);
                cbor_put_text(&out, bytes_text("text"));
                buffer_append_format(&out, "%d", 7);
        }
        return buffer_check(&out);
}

static int fill_an_arena(void)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;

        for (size_t i = 0; i < 2000; i++) {
                if (!arena_alloc(&arena, i % 100 == 0 ? 50000 : i % 64))
                        return FAIL(PANNIER_E_MEMORY, "arena");
                if (!arena_copy(&arena, bytes_text("text")).data)
                        return FAIL(PANNIER_E_MEMORY, "arena");
        }
        arena_reset(&arena);
        return arena_alloc(&arena, 10) ? 0 : FAIL(PANNIER_E_MEMORY, "arena");
}

static int print_a_table(void)
{
        static const struct table_column columns[] = {{"a", false}, {"b", true}};
        CLEANUP(table_freep) struct table *table = NULL;
        char text[8192];
        FILE *out;
        int r = table_new(columns, 2, &table);

        if (r < 0)
                return r;
        for (int i = 0; i < 100; i++)
                table_cell_int(table, i);
        out = fmemopen(text, sizeof(text), "w");
        assert_non_null(out);
        r = table_print(table, out);
        (void)fclose(out);
        return r;
}

static int compress_there_and_back(void)
{
        CLEANUP(compressor_freep) struct compressor *compressor = NULL;
        CLEANUP(buffer_deinit) struct buffer packed = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;
        static char text[20000];
        int r = compressor_new(&compressor);

        memset(text, 'x', sizeof(text));
        r = r < 0 ? r : compress_body(compressor, 0, BYTES(text, sizeof(text)), &packed);
        r = r < 0 ? r : decompress_body(compressor, 0, buffer_view(&packed), sizeof(text), &clear);
        if (r < 0)
                return r;
        assert_bytes(buffer_view(&clear), BYTES(text, sizeof(text)));
        return 0;
}

static int load_json(void)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        CLEANUP(json_freep) json_t *json = NULL;
        int r = json_load(bytes_text("{\"a\":[1,2,{\"b\":\"text\"}],\"c\":{\"d\":null}}"), &json);

        if (r < 0)
                return r;
        json_append(json, &out);
        return buffer_check(&out);
}

static int use_a_database(void)
{
        static const char *const steps[] = {
                "CREATE TABLE t (id BLOB PRIMARY KEY, n, x) WITHOUT ROWID",
                "CREATE INDEX t_n ON t (n)"};
        const struct db_options options = {.durability = DB_FULL};
        CLEANUP(db_freep) struct db *db = NULL;
        sqlite3_stmt *insert, *select;
        int64_t sum = 0;
        int r = db_open(":memory:", &options, &db);

        r = r < 0 ? r : db_migrate(db, steps, COUNT(steps));
        r = r < 0 ? r : db_prepare(db, "INSERT INTO t VALUES (?, ?, ?)", &insert);
        r = r < 0 ? r : db_prepare(db, "SELECT n FROM t ORDER BY x, n DESC", &select);
        r = r < 0 ? r : db_begin(db);
        for (uint8_t i = 0; r == 0 && i < 50; i++) {
                const struct uuid id = {{1, i}};

                db_bind_uuid(insert, 1, &id);
                db_bind_int(insert, 2, i);
                db_bind_text(insert, 3, bytes_text("some words"));
                r = db_run(db, insert);
        }
        r = r < 0 ? r : db_commit(db);
        while (r >= 0 && (r = db_step(db, select)) > 0)
                sum += db_column_int(select, 0);
        if (r == 0)
                assert_int_equal(sum, 49 * 50 / 2);
        return r;
}

static void test_a_message_fails_whole_where_memory_ends(void **state)
{
        (void)state;
        try_all(build_a_message, 5, 0);
}

static void test_an_arena_says_where_memory_ends(void **state)
{
        (void)state;
        try_all(fill_an_arena, 10, 0);
}

static void test_a_table_says_where_memory_ends(void **state)
{
        (void)state;
        try_all(print_a_table, 5, 0);
}

static void test_compression_says_where_memory_ends(void **state)
{
        (void)state;
        try_all(compress_there_and_back, 3, 0);
}

static void test_json_says_where_memory_ends(void **state)
{
        (void)state;
        try_all(load_json, 10, PANNIER_E_MALFORMED);
}

static void test_a_database_says_where_memory_ends(void **state)
{
        (void)state;
        try_all(use_a_database, 100, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_message_fails_whole_where_memory_ends),
                cmocka_unit_test(test_an_arena_says_where_memory_ends),
                cmocka_unit_test(test_a_table_says_where_memory_ends),
                cmocka_unit_test(test_compression_says_where_memory_ends),
                cmocka_unit_test(test_json_says_where_memory_ends),
                cmocka_unit_test(test_a_database_says_where_memory_ends),
        };
        sqlite3_mem_methods ours;

        (void)sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_memory);
        ours = sqlite_memory;
        ours.xMalloc = sqlite_malloc;
        ours.xRealloc = sqlite_realloc;
        if (sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) != SQLITE_OK ||
            sqlite3_initialize() != SQLITE_OK)
                return 1;
        json_set_alloc_funcs(malloc, free);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
