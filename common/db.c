#include "common/db.h"

#include "common/db_vfs.h"
#include "common/error.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BUSY_MS_DEFAULT = 5000, KEY_SIZE = 48 };

struct db {
        struct db_vfs layer;
        sqlite3 *handle;
        sqlite3_stmt *begin, *begin_read, *snapshot, *commit, *rollback;
        bool bind_failed;   /* for lack of memory; the next step fails */
        bool rollback_owed; /* one failed and is to be made up for */
};

/* The one place that knows SQLite's codes. */
static int translate(int code)
{
        switch (code & 0xff) {
        case SQLITE_OK:
        case SQLITE_ROW:
        case SQLITE_DONE:
                return 0;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_INTERRUPT:
                return PANNIER_E_BUSY;
        case SQLITE_NOMEM:
                return PANNIER_E_MEMORY;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
                return PANNIER_E_CORRUPT;
        case SQLITE_TOOBIG:
                return PANNIER_E_LIMIT;
        case SQLITE_CONSTRAINT:
                return code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_UNIQUE ||
                                       code == SQLITE_CONSTRAINT_ROWID
                               ? PANNIER_E_TAKEN
                               : PANNIER_E_INTERNAL;
        case SQLITE_ERROR:
        case SQLITE_MISUSE:
        case SQLITE_RANGE:
        case SQLITE_MISMATCH:
                return PANNIER_E_INTERNAL;
        default: /* SQLite's list is not ours: full, I/O error, read-only, cannot open, … */
                return PANNIER_E_STORAGE;
        }
}

static int fail_with(struct db *db, const char *what)
{
        int error = translate(sqlite3_extended_errcode(db->handle));

        return FAIL(error ? error : PANNIER_E_INTERNAL, "%s: %s", what, sqlite3_errmsg(db->handle));
}

