/*
 * The file of the replica: its statements, its facts, and the erasing of people who left.
 *
 * Facts are few and read often, so they are kept in memory and written through; a rollback brings them back.
 */
#include "daemon/replica_internal.h"

#include "common/plant.h"

#include "replica_sql.h"

static const char *const replica_sql[SQL_COUNT_] = {
        [SQL_SAVE] = "SAVEPOINT step",
        [SQL_SAVE_KEEP] = "RELEASE step",
        [SQL_SAVE_BACK] = "ROLLBACK TO step",
        [SQL_FACT_GET] = "SELECT value FROM fact WHERE name = ?1",
        [SQL_FACT_PUT] = "INSERT INTO fact (name, value) VALUES (?1, ?2) "
                         "ON CONFLICT (name) DO UPDATE SET value = ?2",
        [SQL_FEEDS] = "SELECT number, locality, kind, scope, class, granted, epoch, position, "
                      "record, join_type, join_record, complete, differs FROM feed "
                      "ORDER BY locality, kind, scope, class",
        [SQL_FEED_BY_KEY] = "SELECT number, granted FROM feed "
                            "WHERE locality = ?1 AND kind = ?2 AND scope = ?3 AND class = ?4",
        [SQL_FEED_PUT] = "INSERT INTO feed (locality, kind, scope, class, granted, epoch, "
                         "position, record, join_type, join_record, complete) "
                         "VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, NULL, 0, NULL, 0) "
                         "ON CONFLICT (locality, kind, scope, class) DO UPDATE SET granted = ?5",
        [SQL_FEED_GRANTED] = "UPDATE feed SET granted = 0",
        [SQL_FEED_MOVE] = "UPDATE feed SET epoch = ?2, position = ?3, record = ?4, join_type = ?5, "
                          "join_record = ?6, complete = complete OR ?7 WHERE number = ?1",
        [SQL_FEED_COMPLETE] = "UPDATE feed SET complete = 1 WHERE granted = 1 AND complete = 0",
        [SQL_FEED_AGAIN] = "UPDATE feed SET epoch = 0, position = 0, record = NULL, join_type = 0, "
                           "join_record = NULL, complete = 0",
        [SQL_FEED_DELETE] = "DELETE FROM feed WHERE number = ?1",
        [SQL_MEMBER_COUNT] = "SELECT count(*) FROM member WHERE feed = ?1",
        [SQL_MEMBER_PUT] = "INSERT INTO member (feed, person) VALUES (?1, ?2) "
                           "ON CONFLICT DO NOTHING",
        [SQL_MEMBER_DELETE] = "DELETE FROM member WHERE feed = ?1 AND person = ?2",
        [SQL_MEMBER_DELETE_FEED] = "DELETE FROM member WHERE feed = ?1",
        [SQL_MEMBER_ANY] = "SELECT 1 FROM member WHERE person = ?1 LIMIT 1",
        [SQL_MEMBER_OF_CLASS] = "SELECT 1 FROM member m JOIN feed f ON f.number = m.feed "
                                "WHERE m.person = ?1 AND f.class = ?2 LIMIT 1",
        [SQL_TOLD_PUT] = "INSERT INTO told (one, vector, digests) VALUES (1, ?1, ?2) "
                         "ON CONFLICT (one) DO UPDATE SET vector = ?1, digests = ?2, equality = 0 "
                         "WHERE vector <> ?1 OR digests <> ?2",
        [SQL_TOLD_GET] = "SELECT vector, digests, equality FROM told",
        [SQL_TOLD_DELETE] = "DELETE FROM told",
        [SQL_LEAVER_PUT] = "INSERT INTO leaver (person, class) VALUES (?1, ?2) "
                           "ON CONFLICT DO NOTHING",
        [SQL_LEAVER_PUT_FEED] = "INSERT INTO leaver (person, class) "
                                "SELECT m.person, f.class FROM member m "
                                "JOIN feed f ON f.number = m.feed WHERE m.feed = ?1 "
                                "ON CONFLICT DO NOTHING",
        [SQL_LEAVER_PUT_OWN] = "INSERT INTO leaver (person, class) "
                               "SELECT DISTINCT o.person, 1 FROM own o WHERE NOT EXISTS "
                               "(SELECT 1 FROM member m WHERE m.person = o.person) "
                               "ON CONFLICT DO NOTHING",
        [SQL_LEAVER_DELETE] = "DELETE FROM leaver WHERE person = ?1 AND class = ?2",
        [SQL_LEAVER_NEXT] = "SELECT person, class FROM leaver LIMIT 1",
        [SQL_REACHED_GET] = "SELECT epoch, position FROM reached WHERE locality = ?1",
        [SQL_REACHED_PUT] = "INSERT INTO reached (locality, epoch, position) VALUES (?1, ?2, ?3) "
                            "ON CONFLICT (locality) DO UPDATE SET epoch = ?2, position = ?3",
        [SQL_PENDING_PUT] = "INSERT INTO pending (place, entry, locality, lane, seq, type, record, "
                            "person, created, state, epoch, position, stale, body, receipt) VALUES "
                            "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0, ?13, ?14) "
                            "ON CONFLICT DO NOTHING",
        [SQL_PENDING_BY_RECORD] = "SELECT place, entry, locality, state, epoch, position, stale, "
                                  "body, receipt FROM pending WHERE record = ?1 AND type = ?2 "
                                  "ORDER BY place",
        [SQL_PENDING_HEADS] = "SELECT place, entry, lane, seq, created, state, epoch, position, "
                              "locality "
                              "FROM pending WHERE record = ?1 AND ?2 IN (0, type) ORDER BY place",
        [SQL_PENDING_BY_PLACE] = "SELECT place, type, record, person FROM pending WHERE place = ?1",
        [SQL_PENDING_COUNT] = "SELECT count(*) FROM pending",
        [SQL_PENDING_SETTLE] = "UPDATE pending SET state = ?2, epoch = ?3, position = ?4, "
                               "receipt = ?5 WHERE place = ?1",
        [SQL_PENDING_STALE] = "UPDATE pending SET stale = stale | ?2 WHERE place = ?1",
        [SQL_PENDING_DELETE] = "DELETE FROM pending WHERE place = ?1",
        [SQL_PENDING_DELETE_RECORD] = "DELETE FROM pending WHERE record = ?1 AND type = ?2",
        [SQL_PENDING_SETTLED] = "SELECT type, record, person FROM pending WHERE locality = ?1 AND "
                                "position > 0 AND state <> 5 AND (epoch, position) <= (?2, ?3) "
                                "LIMIT 1",
        [SQL_PENDING_ELSEWHERE] = "SELECT type, record, person FROM pending WHERE position > 0 AND "
                                  "state <> 5 AND locality NOT IN "
                                  "(SELECT locality FROM feed WHERE granted = 1) LIMIT 1",
        [SQL_SHADOW_PUT] = "INSERT INTO shadow (record, type, person, body) "
                           "VALUES (?1, ?2, ?3, ?4) "
                           "ON CONFLICT (record, type) DO UPDATE SET body = ?4",
        [SQL_SHADOW_GET] = "SELECT body, person FROM shadow WHERE record = ?1 AND type = ?2",
        [SQL_SHADOW_DELETE] = "DELETE FROM shadow WHERE record = ?1 AND type = ?2",
        [SQL_SHADOW_COUNT] = "SELECT count(*) FROM shadow",
        [SQL_OWN_PUT] = "INSERT INTO own (person, place, entry) VALUES (?1, ?2, ?3) "
                        "ON CONFLICT DO NOTHING",
        [SQL_OWN_EACH] = "SELECT entry, place FROM own WHERE person = ?1",
        [SQL_OWN_DELETE] = "DELETE FROM own WHERE person = ?1",
        [SQL_PEOPLE_PUT] = "INSERT INTO people (person, label, search) VALUES (?1, ?2, ?3) "
                           "ON CONFLICT (person) DO UPDATE SET label = ?2, search = ?3",
        [SQL_PEOPLE_DELETE] = "DELETE FROM people WHERE person = ?1",
        [SQL_PEOPLE_CLEAR] = "DELETE FROM people",
        [SQL_PEOPLE_COUNT] = "SELECT count(*) FROM people",
        [SQL_HISTORY_GET] = "SELECT epoch FROM history WHERE locality = ?1",
        [SQL_HISTORY_PUT] = "INSERT INTO history (locality, epoch, sweep) VALUES (?1, ?2, ?3) "
                            "ON CONFLICT (locality) DO UPDATE SET epoch = ?2, "
                            "sweep = max(sweep, ?3)",
        [SQL_HISTORY_SWEEP] = "SELECT locality FROM history WHERE sweep = 1 LIMIT 1",
        [SQL_HISTORY_SWEPT] = "UPDATE history SET sweep = ?2 WHERE locality = ?1",
        [SQL_FEED_EPOCH] = "UPDATE feed SET epoch = ?2 WHERE locality = ?1 AND epoch > 0",
        [SQL_FEED_ANEW] = "UPDATE feed SET epoch = ?2, position = 0, record = NULL, "
                          "join_type = 0, join_record = NULL WHERE locality = ?1",
        [SQL_MEMBER_UNLIST] = "UPDATE member SET unlisted = 1 WHERE feed IN "
                              "(SELECT number FROM feed WHERE locality = ?1 AND granted = 1) "
                              "AND ?2 = 0",
        [SQL_SHADOWS] = "SELECT record, type, person FROM shadow",
        [SQL_MEMBER_RELIST] = "UPDATE member SET unlisted = 0 "
                              "WHERE feed = ?1 AND person = ?2 AND unlisted = 1",
        [SQL_SUM_GET] = "SELECT digests FROM owner_sum WHERE owner = ?1 AND locality = ?2",
        [SQL_SUM_PUT] = "INSERT INTO owner_sum (owner, locality, digests) VALUES (?1, ?2, ?3) "
                        "ON CONFLICT (owner, locality) DO UPDATE SET digests = ?3",
        [SQL_SUM_DELETE] = "DELETE FROM owner_sum WHERE owner = ?1 AND locality = ?2",
        [SQL_SUM_FORGET] = "DELETE FROM owner_sum WHERE owner = ?1",
        [SQL_SUM_FEEDS] = "SELECT m.feed, f.class FROM member m JOIN feed f ON f.number = m.feed "
                          "WHERE m.person = ?1 AND f.locality = ?2",
        [SQL_SUM_REFERENCE] = "SELECT digests FROM owner_sum WHERE locality = ?1 AND owner <= "
                              "x'000000000000000000000000000000ff'",
        [SQL_FEED_DIGEST] = "SELECT digest FROM feed WHERE number = ?1",
        [SQL_FEED_DIGEST_PUT] = "UPDATE feed SET digest = ?2 WHERE number = ?1",
        [SQL_SUMS] = "SELECT owner, locality, digests FROM owner_sum",
        [SQL_SUMS_OF] = "SELECT owner, locality, digests FROM owner_sum WHERE owner = ?1",
        [SQL_FEED_SUMS] = "SELECT s.digests FROM member m JOIN feed f ON f.number = m.feed "
                          "JOIN owner_sum s ON s.owner = m.person AND s.locality = f.locality "
                          "WHERE m.feed = ?1",
        [SQL_UNLISTED] = "SELECT m.feed, m.person, f.class FROM member m "
                         "JOIN feed f ON f.number = m.feed "
                         "WHERE m.unlisted = 1 AND f.locality = ?1 LIMIT 1",
        [SQL_MEMBER_HAS] = "SELECT 1 FROM member WHERE feed = ?1 AND person = ?2",
        [SQL_MEMBER_EACH] = "SELECT person FROM member WHERE feed = ?1",
        [SQL_REFERENCE_OWNERS] = "SELECT owner FROM owner_sum WHERE locality = ?1 AND owner <= "
                                 "x'000000000000000000000000000000ff'",
        [SQL_FEED_DIFFERS] = "UPDATE feed SET differs = 1 WHERE number = ?1",
        [SQL_FEEDS_ALIKE] = "UPDATE feed SET differs = 0 WHERE differs = 1",
        [SQL_TOLD_EQUALITY] = "UPDATE told SET equality = ?1 WHERE equality <> ?1",
        [SQL_REPAIR_AGAIN] = "SELECT 1 FROM repair WHERE owner = ?1 AND locality = ?2 AND "
                             "class = ?3 AND epoch = ?4 AND position = ?5 LIMIT 1",
        [SQL_REPAIR_PUT] = "INSERT INTO repair (owner, locality, class, epoch, position, what, "
                           "at_ms, standing, told) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)",
        [SQL_REPAIR_TRIM] = "DELETE FROM repair WHERE number <= "
                            "(SELECT max(number) FROM repair) - ?1",
        [SQL_REPAIR_FORGET] = "UPDATE repair SET owner = NULL WHERE owner = ?1",
        [SQL_REPAIRS_UNTOLD] = "SELECT number, owner, locality, class, epoch, position, what, "
                               "at_ms FROM repair WHERE told = 0 ORDER BY number LIMIT ?1",
        [SQL_REPAIRS_TOLD] = "UPDATE repair SET told = 1 WHERE number <= ?1 AND told = 0",
        [SQL_REPAIRS_GOOD] = "UPDATE repair SET standing = 0 WHERE standing = 1",
        [SQL_REPAIRS_COUNT] = "SELECT coalesce(sum(what = 1), 0), coalesce(sum(what = 2), 0), "
                              "coalesce(sum(standing), 0), coalesce(max(at_ms), 0) FROM repair",
        [SQL_OWNER_NEXT] = "SELECT owner FROM owner_sum WHERE owner > ?1 ORDER BY owner LIMIT 1",
        [SQL_KEPT_PUT] = "INSERT INTO kept (record, key) VALUES (?1, ?2) "
                         "ON CONFLICT (record) DO UPDATE SET key = ?2",
        [SQL_KEPT_GET] = "SELECT key FROM kept WHERE record = ?1",
        [SQL_PENDING_WAIT] = "UPDATE pending SET state = 0, epoch = 0, position = 0, "
                             "receipt = NULL, lane = ?2, seq = ?3 WHERE place = ?1",
};

