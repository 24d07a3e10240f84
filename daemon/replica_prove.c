/*
 * Is this copy what the store has? The store says at every end one hash over the digests of the device's feeds; here
 * they are counted from the typed columns, over confirmed states, and hashed the same way. What changes confirmed records makes the
 * store's word void until the next end says another one.
 */
#include "daemon/replica_internal.h"

#include "common/digest.h"

int replica_told(struct replica *replica, const uint8_t vector_hash[HASH_SIZE],
                 const uint8_t digest_hash[HASH_SIZE])
{
        static const uint8_t as_before[HASH_SIZE];
        sqlite3_stmt *stmt = replica->stmts[SQL_TOLD_PUT];

        if (memcmp(digest_hash, as_before, HASH_SIZE) == 0)
                return 0;
        db_bind_blob(stmt, 1, BYTES(vector_hash, HASH_SIZE));
        db_bind_blob(stmt, 2, BYTES(digest_hash, HASH_SIZE));
        return db_run(replica->db, stmt);
}

int replica_told_void(struct replica *replica)
{
        return db_run(replica->db, replica->stmts[SQL_TOLD_DELETE]);
}

struct counted { /* a granted feed */
        int64_t number;
        struct wire_feed_key key;
};

struct counting {
        struct replica *replica;
        struct arena arena; /* of one record */
        struct buffer scratch;
        struct counted *feeds;
        struct digest *digests; /* beside each of them */
        size_t count;
        struct replica_proof *proof;
};

static void counting_deinit(struct counting *counting)
{
        arena_deinit(&counting->arena);
        buffer_wipe(&counting->scratch);
}

static void add_reference(struct counting *counting, const struct record *record,
                          const struct digest *digest)
{
        for (size_t i = 0; i < counting->count; i++) {
                const struct wire_feed_key *key = &counting->feeds[i].key;

                if (key->kind == SCOPE_LOCALITY && key->class == record_feed_class(record) &&
                    uuid_equal(&key->id, &record->locality))
                        digest_add(&counting->digests[i], digest);
        }
}

static void add_to_feed(struct counting *counting, int64_t number, const struct record *record,
                        const struct digest *digest)
{
        for (size_t i = 0; i < counting->count; i++)
                if (counting->feeds[i].number == number &&
                    counting->feeds[i].key.class == record_feed_class(record))
                        digest_add(&counting->digests[i], digest);
}

static int add_record(struct counting *counting, const struct record *record)
{
        struct replica *replica = counting->replica;
        sqlite3_stmt *stmt = replica->stmts[SQL_MEMBER_FEEDS];
        struct digest digest;
        int r = digest_of_record(record, &counting->scratch, &digest);

        if (r < 0)
                return r;
        counting->proof->records++;
        if (uuid_is_none(&record->person)) {
                add_reference(counting, record, &digest);
                return 0;
        }
        db_bind_uuid(stmt, 1, &record->person);
        while ((r = db_step(replica->db, stmt)) > 0)
                add_to_feed(counting, db_column_int(stmt, 0), record, &digest);
        return r;
}

/* What is shown may have pending work on top: then the confirmed state is its shadow. Position 0: never confirmed. */
static int count_record(void *context, const struct record *visible, struct bytes stamps)
{
        struct counting *counting = context;
        struct record confirmed;
        int r;

        (void)stamps;
        arena_reset(&counting->arena);
        r = replica_shadow_get(counting->replica, visible->type, &visible->id, &visible->person,
                               &counting->arena, &confirmed);
        if (r < 0)
                return r;
        if (r > 0)
                return add_record(counting, &confirmed);
        return visible->position > 0 ? add_record(counting, visible) : 0;
}

/* The granted feeds, in the order of vectors, and the hash of that vector. */
static int load_feeds(struct counting *counting, struct arena *arena, uint8_t ret_hash[HASH_SIZE])
{
        struct replica_feed *feeds;
        struct wire_feed_state *states;
        size_t count, granted = 0;
        int r = replica_feeds(counting->replica, arena, &feeds, &count);

        if (r < 0)
                return r;
        states = arena_alloc(arena, (count + 1) * sizeof(*states));
        counting->feeds = arena_alloc(arena, (count + 1) * sizeof(*counting->feeds));
        counting->digests = arena_alloc(arena, (count + 1) * sizeof(*counting->digests));
        if (!states || !counting->feeds || !counting->digests)
                return FAIL(PANNIER_E_MEMORY, "no memory for digests");
        for (size_t i = 0; i < count; i++) {
                if (!feeds[i].granted)
                        continue;
                states[granted] =
                        (struct wire_feed_state){.key = feeds[i].key, .cursor = feeds[i].cursor};
                counting->digests[granted] = (struct digest){0};
                counting->feeds[granted++] = (struct counted){feeds[i].number, feeds[i].key};
        }
        counting->count = granted;
        return wire_vector_hash(states, granted, ret_hash);
}

/* Is the store's word about just this state? */
static int told_of(struct replica *replica, const uint8_t vector_hash[HASH_SIZE],
                   uint8_t ret_digest_hash[HASH_SIZE])
{
        sqlite3_stmt *stmt = replica->stmts[SQL_TOLD_GET];
        int r = db_step(replica->db, stmt), fits;

        if (r <= 0)
                return r;
        fits = bytes_equal(db_column_bytes(stmt, 0), BYTES(vector_hash, HASH_SIZE)) &&
               db_column_bytes(stmt, 1).size == HASH_SIZE;
        if (fits)
                memcpy(ret_digest_hash, db_column_bytes(stmt, 1).data, HASH_SIZE);
        db_reset(stmt);
        return fits;
}

int replica_prove(struct replica *replica, struct replica_proof *ret)
{
        CLEANUP(counting_deinit) struct counting counting = {.replica = replica, .proof = ret};
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        const struct catalogue *catalogue = catalogue_get();
        uint8_t vector_hash[HASH_SIZE], told[HASH_SIZE], hash[HASH_SIZE];
        int r;

        *ret = (struct replica_proof){0};
        r = load_feeds(&counting, &arena, vector_hash);
        if (r >= 0)
                r = told_of(replica, vector_hash, told);
        if (r <= 0)
                return r;
        ret->told = true;
        for (size_t i = 0; i < catalogue->type_count && r >= 0; i++) {
                const struct catalogue_type *type = &catalogue->types[i];

                if (type->class != CLASS_NEVER && digest_counts(type))
                        r = record_each(replica->tables, type, NULL, NULL, count_record, &counting);
        }
        if (r >= 0)
                r = digest_hash(vector_hash, counting.digests, counting.count, hash);
        ret->equal = r >= 0 && memcmp(hash, told, HASH_SIZE) == 0;
        return r < 0 ? r : 0;
}