/* A path may hold what a URI reserves (RFC 3986 §2.2); only unreserved characters and '/' stay as they are. */
static void append_escaped(struct buffer *uri, const char *path)
{
        static const char safe[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";

        for (const char *c = path; *c != '\0'; c++) {
                if (strchr(safe, *c))
                        buffer_append_byte(uri, (uint8_t)*c);
                else
                        buffer_append_format(uri, "%%%02x", (unsigned int)(uint8_t)*c);
        }
}

static int open_handle(struct db *db, const char *path, const struct db_options *options)
{
        CLEANUP(buffer_deinit) struct buffer uri = BUFFER_INIT;
        int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
        int r;

        flags |= options->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
        if (!options->must_exist && !options->read_only)
                flags |= SQLITE_OPEN_CREATE;
        if (strcmp(path, ":memory:") == 0) {
                buffer_append_text(&uri, path);
        } else {
                buffer_append_text(&uri, "file:");
                append_escaped(&uri, path);
                if (options->durability == DB_FULL)
                        buffer_append_text(&uri, "?psow=0");
        }
        buffer_append_byte(&uri, '\0');
        r = buffer_check(&uri);
        if (r < 0)
                return r;
        if (sqlite3_open_v2((const char *)uri.data, &db->handle, flags, db->layer.name) ==
            SQLITE_OK)
                return 0;
        if (!db->handle)
                return FAIL(PANNIER_E_MEMORY, "no memory to open %s", path);
        if (!(flags & SQLITE_OPEN_CREATE) && access(path, F_OK) != 0)
                return FAIL(PANNIER_E_NOT_FOUND, "%s is not there", path);
        return FAIL(PANNIER_E_STORAGE, "%s: %s", path, sqlite3_errmsg(db->handle));
}

static int set_key(struct db *db, struct bytes key)
{
        CLEANUP(buffer_wipe) struct buffer sql = BUFFER_INIT;
        char digits[2 * KEY_SIZE + 1];
        int r;

        if (!DB_HAS_CIPHER)
                return 0; /* a development build: see the option sqlcipher */
        if (key.size != KEY_SIZE)
                return FAIL(PANNIER_E_INVALID, "a database key has %d bytes, this has %zu",
                            KEY_SIZE, key.size);
        r = db_exec(
                db,
                "PRAGMA cipher_log_level = NONE"); /* it would write to standard error by itself */
        if (r < 0)
                return r;
        bytes_hex(key, digits);
        buffer_append_format(&sql, "PRAGMA key = \"x'%s'\"", digits);
        explicit_bzero(digits, sizeof(digits));
        buffer_append_byte(&sql, '\0');
        r = buffer_check(&sql);
        if (r < 0)
                return r;
        r = db_exec(db, (const char *)sql.data);
        if (r < 0)
                return r;
        /* Plain SQLite ignores PRAGMA key. Were it linked in by mistake, the file would be in clear. */
        if (!db_cipher(db))
                return FAIL(PANNIER_E_INTERNAL,
                            "no SQLCipher in this program: not opening in clear");
        /*
         * Locking and overwriting all of SQLite's memory doubles the time of a write (25,000 rows: 0.38 s without,
         * 0.74 s with). SQLCipher wipes its keys in any case, and the daemon dumps no core.
         */
        return db_exec(db, "PRAGMA cipher_memory_security = OFF");
}

/* A file that cannot be in WAL mode would have another durability than the one that was asked for. */
static int set_wal(struct db *db)
{
        sqlite3_stmt *stmt = NULL;
        const char *mode = "";
        int r = 0;

        if (sqlite3_prepare_v2(db->handle, "PRAGMA journal_mode = WAL", -1, &stmt, NULL) !=
            SQLITE_OK)
                return fail_with(db, "journal_mode");
        if (sqlite3_step(stmt) == SQLITE_ROW)
                mode = (const char *)sqlite3_column_text(stmt, 0);
        else
                r = fail_with(db, "journal_mode");
        if (r == 0 && strcmp(mode, "wal") != 0 && strcmp(mode, "memory") != 0)
                r = FAIL(PANNIER_E_STORAGE, "the file system cannot do WAL: journal mode is %s",
                         mode);
        (void)sqlite3_finalize(stmt);
        return r;
}

static int set_pragmas(struct db *db, const struct db_options *options)
{
        char sql[320];
        int r;

        /*
         * EXTRA before the file exists: until it is in WAL mode a rollback journal protects it, and that is
         * only safe where the folder is flushed too (https://sqlite.org/pragma.html#pragma_synchronous).
         * No mapped reads: an I/O error would be a SIGBUS, and a read around our layer.
         */
        (void)snprintf(
                sql, sizeof(sql),
                "PRAGMA synchronous = EXTRA; PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON;"
                "PRAGMA mmap_size = 0; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -%d;"
                "PRAGMA secure_delete = %s",
                options->cache_kib > 0 ? options->cache_kib : DB_CACHE_KIB_DEFAULT,
                options->secure_delete ? "ON" : "OFF");
        r = db_exec(db, sql);
        if (r < 0 || options->read_only)
                return r;
        if (options->exclusive) /* before the log is first looked at: then it has no shared index either */
                r = db_exec(db, "PRAGMA locking_mode = EXCLUSIVE");
        if (r >= 0)
                r = set_wal(db);
        if (r < 0)
                return r;
        if (options->wal_pages > 0)
                (void)sqlite3_wal_autocheckpoint(db->handle, options->wal_pages);
        /* In WAL mode EXTRA is FULL: a flush per commit. */
        return options->durability == DB_FULL ? 0 : db_exec(db, "PRAGMA synchronous = NORMAL");
}

/*
 * What a crash left in the WAL goes to the file before anything is written behind it. psow=0 pads a commit to the end of its
 * sector, so that the next one does not touch that sector; but the end of the padding is not flushed with it, and where a
 * power cut took it, the next commit would be written into the sector of one that was promised, and a second cut could garble
 * both. Somebody else who has the file open has done it, or is about to.
 */
static int fold_wal(struct db *db, const struct db_options *options)
{
        int code;

        (void)sqlite3_busy_timeout(db->handle, 0);
        code = sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        (void)sqlite3_busy_timeout(db->handle,
                                   options->busy_ms > 0 ? options->busy_ms : BUSY_MS_DEFAULT);
        if (code == SQLITE_OK || translate(code) == PANNIER_E_BUSY)
                return 0;
        return fail_with(db, "a checkpoint at the opening");
}

static int prepare_transactions(struct db *db)
{
        const struct {
                const char *sql;
                sqlite3_stmt **stmt;
        } statements[] = {
                {"BEGIN IMMEDIATE", &db->begin},
                {"BEGIN", &db->begin_read},
                {"SELECT 1 FROM sqlite_schema LIMIT 1", &db->snapshot},
                {"COMMIT", &db->commit},
                {"ROLLBACK", &db->rollback},
        };

        for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
                int r = db_prepare(db, statements[i].sql, statements[i].stmt);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int set_up(struct db *db, const struct db_options *options)
{
        int r;

        (void)sqlite3_busy_timeout(db->handle,
                                   options->busy_ms > 0 ? options->busy_ms : BUSY_MS_DEFAULT);
        if (options->key.size > 0) {
                r = set_key(db, options->key);
                if (r < 0)
                        return r;
        }
        r = db_exec(db, "SELECT count(*) FROM sqlite_schema"); /* not a database, or another key */
        if (r < 0)
                return r;
        r = set_pragmas(db, options);
        if (r == 0 && options->durability == DB_FULL && !options->read_only)
                r = fold_wal(db, options);
        return r < 0 ? r : prepare_transactions(db);
}

/*
 * SQLite counts its memory under a lock at each of its many small allocations, and nobody reads the figures. Before
 * its first use in the process; where a test was faster it stays as it is, only slower.
 */
static void set_up_library(void)
{
        (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int db_open(const char *path, const struct db_options *options, struct db **ret)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        CLEANUP(db_freep) struct db *db = calloc(1, sizeof(*db));
        int r;

        if (!db)
                return FAIL(PANNIER_E_MEMORY, "no memory for a database connection");
        (void)pthread_once(&once, set_up_library);
        r = db_vfs_init(&db->layer, options->vfs, options->flush_delay_us);
        if (r < 0)
                return r;
        r = open_handle(db, path, options);
        if (r < 0)
                return r;
        r = set_up(db, options);
        if (r < 0)
                return r;
        *ret = TAKE(db);
        return 0;
}

struct db *db_free(struct db *db)
{
        sqlite3_stmt *stmt;

        if (!db)
                return NULL;
        while (db->handle && (stmt = sqlite3_next_stmt(db->handle, NULL)))
                (void)sqlite3_finalize(stmt);
        (void)sqlite3_close(db->handle);
        db_vfs_deinit(&db->layer);
        free(db);
        return NULL;
}

/* Through the VFS, because the file is where SQLite put it: on a simulated disk too. */
static int remove_file(sqlite3_vfs *vfs, const char *path, const char *suffix)
{
        CLEANUP(buffer_deinit) struct buffer name = BUFFER_INIT;
        int code;

        buffer_append_text(&name, path);
        buffer_append_text(&name, suffix);
        buffer_append_byte(&name, 0);
        if (buffer_check(&name) < 0)
                return buffer_check(&name);
        code = vfs->xDelete(vfs, (const char *)name.data, 1);
        if (code != SQLITE_OK && code != SQLITE_IOERR_DELETE_NOENT)
                return FAIL(PANNIER_E_STORAGE, "%s%s cannot be removed", path, suffix);
        return 0;
}

int db_remove(const char *path)
{
        static const char *const suffixes[] = {"-wal", "-shm", ""};
        sqlite3_vfs *vfs;
        int r = 0;

        if (sqlite3_initialize() != SQLITE_OK || !(vfs = sqlite3_vfs_find(NULL)))
                return FAIL(PANNIER_E_INTERNAL, "SQLite has no VFS");
        for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]) && r == 0; i++)
                r = remove_file(vfs, path, suffixes[i]);
        return r;
}

