/*
 * SQLite as this project uses it: one connection, one thread; every SQLite code is translated here.
 *
 * SQLite's codes become: busy or locked → BUSY; full, I/O, read-only, cannot open → STORAGE; corrupt, not a
 * database → CORRUPT; a UNIQUE or PRIMARY KEY in the way → TAKEN; any other constraint, wrong SQL or misuse →
 * INTERNAL; too big → LIMIT; no memory → MEMORY.
 *
 * The same source is compiled twice: against SQLite for the store, against SQLCipher for the device. One
 * process never holds both libraries. A module owns its tables and its statements: an array of SQL, indexed
 * by an enum, prepared together when the module opens (db_prepare_all), so that a typo fails the first test.
 */
#ifndef COMMON_DB_H
#define COMMON_DB_H

#include "common/bytes.h"
#include "common/id.h"

#include <sqlite3.h>

struct db; /* a connection */

enum db_durability {
        DB_FULL,   /* every commit survives a power cut: outbox, store; opened with psow=0 */
        DB_NORMAL, /* the newest commits may be lost at a power cut, nothing else: replica */
};

enum { DB_CACHE_KIB_DEFAULT = 1024 };

struct db_options {
        enum db_durability durability;
        struct bytes key; /* raw key and salt, 48 bytes, for SQLCipher; empty: plain file */
        int cache_kib;    /* page cache of the connection; 0: DB_CACHE_KIB_DEFAULT */
        int busy_ms;      /* longest wait for another process's lock; 0: 5 seconds */
        /*
         * Pages in the log before they are copied to the file, which costs two flushes and the copying; 0: SQLite's
         * 1000 (4 MiB): enough that a device flushes rarely for it, little enough for its card. A store that writes
         * all day takes more.
         */
        int wal_pages;
        bool read_only;
        bool must_exist; /* a missing file is PANNIER_E_NOT_FOUND instead of a new database */
        bool exclusive;  /* the file stays locked: no other process reads it, and none is asked */
        bool secure_delete; /* deleted content is overwritten */
        const char *vfs;    /* SQLite's VFS below ours, for a simulated disk; NULL: the system's */
        uint32_t flush_delay_us; /* added to each flush, to measure slow media; 0 otherwise */
};

/**
 * db_open() - open or create a database file, in WAL mode, foreign keys on, temp_store in memory
 * @path:    file, NUL-terminated; ":memory:" for tests
 *
 * After a flush that failed, every call on the connection is PANNIER_E_STORAGE: close it, open it again, verify.
 *
 * Return: 0; PANNIER_E_NOT_FOUND; PANNIER_E_CORRUPT (not a database, or not under this key); PANNIER_E_STORAGE
 */
int db_open(const char *path, const struct db_options *options, struct db **ret);
struct db *db_free(struct db *db);
DEFINE_FREEP(db)

/**
 * db_remove() - delete a database file with its WAL, through SQLite's default VFS; not being there is no error
 *
 * Return: 0; PANNIER_E_STORAGE
 */
int db_remove(const char *path);

/* db_handle() - the SQLite connection, for sqlite3_* calls that have no wrapper; borrowed */
sqlite3 *db_handle(struct db *db);

/* db_cipher() - is the library behind this connection SQLCipher? */
bool db_cipher(struct db *db);

/**
 * db_migrate() - bring a database to its newest version
 * @steps: SQL scripts, in order; step i brings user_version from i to i + 1, in one transaction of its own
 *
 * Return: 0; PANNIER_E_TOO_NEW where the file is of a newer version (it is not touched); PANNIER_E_STORAGE
 */
int db_migrate(struct db *db, const char *const *steps, size_t count);

/* db_exec() - run SQL that has no parameters */
int db_exec(struct db *db, const char *sql);

/**
 * db_prepare_all() - prepare @count statements, kept until db_free()
 * @sql: texts, one statement each
 * @ret: array of @count; filled; the statements are owned by the connection
 */
int db_prepare_all(struct db *db, const char *const *sql, size_t count, sqlite3_stmt **ret);
int db_prepare(struct db *db, const char *sql, sqlite3_stmt **ret);

/*
 * Transactions. begin takes the write lock at once (BEGIN IMMEDIATE); PANNIER_E_BUSY after busy_ms of waiting
 * for another process. A commit that failed is rolled back. rollback never fails outwards, also where nothing is open; one that
 * could not be done is made up for before anything else is.
 */
int db_begin(struct db *db);
int db_begin_read(struct db *db); /* a snapshot for several reads */
int db_commit(struct db *db);
void db_rollback(struct db *db);

/* db_flush_count() - flushes to the disk (xSync of SQLite's VFS) since the connection was opened */
uint64_t db_flush_count(const struct db *db);

/*
 * Parameters are numbered from 1. Text and blob views must live until db_step()/db_run() returned; ids are copied. A bind
 * that finds no memory makes the next db_step()/db_run() on the connection fail with PANNIER_E_MEMORY.
 */
void db_bind_int(sqlite3_stmt *stmt, int index, int64_t value);
void db_bind_text(sqlite3_stmt *stmt, int index, struct bytes value);
void db_bind_blob(sqlite3_stmt *stmt, int index, struct bytes value);
void db_bind_uuid(sqlite3_stmt *stmt, int index, const struct uuid *id); /* NULL for UUID_NONE */
void db_bind_null(sqlite3_stmt *stmt, int index);

/**
 * db_step() - the next row
 *
 * After 0 or an error the statement is reset and may be bound again.
 *
 * Return: 1 a row is there; 0 no more rows; or an error
 */
int db_step(struct db *db, sqlite3_stmt *stmt);

/* db_run() - step a statement that gives no rows, to its end, and reset it */
int db_run(struct db *db, sqlite3_stmt *stmt);

/* db_reset() - leave a query before its last row */
void db_reset(sqlite3_stmt *stmt);

int64_t db_column_int(sqlite3_stmt *stmt, int column);
struct bytes db_column_bytes(sqlite3_stmt *stmt,
                             int column); /* text or blob; borrowed until the next step */
struct uuid db_column_uuid(sqlite3_stmt *stmt, int column); /* UUID_NONE for NULL or another size */
bool db_column_is_null(sqlite3_stmt *stmt, int column);

/* db_changes() - rows changed by the newest statement */
int64_t db_changes(struct db *db);

#endif