static const char *const fact_names[FACT_COUNT] = {
        [FACT_PLACE] = "place",
        [FACT_BATCH] = "batch",
        [FACT_COMPLETE_MS] = "complete_ms",
        [FACT_CONFIRM] = "confirm",
        [FACT_ENDING] = "ending",
        [FACT_DISTRUST] = "distrust",
        [FACT_CATALOGUE] = "catalogue",
        [FACT_PASSED_OVER] = "passed_over",
        [FACT_RESCUE] = "rescue",
        [FACT_BYTES_SENT] = "bytes_sent",
        [FACT_BYTES_RECEIVED] = "bytes_received",
        [FACT_EXCHANGES] = "exchanges",
        [FACT_SUMS] = "sums",
        [FACT_CONTRADICTION] = "contradiction",
};

static int load_facts(struct replica *replica)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_FACT_GET];

        for (size_t i = 0; i < FACT_COUNT; i++) {
                int r;

                db_bind_text(stmt, 1, bytes_text(fact_names[i]));
                r = db_step(replica->db, stmt);
                if (r < 0)
                        return r;
                if (r > 0) {
                        replica->facts[i] = db_column_int(stmt, 0);
                        db_reset(stmt);
                }
        }
        return 0;
}

static int count_rows(struct replica *replica, enum replica_sql sql, uint64_t *ret)
{
        sqlite3_stmt *stmt = replica->stmts[sql];
        int r = db_step(replica->db, stmt);

        if (r <= 0)
                return r;
        *ret = (uint64_t)db_column_int(stmt, 0);
        db_reset(stmt);
        return 0;
}