sqlite3 *db_handle(struct db *db)
{
        return db->handle;
}

bool db_cipher(struct db *db)
{
        sqlite3_stmt *stmt = NULL;
        bool found = false;

        if (sqlite3_prepare_v2(db->handle, "PRAGMA cipher_version", -1, &stmt, NULL) == SQLITE_OK)
                found = sqlite3_step(stmt) == SQLITE_ROW;
        (void)sqlite3_finalize(stmt);
        return found;
}

static int user_version(struct db *db, int64_t *ret)
{
        sqlite3_stmt *stmt = NULL;
        int r;

        /* Not kept: a statement of its own is gone when the last transaction of a migration ends. */
        if (sqlite3_prepare_v2(db->handle, "PRAGMA user_version", -1, &stmt, NULL) != SQLITE_OK)
                return fail_with(db, "user_version");
        r = sqlite3_step(stmt) == SQLITE_ROW ? 0 : fail_with(db, "user_version");
        *ret = sqlite3_column_int64(stmt, 0);
        (void)sqlite3_finalize(stmt);
        return r;
}

/* One step inside of its transaction. @ret_done: the file is at the newest version. */
static int migrate_step(struct db *db, const char *const *steps, size_t count, bool *ret_done)
{
        char pragma[64];
        int64_t version = 0;
        int r = user_version(db, &version); /* again: another process may have been faster */

        if (r < 0)
                return r;
        if (version < 0 || (uint64_t)version > count)
                return FAIL(PANNIER_E_TOO_NEW,
                            "the database is of version %lld, this program knows %zu",
                            (long long)version, count);
        *ret_done = (uint64_t)version == count;
        if (*ret_done)
                return 0;
        r = db_exec(db, steps[version]);
        if (r < 0)
                return r;
        (void)snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %lld",
                       (long long)version + 1);
        return db_exec(db, pragma);
}

