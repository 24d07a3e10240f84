/*
 * What the files of the SQLite implementation of store/storage.h share. Nobody else includes it.
 *
 * One file per group of tables; each owns its statements, indexed by an enum of its own and prepared when the
 * connection opens.
 */
#ifndef STORE_STORAGE_SQLITE_H
#define STORE_STORAGE_SQLITE_H

#include "common/db.h"
#include "common/record_table.h"
#include "store/storage.h"

enum {
        SQLITE_STMT_MAX = 40, /* statements of one file */
        SQLITE_FEEDS_MAX =
                1 << 24, /* (locality, scope) of one store: provisional ones are among them */
        SQLITE_LOCALITIES_MAX = 64,        /* localities of one store */
        STORE_WRITER_CACHE_KIB = 64 << 10, /* a group commit touches pages all over its B-trees */
        STORE_READER_CACHE_KIB = 16 << 10,
};

enum sqlite_group {
        GROUP_CORE,
        GROUP_ROWS,
        GROUP_LOG,
        GROUP_LANES,
        GROUP_FEED,
        GROUP_MEMBERS,
        GROUP_CUSTODY,
        GROUP_DEVICES,
        GROUP_LOAD,
        GROUP_EPOCHS,
        GROUP_SUMS,
        GROUP_MOVES,
        GROUP_REPAIRS,
        GROUP_REFUSED,
        GROUP_COUNT
};

enum sqlite_mode { MODE_IDLE, MODE_READING, MODE_WRITING };

struct sqlite_locality {
        int64_t number; /* what keys carry */
        bool loaded;    /* `state` is of this transaction */
        bool marked;    /* this connection's opening is in the table */
        struct storage_locality state;
        struct storage_locality saved; /* at the savepoint */
};

struct sqlite_members; /* storage_sqlite_members.c */

struct storage_sqlite {
        struct storage base; /* first: a struct storage * is one of these */
        struct storage_ops ops;
        struct db *db;
        struct record_tables *tables;
        enum sqlite_mode mode;
        bool read_only;
        sqlite3_stmt *rows[TYPE_NUMBER_MAX + 1]; /* a person's records, by type; made when needed */
        struct buffer row;                       /* of the record being written */
        sqlite3_stmt *stmts[GROUP_COUNT][SQLITE_STMT_MAX];
        uint64_t
                transaction; /* rises with each write transaction, and where a savepoint is gone back to */
        struct sqlite_members *members; /* read in this transaction; NULL: none yet */
        struct scope *feeds;            /* by number; kind 0: not known yet */
        size_t feed_capacity;
        struct buffer sums; /* what is to be added to digests (storage_sqlite_sums.c) */
        size_t sums_saved;  /* bytes of it at the savepoint */
        struct sqlite_locality localities[SQLITE_LOCALITIES_MAX];
        size_t locality_count;
};

static inline struct storage_sqlite *sqlite_of(struct storage *storage)
{
        return (struct storage_sqlite *)(void *)storage;
}

/* sqlite_locality() - the small number of a locality; PANNIER_E_NOT_FOUND */
int sqlite_locality(struct storage_sqlite *sqlite, const struct uuid *id, int64_t *ret);

/* sqlite_locality_id() - the other way; UUID_NONE where there is none */
struct uuid sqlite_locality_id(const struct storage_sqlite *sqlite, int64_t number);

/* Place of a row of the log: number of its locality, and its own. What hangs on a row has the same place. */
enum { SQLITE_PLACE_BITS = 40 };
static inline int64_t sqlite_place(int64_t locality, uint64_t number)
{
        return (locality << SQLITE_PLACE_BITS) + (int64_t)number;
}
static inline uint64_t sqlite_place_number(int64_t place)
{
        return (uint64_t)(place & (((int64_t)1 << SQLITE_PLACE_BITS) - 1));
}
static inline struct uuid sqlite_place_locality(const struct storage_sqlite *sqlite, int64_t place)
{
        return sqlite_locality_id(sqlite, place >> SQLITE_PLACE_BITS);
}

/* sqlite_writing() - 0 in a write transaction, PANNIER_E_INTERNAL elsewhere */
int sqlite_writing(const struct storage_sqlite *sqlite);

/* sqlite_write_in() - both: the number of a locality in a write transaction */
int sqlite_write_in(struct storage_sqlite *sqlite, const struct uuid *id, int64_t *ret);

