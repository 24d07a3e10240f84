/*
 * Is this copy what the store has? The store says at every end one hash over the digests of the device's feeds; those that
 * are kept here (replica_sums.c) are hashed the same way. What changes confirmed records makes the store's word void until the next end
 * says another one. A doctor counts the digests anew from the typed columns first.
 */
#include "daemon/replica_internal.h"

int replica_told(struct replica *replica, const uint8_t vector_hash[HASH_SIZE],
                 const uint8_t digest_hash[HASH_SIZE])
{
        static const uint8_t as_before[HASH_SIZE];
        sqlite3_stmt *stmt = replica->stmts[SQL_TOLD_PUT];
        int r;

        if (memcmp(digest_hash, as_before, HASH_SIZE) == 0)
                return 0;
        db_bind_blob(stmt, 1, BYTES(vector_hash, HASH_SIZE));
        db_bind_blob(stmt, 2, BYTES(digest_hash, HASH_SIZE));
        r = db_run(replica->db, stmt);
        if (r < 0 || db_changes(replica->db) == 0)
                return r;
        return db_run(replica->db, replica->stmts[SQL_FEEDS_ALIKE]);
}

int replica_is_told(struct replica *replica, const uint8_t vector_hash[HASH_SIZE])
{
        sqlite3_stmt *stmt = replica->stmts[SQL_TOLD_GET];
        int r = db_step(replica->db, stmt);

        if (r <= 0)
                return r;
        r = bytes_equal(db_column_bytes(stmt, 0), BYTES(vector_hash, HASH_SIZE));
        db_reset(stmt);
        return r;
}

int replica_told_void(struct replica *replica)
{
        return db_run(replica->db, replica->stmts[SQL_TOLD_DELETE]);
}

/* ---- comparing ---- */

/* The granted feeds, in the order of vectors, with the hash of that vector and of their digests. */
static int hash_feeds(struct replica *replica, struct arena *arena, uint8_t ret_vector[HASH_SIZE],
                      uint8_t ret_digests[HASH_SIZE])
{
        struct wire_feed_state *states;
        struct replica_feed *feeds;
        struct digest *digests;
        size_t count, granted = 0;
        int r = replica_feeds(replica, arena, &feeds, &count);

        if (r < 0)
                return r;
        states = arena_alloc(arena, (count + 1) * sizeof(*states));
        digests = arena_alloc(arena, (count + 1) * sizeof(*digests));
        if (!states || !digests)
                return FAIL(PANNIER_E_MEMORY, "no memory for digests");
        for (size_t i = 0; i < count && r >= 0; i++) {
                if (!feeds[i].granted)
                        continue;
                states[granted] =
                        (struct wire_feed_state){.key = feeds[i].key, .cursor = feeds[i].cursor};
                r = replica_sums_feed(replica, &feeds[i], &digests[granted++]);
        }
        if (r >= 0)
                r = wire_vector_hash(states, granted, ret_vector);
        return r < 0 ? r : digest_hash(ret_vector, digests, granted, ret_digests);
}

/* Faults are over once the copy is equal; which feeds differ is asked for where it is not. */
static int keep_equality(struct replica *replica, enum replica_equality equality)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_TOLD_EQUALITY];
        int r;

        db_bind_int(stmt, 1, (int64_t)equality);
        r = db_run(replica->db, stmt);
        if (r >= 0 && equality == REPLICA_EQUAL)
                r = db_run(replica->db, replica->stmts[SQL_REPAIRS_GOOD]);
        if (r >= 0 && equality == REPLICA_EQUAL)
                r = db_run(replica->db, replica->stmts[SQL_FEEDS_ALIKE]);
        if (r >= 0 && equality == REPLICA_EQUAL)
                r = replica_set_fact(replica, FACT_CONTRADICTION, 0);
        return r;
}

int replica_compare(struct replica *replica, enum replica_equality *ret)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        uint8_t vector[HASH_SIZE], digests[HASH_SIZE];
        sqlite3_stmt *stmt = replica->stmts[SQL_HISTORY_SWEEP];
        int r = db_step(replica->db, stmt);

        *ret = REPLICA_UNKNOWN;
        /* what is unconfirmed is still to be swept; or records were not kept, because this build does not know their type */
        if (r != 0 || replica_fact(replica, FACT_PASSED_OVER)) {
                db_reset(stmt);
                return r < 0 ? r : keep_equality(replica, *ret);
        }
        stmt = replica->stmts[SQL_TOLD_GET];
        r = hash_feeds(replica, &arena, vector, digests);
        if (r >= 0)
                r = db_step(replica->db, stmt);
        if (r <= 0)
                return r;
        /* is the store's word about just this state? */
        if (bytes_equal(db_column_bytes(stmt, 0), BYTES(vector, HASH_SIZE)))
                *ret = bytes_equal(db_column_bytes(stmt, 1), BYTES(digests, HASH_SIZE))
                               ? REPLICA_EQUAL
                               : REPLICA_DIFFERENT;
        db_reset(stmt);
        return keep_equality(replica, *ret);
}

int replica_equality(struct replica *replica, enum replica_equality *ret)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_TOLD_GET];
        int r = db_step(replica->db, stmt);

        *ret = REPLICA_UNKNOWN;
        if (r <= 0)
                return r;
        *ret = (enum replica_equality)db_column_int(stmt, 2);
        db_reset(stmt);
        return 0;
}

