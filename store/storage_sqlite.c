/* file length: the connection and its transactions, to which every other file of the implementation adds its lines */
#include "store/storage_sqlite.h"

#include "common/error.h"
#include "common/plant.h"
#include "schema/store_sql.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum core_sql {
        SQL_LOCALITIES,
        SQL_LOCALITY_GET,
        SQL_LOCALITY_ADD,
        SQL_LOCALITY_PUT,
        SQL_EPOCH_ADD,
        SQL_SAVEPOINT,
        SQL_SAVEPOINT_KEEP,
        SQL_SAVEPOINT_BACK,
        SQL_COUNT_OUTCOMES,
        SQL_COUNT_PARKED,
        SQL_COUNT_QUARANTINED,
        SQL_COUNT_CONFLICTS,
        SQL_COUNT_DEVICES,
        SQL_VERSION,
        SQL_CORE_COUNT_
};

static const char *const core_sql[SQL_CORE_COUNT_] = {
        [SQL_LOCALITIES] = "SELECT number, id FROM locality ORDER BY id",
        [SQL_LOCALITY_GET] = "SELECT epoch, epoch_id, position, log_number, head, backup_epoch, "
                             "backup_position FROM locality WHERE number = ?1",
        [SQL_LOCALITY_ADD] =
                "INSERT INTO locality (id, epoch, epoch_id, position, log_number, head)"
                " VALUES (?1, 1, ?2, 0, 0, zeroblob(32))",
        [SQL_LOCALITY_PUT] =
                "UPDATE locality SET position = ?2, log_number = ?3, head = ?4 WHERE number = ?1",
        [SQL_EPOCH_ADD] =
                "INSERT INTO epoch (locality, epoch, id, began_ms) VALUES (?1, ?2, ?3, ?4)",
        [SQL_SAVEPOINT] = "SAVEPOINT entry",
        [SQL_SAVEPOINT_KEEP] = "RELEASE entry",
        [SQL_SAVEPOINT_BACK] = "ROLLBACK TO entry",
        [SQL_COUNT_OUTCOMES] =
                "SELECT outcome, count(*) FROM log"
                " WHERE place >= ?1 << 40 AND place < (?1 + 1) << 40 GROUP BY outcome",
        [SQL_COUNT_PARKED] = "SELECT count(*) FROM parked WHERE locality = ?1",
        [SQL_COUNT_QUARANTINED] = "SELECT count(*) FROM quarantine"
                                  " WHERE place >= ?1 << 40 AND place < (?1 + 1) << 40 AND how = 0",
        [SQL_COUNT_CONFLICTS] =
                "SELECT count(DISTINCT conflict) FROM open_conflict WHERE locality = ?1",
        [SQL_COUNT_DEVICES] = "SELECT count(*) FROM device WHERE locality = ?1",
        [SQL_VERSION] = "PRAGMA data_version",
};

static sqlite3_stmt *core_stmt(struct storage_sqlite *sqlite, enum core_sql sql)
{
        return sqlite->stmts[GROUP_CORE][sql];
}

/* ---- shared by the files ---- */

int sqlite_writing(const struct storage_sqlite *sqlite)
{
        if (sqlite->mode == MODE_WRITING)
                return 0;
        return FAIL(PANNIER_E_INTERNAL, "a write outside of a write transaction");
}

int sqlite_copy_fixed(sqlite3_stmt *stmt, int column, void *ret, size_t size)
{
        struct bytes bytes = db_column_bytes(stmt, column);

        memset(ret, 0, size);
        if (db_column_is_null(stmt, column))
                return 0;
        if (bytes.size != size)
                return FAIL(PANNIER_E_CORRUPT, "column %d has %zu bytes instead of %zu", column,
                            bytes.size, size);
        memcpy(ret, bytes.data, size);
        return 0;
}

int sqlite_copy(struct arena *arena, struct bytes *bytes)
{
        if (bytes->size == 0) {
                *bytes = BYTES_NONE;
                return 0;
        }
        *bytes = arena_copy(arena, *bytes);
        return bytes->data ? 0 : FAIL(PANNIER_E_MEMORY, "no memory for a row's bytes");
}

