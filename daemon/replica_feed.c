/*
 * Feeds, who is in them, and how far each was read.
 *
 * Members are kept per feed, so per class: a device whose ceiling was lowered loses the class and keeps the person.
 */
#include "daemon/replica_internal.h"

static struct replica_feed feed_read(sqlite3_stmt *stmt)
{
        return (struct replica_feed){
                .number = db_column_int(stmt, 0),
                .key = {.locality = db_column_uuid(stmt, 1),
                        .kind = (enum scope_kind)db_column_int(stmt, 2),
                        .id = db_column_uuid(stmt, 3),
                        .class = (enum catalogue_class)db_column_int(stmt, 4)},
                .granted = db_column_int(stmt, 5) != 0,
                .cursor = {.epoch = (uint64_t)db_column_int(stmt, 6),
                           .position = (uint64_t)db_column_int(stmt, 7),
                           .record = db_column_uuid(stmt, 8),
                           .join_type = (uint8_t)db_column_int(stmt, 9),
                           .join_record = db_column_uuid(stmt, 10)},
                .complete = db_column_int(stmt, 11) != 0,
                .differs = db_column_int(stmt, 12) != 0,
        };
}

int replica_feeds(struct replica *replica, struct arena *arena, struct replica_feed **ret,
                  size_t *ret_count)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_FEEDS];
        struct replica_feed *feeds = NULL;
        size_t count = 0, capacity = 0;
        int r;

        while ((r = db_step(replica->db, stmt)) > 0) {
                if (count == capacity) {
                        size_t more = capacity ? capacity * 2 : 64;
                        struct replica_feed *grown = arena_alloc(arena, more * sizeof(*grown));

                        if (!grown) {
                                db_reset(stmt);
                                return FAIL(PANNIER_E_MEMORY, "feeds");
                        }
                        if (count)
                                memcpy(grown, feeds, count * sizeof(*grown));
                        feeds = grown;
                        capacity = more;
                }
                feeds[count++] = feed_read(stmt);
        }
        if (r < 0)
                return r;
        *ret = feeds;
        *ret_count = count;
        return 0;
}

int replica_load_locality(struct replica *replica)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_FEEDS];
        bool provisional = false;
        int r;

        replica->locality = UUID_NONE;
        while ((r = db_step(replica->db, stmt)) > 0) {
                struct replica_feed feed = feed_read(stmt);

                if (feed.key.kind == SCOPE_PROVISIONAL) {
                        replica->locality = feed.key.locality;
                        provisional = true;
                } else if (!provisional && feed.key.kind == SCOPE_LOCALITY &&
                           uuid_is_none(&replica->locality)) {
                        replica->locality = feed.key.locality;
                }
        }
        return r;
}

int replica_fetch_again(struct replica *replica)
{
        return db_run(replica->db, replica->stmts[SQL_FEED_AGAIN]);
}

int replica_complete(struct replica *replica)
{
        return db_run(replica->db, replica->stmts[SQL_FEED_COMPLETE]);
}

int replica_members(struct replica *replica, int64_t feed, uint64_t *ret)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_MEMBER_COUNT];
        int r;

        db_bind_int(stmt, 1, feed);
        r = db_step(replica->db, stmt);
        if (r <= 0)
                return r;
        *ret = (uint64_t)db_column_int(stmt, 0);
        db_reset(stmt);
        return 0;
}

/* ---- grants ---- */

static int feed_put(struct replica *replica, const struct wire_feed_key *key, bool granted)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_FEED_PUT];

        db_bind_uuid(stmt, 1, &key->locality);
        db_bind_int(stmt, 2, (int64_t)key->kind);
        db_bind_uuid(stmt, 3, &key->id);
        db_bind_int(stmt, 4, (int64_t)key->class);
        db_bind_int(stmt, 5, granted);
        return db_run(replica->db, stmt);
}

enum { REFERENCE_STEP = 256 };

struct reference {
        struct uuid locality;
        struct uuid ids[REFERENCE_STEP];
        size_t count;
        struct uuid last;
};

static int reference_collect(void *context, const struct record *record, struct bytes stamps)
{
        struct reference *reference = context;

        (void)stamps;
        reference->last = record->id;
        if (!uuid_equal(&record->locality, &reference->locality))
                return 0;
        reference->ids[reference->count++] = record->id;
        return reference->count == REFERENCE_STEP;
}

