/*
 * Scopes and their feeds' numbers; who is in them, and which record put them there.
 */
#include "common/error.h"
#include "store/storage_sqlite.h"

#include <string.h>

enum {
        MEMBERS_KEPT = 8,      /* scopes of one person */
        MEMBERS_PLACES = 1024, /* people */
        MEMBERS_SHIFT = 22,    /* 32 bits less those of a place */
};

enum member_sql {
        SQL_FEED_NUMBER,
        SQL_FEED_ADD,
        SQL_FEED_NUMBERS,
        SQL_FEED_SCOPE,
        SQL_MEMBERS_OF,
        SQL_PEOPLE_OF,
        SQL_MEMBER_PUT,
        SQL_MEMBER_COUNT,
        SQL_SOURCE_PUT,
        SQL_SOURCE_REMOVE,
        SQL_SOURCES_OF,
        SQL_MEMBERS_COUNT_
};

static const char *const member_sql[SQL_MEMBERS_COUNT_] = {
        [SQL_FEED_NUMBER] = "SELECT number FROM feed WHERE locality = ?1 AND kind = ?2 AND id = ?3",
        [SQL_FEED_ADD] = "INSERT INTO feed (locality, kind, id) VALUES (?1, ?2, ?3)",
        [SQL_FEED_NUMBERS] =
                "SELECT number, locality, digests FROM feed WHERE kind = ?1 AND id = ?2"
                " ORDER BY number",
        [SQL_FEED_SCOPE] = "SELECT kind, id FROM feed WHERE number = ?1",
        [SQL_MEMBERS_OF] = "SELECT feed, joined, left_at, limited, sources FROM member"
                           " WHERE locality = ?1 AND person = ?2 ORDER BY feed",
        [SQL_PEOPLE_OF] = "SELECT person FROM member WHERE locality = ?1 AND feed = ?2",
        [SQL_MEMBER_PUT] =
                "INSERT INTO member (locality, person, feed, joined, left_at, limited, sources)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0) ON CONFLICT (locality, person, feed)"
                " DO UPDATE SET joined = excluded.joined, left_at = excluded.left_at,"
                " limited = excluded.limited",
        [SQL_MEMBER_COUNT] =
                "INSERT INTO member (locality, person, feed, joined, left_at, limited, sources)"
                " VALUES (?1, ?2, ?3, 0, 0, 0, ?4) ON CONFLICT (locality, person, feed)"
                " DO UPDATE SET sources = sources + excluded.sources",
        [SQL_SOURCE_PUT] = "INSERT OR IGNORE INTO source (locality, record, feed, person)"
                           " VALUES (?1, ?2, ?3, ?4)",
        [SQL_SOURCE_REMOVE] = "DELETE FROM source WHERE locality = ?1 AND record = ?2 AND feed = "
                              "?3 AND person = ?4",
        [SQL_SOURCES_OF] =
                "SELECT source.feed, joined, left_at, limited, sources, source.person"
                " FROM source JOIN member ON member.locality = source.locality"
                " AND member.person = source.person AND member.feed = source.feed"
                " WHERE source.locality = ?1 AND source.record = ?2 ORDER BY source.feed",
};

_Static_assert((int)SQL_MEMBERS_COUNT_ <= (int)SQLITE_STMT_MAX, "room for the statements");

static sqlite3_stmt *member_stmt(struct storage_sqlite *sqlite, enum member_sql sql)
{
        return sqlite->stmts[GROUP_MEMBERS][sql];
}

/* ---- feeds' numbers ---- */

static int bind_scope(struct storage_sqlite *sqlite, enum member_sql sql, int64_t locality,
                      const struct scope *scope)
{
        sqlite3_stmt *stmt = member_stmt(sqlite, sql);

        db_bind_int(stmt, 1, locality);
        db_bind_int(stmt, 2, scope->kind);
        sqlite_bind_id(stmt, 3, &scope->id);
        return sql == SQL_FEED_ADD ? db_run(sqlite->db, stmt) : db_step(sqlite->db, stmt);
}

