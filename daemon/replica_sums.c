/*
 * A person's digests lie in one row, and a feed's in its own: they follow from those of its people. In the same transaction
 * many records of one person may change, type by type, so what is to be added is gathered by owner (a small table in memory, with
 * what it was at the savepoint) and brought to the rows, and to the feeds that have the person by then, when somebody reads, when the file
 * is written, or when it is too much.
 *
 * So a person who joins or leaves adds what is in the row, and what is still in memory follows to wherever the person is then.
 */
#include "daemon/replica_sums.h"

#include "daemon/replica_internal.h"

enum {
        SUMS_GATHERED_MAX = 4096, /* owners; more are written at the next commit */
        SUMS_SLOTS_MIN = 256,
};

struct gathered { /* what is to be added to an owner's digests */
        struct uuid owner, locality;
        struct digest change[CLASS_COUNT], saved[CLASS_COUNT]; /* saved: at the savepoint */
        bool touched;                                          /* since then */
};

struct gathering { /* hashed by owner; slots hold a place + 1 */
        struct gathered *items;
        size_t count, capacity;
        uint32_t *slots;
        size_t slot_count;
};

struct replica_sums {
        struct gathering gathering;
        struct buffer scratch; /* fields of one record */
        struct arena arena;    /* of one shadow */
};

static void gathering_deinit(struct gathering *gathering)
{
        free(gathering->items);
        free(gathering->slots);
        *gathering = (struct gathering){0};
}

int replica_sums_new(struct replica_sums **ret)
{
        struct replica_sums *sums = calloc(1, sizeof(*sums));

        if (!sums)
                return FAIL(PANNIER_E_MEMORY, "digests");
        *ret = sums;
        return 0;
}

struct replica_sums *replica_sums_free(struct replica_sums *sums)
{
        if (!sums)
                return NULL;
        gathering_deinit(&sums->gathering);
        buffer_wipe(&sums->scratch);
        arena_deinit(&sums->arena);
        free(sums);
        return NULL;
}

/* ---- gathering ---- */

static size_t slot_of(const struct gathering *gathering, const struct uuid *owner,
                      const struct uuid *locality)
{
        uint64_t halves[2], hash;
        size_t slot;

        memcpy(halves, owner->bytes, sizeof(halves));
        hash = (halves[0] ^ halves[1]) * 0x9e3779b97f4a7c15ULL;
        hash = (hash ^ hash >> 32) * 0x9e3779b97f4a7c15ULL; /* every byte of an id counts */
        slot = (size_t)(hash >> 32) & (gathering->slot_count - 1);
        while (gathering->slots[slot]) {
                const struct gathered *found = &gathering->items[gathering->slots[slot] - 1];

                if (uuid_equal(&found->owner, owner) && uuid_equal(&found->locality, locality))
                        break;
                slot = (slot + 1) & (gathering->slot_count - 1);
        }
        return slot;
}

static int grow(struct gathering *gathering)
{
        size_t slot_count = gathering->slot_count ? 2 * gathering->slot_count : SUMS_SLOTS_MIN;
        uint32_t *slots = calloc(slot_count, sizeof(*slots));
        struct gathered *items =
                slots ? realloc(gathering->items, slot_count / 2 * sizeof(*items)) : NULL;

        if (!items) {
                free(slots);
                return FAIL(PANNIER_E_MEMORY, "digests");
        }
        free(gathering->slots);
        gathering->items = items;
        gathering->capacity = slot_count / 2;
        gathering->slots = slots;
        gathering->slot_count = slot_count;
        for (size_t i = 0; i < gathering->count; i++)
                slots[slot_of(gathering, &items[i].owner, &items[i].locality)] = (uint32_t)i + 1;
        return 0;
}

static int gather(struct gathering *gathering, const struct uuid *owner,
                  const struct uuid *locality, struct gathered **ret)
{
        size_t slot;
        int r = gathering->count == gathering->capacity ? grow(gathering) : 0;

        if (r < 0)
                return r;
        slot = slot_of(gathering, owner, locality);
        if (!gathering->slots[slot]) {
                gathering->items[gathering->count] =
                        (struct gathered){.owner = *owner, .locality = *locality};
                gathering->slots[slot] = (uint32_t)++gathering->count;
        }
        *ret = &gathering->items[gathering->slots[slot] - 1];
        (*ret)->touched = true;
        return 0;
}