static int drop_record(struct replica *replica, const struct catalogue_type *type,
                       const struct uuid *id)
{
        int r = replica_sums_remove_standing(replica, type, id, &UUID_NONE);

        return r < 0 ? r : record_delete(replica->tables, type, id);
}

/* The reference data of a locality that is no longer granted. */
static int drop_reference(struct replica *replica, const struct uuid *locality)
{
        const struct catalogue *catalogue = catalogue_get();
        struct reference reference = {.locality = *locality};

        for (size_t i = 0; i < catalogue->type_count; i++) {
                const struct catalogue_type *type = &catalogue->types[i];
                int r = type->personal ? 0 : 1;

                for (reference.last = UUID_NONE; r == 1;) {
                        struct uuid after = reference.last;

                        reference.count = 0;
                        r = record_each(replica->tables, type, NULL,
                                        uuid_is_none(&after) ? NULL : &after, reference_collect,
                                        &reference);
                        for (size_t j = 0; j < reference.count && r >= 0; j++) {
                                int deleted = drop_record(replica, type, &reference.ids[j]);

                                if (deleted < 0)
                                        r = deleted;
                        }
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

static int drop_feed(struct replica *replica, const struct replica_feed *feed)
{
        static const enum replica_sql steps[] = {SQL_LEAVER_PUT_FEED, SQL_MEMBER_DELETE_FEED,
                                                 SQL_FEED_DELETE};

        for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
                int r;

                db_bind_int(replica->stmts[steps[i]], 1, feed->number);
                r = db_run(replica->db, replica->stmts[steps[i]]);
                if (r < 0)
                        return r;
        }
        if (feed->key.kind == SCOPE_LOCALITY && feed->key.class == CLASS_BASIC)
                return drop_reference(replica, &feed->key.id);
        return 0;
}

/* People who were met here stay until the store has put them somewhere, whether it granted the scope already or not. */
static bool is_own_provisional(const struct replica *replica, const struct replica_feed *feed)
{
        return feed->key.kind == SCOPE_PROVISIONAL && uuid_equal(&feed->key.id, &replica->device);
}

int replica_set_grants(struct replica *replica, const struct wire_grant *grants, size_t count)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct replica_feed *feeds;
        size_t feed_count;
        int r;

        r = db_run(replica->db, replica->stmts[SQL_FEED_GRANTED]);
        for (size_t i = 0; i < count && r >= 0; i++)
                for (int class = CLASS_BASIC; class <= (int)grants[i].ceiling && r >= 0; class ++) {
                        struct wire_feed_key key = {.locality = grants[i].locality,
                                                    .kind = grants[i].kind,
                                                    .id = grants[i].id,
                                                    .class = (enum catalogue_class) class};

                        r = feed_put(replica, &key, true);
                }
        if (r >= 0)
                r = replica_feeds(replica, &arena, &feeds, &feed_count);
        if (r < 0)
                return r;
        for (size_t i = 0; i < feed_count && r >= 0; i++)
                if (!feeds[i].granted && !is_own_provisional(replica, &feeds[i]))
                        r = drop_feed(replica, &feeds[i]);
        return r < 0 ? r : replica_load_locality(replica);
}

/* ---- joins, exits, cursors ---- */

static int feed_find(struct replica *replica, const struct wire_feed_key *key, int64_t *ret_number,
                     bool *ret_granted)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_FEED_BY_KEY];
        int r;

        db_bind_uuid(stmt, 1, &key->locality);
        db_bind_int(stmt, 2, (int64_t)key->kind);
        db_bind_uuid(stmt, 3, &key->id);
        db_bind_int(stmt, 4, (int64_t)key->class);
        r = db_step(replica->db, stmt);
        if (r <= 0)
                return r;
        *ret_number = db_column_int(stmt, 0);
        *ret_granted = db_column_int(stmt, 1) != 0;
        db_reset(stmt);
        return 1;
}

int replica_leaver(struct replica *replica, const struct uuid *person, enum catalogue_class class)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_LEAVER_PUT];

        db_bind_uuid(stmt, 1, person);
        db_bind_int(stmt, 2, (int64_t) class);
        return db_run(replica->db, stmt);
}

static int run_member(struct replica *replica, enum replica_sql sql, int64_t feed,
                      const struct uuid *person)
{
        sqlite3_stmt *stmt = replica->stmts[sql];
        int r;

        db_bind_int(stmt, 1, feed);
        db_bind_uuid(stmt, 2, person);
        r = db_run(replica->db, stmt);
        return r < 0 ? r : db_changes(replica->db) > 0;
}