bool sqlite_same_entry(const struct uuid *device, const uint8_t *hash,
                       const struct uuid *row_device, const uint8_t *row_hash)
{
        return uuid_equal(device, row_device) && memcmp(hash, row_hash, HASH_SIZE) == 0;
}

int sqlite_each(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, sqlite_take *take, void *context)
{
        int r;

        while ((r = db_step(sqlite->db, stmt)) > 0) {
                r = take(sqlite, stmt, context);
                if (r != 0)
                        break;
        }
        db_reset(stmt);
        return r;
}

/* Another connection may have added localities since. */
static int reload_localities(struct storage_sqlite *sqlite)
{
        sqlite3_stmt *stmt = core_stmt(sqlite, SQL_LOCALITIES);
        size_t count = 0;
        int r;

        while ((r = db_step(sqlite->db, stmt)) > 0) {
                struct sqlite_locality *locality = &sqlite->localities[count];
                struct uuid id = db_column_uuid(stmt, 1);

                if (count == SQLITE_LOCALITIES_MAX) {
                        db_reset(stmt);
                        return FAIL(PANNIER_E_LIMIT, "more than %d localities",
                                    SQLITE_LOCALITIES_MAX);
                }
                if (count >= sqlite->locality_count || !uuid_equal(&locality->state.id, &id))
                        *locality = (struct sqlite_locality){.number = db_column_int(stmt, 0),
                                                             .state.id = id};
                count++;
        }
        if (r == 0)
                sqlite->locality_count = count;
        return r;
}

static struct sqlite_locality *find_loaded(struct storage_sqlite *sqlite, const struct uuid *id)
{
        for (size_t i = 0; i < sqlite->locality_count; i++)
                if (uuid_equal(&sqlite->localities[i].state.id, id))
                        return &sqlite->localities[i];
        return NULL;
}

static struct sqlite_locality *find_locality(struct storage_sqlite *sqlite, const struct uuid *id)
{
        struct sqlite_locality *locality = find_loaded(sqlite, id);

        /* Inside a transaction the array is borrowed from: it may only change in between. */
        if (locality || sqlite->mode == MODE_WRITING || reload_localities(sqlite) < 0)
                return locality;
        return find_loaded(sqlite, id);
}

int sqlite_locality(struct storage_sqlite *sqlite, const struct uuid *id, int64_t *ret)
{
        const struct sqlite_locality *locality = find_locality(sqlite, id);

        if (!locality)
                return FAIL(PANNIER_E_NOT_FOUND, "a locality that is not kept here");
        *ret = locality->number;
        return 0;
}

int sqlite_write_in(struct storage_sqlite *sqlite, const struct uuid *id, int64_t *ret)
{
        int r = sqlite_writing(sqlite);

        return r < 0 ? r : sqlite_locality(sqlite, id, ret);
}

struct uuid sqlite_locality_id(const struct storage_sqlite *sqlite, int64_t number)
{
        for (size_t i = 0; i < sqlite->locality_count; i++)
                if (sqlite->localities[i].number == number)
                        return sqlite->localities[i].state.id;
        return UUID_NONE;
}

/* ---- transactions ---- */

static int load_state(struct storage_sqlite *sqlite, struct sqlite_locality *locality)
{
        sqlite3_stmt *stmt = core_stmt(sqlite, SQL_LOCALITY_GET);
        struct storage_locality *state = &locality->state;
        int r;

        db_bind_int(stmt, 1, locality->number);
        r = db_step(sqlite->db, stmt);
        if (r <= 0)
                return r < 0 ? r : FAIL(PANNIER_E_CORRUPT, "a locality's row is gone");
        state->epoch = (uint64_t)db_column_int(stmt, 0);
        state->epoch_id = db_column_uuid(stmt, 1);
        state->position = (uint64_t)db_column_int(stmt, 2);
        state->number = (uint64_t)db_column_int(stmt, 3);
        state->backup.epoch = (uint64_t)db_column_int(stmt, 5);
        state->backup.position = (uint64_t)db_column_int(stmt, 6);
        state->changed = false;
        r = sqlite_copy_fixed(stmt, 4, state->head, sizeof(state->head));
        db_reset(stmt);
        locality->loaded = r == 0;
        return r;
}

