/*
 * What a store answers to a check, read and held against itself: pages of people must add up to their feed's digest, records to
 * their person's. What does not is an error (PANNIER_E_MALFORMED), and nothing is touched.
 */
#include "daemon/session_check_internal.h"

enum { CHECK_LISTED_MAX = 1 << 18 }; /* people of one feed */

static int grow(void *items_pointer, size_t size, size_t count, size_t *capacity)
{
        void **items = items_pointer;
        size_t wanted = *capacity > 0 ? 2 * *capacity : 64;
        void *grown;

        if (count < *capacity)
                return 0;
        grown = realloc(*items, wanted * size);
        if (!grown)
                return FAIL(PANNIER_E_MEMORY, "no memory for a check");
        *items = grown;
        *capacity = wanted;
        return 0;
}

static int add_owner(struct check_owners *owners, const struct uuid *id, struct digest digest)
{
        int r = grow(&owners->items, sizeof(*owners->items), owners->count, &owners->capacity);

        if (r == 0)
                owners->items[owners->count++] = (struct check_owner){*id, digest};
        return r;
}

static int compare_owners(const void *a, const void *b)
{
        return uuid_compare(&((const struct check_owner *)a)->id,
                            &((const struct check_owner *)b)->id);
}

static void sort_owners(struct check_owners *owners)
{
        if (owners->count > 1)
                qsort(owners->items, owners->count, sizeof(*owners->items), compare_owners);
}

static struct check_owner *find_owner(const struct check_owners *owners, const struct uuid *id)
{
        const struct check_owner key = {.id = *id};

        return owners->count > 0 ? bsearch(&key, owners->items, owners->count,
                                           sizeof(*owners->items), compare_owners)
                                 : NULL;
}

/* ---- the answer ---- */

static int read_message(struct session_check *check, const struct wire_message *message,
                        bool *ret_ended)
{
        int r;

        if (*ret_ended)
                return FAIL(PANNIER_E_MALFORMED, "an answer goes on after its end");
        if (message->kind == WIRE_KIND_DIFFER && !check->has_differ) {
                check->has_differ = true;
                check->differ = message->differ;
                return 0;
        }
        if (message->kind == WIRE_KIND_RECORDS) {
                r = grow(&check->messages, sizeof(*check->messages), check->message_count,
                         &check->message_capacity);
                if (r == 0)
                        check->messages[check->message_count++] = message->records;
                return r;
        }
        if (message->kind != WIRE_KIND_CHECKED)
                return FAIL(PANNIER_E_MALFORMED, "a message of kind %s has no place there",
                            wire_kind_name(message->kind));
        check->checked = message->checked;
        *ret_ended = true;
        return 0;
}

int check_read(struct engine *engine, struct bytes body)
{
        struct session_check *check = engine->session.check;
        struct wire_message message;
        struct wire_reader reader;
        bool ended = false;
        int r;

        arena_reset(&check->arena);
        buffer_reset(&check->answer);
        check->has_differ = false;
        check->message_count = check->row_count = check->row_next = 0;
        r = decompress_message(engine->compressor, body, WIRE_ANSWER_MAX, &check->answer);
        if (r < 0)
                return r;
        wire_reader_init(&reader, buffer_view(&check->answer), &check->arena);
        while ((r = wire_next(&reader, &message)) > 0) {
                r = read_message(check, &message, &ended);
                if (r < 0)
                        return r;
        }
        return r >= 0 && !ended ? FAIL(PANNIER_E_MALFORMED, "the answer was cut") : r;
}

/* ---- who differs ---- */

struct looking {
        struct session_check *check;
        struct replica *replica;
};

/* Who has nothing confirmed here adds nothing to the digest: somebody who was met here, and of whom the store does not know yet. */
static int look_at_own(void *context, const struct uuid *owner)
{
        struct looking *looking = context;
        struct session_check *check = looking->check;
        const struct wire_feed_key *key = &check->feed.key;
        struct digest sums[CLASS_COUNT];
        int r;

        if (find_owner(&check->listed, owner))
                return 0;
        r = replica_sums_of(looking->replica, owner, &key->locality, sums);
        if (r < 0 || digest_is_zero(&sums[key->class - 1]))
                return r;
        return add_owner(&check->unlisted, owner, (struct digest){0});
}