static int op_feed_number(struct storage *storage, const struct uuid *locality,
                          const struct scope *scope, bool create, uint64_t *ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        int64_t number;
        int r = sqlite_locality(sqlite, locality, &number);

        if (r < 0)
                return r;
        r = bind_scope(sqlite, SQL_FEED_NUMBER, number, scope);
        if (r > 0) {
                *ret = (uint64_t)db_column_int(member_stmt(sqlite, SQL_FEED_NUMBER), 0);
                db_reset(member_stmt(sqlite, SQL_FEED_NUMBER));
                return 0;
        }
        *ret = 0;
        if (r < 0 || !create)
                return r;
        r = sqlite_writing(sqlite);
        if (r == 0)
                r = bind_scope(sqlite, SQL_FEED_ADD, number, scope);
        if (r == 0)
                *ret = (uint64_t)sqlite3_last_insert_rowid(db_handle(sqlite->db));
        return r;
}

struct number_visit {
        storage_number_visit *visit;
        void *context;
};

static int take_number(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, void *context)
{
        const struct number_visit *visit = context;
        struct uuid locality = sqlite_locality_id(sqlite, db_column_int(stmt, 1));
        struct digest digests[CLASS_COUNT];

        sqlite_sums_read(stmt, 2, digests);
        return visit->visit(visit->context, &locality, (uint64_t)db_column_int(stmt, 0), digests);
}

static int op_feed_numbers(struct storage *storage, const struct scope *scope,
                           storage_number_visit *visit, void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = member_stmt(sqlite, SQL_FEED_NUMBERS);
        struct number_visit number_visit = {visit, context};

        db_bind_int(stmt, 1, scope->kind);
        sqlite_bind_id(stmt, 2, &scope->id);
        return sqlite_each(sqlite, stmt, take_number, &number_visit);
}

/* ---- scopes of feeds ---- */

void sqlite_members_forget(struct storage_sqlite *sqlite)
{
        sqlite->transaction++;
}

void sqlite_members_free(struct storage_sqlite *sqlite)
{
        free(sqlite->members);
        sqlite->members = NULL;
}

void sqlite_feed_free(struct storage_sqlite *sqlite)
{
        free(sqlite->feeds);
        sqlite->feeds = NULL;
        sqlite->feed_capacity = 0;
}

static int grow_feeds(struct storage_sqlite *sqlite, uint64_t number)
{
        size_t capacity = sqlite->feed_capacity > 0 ? sqlite->feed_capacity : 256;
        struct scope *feeds;

        if (number >= SQLITE_FEEDS_MAX)
                return FAIL(PANNIER_E_LIMIT, "feed %llu", (unsigned long long)number);
        while (capacity <= number)
                capacity *= 2;
        feeds = realloc(sqlite->feeds, capacity * sizeof(*feeds));
        if (!feeds)
                return FAIL(PANNIER_E_MEMORY, "no memory for the scopes of feeds");
        memset(feeds + sqlite->feed_capacity, 0,
               (capacity - sqlite->feed_capacity) * sizeof(*feeds));
        sqlite->feeds = feeds;
        sqlite->feed_capacity = capacity;
        return 0;
}

/* A feed's scope never changes: it is looked up once. */
static int scope_of(struct storage_sqlite *sqlite, uint64_t number, struct scope *ret)
{
        sqlite3_stmt *stmt = member_stmt(sqlite, SQL_FEED_SCOPE);
        int r;

        if (number >= sqlite->feed_capacity) {
                r = grow_feeds(sqlite, number);
                if (r < 0)
                        return r;
        }
        if (sqlite->feeds[number].kind == 0) {
                db_bind_int(stmt, 1, (int64_t)number);
                r = db_step(sqlite->db, stmt);
                if (r <= 0)
                        return r < 0 ? r : FAIL(PANNIER_E_CORRUPT, "a feed without a scope");
                sqlite->feeds[number].kind = (enum scope_kind)db_column_int(stmt, 0);
                sqlite->feeds[number].id = db_column_uuid(stmt, 1);
                db_reset(stmt);
        }
        *ret = sqlite->feeds[number];
        return 0;
}

static void read_member(sqlite3_stmt *stmt, struct member_row *ret)
{
        *ret = (struct member_row){
                .feed = (uint64_t)db_column_int(stmt, 0),
                .joined = (uint64_t)db_column_int(stmt, 1),
                .left = (uint64_t)db_column_int(stmt, 2),
                .limited = db_column_int(stmt, 3) != 0,
                .source_count = (uint32_t)db_column_int(stmt, 4),
        };
}