int replica_count_people(struct replica *replica, uint64_t *ret)
{
        return count_rows(replica, SQL_PEOPLE_COUNT, ret);
}

/* What is kept in memory of the file. */
static int reload(struct replica *replica)
{
        uint64_t shadows = 0;
        int r;

        memset(replica->facts, 0, sizeof(replica->facts));
        r = load_facts(replica);
        if (r >= 0)
                r = count_rows(replica, SQL_PENDING_COUNT, &replica->pending_count);
        if (r >= 0)
                r = count_rows(replica, SQL_SHADOW_COUNT, &shadows);
        replica->shadows = r < 0 || shadows > 0;
        replica_sums_clear(replica->sums);
        return r < 0 ? r : replica_load_locality(replica);
}

int replica_new(struct db *db, const struct uuid *device, const struct replica_watch *watch,
                struct replica **ret)
{
        CLEANUP(replica_freep) struct replica *replica = calloc(1, sizeof(*replica));
        int r;

        if (!replica)
                return FAIL(PANNIER_E_MEMORY, "replica");
        replica->db = db;
        replica->device = *device;
        replica->watch = *watch;
        r = db_migrate(db, replica_schema, sizeof(replica_schema) / sizeof(replica_schema[0]));
        if (r < 0)
                return r;
        r = record_tables_create(db);
        if (r < 0)
                return r;
        r = record_tables_new(db, &replica->tables);
        if (r >= 0)
                r = replica_kept_open(replica);
        if (r >= 0)
                r = replica_sums_new(&replica->sums);
        if (r < 0)
                return r;
        r = db_prepare_all(db, replica_sql, SQL_COUNT_, replica->stmts);
        if (r < 0)
                return r;
        r = reload(replica);
        if (r >= 0)
                r = replica_check_sums(replica);
        if (r < 0)
                return r;
        *ret = TAKE(replica);
        return 0;
}