void replica_sums_keep(struct replica_sums *sums)
{
        struct gathering *gathering = &sums->gathering;

        if (gathering->count >= SUMS_GATHERED_MAX) { /* replica_commit() has written them */
                gathering_deinit(gathering);
                return;
        }
        for (size_t i = 0; i < gathering->count; i++) {
                struct gathered *item = &gathering->items[i];

                if (item->touched)
                        memcpy(item->saved, item->change, sizeof(item->saved));
                item->touched = false;
        }
}

void replica_sums_back(struct replica_sums *sums)
{
        for (size_t i = 0; i < sums->gathering.count; i++) {
                struct gathered *item = &sums->gathering.items[i];

                if (item->touched)
                        memcpy(item->change, item->saved, sizeof(item->change));
                item->touched = false;
        }
}

void replica_sums_clear(struct replica_sums *sums)
{
        gathering_deinit(&sums->gathering);
}

bool replica_sums_are_many(const struct replica_sums *sums)
{
        return sums->gathering.count >= SUMS_GATHERED_MAX;
}

/* ---- records ---- */

struct uuid replica_sums_owner(const struct record *record)
{
        struct uuid owner = record->person;

        if (uuid_is_none(&owner))
                owner.bytes[sizeof(owner.bytes) - 1] = record->type->number;
        return owner;
}

uint8_t replica_sums_type(const struct uuid *owner)
{
        for (size_t i = 0; i + 1 < sizeof(owner->bytes); i++)
                if (owner->bytes[i])
                        return 0;
        return owner->bytes[sizeof(owner->bytes) - 1];
}

static bool counts(const struct record *record)
{
        return record->position > 0 && digest_counts(record->type) &&
               record_feed_class(record) <= (enum catalogue_class)CLASS_COUNT;
}

static int change(struct replica_sums *sums, const struct record *record, bool in)
{
        struct uuid owner = replica_sums_owner(record);
        struct gathered *gathered;
        struct digest digest;
        int r;

        if (!counts(record))
                return 0;
        r = digest_of_record(record, &sums->scratch, &digest);
        if (r >= 0)
                r = gather(&sums->gathering, &owner, &record->locality, &gathered);
        if (r < 0)
                return r;
        if (in)
                digest_add(&gathered->change[record_feed_class(record) - 1], &digest);
        else
                digest_subtract(&gathered->change[record_feed_class(record) - 1], &digest);
        return 0;
}

int replica_sums_add(struct replica *replica, const struct record *record)
{
        return change(replica->sums, record, true);
}

int replica_sums_remove(struct replica *replica, const struct record *record)
{
        return change(replica->sums, record, false);
}

static int remove_row(void *context, const struct record *record, struct bytes stamps)
{
        (void)stamps;
        return replica_sums_remove(context, record);
}

int replica_sums_remove_standing(struct replica *replica, const struct catalogue_type *type,
                                 const struct uuid *id, const struct uuid *person)
{
        struct record shadow;
        int r;

        arena_reset(&replica->sums->arena);
        r = replica_shadow_get(replica, type, id, person, &replica->sums->arena, &shadow);
        if (r > 0)
                return replica_sums_remove(replica, &shadow);
        if (r == 0)
                r = record_visit(replica->tables, type, id, remove_row, replica);
        return r < 0 ? r : 0;
}

int replica_sums_forget(struct replica *replica, const struct uuid *person)
{
        struct gathering *gathering = &replica->sums->gathering;
        sqlite3_stmt *stmt = replica->stmts[SQL_SUM_FORGET];

        for (size_t i = 0; i < gathering->count; i++) {
                struct gathered *item = &gathering->items[i];

                if (!uuid_equal(&item->owner, person))
                        continue;
                memset(item->change, 0, sizeof(item->change));
                item->touched = true;
        }
        db_bind_uuid(stmt, 1, person);
        return db_run(replica->db, stmt);
}

/* ---- rows ---- */

static void digests_read(struct bytes bytes, struct digest ret[CLASS_COUNT])
{
        for (size_t i = 0; i < CLASS_COUNT; i++)
                ret[i] = bytes.size < (i + 1) * DIGEST_SIZE
                                 ? (struct digest){0}
                                 : digest_read(BYTES(bytes.data + i * DIGEST_SIZE, DIGEST_SIZE));
}

static bool are_zero(const struct digest digests[CLASS_COUNT])
{
        for (size_t i = 0; i < CLASS_COUNT; i++)
                if (!digest_is_zero(&digests[i]))
                        return false;
        return true;
}

