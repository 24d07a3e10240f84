/* Built twice: against SQLite and against SQLCipher. */
#include "common/db.h"
#include "common/db_vfs.h"
#include "common/error.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const uint8_t key_bytes[48] = {1, 2, 3, 4, 5, 6, 7, 8, [47] = 9};
static const struct db_options full = {.durability = DB_FULL, .busy_ms = 1};
static const struct db_options normal = {.durability = DB_NORMAL, .busy_ms = 1};

static struct db_options keyed(void)
{
        struct db_options options = normal;

        options.key = BYTES(key_bytes, sizeof(key_bytes));
        options.secure_delete = true;
        return options;
}

static struct db *opened(const char *path, const struct db_options *options)
{
        struct db *db = NULL;

        assert_int_equal(db_open(path, options, &db), 0);
        return db;
}

/* First column of the first row of a query. */
static int64_t number(struct db *db, const char *sql)
{
        sqlite3_stmt *stmt;
        int64_t value;

        assert_int_equal(db_prepare(db, sql, &stmt), 0);
        assert_int_equal(db_step(db, stmt), 1);
        value = db_column_int(stmt, 0);
        db_reset(stmt);
        return value;
}

static void test_what_was_committed_is_there_after_opening_again(void **state)
{
        CLEANUP(db_freep) struct db *db = opened(unit_path(state, "a.db"), &full);

        assert_int_equal(db_exec(db, "CREATE TABLE t (n); INSERT INTO t VALUES (42)"), 0);
        (void)db_free(TAKE(db));
        db = opened(unit_path(state, "a.db"), &full);
        assert_int_equal(number(db, "SELECT n FROM t"), 42);
}