struct member_visit {
        storage_member_visit *visit;
        void *context;
        const struct uuid *person; /* NULL: it is in the row */
};

static int take_member(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, void *context)
{
        const struct member_visit *visit = context;
        struct member_row row;
        int r;

        read_member(stmt, &row);
        row.person = visit->person ? *visit->person : db_column_uuid(stmt, 5);
        r = scope_of(sqlite, row.feed, &row.scope);
        return r < 0 ? r : visit->visit(visit->context, &row);
}

/* ---- what was read in this transaction ---- */

/* Entries come person by person, and judging one asks three times for the scopes of its person. */
struct sqlite_members {
        uint64_t transaction; /* in which it was read */
        int64_t locality;
        struct uuid person;
        size_t count; /* MEMBERS_KEPT + 1: more than are kept */
        struct member_row rows[MEMBERS_KEPT];
};

static struct sqlite_members *members_place(struct storage_sqlite *sqlite, int64_t locality,
                                            const struct uuid *person)
{
        const uint8_t *id = person->bytes + sizeof(person->bytes) - 4;
        uint32_t hash =
                (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];

        if (sqlite->mode != MODE_WRITING)
                return NULL;
        if (!sqlite->members)
                sqlite->members = calloc(MEMBERS_PLACES, sizeof(*sqlite->members));
        if (!sqlite->members)
                return NULL; /* it is only slower */
        return &sqlite->members[((hash + (uint32_t)locality) * 2654435769u) >> MEMBERS_SHIFT];
}

static bool is_member_place(const struct storage_sqlite *sqlite, const struct sqlite_members *place,
                            int64_t locality, const struct uuid *person)
{
        return place->transaction == sqlite->transaction && place->locality == locality &&
               uuid_equal(&place->person, person);
}

static void forget_members(struct storage_sqlite *sqlite, int64_t locality,
                           const struct uuid *person)
{
        struct sqlite_members *place = members_place(sqlite, locality, person);

        if (place && is_member_place(sqlite, place, locality, person))
                place->transaction = 0;
}

static int keep_member(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, void *context)
{
        struct sqlite_members *place = context;
        struct member_row *row = &place->rows[place->count];

        if (place->count++ == MEMBERS_KEPT)
                return 1;
        read_member(stmt, row);
        row->person = place->person;
        return scope_of(sqlite, row->feed, &row->scope);
}

static int fill_place(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, int64_t locality,
                      const struct uuid *person, struct sqlite_members *place)
{
        int r;

        place->transaction = 0;
        place->locality = locality;
        place->person = *person;
        place->count = 0;
        r = sqlite_each(sqlite, stmt, keep_member, place);
        if (r >= 0)
                place->transaction = sqlite->transaction;
        return r < 0 ? r : 0;
}

static int visit_place(const struct sqlite_members *place, storage_member_visit *visit,
                       void *context)
{
        int r = 0;

        for (size_t i = 0; i < place->count && r == 0; i++)
                r = visit(context, &place->rows[i]);
        return r;
}

static void bind_member_key(sqlite3_stmt *stmt, int64_t locality, const struct uuid *person)
{
        db_bind_int(stmt, 1, locality);
        sqlite_bind_id(stmt, 2, person);
}

static int op_members_of(struct storage *storage, const struct uuid *locality,
                         const struct uuid *person, storage_member_visit *visit, void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = member_stmt(sqlite, SQL_MEMBERS_OF);
        struct member_visit member_visit = {visit, context, person};
        struct sqlite_members *place;
        int64_t number;
        int r = sqlite_locality(sqlite, locality, &number);

        if (r < 0)
                return r;
        place = members_place(sqlite, number, person);
        if (place && !is_member_place(sqlite, place, number, person)) {
                bind_member_key(stmt, number, person);
                r = fill_place(sqlite, stmt, number, person, place);
        }
        if (r == 0 && place && place->count <= MEMBERS_KEPT)
                return visit_place(place, visit, context);
        bind_member_key(stmt, number, person);
        return r < 0 ? r : sqlite_each(sqlite, stmt, take_member, &member_visit);
}

struct people_visit {
        storage_uuid_visit *visit;
        void *context;
};

static int take_id(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, void *context)
{
        const struct people_visit *visit = context;
        struct uuid person = db_column_uuid(stmt, 0);

        (void)sqlite;
        return visit->visit(visit->context, &person);
}