int replica_sums_of(struct replica *replica, const struct uuid *owner, const struct uuid *locality,
                    struct digest ret[CLASS_COUNT])
{
        sqlite3_stmt *stmt = replica->stmts[SQL_SUM_GET];
        int r;

        memset(ret, 0, CLASS_COUNT * sizeof(*ret));
        db_bind_blob(stmt, 1, BYTES(owner->bytes, sizeof(owner->bytes)));
        db_bind_uuid(stmt, 2, locality);
        r = db_step(replica->db, stmt);
        if (r <= 0)
                return r;
        digests_read(db_column_bytes(stmt, 0), ret);
        db_reset(stmt);
        return 0;
}

static int put_sum(struct replica *replica, const struct gathered *item)
{
        uint8_t bytes[CLASS_COUNT * DIGEST_SIZE];
        struct digest sums[CLASS_COUNT];
        sqlite3_stmt *stmt;
        int r = replica_sums_of(replica, &item->owner, &item->locality, sums);

        if (r < 0)
                return r;
        for (size_t i = 0; i < CLASS_COUNT; i++) {
                digest_add(&sums[i], &item->change[i]);
                digest_write(&sums[i], bytes + i * DIGEST_SIZE);
        }
        stmt = replica->stmts[are_zero(sums) ? SQL_SUM_DELETE : SQL_SUM_PUT];
        db_bind_blob(stmt, 1, BYTES(item->owner.bytes, sizeof(item->owner.bytes)));
        db_bind_uuid(stmt, 2, &item->locality);
        if (!are_zero(sums))
                db_bind_blob(stmt, 3, BYTES(bytes, sizeof(bytes)));
        return db_run(replica->db, stmt);
}

static int feed_digest(struct replica *replica, int64_t feed, struct digest *ret)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_FEED_DIGEST];
        int r;

        db_bind_int(stmt, 1, feed);
        r = db_step(replica->db, stmt);
        if (r <= 0)
                return r < 0 ? r : FAIL(PANNIER_E_CORRUPT, "a digest of a feed that is not there");
        *ret = digest_read(db_column_bytes(stmt, 0));
        db_reset(stmt);
        return 0;
}

static int feed_digest_put(struct replica *replica, int64_t feed, const struct digest *digest)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_FEED_DIGEST_PUT];
        uint8_t bytes[DIGEST_SIZE];

        digest_write(digest, bytes);
        db_bind_int(stmt, 1, feed);
        db_bind_blob(stmt, 2, BYTES(bytes, sizeof(bytes)));
        return db_run(replica->db, stmt);
}

int replica_sums_moved(struct replica *replica, const struct replica_sums_feed *feed)
{
        struct digest digest;
        int r;

        if (digest_is_zero(&feed->change))
                return 0;
        r = feed_digest(replica, feed->feed, &digest);
        if (r < 0)
                return r;
        digest_add(&digest, &feed->change);
        return feed_digest_put(replica, feed->feed, &digest);
}

int replica_sums_move(struct replica *replica, struct replica_sums_feed *feed,
                      const struct uuid *person, bool in)
{
        struct digest sums[CLASS_COUNT];
        int r = replica_sums_of(replica, person, &feed->locality, sums);

        if (r < 0)
                return r;
        if (in)
                digest_add(&feed->change, &sums[feed->class - 1]);
        else
                digest_subtract(&feed->change, &sums[feed->class - 1]);
        return 0;
}

/* ---- bringing what was gathered to the rows ---- */

struct feed_changes { /* struct replica_sums_feed behind each other, ascending by feed */
        struct buffer items;
};

static void feed_changes_deinit(struct feed_changes *changes)
{
        buffer_deinit(&changes->items);
}

static int add_to_feed(struct feed_changes *changes, int64_t feed, const struct digest *digest)
{
        struct replica_sums_feed *items = (void *)changes->items.data, added = {.feed = feed};
        size_t count = changes->items.size / sizeof(added), low = 0, high = count;

        while (low < high) {
                size_t middle = (low + high) / 2;

                if (items[middle].feed < feed)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == count || items[low].feed != feed) {
                buffer_append(&changes->items, BYTES(&added, sizeof(added)));
                if (buffer_check(&changes->items) < 0)
                        return buffer_check(&changes->items);
                items = (void *)changes->items.data;
                memmove(&items[low + 1], &items[low], (count - low) * sizeof(*items));
                items[low] = added;
        }
        digest_add(&items[low].change, digest);
        return 0;
}