struct replica *replica_free(struct replica *replica)
{
        if (!replica)
                return NULL;
        record_tables_free(replica->tables);
        replica_sums_free(replica->sums);
        arena_deinit(&replica->arena);
        buffer_wipe(&replica->buffer);
        buffer_wipe(&replica->text);
        free(replica);
        return NULL;
}

/* ---- transactions ---- */

enum { UNWRITTEN_MAX = 256 }; /* commits that are gathered before they are written */

/* What was committed and not written is gone: everything in memory is read again. */
static void lose(struct replica *replica)
{
        db_rollback(replica->db);
        replica->open = false;
        replica->unwritten = 0;
        replica->lost = true;
        replica->loss_count++;
        (void)reload(replica);
}

int replica_flush(struct replica *replica)
{
        int r;

        if (!replica->open)
                return 0;
        r = replica_sums_write(replica);
        if (r >= 0)
                r = db_commit(replica->db);
        if (r < 0) {
                lose(replica);
                return r;
        }
        replica->open = false;
        replica->unwritten = 0;
        replica_sums_clear(replica->sums);
        return 0;
}

bool replica_unwritten(const struct replica *replica)
{
        return replica->open;
}

bool replica_lost(struct replica *replica)
{
        bool lost = replica->lost;

        replica->lost = false;
        return lost;
}