int check_find(struct engine *engine)
{
        struct session_check *check = engine->session.check;
        struct looking looking = {check, engine->replica};
        struct digest sum = {0}, digest = digest_read(BYTES(check->digest, WIRE_DIGEST_SIZE));
        int r = 0;

        sort_owners(&check->listed);
        for (size_t i = 0; i < check->listed.count; i++)
                digest_add(&sum, &check->listed.items[i].digest);
        if (!digest_equal(&sum, &digest))
                return FAIL(PANNIER_E_MALFORMED,
                            "the people whom the store lists do not add up to its digest");
        for (size_t i = 0; i < check->listed.count && r >= 0; i++) {
                const struct check_owner *owner = &check->listed.items[i];

                r = replica_differs(engine->replica, &check->feed, &owner->id, &owner->digest);
                if (r > 0)
                        r = add_owner(&check->wanted, &owner->id, owner->digest);
        }
        return r < 0 ? r : replica_owners(engine->replica, &check->feed, look_at_own, &looking);
}

static int find_feed(struct engine *engine, const struct wire_feed_key *key)
{
        struct session_check *check = engine->session.check;
        struct replica_feed *feeds;
        size_t count;
        int r = replica_feeds(engine->replica, &check->arena, &feeds, &count);

        for (size_t i = 0; i < count && r >= 0; i++)
                if (feeds[i].granted && wire_feed_key_compare(&feeds[i].key, key) == 0 &&
                    !check_was_tried(check, feeds[i].number)) {
                        check->feed = feeds[i];
                        return 0;
                }
        return r < 0 ? r : FAIL(PANNIER_E_MALFORMED, "a feed that was not asked for");
}

static void begin_feed(struct session_check *check)
{
        check_owners_deinit(&check->listed);
        check_owners_deinit(&check->wanted);
        check_owners_deinit(&check->unlisted);
        memcpy(check->digest, check->differ.digest, sizeof(check->digest));
        check->position = 0;
        check->person = UUID_NONE;
        check->asked = 0;
}

/* A page goes on behind the one before it, of the same state; nobody is in two of them. */
int check_take_page(struct engine *engine)
{
        struct session_check *check = engine->session.check;
        const struct wire_differ *differ = &check->differ;
        bool first = check->phase == CHECK_ASK;
        int r = 0;

        if (!check->has_differ)
                return FAIL(PANNIER_E_MALFORMED, "nobody is listed");
        if (first) {
                r = find_feed(engine, &differ->key);
                if (r == 0)
                        begin_feed(check);
        } else if (wire_feed_key_compare(&differ->key, &check->feed.key) != 0 ||
                   memcmp(differ->digest, check->digest, sizeof(check->digest)) != 0) {
                r = FAIL(PANNIER_E_MALFORMED, "a page of something else");
        }
        if (r == 0 && !differ->complete &&
            (differ->position < check->position ||
             (differ->position == check->position &&
              uuid_compare(&differ->person, &check->person) <= 0)))
                r = FAIL(PANNIER_E_MALFORMED, "a page that goes nowhere");
        if (r == 0 && check->listed.count + differ->sums_count > CHECK_LISTED_MAX)
                r = FAIL(PANNIER_E_LIMIT, "more than %d people in a feed", CHECK_LISTED_MAX);
        for (size_t i = 0; i < differ->sums_count && r == 0; i++)
                r = add_owner(&check->listed, &differ->sums[i].owner,
                              digest_read(BYTES(differ->sums[i].digest, WIRE_DIGEST_SIZE)));
        check->position = differ->position;
        check->person = differ->person;
        return r;
}

/* ---- their records ---- */

int check_decode(struct arena *arena, const struct wire_records *message,
                 const struct wire_row *row, struct record *ret)
{
        struct cbor_reader reader;

        *ret = (struct record){
                .type = catalogue_type_by_number(message->type),
                .id = row->id,
                .person = row->person,
                .locality = message->locality,
                .author = row->author,
                .device = row->device,
                .role = row->role,
                .recorded_ms = row->recorded_ms,
                .position = row->position,
        };
        if (!ret->type)
                return FAIL(PANNIER_E_MALFORMED, "records of a type that is not in the digest");
        cbor_reader_init(&reader, row->fields);
        return record_decode_fields(&reader, arena, ret);
}