/* The feeds that have the person now. Reference data is in the feed of its locality by itself. */
static int add_to_feeds(struct replica *replica, const struct gathered *item,
                        struct feed_changes *changes)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_SUM_FEEDS];
        int r;

        db_bind_blob(stmt, 1, BYTES(item->owner.bytes, sizeof(item->owner.bytes)));
        db_bind_uuid(stmt, 2, &item->locality);
        while ((r = db_step(replica->db, stmt)) > 0) {
                size_t class = (size_t)db_column_int(stmt, 1);

                r = add_to_feed(changes, db_column_int(stmt, 0), &item->change[class - 1]);
                if (r < 0) {
                        db_reset(stmt);
                        break;
                }
        }
        return r;
}

int replica_sums_write(struct replica *replica)
{
        CLEANUP(feed_changes_deinit) struct feed_changes changes = {BUFFER_INIT};
        struct gathering *gathering = &replica->sums->gathering;
        const struct replica_sums_feed *feeds;
        int r = 0;

        for (size_t i = 0; i < gathering->count && r >= 0; i++) {
                struct gathered *item = &gathering->items[i];

                if (are_zero(item->change))
                        continue;
                r = put_sum(replica, item);
                if (r >= 0)
                        r = add_to_feeds(replica, item, &changes);
                memset(item->change, 0, sizeof(item->change));
                item->touched = true;
        }
        feeds = (const void *)changes.items.data;
        for (size_t i = 0; i < changes.items.size / sizeof(*feeds) && r >= 0; i++)
                r = replica_sums_moved(replica, &feeds[i]);
        return r < 0 ? r : 0;
}

/* ---- counting anew ---- */

int replica_sums_hold_against(struct replica *replica, const struct uuid *owner,
                              uint64_t *ret_wrong)
{
        struct gathering *gathering = &replica->sums->gathering;
        sqlite3_stmt *stmt = replica->stmts[owner ? SQL_SUMS_OF : SQL_SUMS];
        struct digest sums[CLASS_COUNT];
        int r;

        if (owner)
                db_bind_blob(stmt, 1, BYTES(owner->bytes, sizeof(owner->bytes)));
        while ((r = db_step(replica->db, stmt)) > 0) {
                struct uuid of = db_column_uuid(stmt, 0), locality = db_column_uuid(stmt, 1);
                struct gathered *item;

                r = gather(gathering, &of, &locality, &item);
                if (r < 0) {
                        db_reset(stmt);
                        return r;
                }
                digests_read(db_column_bytes(stmt, 2), sums);
                for (size_t i = 0; i < CLASS_COUNT; i++)
                        digest_subtract(&item->change[i], &sums[i]);
        }
        for (size_t i = 0; i < gathering->count; i++)
                *ret_wrong += !are_zero(gathering->items[i].change);
        return r;
}

int replica_sums_count_feed(struct replica *replica, const struct replica_feed *feed,
                            bool *ret_wrong)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_FEED_SUMS];
        struct digest kept, counted = {0}, sums[CLASS_COUNT];
        int r;

        *ret_wrong = false;
        if (feed->key.kind == SCOPE_LOCALITY)
                return 0;
        db_bind_int(stmt, 1, feed->number);
        while ((r = db_step(replica->db, stmt)) > 0) {
                digests_read(db_column_bytes(stmt, 0), sums);
                digest_add(&counted, &sums[feed->key.class - 1]);
        }
        if (r >= 0)
                r = feed_digest(replica, feed->number, &kept);
        if (r < 0 || digest_equal(&counted, &kept))
                return r;
        *ret_wrong = true;
        return feed_digest_put(replica, feed->number, &counted);
}

/* ---- of a feed ---- */

static int reference_digest(struct replica *replica, const struct wire_feed_key *key,
                            struct digest *ret)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_SUM_REFERENCE];
        struct digest sums[CLASS_COUNT];
        int r;

        *ret = (struct digest){0};
        db_bind_uuid(stmt, 1, &key->id);
        while ((r = db_step(replica->db, stmt)) > 0) {
                digests_read(db_column_bytes(stmt, 0), sums);
                digest_add(ret, &sums[key->class - 1]);
        }
        return r;
}

int replica_sums_feed(struct replica *replica, const struct replica_feed *feed, struct digest *ret)
{
        if (feed->key.kind == SCOPE_LOCALITY)
                return reference_digest(replica, &feed->key, ret);
        return feed_digest(replica, feed->number, ret);
}