static void test_every_connection_has_the_settings_that_the_header_promises(void **state)
{
        CLEANUP(db_freep) struct db *first = opened(unit_path(state, "a.db"), &full);
        CLEANUP(db_freep) struct db *second = NULL;
        struct db_options options = normal;

        assert_int_equal(number(first, "PRAGMA synchronous"), 3); /* EXTRA: FULL, and the folder */
        assert_int_equal(number(first, "PRAGMA foreign_keys"), 1);
        assert_int_equal(number(first, "PRAGMA temp_store"), 2);
        assert_int_equal(number(first, "PRAGMA cache_size"), -DB_CACHE_KIB_DEFAULT);
        assert_int_equal(number(first, "PRAGMA secure_delete"), 0);
        assert_int_equal(number(first, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
        options.secure_delete = true;
        options.cache_kib = 77;
        options.wal_pages = 55;
        second = opened(unit_path(state, "b.db"), &options);
        assert_int_equal(number(second, "PRAGMA synchronous"), 1);
        assert_int_equal(number(second, "PRAGMA cache_size"), -77);
        assert_int_equal(number(first, "PRAGMA wal_autocheckpoint"), 1000);
        assert_int_equal(number(second, "PRAGMA wal_autocheckpoint"), 55);
        assert_int_equal(number(second, "PRAGMA secure_delete"), 1);
        assert_int_equal(number(second, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
}

/* What SQLite believes of the disk: bit 0x1000 is "a write never harms its neighbours". */
static bool trusts_neighbours(struct db *db)
{
        sqlite3_file *file = NULL;

        assert_int_equal(
                sqlite3_file_control(db_handle(db), "main", SQLITE_FCNTL_FILE_POINTER, &file), 0);
        return file->pMethods->xDeviceCharacteristics(file) & SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static void test_a_full_database_does_not_trust_the_neighbours_of_a_write(void **state)
{
        CLEANUP(db_freep) struct db *precious = opened(unit_path(state, "a.db"), &full);
        CLEANUP(db_freep) struct db *replica = opened(unit_path(state, "b.db"), &normal);

        assert_false(trusts_neighbours(precious));
        assert_true(trusts_neighbours(replica));
}

static void test_a_path_may_hold_what_an_address_reserves(void **state)
{
        const char *path = unit_path(state, "a b?psow=1&mode=memory#c%20d'ü.db");
        CLEANUP(db_freep) struct db *db = opened(path, &full);
        struct stat status;

        assert_int_equal(db_exec(db, "CREATE TABLE t (n)"), 0);
        assert_false(trusts_neighbours(db));
        assert_int_equal(stat(path, &status), 0);
}

static void test_a_missing_file_is_not_made_where_it_must_exist(void **state)
{
        struct db_options options = full;
        struct db *db = NULL;
        struct stat status;

        options.must_exist = true;
        assert_int_equal(db_open(unit_path(state, "a.db"), &options, &db), PANNIER_E_NOT_FOUND);
        assert_int_equal(stat(unit_path(state, "a.db"), &status), -1);
        options = full;
        options.read_only = true;
        assert_int_equal(db_open(unit_path(state, "a.db"), &options, &db), PANNIER_E_NOT_FOUND);
        assert_int_equal(db_open(unit_path(state, "no/such/folder.db"), &full, &db),
                         PANNIER_E_STORAGE);
        assert_null(db);
}

static void test_a_read_only_connection_reads_and_cannot_write(void **state)
{
        CLEANUP(db_freep) struct db *db = opened(unit_path(state, "a.db"), &full);
        CLEANUP(db_freep) struct db *reader = NULL;
        struct db_options options = full;

        assert_int_equal(db_exec(db, "CREATE TABLE t (n); INSERT INTO t VALUES (1)"), 0);
        options.read_only = true;
        reader = opened(unit_path(state, "a.db"), &options);
        assert_int_equal(number(reader, "SELECT n FROM t"), 1);
        assert_int_equal(db_exec(reader, "DELETE FROM t"), PANNIER_E_STORAGE);
}

static void test_a_file_that_is_no_database_is_corrupt(void **state)
{
        FILE *file = fopen(unit_path(state, "a.db"), "w");
        struct db *db = NULL;

        assert_non_null(file);
        for (int i = 0; i < 1000; i++)
                (void)fputs("this is no database ", file);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(db_open(unit_path(state, "a.db"), &full, &db), PANNIER_E_CORRUPT);
        assert_null(db);
}

static void test_values_come_back_as_they_went_in(void **state)
{
        CLEANUP(db_freep) struct db *db = opened(":memory:", &full);
        const struct uuid id = {{1, [15] = 2}};
        sqlite3_stmt *insert, *select;
        struct uuid back;

        (void)state;
        assert_int_equal(db_exec(db, "CREATE TABLE t (a, b, c, d, e, f, g)"), 0);
        assert_int_equal(db_prepare(db, "INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?)", &insert), 0);
        assert_int_equal(db_prepare(db, "SELECT * FROM t", &select), 0);
        db_bind_int(insert, 1, INT64_MIN);
        db_bind_text(insert, 2, bytes_text("naïve"));
        db_bind_text(insert, 3, BYTES_NONE);
        db_bind_blob(insert, 4, BYTES("\0x", 2));
        db_bind_blob(insert, 5, BYTES_NONE);
        db_bind_uuid(insert, 6, &id);
        db_bind_uuid(insert, 7, &UUID_NONE);
        assert_int_equal(db_run(db, insert), 0);
        assert_int_equal(db_changes(db), 1);
        assert_int_equal(db_step(db, select), 1);
        assert_true(db_column_int(select, 0) == INT64_MIN);
        assert_text(db_column_bytes(select, 1), "naïve");
        assert_int_equal(sqlite3_column_type(select, 2), SQLITE_TEXT);
        assert_int_equal(db_column_bytes(select, 2).size, 0);
        assert_bytes(db_column_bytes(select, 3), BYTES("\0x", 2));
        assert_int_equal(sqlite3_column_type(select, 4), SQLITE_BLOB);
        back = db_column_uuid(select, 5);
        assert_true(uuid_equal(&back, &id));
        assert_true(db_column_is_null(select, 6));
        back = db_column_uuid(select, 6);
        assert_true(uuid_is_none(&back));
        back = db_column_uuid(select, 3); /* another size */
        assert_true(uuid_is_none(&back));
        assert_int_equal(db_step(db, select), 0);
}

static void test_a_misspelt_statement_among_many_is_found_when_prepared(void **state)
{
        CLEANUP(db_freep) struct db *db = opened(":memory:", &full);
        const char *const sql[] = {"SELECT 1", "SELEKT 2"};
        sqlite3_stmt *stmts[2];

        (void)state;
        assert_int_equal(db_prepare_all(db, sql, 1, stmts), 0);
        assert_int_equal(db_prepare_all(db, sql, 2, stmts), PANNIER_E_INTERNAL);
        assert_non_null(strstr(error_detail(), "SELEKT 2"));
}

static void test_a_key_in_the_way_is_taken_and_a_broken_rule_is_our_own_bug(void **state)
{
        CLEANUP(db_freep) struct db *db = opened(":memory:", &full);

        (void)state;
        assert_int_equal(
                db_exec(db, "CREATE TABLE t (n INTEGER PRIMARY KEY, u UNIQUE, c CHECK (c > 0));"
                            "INSERT INTO t VALUES (1, 1, 1)"),
                0);
        assert_int_equal(db_exec(db, "INSERT INTO t VALUES (1, 2, 1)"), PANNIER_E_TAKEN);
        assert_int_equal(db_exec(db, "INSERT INTO t VALUES (2, 1, 1)"), PANNIER_E_TAKEN);
        assert_int_equal(db_exec(db, "INSERT INTO t VALUES (2, 2, 0)"), PANNIER_E_INTERNAL);
}

static void test_after_an_error_a_statement_can_be_used_again(void **state)
{
        CLEANUP(db_freep) struct db *db = opened(":memory:", &full);
        sqlite3_stmt *insert;

        (void)state;
        assert_int_equal(db_exec(db, "CREATE TABLE t (n INTEGER PRIMARY KEY)"), 0);
        assert_int_equal(db_prepare(db, "INSERT INTO t VALUES (?)", &insert), 0);
        for (int i = 0; i < 3; i++) {
                db_bind_int(insert, 1, 1);
                assert_int_equal(db_run(db, insert), i == 0 ? 0 : PANNIER_E_TAKEN);
        }
        db_bind_int(insert, 1, 2);
        assert_int_equal(db_run(db, insert), 0);
}

static void test_a_second_writer_is_told_to_come_back(void **state)
{
        CLEANUP(db_freep) struct db *one = opened(unit_path(state, "a.db"), &full);
        CLEANUP(db_freep) struct db *two = opened(unit_path(state, "a.db"), &full);

        assert_int_equal(db_begin(one), 0);
        assert_int_equal(db_begin(two), PANNIER_E_BUSY);
        db_rollback(one);
        assert_int_equal(db_begin(two), 0);
        assert_int_equal(db_commit(two), 0);
}

static void test_an_exclusive_file_is_nobody_elses_until_it_is_closed(void **state)
{
        struct db_options options = full;
        CLEANUP(db_freep) struct db *one = NULL;
        CLEANUP(db_freep) struct db *two = NULL;

        options.exclusive = true;
        one = opened(unit_path(state, "a.db"), &options);
        assert_int_equal(db_exec(one, "CREATE TABLE t (n); INSERT INTO t VALUES (42)"), 0);
        assert_int_not_equal(access(unit_path(state, "a.db-shm"), F_OK), 0);
        assert_int_equal(db_open(unit_path(state, "a.db"), &full, &two), PANNIER_E_BUSY);
        (void)db_free(TAKE(one));
        two = opened(unit_path(state, "a.db"), &full);
        assert_int_equal(number(two, "SELECT n FROM t"), 42);
}

static void test_a_reader_sees_one_moment_from_its_begin_on(void **state)
{
        CLEANUP(db_freep) struct db *writer = opened(unit_path(state, "a.db"), &full);
        CLEANUP(db_freep) struct db *reader = opened(unit_path(state, "a.db"), &full);

        assert_int_equal(db_exec(writer, "CREATE TABLE t (n)"), 0);
        assert_int_equal(db_begin_read(reader), 0);
        assert_int_equal(db_exec(writer, "INSERT INTO t VALUES (1)"), 0);
        assert_int_equal(number(reader, "SELECT count(*) FROM t"), 0);
        assert_int_equal(db_commit(reader), 0);
        assert_int_equal(number(reader, "SELECT count(*) FROM t"), 1);
}

static void test_what_was_rolled_back_is_gone_and_rolling_back_nothing_is_no_error(void **state)
{
        CLEANUP(db_freep) struct db *db = opened(unit_path(state, "a.db"), &full);

        assert_int_equal(db_exec(db, "CREATE TABLE t (n)"), 0);
        db_rollback(db);
        assert_int_equal(db_begin(db), 0);
        assert_int_equal(db_exec(db, "INSERT INTO t VALUES (1)"), 0);
        db_rollback(db);
        db_rollback(db);
        assert_int_equal(number(db, "SELECT count(*) FROM t"), 0);
}

static void test_a_commit_that_fails_is_rolled_back(void **state)
{
        CLEANUP(db_freep) struct db *db = opened(unit_path(state, "a.db"), &full);

        assert_int_equal(db_exec(db,
                                 "CREATE TABLE p (n INTEGER PRIMARY KEY);"
                                 "CREATE TABLE c (p REFERENCES p DEFERRABLE INITIALLY DEFERRED)"),
                         0);
        assert_int_equal(db_begin(db), 0);
        assert_int_equal(db_exec(db, "INSERT INTO c VALUES (7)"), 0);
        assert_int_equal(db_commit(db), PANNIER_E_INTERNAL);
        assert_int_equal(number(db, "SELECT count(*) FROM c"), 0);
        assert_int_equal(db_begin(db), 0);
        assert_int_equal(db_commit(db), 0);
}

static const char *const steps[] = {
        "CREATE TABLE t (n)",
        "ALTER TABLE t ADD COLUMN m; INSERT INTO t VALUES (1, 2)",
        "CREATE TABLE u (n); SELEKT",
};

static void test_migrations_run_once_each_and_in_order(void **state)
{
        CLEANUP(db_freep) struct db *db = opened(unit_path(state, "a.db"), &full);

        assert_int_equal(db_migrate(db, steps, 1), 0);
        assert_int_equal(number(db, "PRAGMA user_version"), 1);
        assert_int_equal(db_migrate(db, steps, 2), 0);
        assert_int_equal(db_migrate(db, steps, 2), 0);
        assert_int_equal(number(db, "PRAGMA user_version"), 2);
        assert_int_equal(number(db, "SELECT count(*) FROM t WHERE m = 2"), 1);
        assert_int_equal(db_migrate(db, NULL, 0), PANNIER_E_TOO_NEW);
}

static void test_a_migration_that_fails_leaves_the_database_as_it_was(void **state)
{
        CLEANUP(db_freep) struct db *db = opened(unit_path(state, "a.db"), &full);

        assert_int_equal(db_migrate(db, steps, 3), PANNIER_E_INTERNAL);
        assert_int_equal(number(db, "PRAGMA user_version"), 2);
        assert_int_equal(number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'u'"), 0);
}

static void test_a_newer_database_is_refused_untouched(void **state)
{
        CLEANUP(db_freep) struct db *db = opened(unit_path(state, "a.db"), &full);

        assert_int_equal(db_exec(db, "PRAGMA user_version = 3"), 0);
        assert_int_equal(db_migrate(db, steps, 2), PANNIER_E_TOO_NEW);
        assert_int_equal(number(db, "SELECT count(*) FROM sqlite_schema"), 0);
        assert_int_equal(db_exec(db, "PRAGMA user_version = -1"), 0);
        assert_int_equal(db_migrate(db, steps, 2), PANNIER_E_TOO_NEW);
}

static uint64_t flushes_of_ten_commits(struct db *db)
{
        uint64_t before;

        assert_int_equal(db_exec(db, "CREATE TABLE t (n); INSERT INTO t VALUES (0)"), 0);
        before = db_flush_count(db);
        for (int i = 0; i < 10; i++)
                assert_int_equal(db_exec(db, "INSERT INTO t VALUES (1)"), 0);
        return db_flush_count(db) - before;
}

static void test_a_full_commit_costs_one_flush_and_a_normal_one_none(void **state)
{
        CLEANUP(db_freep) struct db *precious = opened(unit_path(state, "a.db"), &full);
        CLEANUP(db_freep) struct db *replica = opened(unit_path(state, "b.db"), &normal);

        assert_int_equal(flushes_of_ten_commits(precious), 10);
        assert_int_equal(flushes_of_ten_commits(replica), 0);
}

static void test_a_slow_medium_can_be_measured(void **state)
{
        struct db_options options = full;
        CLEANUP(db_freep) struct db *db = NULL;
        struct timespec before, after;

        options.flush_delay_us = 2000;
        db = opened(unit_path(state, "a.db"), &options);
        (void)clock_gettime(CLOCK_MONOTONIC, &before);
        assert_int_equal(flushes_of_ten_commits(db), 10);
        (void)clock_gettime(CLOCK_MONOTONIC, &after);
        assert_true((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >=
                    10 * 2000000);
}

static int failing_sync(sqlite3_file *file, int flags)
{
        (void)file, (void)flags;
        return SQLITE_IOERR_FSYNC;
}

/* Let flushes of the log fail below our layer, and nothing else. Gives back what mends it. */
static const sqlite3_io_methods *break_flushes(struct db *db, sqlite3_file **ret_file)
{
        static sqlite3_io_methods broken;
        const sqlite3_io_methods *whole;
        sqlite3_file *file = NULL;
        struct {
                sqlite3_file file;
                struct db_vfs *layer;
                const char *wal;
        } * top; /* as in db_vfs.c: ours, and the system's file object behind it */

        assert_int_equal(
                sqlite3_file_control(db_handle(db), "main", SQLITE_FCNTL_JOURNAL_POINTER, &file),
                0);
        top = (void *)file;
        *ret_file = (void *)(top + 1);
        whole = (*ret_file)->pMethods;
        broken = *whole;
        broken.xSync = failing_sync;
        (*ret_file)->pMethods = &broken;
        return whole;
}

static void test_after_a_failed_flush_a_connection_refuses_everything_for_ever(void **state)
{
        struct db *db = opened(unit_path(state, "a.db"), &full);
        const sqlite3_io_methods *whole;
        sqlite3_file *file;
        sqlite3_stmt *select;

        assert_int_equal(db_exec(db, "CREATE TABLE t (n); INSERT INTO t VALUES (1)"), 0);
        assert_int_equal(db_prepare(db, "SELECT n FROM t", &select), 0);
        assert_int_equal(db_begin(db), 0);
        assert_int_equal(db_exec(db, "INSERT INTO t VALUES (2)"), 0);
        whole = break_flushes(db, &file);
        assert_int_equal(db_commit(db), PANNIER_E_STORAGE);
        file->pMethods = whole; /* the disk seems to be well again: we do not believe it */
        assert_int_equal(db_begin(db), PANNIER_E_STORAGE);
        assert_int_equal(db_step(db, select), PANNIER_E_STORAGE);
        assert_int_equal(db_exec(db, "INSERT INTO t VALUES (3)"), PANNIER_E_STORAGE);
        assert_int_equal(db_prepare(db, "SELECT 1", &select), PANNIER_E_STORAGE);
        (void)db_free(db);
        db = opened(unit_path(state, "a.db"), &full);
        assert_int_equal(number(db, "SELECT count(*) FROM t WHERE n <> 2"), 1);
        (void)db_free(db);
}

static void test_a_write_that_fails_is_rolled_back_and_can_be_tried_again(void **state)
{
        static struct db_vfs disk; /* static: a test that fails leaves it registered */
        struct db_options options = full;
        struct db *db;

        assert_int_equal(db_vfs_init(&disk, NULL, 0), 0);
        options.vfs = disk.name;
        db = opened(unit_path(state, "a.db"), &options);
        assert_int_equal(db_exec(db, "CREATE TABLE t (n)"), 0);
        disk.failed = true; /* a layer that is told so serves as a disk that takes no writes */
        assert_int_equal(db_exec(db, "INSERT INTO t VALUES (1)"), PANNIER_E_STORAGE);
        disk.failed = false;
        assert_int_equal(number(db, "SELECT count(*) FROM t"), 0);
        assert_int_equal(db_exec(db, "INSERT INTO t VALUES (1)"), 0);
        assert_int_equal(number(db, "SELECT count(*) FROM t"), 1);
        (void)db_free(db);
        db_vfs_deinit(&disk);
}

static void test_a_full_disk_fails_the_write_and_not_the_connection(void **state)
{
        CLEANUP(db_freep) struct db *db = opened(unit_path(state, "a.db"), &full);

        assert_int_equal(db_exec(db, "CREATE TABLE t (n); PRAGMA max_page_count = 3"), 0);
        assert_int_equal(db_exec(db, "INSERT INTO t VALUES (zeroblob(100000))"), PANNIER_E_STORAGE);
        assert_int_equal(db_exec(db, "INSERT INTO t VALUES (1)"), 0);
        assert_int_equal(number(db, "SELECT count(*) FROM t"), 1);
}

/* Otherwise it would be written, and less durable than was promised. */
static void test_a_disk_that_cannot_do_wal_is_refused(void **state)
{
        struct db_options options = full;
        struct db *db = NULL;

        options.vfs = "unix-dotfile"; /* comes with SQLite; has no shared memory */
        assert_int_equal(db_open(unit_path(state, "a.db"), &options, &db), PANNIER_E_STORAGE);
        assert_non_null(strstr(error_detail(), "WAL"));
        assert_null(db);
}

static void test_an_unknown_disk_is_refused(void **state)
{
        struct db_options options = full;
        struct db *db = NULL;

        options.vfs = "no such disk";
        assert_int_equal(db_open(unit_path(state, "a.db"), &options, &db), PANNIER_E_INVALID);
}

static bool file_holds(const char *path, const char *what)
{
        CLEANUP(buffer_deinit) struct buffer content = BUFFER_INIT;
        FILE *file = fopen(path, "r");
        int c;

        if (!file)
                return false;
        while ((c = fgetc(file)) != EOF)
                buffer_append_byte(&content, (uint8_t)c);
        (void)fclose(file);
        return content.size > 0 && memmem(content.data, content.size, what, strlen(what));
}

static void test_under_a_key_nothing_is_readable_in_the_files(void **state)
{
        struct db_options options = keyed();
        CLEANUP(db_freep) struct db *db = opened(unit_path(state, "a.db"), &options);
        bool cipher = db_cipher(db);

        assert_int_equal(cipher, DB_HAS_CIPHER);
        assert_int_equal(db_exec(db, "CREATE TABLE canary_table (n); INSERT INTO canary_table "
                                     "VALUES ('the canary sings')"),
                         0);
        assert_int_equal(file_holds(unit_path(state, "a.db-wal"), "the canary sings"), !cipher);
        (void)db_free(TAKE(db));
        assert_int_equal(file_holds(unit_path(state, "a.db"), "the canary sings"), !cipher);
        assert_int_equal(file_holds(unit_path(state, "a.db"), "canary_table"), !cipher);
        assert_int_equal(file_holds(unit_path(state, "a.db"), "SQLite format 3"), !cipher);
        db = opened(unit_path(state, "a.db"), &options);
        assert_int_equal(number(db, "SELECT count(*) FROM canary_table"), 1);
        assert_int_equal(number(db, "PRAGMA synchronous"), 1);
        assert_int_equal(number(db, "PRAGMA secure_delete"), 1);
}

static void test_another_key_does_not_open_a_file(void **state)
{
        struct db_options options = keyed();
        CLEANUP(db_freep) struct db *db = opened(unit_path(state, "a.db"), &options);
        uint8_t other[48];

        assert_int_equal(db_exec(db, "CREATE TABLE t (n)"), 0);
        (void)db_free(TAKE(db));
        memcpy(other, key_bytes, sizeof(other));
        other[31] ^= 1;
        options.key = BYTES(other, sizeof(other));
        assert_int_equal(db_open(unit_path(state, "a.db"), &options, &db), PANNIER_E_CORRUPT);
        assert_int_equal(db_open(unit_path(state, "a.db"), &normal, &db), PANNIER_E_CORRUPT);
        options.key = BYTES(other, 32);
        assert_int_equal(db_open(unit_path(state, "a.db"), &options, &db), PANNIER_E_INVALID);
}

/* The salt comes with the key: SQLCipher would otherwise read it from there, and lose all with these 16 bytes. */
static void test_a_damaged_salt_in_the_file_harms_nothing(void **state)
{
        struct db_options options = keyed();
        CLEANUP(db_freep) struct db *db = opened(unit_path(state, "a.db"), &options);
        FILE *file;

        assert_int_equal(db_exec(db, "CREATE TABLE t (n); INSERT INTO t VALUES (5)"), 0);
        (void)db_free(TAKE(db));
        file = fopen(unit_path(state, "a.db"), "r+");
        assert_non_null(file);
        assert_int_equal(fwrite("xxxxxxxxxxxxxxxx", 16, 1, file), 1);
        assert_int_equal(fclose(file), 0);
        db = opened(unit_path(state, "a.db"), &options);
        assert_int_equal(number(db, "SELECT n FROM t"), 5);
}

static void test_a_flipped_bit_in_an_encrypted_page_is_noticed(void **state)
{
        struct db_options options = keyed();
        CLEANUP(db_freep) struct db *db = opened(unit_path(state, "a.db"), &options);
        FILE *file;
        int c;

        assert_int_equal(db_exec(db, "CREATE TABLE t (n); INSERT INTO t VALUES (5)"), 0);
        (void)db_free(TAKE(db));
        file = fopen(unit_path(state, "a.db"), "r+");
        assert_non_null(file);
        assert_int_equal(fseek(file, 4096 + 100, SEEK_SET), 0);
        c = fgetc(file);
        assert_int_equal(fseek(file, 4096 + 100, SEEK_SET), 0);
        assert_int_equal(fputc(c ^ 1, file), c ^ 1);
        assert_int_equal(fclose(file), 0);
        db = opened(unit_path(state, "a.db"), &options);
        assert_int_equal(db_exec(db, "SELECT n FROM t"), PANNIER_E_CORRUPT);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, unit_folder_make, unit_folder_remove)

int main(void)
{
        const struct CMUnitTest tests[] = {
                IN_FOLDER(test_what_was_committed_is_there_after_opening_again),
                IN_FOLDER(test_every_connection_has_the_settings_that_the_header_promises),
                IN_FOLDER(test_a_full_database_does_not_trust_the_neighbours_of_a_write),
                IN_FOLDER(test_a_path_may_hold_what_an_address_reserves),
                IN_FOLDER(test_a_missing_file_is_not_made_where_it_must_exist),
                IN_FOLDER(test_a_read_only_connection_reads_and_cannot_write),
                IN_FOLDER(test_a_file_that_is_no_database_is_corrupt),
                cmocka_unit_test(test_values_come_back_as_they_went_in),
                cmocka_unit_test(test_a_misspelt_statement_among_many_is_found_when_prepared),
                cmocka_unit_test(test_a_key_in_the_way_is_taken_and_a_broken_rule_is_our_own_bug),
                cmocka_unit_test(test_after_an_error_a_statement_can_be_used_again),
                IN_FOLDER(test_a_second_writer_is_told_to_come_back),
                IN_FOLDER(test_an_exclusive_file_is_nobody_elses_until_it_is_closed),
                IN_FOLDER(test_a_reader_sees_one_moment_from_its_begin_on),
                IN_FOLDER(test_what_was_rolled_back_is_gone_and_rolling_back_nothing_is_no_error),
                IN_FOLDER(test_a_commit_that_fails_is_rolled_back),
                IN_FOLDER(test_migrations_run_once_each_and_in_order),
                IN_FOLDER(test_a_migration_that_fails_leaves_the_database_as_it_was),
                IN_FOLDER(test_a_newer_database_is_refused_untouched),
                IN_FOLDER(test_a_full_commit_costs_one_flush_and_a_normal_one_none),
                IN_FOLDER(test_a_slow_medium_can_be_measured),
                IN_FOLDER(test_after_a_failed_flush_a_connection_refuses_everything_for_ever),
                IN_FOLDER(test_a_write_that_fails_is_rolled_back_and_can_be_tried_again),
                IN_FOLDER(test_a_full_disk_fails_the_write_and_not_the_connection),
                IN_FOLDER(test_a_disk_that_cannot_do_wal_is_refused),
                IN_FOLDER(test_an_unknown_disk_is_refused),
                IN_FOLDER(test_under_a_key_nothing_is_readable_in_the_files),
        };
        const struct CMUnitTest cipher_tests[] = {
                IN_FOLDER(test_another_key_does_not_open_a_file),
                IN_FOLDER(test_a_damaged_salt_in_the_file_harms_nothing),
                IN_FOLDER(test_a_flipped_bit_in_an_encrypted_page_is_noticed),
        };
        int failed = cmocka_run_group_tests(tests, NULL, NULL);

        if (DB_HAS_CIPHER)
                failed += cmocka_run_group_tests(cipher_tests, NULL, NULL);
        return failed;
}