/* Adds a row's digest to that of its owner, who must be among those asked for. */
static int take_row(struct engine *engine, struct check_owners *came,
                    const struct wire_records *message, const struct wire_row *row)
{
        CLEANUP(buffer_wipe) struct buffer scratch = BUFFER_INIT;
        struct session_check *check = engine->session.check;
        struct check_owner *owner;
        struct record *record = &engine->confirmed;
        struct digest digest;
        struct uuid id;
        int r;

        arena_reset(&engine->arena);
        r = check_decode(&engine->arena, message, row, record);
        if (r < 0)
                return r;
        id = replica_sums_owner(record);
        owner = find_owner(came, &id);
        if (!owner || record_feed_class(record) != check->feed.key.class ||
            !digest_counts(record->type) || record->position == 0 ||
            !uuid_equal(&record->locality, &check->feed.key.locality))
                return FAIL(PANNIER_E_MALFORMED, "a record that was not asked for");
        r = digest_of_record(record, &scratch, &digest);
        if (r == 0)
                r = grow(&check->rows, sizeof(*check->rows), check->row_count,
                         &check->row_capacity);
        if (r < 0)
                return r;
        digest_add(&owner->digest, &digest);
        check->rows[check->row_count++] = (struct check_row){id, message, *row};
        return 0;
}

static int take_rows(struct engine *engine, struct check_owners *came)
{
        struct session_check *check = engine->session.check;
        int r = 0;

        for (size_t i = 0; i < check->message_count && r >= 0; i++) {
                struct wire_records *message = &check->messages[i];
                struct wire_row row;

                while ((r = wire_records_next(message, &row)) > 0) {
                        r = take_row(engine, came, message, &row);
                        if (r < 0)
                                break;
                }
        }
        return r;
}

static int compare_rows(const void *a, const void *b)
{
        const struct check_row *left = a, *right = b;
        int order = uuid_compare(&left->owner, &right->owner);

        return order != 0 ? order : uuid_compare(&left->row.id, &right->row.id);
}

/* Of whom nothing came, or something that does not add up, nothing is touched: a fault that is told. */
static int keep_good(struct engine *engine, const struct check_owners *came)
{
        struct session_check *check = engine->session.check;
        int r = engine_begin(engine);

        if (r < 0)
                return r;
        for (size_t i = check->wanted.next; i < check->asked && r >= 0; i++) {
                struct check_owner *wanted = &check->wanted.items[i];
                const struct check_owner *owner = find_owner(came, &wanted->id);

                if (owner && digest_equal(&owner->digest, &wanted->digest))
                        continue;
                r = replica_repair_note(engine->replica, &check->feed, &wanted->id, REPAIR_FAULT,
                                        engine->session.hello.now_ms);
                wanted->id = UUID_NONE;
        }
        if (r >= 0)
                return engine_commit(engine);
        engine_rollback(engine);
        return r;
}

/* An answer may be about the first of those who were asked for only: the others are asked for again. */
int check_take_records(struct engine *engine)
{
        struct session_check *check = engine->session.check;
        struct check_owners came = {0};
        int r = check->checked.people_count == 0 && check->asked > check->wanted.next + 1
                        ? 1 /* the first is too large, or not there: it alone is given up */
                        : 0;

        if (r > 0)
                check->asked = check->wanted.next + 1;
        for (size_t i = 0; i < check->checked.people_count && r >= 0; i++)
                r = add_owner(&came, &check->checked.people[i], (struct digest){0});
        sort_owners(&came);
        while (r >= 0 && came.count > 0 && check->asked > check->wanted.next + 1 &&
               !find_owner(&came, &check->wanted.items[check->asked - 1].id))
                check->asked--;
        if (r >= 0)
                r = take_rows(engine, &came);
        if (r >= 0)
                r = keep_good(engine, &came);
        check_owners_deinit(&came);
        if (check->row_count > 1)
                qsort(check->rows, check->row_count, sizeof(*check->rows), compare_rows);
        return r;
}