uint64_t replica_loss_count(const struct replica *replica)
{
        return replica->loss_count;
}

int replica_begin(struct replica *replica)
{
        int r = 0;

        if (!replica->open)
                r = db_begin(replica->db);
        if (r < 0)
                return r;
        replica->open = true;
        r = db_run(replica->db, replica->stmts[SQL_SAVE]);
        if (r < 0)
                return r;
        memcpy(replica->facts_before, replica->facts, sizeof(replica->facts));
        replica->pending_count_before = replica->pending_count;
        replica->shadows_before = replica->shadows;
        replica->locality_before = replica->locality;
        return 0;
}

void replica_rollback(struct replica *replica)
{
        /* SQLite may have rolled back all of it by itself: a full disk, an I/O error */
        if (sqlite3_get_autocommit(db_handle(replica->db)) ||
            db_run(replica->db, replica->stmts[SQL_SAVE_BACK]) < 0 ||
            db_run(replica->db, replica->stmts[SQL_SAVE_KEEP]) < 0) {
                lose(replica);
                return;
        }
        replica_sums_back(replica->sums);
        memcpy(replica->facts, replica->facts_before, sizeof(replica->facts));
        replica->pending_count = replica->pending_count_before;
        replica->shadows = replica->shadows || replica->shadows_before;
        replica->locality = replica->locality_before;
}

int replica_commit(struct replica *replica)
{
        bool many = replica_sums_are_many(replica->sums);
        int r = many ? replica_sums_write(replica) : 0;

        if (r >= 0)
                r = db_run(replica->db, replica->stmts[SQL_SAVE_KEEP]);
        if (r < 0) {
                replica_rollback(replica);
                return r;
        }
        replica_sums_keep(replica->sums);
        if (++replica->unwritten < UNWRITTEN_MAX)
                return 0;
        return replica_flush(replica);
}