/* ---- counting anew ---- */

struct counting {
        struct replica *replica;
        struct arena arena; /* of one record */
        struct replica_proof *proof;
};

static void counting_deinit(struct counting *counting)
{
        arena_deinit(&counting->arena);
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
        counting->proof->records += r > 0 || visible->position > 0;
        return replica_sums_add(counting->replica, r > 0 ? &confirmed : visible);
}

/* @owner: NULL: everybody, and reference data */
static int count_records(struct counting *counting, const struct uuid *owner)
{
        const struct catalogue *catalogue = catalogue_get();
        uint8_t type_number = owner ? replica_sums_type(owner) : 0;
        int r = replica_sums_write(counting->replica);

        for (size_t i = 0; i < catalogue->type_count && r >= 0; i++) {
                const struct catalogue_type *type = &catalogue->types[i];
                bool wanted =
                        !owner || (type_number > 0 ? type->number == type_number : type->personal);

                if (wanted && type->class != CLASS_NEVER && digest_counts(type))
                        r = record_each(counting->replica->tables, type,
                                        type_number > 0 ? NULL : owner, NULL, count_record,
                                        counting);
        }
        return r;
}

static int count_feeds(struct counting *counting)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct replica *replica = counting->replica;
        struct replica_feed *feeds;
        size_t count;
        int r = replica_feeds(replica, &arena, &feeds, &count);

        for (size_t i = 0; i < count && r >= 0; i++) {
                bool wrong = false;

                r = replica_sums_count_feed(replica, &feeds[i], &wrong);
                counting->proof->wrong += wrong;
        }
        return r < 0 ? r : 0;
}

int replica_count(struct replica *replica, struct replica_proof *ret)
{
        CLEANUP(counting_deinit) struct counting counting = {.replica = replica, .proof = ret};
        int r;

        *ret = (struct replica_proof){0};
        r = count_records(&counting, NULL);
        if (r >= 0)
                r = replica_sums_hold_against(replica, NULL, &ret->wrong);
        if (r >= 0)
                r = replica_sums_write(replica);
        return r < 0 ? r : count_feeds(&counting);
}

static int count_owner(struct replica *replica, const struct uuid *owner, struct replica_proof *ret)
{
        CLEANUP(counting_deinit) struct counting counting = {.replica = replica, .proof = ret};
        int r = count_records(&counting, owner);

        if (r >= 0)
                r = replica_sums_hold_against(replica, owner, &ret->wrong);
        return r < 0 ? r : replica_sums_write(replica);
}

int replica_count_owner(struct replica *replica, const struct uuid *owner, bool *ret_wrong)
{
        struct replica_proof proof = {0};
        int r = count_owner(replica, owner, &proof);

        *ret_wrong = proof.wrong > 0;
        return r;
}

/* The next owner after @after, round and round. 1 found, 0 there is none */
static int next_owner(struct replica *replica, const struct uuid *after, struct uuid *ret)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_OWNER_NEXT];
        int r;

        db_bind_blob(stmt, 1, BYTES(after->bytes, sizeof(after->bytes)));
        r = db_step(replica->db, stmt);
        if (r <= 0)
                return r;
        *ret = db_column_uuid(stmt, 0);
        db_reset(stmt);
        return 1;
}

int replica_count_some(struct replica *replica, uint64_t records, uint64_t *ret_wrong)
{
        struct replica_proof proof = {0};
        struct uuid first = UUID_NONE, owner;
        int r = replica_sums_write(replica);

        while (r >= 0 && proof.records < records) {
                r = next_owner(replica, &replica->counted, &owner);
                if (r == 0 && !uuid_is_none(&replica->counted)) {
                        replica->counted = UUID_NONE; /* round again */
                        continue;
                }
                if (r <= 0 || uuid_equal(&owner, &first))
                        break;
                if (uuid_is_none(&first))
                        first = owner;
                replica->counted = owner;
                r = count_owner(replica, &owner, &proof);
        }
        *ret_wrong = proof.wrong;
        return r < 0 ? r : 0;
}

int replica_prove(struct replica *replica, struct replica_proof *ret)
{
        enum replica_equality equality = REPLICA_UNKNOWN;
        int r = replica_begin(replica);

        if (r < 0)
                return r;
        r = replica_count(replica, ret);
        if (r >= 0)
                r = replica_compare(replica, &equality);
        if (r < 0) {
                replica_rollback(replica);
                return r;
        }
        ret->told = equality != REPLICA_UNKNOWN;
        ret->equal = equality == REPLICA_EQUAL;
        return replica_commit(replica);
}

/* Another catalogue may say otherwise what belongs to which digest; before the first one there were none. */
int replica_check_sums(struct replica *replica)
{
        int64_t version = catalogue_get()->version;
        struct replica_proof proof;
        int r;

        if (replica_fact(replica, FACT_SUMS) == version)
                return 0;
        r = replica_begin(replica);
        if (r < 0)
                return r;
        r = replica_count(replica, &proof);
        if (r >= 0)
                r = replica_set_fact(replica, FACT_SUMS, version);
        if (r >= 0)
                return replica_commit(replica);
        replica_rollback(replica);
        return r;
}