static void unload(struct storage_sqlite *sqlite)
{
        for (size_t i = 0; i < sqlite->locality_count; i++)
                sqlite->localities[i].loaded = false;
        sqlite->mode = MODE_IDLE;
        sqlite->base.grants_serial++;
        sqlite_members_forget(sqlite);
}

static void op_rollback(struct storage *storage)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);

        if (sqlite->mode == MODE_WRITING)
                sqlite_feed_free(sqlite); /* numbers of feeds that never came to be */
        sqlite_sums_forget(sqlite, 0);
        db_rollback(sqlite->db);
        unload(sqlite);
}

static int load_for_writing(struct storage_sqlite *sqlite, const struct uuid *localities,
                            size_t count)
{
        for (size_t i = 0; i < count; i++) {
                struct sqlite_locality *locality = find_loaded(sqlite, &localities[i]);
                int r;

                if (!locality)
                        return FAIL(PANNIER_E_NOT_FOUND, "a locality that is not kept here");
                r = load_state(sqlite, locality);
                if (r < 0)
                        return r;
                locality->state.position++;
        }
        return 0;
}

static int op_begin(struct storage *storage, const struct uuid *localities, size_t count)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        int r;

        if (sqlite->mode != MODE_IDLE || sqlite->read_only)
                return FAIL(PANNIER_E_INTERNAL, "begin in a transaction, or read only");
        for (size_t i = 0; i < count; i++) {
                if (!find_locality(sqlite, &localities[i]))
                        return FAIL(PANNIER_E_NOT_FOUND, "a locality that is not kept here");
                if (i > 0 && uuid_compare(&localities[i - 1], &localities[i]) >= 0)
                        return FAIL(PANNIER_E_INTERNAL, "localities not in ascending order");
        }
        r = db_begin(sqlite->db);
        if (r < 0)
                return r;
        sqlite->mode = MODE_WRITING;
        r = load_for_writing(sqlite, localities, count);
        if (r < 0)
                op_rollback(storage);
        return r;
}

static int op_begin_read(struct storage *storage)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        int r;

        if (sqlite->mode != MODE_IDLE)
                return FAIL(PANNIER_E_INTERNAL, "a snapshot inside of a transaction");
        r = db_begin_read(sqlite->db);
        if (r == 0)
                sqlite->mode = MODE_READING;
        return r;
}

static int store_counters(struct storage_sqlite *sqlite)
{
        sqlite3_stmt *stmt = core_stmt(sqlite, SQL_LOCALITY_PUT);

        for (size_t i = 0; i < sqlite->locality_count; i++) {
                const struct sqlite_locality *locality = &sqlite->localities[i];
                int r = 0;

                if (!locality->loaded || !locality->state.changed)
                        continue;
                if (!locality->marked) {
                        r = sqlite_mark_opening(sqlite, locality);
                        if (r < 0)
                                return r;
                }
                db_bind_int(stmt, 1, locality->number);
                db_bind_int(stmt, 2, (int64_t)locality->state.position);
                db_bind_int(stmt, 3, (int64_t)locality->state.number);
                db_bind_blob(stmt, 4, BYTES(locality->state.head, HASH_SIZE));
                r = db_run(sqlite->db, stmt);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The openings are in the table now. */
static void note_marks(struct storage_sqlite *sqlite)
{
        for (size_t i = 0; i < sqlite->locality_count; i++) {
                struct sqlite_locality *locality = &sqlite->localities[i];

                if (sqlite->mode == MODE_WRITING && locality->loaded && locality->state.changed)
                        locality->marked = true;
        }
}

static int op_commit(struct storage *storage)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        int r;

        if (sqlite->mode == MODE_IDLE)
                return FAIL(PANNIER_E_INTERNAL, "commit outside of a transaction");
        r = sqlite->mode == MODE_WRITING ? sqlite_sums_flush(sqlite) : 0;
        if (r == 0 && sqlite->mode == MODE_WRITING)
                r = store_counters(sqlite);
        if (r == 0)
                r = db_commit(sqlite->db);
        else
                db_rollback(sqlite->db);
        if (r < 0)
                sqlite_feed_free(sqlite);
        else
                note_marks(sqlite);
        sqlite_sums_forget(sqlite, 0);
        unload(sqlite);
        return r;
}

static int op_savepoint(struct storage *storage)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        int r = sqlite_writing(sqlite);

        if (r < 0)
                return r;
        for (size_t i = 0; i < sqlite->locality_count; i++)
                sqlite->localities[i].saved = sqlite->localities[i].state;
        sqlite->sums_saved = sqlite->sums.size;
        return db_run(sqlite->db, core_stmt(sqlite, SQL_SAVEPOINT));
}