static int op_people_of(struct storage *storage, const struct uuid *locality, uint64_t feed,
                        storage_uuid_visit *visit, void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = member_stmt(sqlite, SQL_PEOPLE_OF);
        struct people_visit people_visit = {visit, context};
        int64_t number;
        int r = sqlite_locality(sqlite, locality, &number);

        if (r < 0)
                return r;
        db_bind_int(stmt, 1, number);
        db_bind_int(stmt, 2, (int64_t)feed);
        return sqlite_each(sqlite, stmt, take_id, &people_visit);
}

/* ---- members ---- */

static int op_member_put(struct storage *storage, const struct uuid *locality,
                         const struct member_row *row)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = member_stmt(sqlite, SQL_MEMBER_PUT);
        int64_t number = 0;
        int r = sqlite_write_in(sqlite, locality, &number);
        if (r < 0)
                return r;
        forget_members(sqlite, number, &row->person);
        db_bind_int(stmt, 1, number);
        sqlite_bind_id(stmt, 2, &row->person);
        db_bind_int(stmt, 3, (int64_t)row->feed);
        db_bind_int(stmt, 4, (int64_t)row->joined);
        db_bind_int(stmt, 5, (int64_t)row->left);
        db_bind_int(stmt, 6, row->limited);
        return db_run(sqlite->db, stmt);
}

/* Adds or takes a source, and keeps the member's count of them; nothing happens where it was so already. */
static int change_source(struct storage_sqlite *sqlite, enum member_sql sql,
                         const struct uuid *locality, uint64_t feed, const struct uuid *person,
                         const struct uuid *record)
{
        sqlite3_stmt *stmt = member_stmt(sqlite, sql);
        int64_t number = 0;
        int r = sqlite_write_in(sqlite, locality, &number);
        if (r < 0)
                return r;
        forget_members(sqlite, number, person);
        db_bind_int(stmt, 1, number);
        sqlite_bind_id(stmt, 2, record);
        db_bind_int(stmt, 3, (int64_t)feed);
        sqlite_bind_id(stmt, 4, person);
        r = db_run(sqlite->db, stmt);
        if (r < 0 || db_changes(sqlite->db) == 0)
                return r;
        stmt = member_stmt(sqlite, SQL_MEMBER_COUNT);
        db_bind_int(stmt, 1, number);
        sqlite_bind_id(stmt, 2, person);
        db_bind_int(stmt, 3, (int64_t)feed);
        db_bind_int(stmt, 4, sql == SQL_SOURCE_PUT ? 1 : -1);
        return db_run(sqlite->db, stmt);
}

static int op_source_put(struct storage *storage, const struct uuid *locality, uint64_t feed,
                         const struct uuid *person, const struct uuid *record)
{
        return change_source(sqlite_of(storage), SQL_SOURCE_PUT, locality, feed, person, record);
}

static int op_source_remove(struct storage *storage, const struct uuid *locality, uint64_t feed,
                            const struct uuid *person, const struct uuid *record)
{
        return change_source(sqlite_of(storage), SQL_SOURCE_REMOVE, locality, feed, person, record);
}

static int op_sources_of(struct storage *storage, const struct uuid *locality,
                         const struct uuid *record, storage_member_visit *visit, void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = member_stmt(sqlite, SQL_SOURCES_OF);
        struct member_visit member_visit = {.visit = visit, .context = context};
        int64_t number;
        int r = sqlite_locality(sqlite, locality, &number);

        if (r < 0)
                return r;
        db_bind_int(stmt, 1, number);
        sqlite_bind_id(stmt, 2, record);
        return sqlite_each(sqlite, stmt, take_member, &member_visit);
}

void sqlite_member_ops(struct storage_ops *ops)
{
        ops->feed_number = op_feed_number;
        ops->feed_numbers = op_feed_numbers;
        ops->members_of = op_members_of;
        ops->people_of = op_people_of;
        ops->member_put = op_member_put;
        ops->source_put = op_source_put;
        ops->source_remove = op_source_remove;
        ops->sources_of = op_sources_of;
}

int sqlite_members_prepare(struct storage_sqlite *sqlite)
{
        return db_prepare_all(sqlite->db, member_sql, SQL_MEMBERS_COUNT_,
                              sqlite->stmts[GROUP_MEMBERS]);
}