struct record_tables *replica_tables(struct replica *replica)
{
        return replica->tables;
}

struct db *replica_db(struct replica *replica)
{
        return replica->db;
}

struct uuid replica_locality(const struct replica *replica)
{
        return replica->locality;
}

int64_t replica_fact(const struct replica *replica, enum replica_fact fact)
{
        return replica->facts[fact];
}

int replica_set_fact(struct replica *replica, enum replica_fact fact, int64_t value)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_FACT_PUT];

        if (replica->facts[fact] == value)
                return 0;
        replica->facts[fact] = value;
        db_bind_text(stmt, 1, bytes_text(fact_names[fact]));
        db_bind_int(stmt, 2, value);
        return db_run(replica->db, stmt);
}

int replica_full(struct replica *replica, bool full)
{
        int r = replica_flush(replica);

        return r < 0 ? r
                     : db_exec(replica->db,
                               full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
}

/* SQLite cuts the WAL to nothing and leaves it to the system when that reaches the medium: until then a power cut brings it back. */
static int flush_wal(struct replica *replica)
{
        sqlite3 *handle = db_handle(replica->db);
        sqlite3_file *wal = NULL;

        if (sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal) != SQLITE_OK ||
            !wal || !wal->pMethods)
                return 0; /* a database in memory */
        if (wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL) != SQLITE_OK)
                return FAIL(PANNIER_E_STORAGE, "the erasure is not durable yet: no flush");
        return 0;
}

int replica_seal(struct replica *replica)
{
        int log = 0, checkpointed = 0, code;
        int r = replica_flush(replica);

        if (r < 0)
                return r;
        code = sqlite3_wal_checkpoint_v2(db_handle(replica->db), NULL, SQLITE_CHECKPOINT_TRUNCATE,
                                         &log, &checkpointed);
        if (code != SQLITE_OK)
                return FAIL(PANNIER_E_STORAGE, "the erasure is not durable yet: %s",
                            sqlite3_errmsg(db_handle(replica->db)));
        return flush_wal(replica);
}

/* ---- erasing ---- */

enum { ERASE_STEP = 128 };

struct erase {
        struct replica *replica;
        enum catalogue_class class; /* 0: whatever the class */
        struct uuid ids[ERASE_STEP];
        size_t count, max;
};

static int erase_collect(void *context, const struct record *record, struct bytes stamps)
{
        struct erase *erase = context;

        (void)stamps;
        if (record->type->class == CLASS_OF_RECORD && erase->class) {
                int16_t index = catalogue_bind()->conflict.record_type;
                uint64_t about = record->values[index].form == VALUE_INTEGER
                                         ? (uint64_t)record->values[index].integer
                                         : 0;

                if (catalogue_class_of(record->type, about) != erase->class)
                        return 0;
        }
        erase->ids[erase->count++] = record->id;
        return erase->count == erase->max;
}

static bool erases_type(const struct erase *erase, const struct catalogue_type *type)
{
        if (!type->personal)
                return false;
        return !erase->class || type->class == erase->class || type->class == CLASS_OF_RECORD;
}

/* Deletes up to @left records of a person; 1 there may be more, 0 none are left */
static int erase_records(struct erase *erase, const struct uuid *person, size_t *left)
{
        const struct catalogue *catalogue = catalogue_get();

        for (size_t i = 0; i < catalogue->type_count; i++) {
                const struct catalogue_type *type = &catalogue->types[i];
                int r;

                if (!erases_type(erase, type))
                        continue;
                erase->count = 0;
                erase->max = *left < ERASE_STEP ? *left : ERASE_STEP;
                if (erase->max == 0)
                        return 1;
                r = record_each(erase->replica->tables, type, person, NULL, erase_collect, erase);
                if (r < 0)
                        return r;
                for (size_t j = 0; j < erase->count; j++) {
                        r = replica_sums_remove_standing(erase->replica, type, &erase->ids[j],
                                                         person);
                        if (r >= 0)
                                r = replica_unpend(erase->replica, type->number, &erase->ids[j]);
                        if (r >= 0)
                                r = record_delete(erase->replica->tables, type, &erase->ids[j]);
                        if (r < 0)
                                return r;
                }
                *left -= erase->count;
                if (erase->count == erase->max)
                        return 1; /* perhaps more of this type */
        }
        return 0;
}