static int op_savepoint_keep(struct storage *storage)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);

        return db_run(sqlite->db, core_stmt(sqlite, SQL_SAVEPOINT_KEEP));
}

static int op_savepoint_back(struct storage *storage)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        int r;

        for (size_t i = 0; i < sqlite->locality_count; i++)
                sqlite->localities[i].state = sqlite->localities[i].saved;
        sqlite->base.grants_serial++;
        sqlite_members_forget(sqlite);
        sqlite_feed_free(sqlite);
        sqlite_sums_forget(sqlite, sqlite->sums_saved);
        r = db_run(sqlite->db, core_stmt(sqlite, SQL_SAVEPOINT_BACK));
        return r < 0 ? r : db_run(sqlite->db, core_stmt(sqlite, SQL_SAVEPOINT_KEEP));
}

/* ---- localities ---- */

static int add_locality_rows(struct storage_sqlite *sqlite, const struct uuid *id,
                             const struct uuid *epoch_id, int64_t now_ms)
{
        sqlite3_stmt *stmt = core_stmt(sqlite, SQL_LOCALITY_ADD);
        int r;

        db_bind_uuid(stmt, 1, id);
        db_bind_uuid(stmt, 2, epoch_id);
        r = db_run(sqlite->db, stmt);
        if (r < 0)
                return r;
        stmt = core_stmt(sqlite, SQL_EPOCH_ADD);
        db_bind_int(stmt, 1, sqlite3_last_insert_rowid(db_handle(sqlite->db)));
        db_bind_int(stmt, 2, 1);
        db_bind_uuid(stmt, 3, epoch_id);
        db_bind_int(stmt, 4, now_ms);
        return db_run(sqlite->db, stmt);
}

static int op_locality_add(struct storage *storage, const struct uuid *id,
                           const struct uuid *epoch_id, int64_t now_ms)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        int r;

        if (sqlite->mode != MODE_IDLE)
                return FAIL(PANNIER_E_INTERNAL, "a locality is added in a transaction of its own");
        r = reload_localities(sqlite);
        if (r < 0)
                return r;
        if (find_loaded(sqlite, id))
                return FAIL(PANNIER_E_TAKEN, "the locality is kept here already");
        if (sqlite->locality_count == SQLITE_LOCALITIES_MAX)
                return FAIL(PANNIER_E_LIMIT, "more than %d localities", SQLITE_LOCALITIES_MAX);
        r = db_begin(sqlite->db);
        if (r < 0)
                return r;
        r = add_locality_rows(sqlite, id, epoch_id, now_ms);
        if (r < 0) {
                db_rollback(sqlite->db);
                return r;
        }
        r = db_commit(sqlite->db);
        return r < 0 ? r : reload_localities(sqlite);
}

static int op_localities(struct storage *storage, storage_uuid_visit *visit, void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);

        if (sqlite->mode != MODE_WRITING) {
                int r = reload_localities(sqlite);

                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < sqlite->locality_count; i++) {
                int r = visit(context, &sqlite->localities[i].state.id);

                if (r != 0)
                        return r < 0 ? r : 0;
        }
        return 0;
}

static struct storage_locality *op_locality(struct storage *storage, const struct uuid *id)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        struct sqlite_locality *locality = find_locality(sqlite, id);

        if (!locality || sqlite->mode == MODE_IDLE)
                return NULL;
        if (locality->loaded)
                return &locality->state;
        if (sqlite->mode == MODE_WRITING || load_state(sqlite, locality) < 0)
                return NULL;
        return &locality->state;
}

static int op_locality_touch(struct storage *storage, const struct uuid *id)
{
        struct storage_locality *locality = op_locality(storage, id);

        if (!locality || sqlite_writing(sqlite_of(storage)) < 0)
                return FAIL(PANNIER_E_INTERNAL, "a locality that was not named in begin");
        locality->changed = true;
        return 0;
}