int replica_member(struct replica *replica, struct replica_sums_feed *feed,
                   const struct uuid *person, bool in)
{
        int r = run_member(replica, in ? SQL_MEMBER_PUT : SQL_MEMBER_DELETE, feed->feed, person);
        int sum;

        if (r == 0 && in) /* a feed of another history may not have listed the person yet */
                return run_member(replica, SQL_MEMBER_RELIST, feed->feed, person);
        if (r <= 0)
                return r;
        sum = replica_sums_move(replica, feed, person, in);
        return sum < 0 ? sum : r;
}

static int take_members(struct replica *replica, int64_t number, const struct wire_feed *feed)
{
        struct replica_sums_feed sums = {
                .feed = number, .locality = feed->key.locality, .class = feed->key.class};
        int r = 0;

        for (size_t i = 0; i < feed->exits_count && r >= 0; i++) {
                r = replica_member(replica, &sums, &feed->exits[i], false);
                if (r >= 0)
                        r = replica_leaver(replica, &feed->exits[i], feed->key.class);
        }
        for (size_t i = 0; i < feed->joins_count && r >= 0; i++) {
                r = replica_member(replica, &sums, &feed->joins[i], true);
                if (r > 0 && replica->watch.person)
                        replica->watch.person(replica->watch.context, &feed->joins[i], false);
        }
        return r < 0 ? r : replica_sums_moved(replica, &sums);
}

int replica_take_feed(struct replica *replica, const struct wire_feed *feed)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_FEED_MOVE];
        bool granted = false;
        int64_t number = 0;
        int r;

        r = feed_find(replica, &feed->key, &number, &granted);
        if (r < 0)
                return r;
        if (r == 0 || !granted)
                return FAIL(PANNIER_E_MALFORMED, "the answer moves a feed that is not granted");
        r = take_members(replica, number, feed);
        if (r < 0)
                return r;
        db_bind_int(stmt, 1, number);
        db_bind_int(stmt, 2, (int64_t)feed->cursor.epoch);
        db_bind_int(stmt, 3, (int64_t)feed->cursor.position);
        db_bind_uuid(stmt, 4, &feed->cursor.record);
        db_bind_int(stmt, 5, feed->cursor.join_type);
        db_bind_uuid(stmt, 6, &feed->cursor.join_record);
        db_bind_int(stmt, 7, feed->complete);
        return db_run(replica->db, stmt);
}

/* ---- people met here ---- */

int replica_provisional(struct replica *replica, const struct record *person, bool in)
{
        struct wire_feed_key key = {
                .locality = person->locality,
                .kind = SCOPE_PROVISIONAL,
                .id = replica->device,
                .class = CLASS_BASIC,
        };
        struct replica_sums_feed sums = {.locality = key.locality, .class = key.class};
        bool granted = false;
        int r;

        r = feed_find(replica, &key, &sums.feed, &granted);
        if (r < 0)
                return r;
        if (r == 0) {
                if (!in)
                        return 0;
                r = feed_put(replica, &key, false);
                if (r >= 0)
                        r = feed_find(replica, &key, &sums.feed, &granted);
                if (r <= 0)
                        return r < 0 ? r : FAIL(PANNIER_E_INTERNAL, "the feed is not there");
        }
        r = replica_member(replica, &sums, &person->id, in);
        return r < 0 ? r : replica_sums_moved(replica, &sums);
}

/* ---- how far everything was received ---- */

int replica_reached(struct replica *replica, const struct uuid *locality, struct position *ret)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_REACHED_GET];
        int r;

        *ret = (struct position){0};
        db_bind_uuid(stmt, 1, locality);
        r = db_step(replica->db, stmt);
        if (r <= 0)
                return r;
        ret->epoch = (uint64_t)db_column_int(stmt, 0);
        ret->position = (uint64_t)db_column_int(stmt, 1);
        db_reset(stmt);
        return 0;
}

int replica_set_reached(struct replica *replica, const struct uuid *locality,
                        const struct position *at)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_REACHED_PUT];

        db_bind_uuid(stmt, 1, locality);
        db_bind_int(stmt, 2, (int64_t)at->epoch);
        db_bind_int(stmt, 3, (int64_t)at->position);
        return db_run(replica->db, stmt);
}