static int forget_own(struct replica *replica, const struct uuid *person,
                      int (*forget)(void *context, const struct uuid *entry), void *context)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_OWN_EACH];
        int r;

        db_bind_uuid(stmt, 1, person);
        while ((r = db_step(replica->db, stmt)) > 0) {
                struct uuid entry = db_column_uuid(stmt, 0);

                /* also of a creation that was refused: no record leads to it */
                r = replica_unpend_place(replica, (uint64_t)db_column_int(stmt, 1));
                if (r >= 0)
                        r = forget(context, &entry);
                if (r < 0) {
                        db_reset(stmt);
                        return r;
                }
        }
        if (r < 0)
                return r;
        stmt = replica->stmts[SQL_OWN_DELETE];
        db_bind_uuid(stmt, 1, person);
        return db_run(replica->db, stmt);
}

static int has_row(struct replica *replica, sqlite3_stmt *stmt)
{
        int r = db_step(replica->db, stmt);

        if (r > 0)
                db_reset(stmt);
        return r;
}

static int leaver_done(struct replica *replica, const struct uuid *person, int64_t class)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_LEAVER_DELETE];

        db_bind_uuid(stmt, 1, person);
        db_bind_int(stmt, 2, class);
        return db_run(replica->db, stmt);
}

/* That there was a repair stays; of whom goes. */
static int forget_repairs(struct replica *replica, const struct uuid *person)
{
        db_bind_uuid(replica->stmts[SQL_REPAIR_FORGET], 1, person);
        return db_run(replica->db, replica->stmts[SQL_REPAIR_FORGET]);
}

static int gone_whole(struct replica *replica, const struct uuid *person,
                      int (*forget)(void *context, const struct uuid *entry), void *context)
{
        int r;

        r = people_delete(replica, person);
        if (r >= 0)
                r = replica_sums_forget(replica, person);
        if (r >= 0)
                r = forget_repairs(replica, person);
        if (r >= 0)
                r = forget_own(replica, person, forget, context);
        if (r >= 0 && replica->watch.person)
                replica->watch.person(replica->watch.context, person, true);
        return r;
}

int replica_leave_own(struct replica *replica)
{
        return db_run(replica->db, replica->stmts[SQL_LEAVER_PUT_OWN]);
}

int replica_erase(struct replica *replica, size_t rows,
                  int (*forget)(void *context, const struct uuid *entry), void *context,
                  bool *ret_erased)
{
        while (rows > 0) {
                struct erase erase = {.replica = replica};
                sqlite3_stmt *stmt = replica->stmts[SQL_LEAVER_NEXT];
                struct uuid person;
                int64_t class;
                int any, same, r;

                r = db_step(replica->db, stmt);
                if (r <= 0)
                        return r;
                person = db_column_uuid(stmt, 0);
                class = db_column_int(stmt, 1);
                db_reset(stmt);
                stmt = replica->stmts[SQL_MEMBER_ANY];
                db_bind_uuid(stmt, 1, &person);
                any = has_row(replica, stmt);
                stmt = replica->stmts[SQL_MEMBER_OF_CLASS];
                db_bind_uuid(stmt, 1, &person);
                db_bind_int(stmt, 2, class);
                same = has_row(replica, stmt);
                if (any < 0 || same < 0)
                        return any < 0 ? any : same;
                if (SIM_PLANT(EXIT_BEFORE_JOIN))
                        any = same = 0;
                if (!same) {
                        *ret_erased = true;
                        erase.class = any ? (enum catalogue_class) class : 0;
                        r = erase_records(&erase, &person, &rows);
                        if (r != 0)
                                return r;
                        if (!any)
                                r = gone_whole(replica, &person, forget, context);
                        if (r < 0)
                                return r;
                }
                r = leaver_done(replica, &person, class);
                if (r < 0)
                        return r;
                rows--;
        }
        return 1;
}