/* ---- figures ---- */

static int count_one(struct storage_sqlite *sqlite, enum core_sql sql, int64_t locality,
                     uint64_t *ret)
{
        sqlite3_stmt *stmt = core_stmt(sqlite, sql);
        int r;

        db_bind_int(stmt, 1, locality);
        r = db_step(sqlite->db, stmt);
        if (r < 0)
                return r;
        *ret = r > 0 ? (uint64_t)db_column_int(stmt, 0) : 0;
        db_reset(stmt);
        return 0;
}

static int count_outcomes(struct storage_sqlite *sqlite, int64_t locality,
                          struct storage_counts *counts)
{
        sqlite3_stmt *stmt = core_stmt(sqlite, SQL_COUNT_OUTCOMES);
        int r;

        db_bind_int(stmt, 1, locality);
        while ((r = db_step(sqlite->db, stmt)) > 0) {
                int64_t outcome = db_column_int(stmt, 0);
                uint64_t count = (uint64_t)db_column_int(stmt, 1);

                counts->entries += count;
                if (outcome >= 0 && outcome < OUTCOME_PARKED)
                        counts->outcomes[outcome] = count;
        }
        return r;
}

static int count_records(struct storage_sqlite *sqlite, const struct uuid *locality,
                         struct storage_counts *counts)
{
        const struct catalogue *catalogue = catalogue_get();

        for (size_t i = 0; i < catalogue->type_count; i++) {
                const struct catalogue_type *type = &catalogue->types[i];
                sqlite3_stmt *stmt = NULL;
                char sql[160];
                int r;

                (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE locality = ?1",
                               type->table);
                if (sqlite3_prepare_v2(db_handle(sqlite->db), sql, -1, &stmt, NULL) != SQLITE_OK)
                        return FAIL(PANNIER_E_STORAGE, "%s", sqlite3_errmsg(db_handle(sqlite->db)));
                db_bind_uuid(stmt, 1, locality);
                r = db_step(sqlite->db, stmt);
                if (r > 0) {
                        uint64_t count = (uint64_t)db_column_int(stmt, 0);

                        counts->records += count;
                        counts->people += type->is_person ? count : 0;
                }
                (void)sqlite3_finalize(stmt);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int op_counts(struct storage *storage, const struct uuid *locality,
                     struct storage_counts *ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        struct storage_counts counts = {0};
        int64_t number;
        int r = sqlite_locality(sqlite, locality, &number);

        if (r == 0)
                r = count_outcomes(sqlite, number, &counts);
        if (r == 0)
                r = count_one(sqlite, SQL_COUNT_PARKED, number, &counts.parked);
        if (r == 0)
                r = count_one(sqlite, SQL_COUNT_QUARANTINED, number, &counts.quarantined);
        if (r == 0)
                r = count_one(sqlite, SQL_COUNT_CONFLICTS, number, &counts.conflicts);
        if (r == 0)
                r = count_one(sqlite, SQL_COUNT_DEVICES, number, &counts.devices);
        if (r == 0)
                r = count_records(sqlite, locality, &counts);
        if (r < 0)
                return r;
        counts.outcomes[OUTCOME_PARKED] = counts.parked;
        *ret = counts;
        return 0;
}

static int op_version(struct storage *storage, uint64_t *ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = core_stmt(sqlite, SQL_VERSION);
        int r = db_step(sqlite->db, stmt);

        if (r < 0)
                return r;
        *ret = r > 0 ? (uint64_t)db_column_int(stmt, 0) : 0;
        db_reset(stmt);
        return 0;
}

static uint64_t op_flush_count(const struct storage *storage)
{
        return db_flush_count(((const struct storage_sqlite *)(const void *)storage)->db);
}

/* ---- life ---- */

static struct storage *op_free(struct storage *storage)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);

        sqlite_records_free(sqlite);
        sqlite_members_free(sqlite);
        buffer_deinit(&sqlite->sums);
        sqlite_feed_free(sqlite);
        if (sqlite->db)
                db_rollback(sqlite->db);
        (void)db_free(sqlite->db);
        free(sqlite);
        return NULL;
}