/* sqlite_bind_id() - db_bind_uuid() without a copy: the id must live until the statement was reset */
static inline void sqlite_bind_id(sqlite3_stmt *stmt, int index, const struct uuid *id)
{
        if (uuid_is_none(id))
                db_bind_null(stmt, index);
        else
                db_bind_blob(stmt, index, BYTES(id->bytes, sizeof(id->bytes)));
}

/* sqlite_copy_fixed() - a column of exactly @size bytes; zero where it is NULL; PANNIER_E_CORRUPT */
int sqlite_copy_fixed(sqlite3_stmt *stmt, int column, void *ret, size_t size);

/* sqlite_copy() - bytes of a row that are to stay go into the arena; none stay none */
int sqlite_copy(struct arena *arena, struct bytes *bytes);

/* sqlite_same_entry() - is a row that has the entry's id of the same device and body? */
bool sqlite_same_entry(const struct uuid *device, const uint8_t *hash,
                       const struct uuid *row_device, const uint8_t *row_hash);

/* sqlite_each() - @take for each row until it returns something else than 0, which is returned. The statement is reset. */
typedef int sqlite_take(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, void *context);
int sqlite_each(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, sqlite_take *take,
                void *context);

/* Each file's part of the table of functions, and its statements. */
void sqlite_records_ops(struct storage_ops *ops);
void sqlite_rows_ops(struct storage_ops *ops);
void sqlite_log_ops(struct storage_ops *ops);
void sqlite_lane_ops(struct storage_ops *ops);
void sqlite_feed_ops(struct storage_ops *ops);
void sqlite_member_ops(struct storage_ops *ops);
void sqlite_custody_ops(struct storage_ops *ops);
void sqlite_device_ops(struct storage_ops *ops);
void sqlite_load_ops(struct storage_ops *ops);
void sqlite_epoch_ops(struct storage_ops *ops);
void sqlite_move_ops(struct storage_ops *ops);
void sqlite_refused_ops(struct storage_ops *ops);
int sqlite_records_prepare(struct storage_sqlite *sqlite);
int sqlite_rows_prepare(struct storage_sqlite *sqlite);
int sqlite_log_prepare(struct storage_sqlite *sqlite);
int sqlite_lanes_prepare(struct storage_sqlite *sqlite);
int sqlite_feed_prepare(struct storage_sqlite *sqlite);
int sqlite_members_prepare(struct storage_sqlite *sqlite);
int sqlite_custody_prepare(struct storage_sqlite *sqlite);
int sqlite_devices_prepare(struct storage_sqlite *sqlite);
int sqlite_load_prepare(struct storage_sqlite *sqlite);
int sqlite_epochs_prepare(struct storage_sqlite *sqlite);
int sqlite_moves_prepare(struct storage_sqlite *sqlite);
int sqlite_refused_prepare(struct storage_sqlite *sqlite);

/* sqlite_mark_opening() - write down where this connection went on, with its first commit */
int sqlite_mark_opening(struct storage_sqlite *sqlite, const struct sqlite_locality *locality);
void sqlite_repairs_ops(struct storage_ops *ops);
int sqlite_repairs_prepare(struct storage_sqlite *sqlite);
void sqlite_sums_ops(struct storage_ops *ops);
int sqlite_sums_prepare(struct storage_sqlite *sqlite);

/* sqlite_sums_flush() - write down what feed_sum() gathered; before the commit */
int sqlite_sums_flush(struct storage_sqlite *sqlite);
/* sqlite_sums_forget() - the transaction is over, or a savepoint is gone back to (@size: its bytes) */
void sqlite_sums_forget(struct storage_sqlite *sqlite, size_t size);
/* sqlite_sums_read() - digests as the column has them */
void sqlite_sums_read(sqlite3_stmt *stmt, int column, struct digest ret[CLASS_COUNT]);

/* sqlite_row_put() - keep a record as it travels, unless it is in no feed */
int sqlite_row_put(struct storage_sqlite *sqlite, const struct record *record);
/* sqlite_row_read() - what sqlite_row_put() kept; @ret borrows from @blob */
int sqlite_row_read(struct bytes blob, const struct uuid *id, enum catalogue_class *ret_class,
                    struct wire_row *ret);
void sqlite_feed_free(struct storage_sqlite *sqlite);
/* sqlite_members_forget() - what was read before is of another transaction, or was taken back */
void sqlite_members_forget(struct storage_sqlite *sqlite);
void sqlite_members_free(struct storage_sqlite *sqlite);
void sqlite_records_free(struct storage_sqlite *sqlite);

#endif
