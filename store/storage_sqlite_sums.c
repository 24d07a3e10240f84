/*
 * Digests of feeds. They change with every record, in the same few rows: what is to be added is gathered while a
 * transaction goes on and written once per feed by its commit. A savepoint is a size of that list.
 */
#include "common/error.h"
#include "store/storage_sqlite.h"

#include <string.h>

enum sums_sql { SQL_SUMS_GET, SQL_SUMS_PUT, SQL_SUMS_OF, SQL_SUMS_COUNT_ };

static const char *const sums_sql[SQL_SUMS_COUNT_] = {
        [SQL_SUMS_GET] = "SELECT digests FROM feed WHERE number = ?1",
        [SQL_SUMS_PUT] = "UPDATE feed SET digests = ?2 WHERE number = ?1",
        [SQL_SUMS_OF] =
                "SELECT number, kind, id, digests FROM feed WHERE locality = ?1 ORDER BY number",
};

struct sum { /* one thing to add */
        uint64_t feed;
        struct digest digests[CLASS_COUNT];
};

static sqlite3_stmt *sums_stmt(struct storage_sqlite *sqlite, enum sums_sql sql)
{
        return sqlite->stmts[GROUP_SUMS][sql];
}

void sqlite_sums_read(sqlite3_stmt *stmt, int column, struct digest ret[CLASS_COUNT])
{
        struct bytes bytes = db_column_bytes(stmt, column);

        for (size_t i = 0; i < CLASS_COUNT; i++)
                ret[i] = bytes.size < (i + 1) * DIGEST_SIZE
                                 ? (struct digest){0}
                                 : digest_read(BYTES(bytes.data + i * DIGEST_SIZE, DIGEST_SIZE));
}

static int op_feed_sum(struct storage *storage, uint64_t feed, enum catalogue_class class,
                       const struct digest *digest)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        struct buffer *sums = &sqlite->sums;
        struct sum added = {.feed = feed};
        int r = sqlite_writing(sqlite);

        if (r < 0 || digest_is_zero(digest))
                return r;
        if (sums->size >= sqlite->sums_saved + sizeof(added)) {
                struct sum *last = (struct sum *)(void *)(sums->data + sums->size) - 1;

                if (last->feed == feed) { /* entries about one person come behind each other */
                        digest_add(&last->digests[class - 1], digest);
                        return 0;
                }
        }
        added.digests[class - 1] = *digest;
        buffer_append(sums, BYTES(&added, sizeof(added)));
        return buffer_check(sums);
}

static int put_sum(struct storage_sqlite *sqlite, const struct sum *sum)
{
        sqlite3_stmt *stmt = sums_stmt(sqlite, SQL_SUMS_GET);
        struct digest digests[CLASS_COUNT];
        uint8_t bytes[CLASS_COUNT * DIGEST_SIZE];
        int r;

        db_bind_int(stmt, 1, (int64_t)sum->feed);
        r = db_step(sqlite->db, stmt);
        if (r <= 0)
                return r < 0 ? r : FAIL(PANNIER_E_CORRUPT, "a digest of a feed that is not there");
        sqlite_sums_read(stmt, 0, digests);
        db_reset(stmt);
        for (size_t i = 0; i < CLASS_COUNT; i++) {
                digest_add(&digests[i], &sum->digests[i]);
                digest_write(&digests[i], bytes + i * DIGEST_SIZE);
        }
        stmt = sums_stmt(sqlite, SQL_SUMS_PUT);
        db_bind_int(stmt, 1, (int64_t)sum->feed);
        db_bind_blob(stmt, 2, BYTES(bytes, sizeof(bytes)));
        return db_run(sqlite->db, stmt);
}

static int compare_sums(const void *a, const void *b)
{
        const struct sum *left = a, *right = b;

        return (left->feed > right->feed) - (left->feed < right->feed);
}

int sqlite_sums_flush(struct storage_sqlite *sqlite)
{
        struct sum *sums = (struct sum *)(void *)sqlite->sums.data;
        size_t count = sqlite->sums.size / sizeof(*sums);
        int r = 0;

        if (sqlite->base.has_unfed)
                return FAIL(PANNIER_E_INTERNAL, "a record was written and not published");
        if (count > 1)
                qsort(sums, count, sizeof(*sums), compare_sums);
        for (size_t i = 0; i < count && r == 0; i++) {
                struct sum sum = sums[i];

                while (i + 1 < count && sums[i + 1].feed == sum.feed) {
                        i++;
                        for (size_t k = 0; k < CLASS_COUNT; k++)
                                digest_add(&sum.digests[k], &sums[i].digests[k]);
                }
                r = put_sum(sqlite, &sum);
        }
        sqlite_sums_forget(sqlite, 0);
        return r;
}

void sqlite_sums_forget(struct storage_sqlite *sqlite, size_t size)
{
        sqlite->sums.size = size < sqlite->sums.size ? size : sqlite->sums.size;
        sqlite->sums_saved = 0;
        sqlite->base.has_unfed = false;
}

static int op_feeds_of(struct storage *storage, const struct uuid *locality,
                       storage_feeds_visit *visit, void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = sums_stmt(sqlite, SQL_SUMS_OF);
        int64_t number;
        int r = sqlite_locality(sqlite, locality, &number);

        if (r < 0)
                return r;
        db_bind_int(stmt, 1, number);
        while ((r = db_step(sqlite->db, stmt)) > 0) {
                struct digest digests[CLASS_COUNT];
                struct scope scope = {(enum scope_kind)db_column_int(stmt, 1),
                                      db_column_uuid(stmt, 2)};

                sqlite_sums_read(stmt, 3, digests);
                r = visit(context, &scope, (uint64_t)db_column_int(stmt, 0), digests);
                if (r != 0)
                        break;
        }
        db_reset(stmt);
        return r;
}

void sqlite_sums_ops(struct storage_ops *ops)
{
        ops->feeds_of = op_feeds_of;
        ops->feed_sum = op_feed_sum;
}

int sqlite_sums_prepare(struct storage_sqlite *sqlite)
{
        return db_prepare_all(sqlite->db, sums_sql, SQL_SUMS_COUNT_, sqlite->stmts[GROUP_SUMS]);
}