static void sqlite_core_ops(struct storage_ops *ops)
{
        ops->free = op_free;
        ops->begin = op_begin;
        ops->begin_read = op_begin_read;
        ops->commit = op_commit;
        ops->rollback = op_rollback;
        ops->savepoint = op_savepoint;
        ops->savepoint_keep = op_savepoint_keep;
        ops->savepoint_back = op_savepoint_back;
        ops->locality_add = op_locality_add;
        ops->localities = op_localities;
        ops->locality = op_locality;
        ops->locality_touch = op_locality_touch;
        ops->counts = op_counts;
        ops->version = op_version;
        ops->flush_count = op_flush_count;
}

static void fill_ops(struct storage_sqlite *sqlite)
{
        sqlite_core_ops(&sqlite->ops);
        sqlite_records_ops(&sqlite->ops);
        sqlite_rows_ops(&sqlite->ops);
        sqlite_log_ops(&sqlite->ops);
        sqlite_lane_ops(&sqlite->ops);
        sqlite_feed_ops(&sqlite->ops);
        sqlite_member_ops(&sqlite->ops);
        sqlite_custody_ops(&sqlite->ops);
        sqlite_device_ops(&sqlite->ops);
        sqlite_load_ops(&sqlite->ops);
        sqlite_epoch_ops(&sqlite->ops);
        sqlite_sums_ops(&sqlite->ops);
        sqlite_move_ops(&sqlite->ops);
        sqlite_repairs_ops(&sqlite->ops);
        sqlite_refused_ops(&sqlite->ops);
        sqlite->base.ops = &sqlite->ops;
}

static int open_tables(struct storage_sqlite *sqlite)
{
        int r = 0;

        if (!sqlite->read_only)
                r = db_exec(
                        sqlite->db,
                        "PRAGMA wal_autocheckpoint = 8000"); /* 32 MB: pages are copied less often */
        if (r == 0 && !sqlite->read_only)
                r = db_migrate(sqlite->db, store_schema,
                               sizeof(store_schema) / sizeof(store_schema[0]));
        if (r == 0)
                r = db_prepare_all(sqlite->db, core_sql, SQL_CORE_COUNT_,
                                   sqlite->stmts[GROUP_CORE]);
        if (r == 0)
                r = sqlite_records_prepare(sqlite);
        if (r == 0)
                r = sqlite_rows_prepare(sqlite);
        if (r == 0)
                r = sqlite_log_prepare(sqlite);
        if (r == 0)
                r = sqlite_lanes_prepare(sqlite);
        if (r == 0)
                r = sqlite_feed_prepare(sqlite);
        if (r == 0)
                r = sqlite_members_prepare(sqlite);
        if (r == 0)
                r = sqlite_custody_prepare(sqlite);
        if (r == 0)
                r = sqlite_devices_prepare(sqlite);
        if (r == 0)
                r = sqlite_load_prepare(sqlite);
        if (r == 0)
                r = sqlite_epochs_prepare(sqlite);
        if (r == 0)
                r = sqlite_sums_prepare(sqlite);
        if (r == 0)
                r = sqlite_moves_prepare(sqlite);
        if (r == 0)
                r = sqlite_repairs_prepare(sqlite);
        if (r == 0)
                r = sqlite_refused_prepare(sqlite);
        return r < 0 ? r : reload_localities(sqlite);
}

int storage_sqlite_open(const char *path, bool read_only, struct storage **ret)
{
        const struct db_options options = {
                .durability = SIM_PLANT(RECEIPT_BEFORE_FSYNC) ? DB_NORMAL : DB_FULL,
                .cache_kib = read_only ? STORE_READER_CACHE_KIB : STORE_WRITER_CACHE_KIB,
                .read_only = read_only,
                .must_exist = read_only,
        };
        CLEANUP(storage_freep) struct storage *storage = NULL;
        struct storage_sqlite *sqlite = calloc(1, sizeof(*sqlite));
        int r;

        if (!sqlite)
                return FAIL(PANNIER_E_MEMORY, "no memory for a storage connection");
        fill_ops(sqlite);
        storage = &sqlite->base;
        sqlite->read_only = read_only;
        sqlite->transaction = 1;
        r = db_open(path, &options, &sqlite->db);
        if (r < 0)
                return r;
        r = open_tables(sqlite);
        if (r < 0)
                return r;
        *ret = TAKE(storage);
        return 0;
}