int db_migrate(struct db *db, const char *const *steps, size_t count)
{
        bool done = false;

        while (!done) {
                int r = db_begin(db);

                if (r < 0)
                        return r;
                r = migrate_step(db, steps, count, &done);
                if (r == 0 && !done)
                        r = db_commit(db);
                else
                        db_rollback(db);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Is no transaction open any more? The detail of the failure that led here stays what it was. */
static bool roll_back(struct db *db)
{
        if (sqlite3_get_autocommit(db->handle))
                return true; /* SQLite itself has rolled back, or nothing was begun */
        (void)sqlite3_step(db->rollback);
        (void)sqlite3_reset(db->rollback);
        return sqlite3_get_autocommit(db->handle);
}

/*
 * May the connection be used? After a flush that failed nobody knows what is on the disk: close, open, and look. A
 * rollback that failed (it takes memory) is made up for first, or what comes next would join what was given up.
 */
static int check_usable(struct db *db)
{
        if (db->layer.failed)
                return FAIL(PANNIER_E_STORAGE,
                            "a flush to the disk failed: this connection is of no use any more");
        if (db->bind_failed) {
                db->bind_failed = false;
                return FAIL(PANNIER_E_MEMORY, "no memory for a parameter");
        }
        if (db->rollback_owed && !roll_back(db))
                return fail_with(db, "ROLLBACK");
        db->rollback_owed = false;
        return 0;
}

int db_exec(struct db *db, const char *sql)
{
        int r = check_usable(db);

        if (r < 0)
                return r;
        if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
                return fail_with(db, "SQL");
        return 0;
}

int db_prepare(struct db *db, const char *sql, sqlite3_stmt **ret)
{
        sqlite3_stmt *stmt = NULL;

        int r = check_usable(db);

        if (r < 0)
                return r;
        if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) !=
            SQLITE_OK)
                return fail_with(db, sql);
        *ret = stmt;
        return 0;
}

int db_prepare_all(struct db *db, const char *const *sql, size_t count, sqlite3_stmt **ret)
{
        for (size_t i = 0; i < count; i++) {
                int r = db_prepare(db, sql[i], &ret[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

int db_begin(struct db *db)
{
        return db_run(db, db->begin);
}

int db_begin_read(struct db *db)
{
        int r = db_run(db, db->begin_read);

        if (r < 0)
                return r;
        r = db_step(db, db->snapshot); /* BEGIN alone takes no snapshot; the first read does */
        if (r < 0) {
                db_rollback(db);
                return r;
        }
        db_reset(db->snapshot);
        return 0;
}

int db_commit(struct db *db)
{
        int r = db_run(db, db->commit);

        if (r < 0)
                db_rollback(db);
        return r;
}

void db_rollback(struct db *db)
{
        db->rollback_owed = !roll_back(db);
}

uint64_t db_flush_count(const struct db *db)
{
        return db->layer.flush_count;
}

/* The connection of a statement: our layer is the first member, and SQLite hands out its VFS. */
static struct db *db_of(sqlite3_stmt *stmt)
{
        sqlite3_vfs *vfs = NULL;

        (void)sqlite3_file_control(sqlite3_db_handle(stmt), "main", SQLITE_FCNTL_VFS_POINTER, &vfs);
        return vfs ? vfs->pAppData : NULL;
}

/*
 * A bind fails where the index is wrong or the statement is running, which is our own bug, or where there is no memory
 * for a copy. Then the value is NULL, and the statement must not run with it: the next step fails instead.
 */
static void check_bind(sqlite3_stmt *stmt, int code)
{
        struct db *db = code == SQLITE_NOMEM ? db_of(stmt) : NULL;

        assert(code == SQLITE_OK || db);
        if (db)
                db->bind_failed = true;
}

void db_bind_int(sqlite3_stmt *stmt, int index, int64_t value)
{
        check_bind(stmt, sqlite3_bind_int64(stmt, index, value));
}

void db_bind_text(sqlite3_stmt *stmt, int index, struct bytes value)
{
        const char *text = value.size > 0 ? (const char *)value.data : "";

        check_bind(stmt,
                   sqlite3_bind_text64(stmt, index, text, value.size, SQLITE_STATIC, SQLITE_UTF8));
}

void db_bind_blob(sqlite3_stmt *stmt, int index, struct bytes value)
{
        const void *data = value.size > 0 ? (const void *)value.data : "";

        check_bind(stmt, sqlite3_bind_blob64(stmt, index, data, value.size, SQLITE_STATIC));
}

void db_bind_uuid(sqlite3_stmt *stmt, int index, const struct uuid *id)
{
        if (uuid_is_none(id))
                db_bind_null(stmt, index);
        else /* copied: ids are often a local variable */
                check_bind(
                        stmt,
                        sqlite3_bind_blob64(
                                stmt, index, id->bytes, sizeof(id->bytes),
                                SQLITE_TRANSIENT)); // NOLINT(performance-no-int-to-ptr): SQLite's own
}

void db_bind_null(sqlite3_stmt *stmt, int index)
{
        check_bind(stmt, sqlite3_bind_null(stmt, index));
}

int db_step(struct db *db, sqlite3_stmt *stmt)
{
        int r = check_usable(db);

        if (r < 0) {
                (void)sqlite3_reset(stmt);
                return r;
        }
        switch (sqlite3_step(stmt)) {
        case SQLITE_ROW:
                return 1;
        case SQLITE_DONE:
                (void)sqlite3_reset(stmt);
                return 0;
        default:
                r = fail_with(db, sqlite3_sql(stmt));
                (void)sqlite3_reset(stmt);
                return r;
        }
}

int db_run(struct db *db, sqlite3_stmt *stmt)
{
        int r;

        do
                r = db_step(db, stmt);
        while (r > 0);
        return r;
}

void db_reset(sqlite3_stmt *stmt)
{
        (void)sqlite3_reset(stmt);
}

int64_t db_column_int(sqlite3_stmt *stmt, int column)
{
        return sqlite3_column_int64(stmt, column);
}

struct bytes db_column_bytes(sqlite3_stmt *stmt, int column)
{
        const void *data = sqlite3_column_blob(stmt, column); /* first: it may convert */

        return BYTES(data, (size_t)sqlite3_column_bytes(stmt, column));
}

struct uuid db_column_uuid(sqlite3_stmt *stmt, int column)
{
        struct bytes value = db_column_bytes(stmt, column);
        struct uuid id;

        if (value.size != sizeof(id.bytes))
                return UUID_NONE;
        memcpy(id.bytes, value.data, sizeof(id.bytes));
        return id;
}

bool db_column_is_null(sqlite3_stmt *stmt, int column)
{
        return sqlite3_column_type(stmt, column) == SQLITE_NULL;
}

int64_t db_changes(struct db *db)
{
        return sqlite3_changes64(db->handle);
}
