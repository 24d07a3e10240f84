/*
 * POST /v1/check: a device whose copy differs asks in which feed, of which people, and for their records again.
 *
 * An answer is about one snapshot, and only about feeds that are granted and stand there where the device says that it stands: what
 * moved on meanwhile is for an exchange. No digests are kept per person; they are made here from the records, a page at a time. A page is
 * cut by the work it took, so that a check costs no more than a page of changes.
 */
#include "common/error.h"
#include "store/exchange_internal.h"

#include <string.h>

enum {
        CHECK_WORK_MAX = 20000,      /* rows read for one page of people */
        CHECK_RECORDS_MAX = 1 << 20, /* bytes of records in an answer; one person may have more … */
        CHECK_PERSON_MAX = 3 << 20, /* … up to this; who has more is not repaired this way */
        CHECK_ROW_OVERHEAD = 128,   /* bytes of a row beside its fields, at most */
};

struct checking {
        struct exchange *exchange;
        struct storage *storage;
        const struct exchange_request *request;
        struct device_row device;
        int64_t now_ms;
        struct feed *feed; /* that is looked at */
        /* of a page of people */
        struct wire_sum *sums;
        size_t sum_count, work;
        struct wire_differ differ;
        /* of records */
        struct wire_records_writer *writers; /* as catalogue->types */
        const struct catalogue_type *type;   /* being read */
        struct digest digest;                /* of what is read */
        size_t size, person_size;
        struct uuid people[WIRE_CHECK_PEOPLE_MAX]; /* whose records are in the answer */
        size_t people_count;
        struct buffer custody;
        struct wire_checked checked;
};

static void checking_deinit(struct checking *checking)
{
        for (size_t i = 0; checking->writers && i < catalogue_get()->type_count; i++)
                buffer_deinit(&checking->writers[i].rows);
        free(checking->writers);
        free(checking->sums);
        buffer_deinit(&checking->custody);
}

static bool is_reference(const struct checking *checking)
{
        return checking->feed->key.kind == SCOPE_LOCALITY;
}

/* May records of the type be in the feed's digest? */
static bool is_in_feed(const struct checking *checking, const struct catalogue_type *type)
{
        return type->personal != is_reference(checking) && digest_counts(type) &&
               (type->class == checking->feed->key.class || type->class == CLASS_OF_RECORD);
}

/* ---- an owner's records: a person's, or those of a type of reference data ---- */

typedef int take_row(struct checking *checking, const struct wire_row *row);

struct reading {
        struct checking *checking;
        take_row *take;
};

static int read_row(void *context, enum catalogue_class class, const struct wire_row *row)
{
        struct reading *reading = context;

        reading->checking->work++;
        /* A conflict may be of another class than the feed. */
        return class == reading->checking->feed->key.class ? reading->take(reading->checking, row)
                                                           : 0;
}

static int read_reference(void *context, const struct record *record, struct bytes stamps)
{
        struct reading *reading = context;
        struct checking *checking = reading->checking;
        int r;

        (void)stamps;
        checking->work++;
        if (!uuid_equal(&record->locality, &checking->feed->key.locality) ||
            record_feed_class(record) != checking->feed->key.class)
                return 0;
        r = checking->storage->ops->row_visit(checking->storage, &record->id, read_row, reading);
        return r < 0 ? r : 0;
}

static int read_owner(struct checking *checking, const struct uuid *owner, take_row *take)
{
        const struct catalogue *catalogue = catalogue_get();
        struct storage *storage = checking->storage;
        struct reading reading = {checking, take};
        int r = 0;

        for (size_t i = 0; i < catalogue->type_count && r == 0; i++) {
                checking->type = &catalogue->types[i];
                if (!is_in_feed(checking, checking->type))
                        continue;
                if (!is_reference(checking))
                        r = storage->ops->rows_of(storage, checking->type, owner, NULL, INT64_MAX,
                                                  read_row, &reading);
                else if (owner->bytes[sizeof(owner->bytes) - 1] == checking->type->number)
                        r = storage->ops->record_each(storage, checking->type, NULL, NULL,
                                                      read_reference, &reading);
        }
        return r;
}

/* ---- who is in a feed, with what digest ---- */

static int add_digest(struct checking *checking, const struct wire_row *row)
{
        struct digest digest;

        digest_of_row(checking->feed->key.class, row, &digest);
        digest_add(&checking->digest, &digest);
        return 0;
}

static int list_owner(struct checking *checking, const struct uuid *owner)
{
        struct wire_sum *sum = &checking->sums[checking->sum_count];
        int r;

        checking->digest = (struct digest){0};
        r = read_owner(checking, owner, add_digest);
        if (r < 0)
                return r;
        sum->owner = *owner;
        digest_write(&checking->digest, sum->digest);
        checking->sum_count++;
        return checking->sum_count == WIRE_SUMS_MAX || checking->work >= CHECK_WORK_MAX;
}

static int list_joined(void *context, const struct feed_row *row, const struct wire_row *sent)
{
        struct checking *checking = context;
        int r = 0;

        (void)sent;
        checking->work++;
        if (row->kind == FEED_JOIN)
                r = list_owner(checking, &row->id);
        checking->differ.position = row->position;
        checking->differ.person = row->id;
        return r != 0 ? r : checking->work >= CHECK_WORK_MAX;
}

/* Reference data has few types: they are one page. */
static int list_reference(struct checking *checking)
{
        const struct catalogue *catalogue = catalogue_get();
        int r = 0;

        for (size_t i = 0; i < catalogue->type_count && r >= 0; i++) {
                struct uuid owner = UUID_NONE;

                owner.bytes[sizeof(owner.bytes) - 1] = catalogue->types[i].number;
                if (is_in_feed(checking, &catalogue->types[i]))
                        r = list_owner(checking, &owner);
        }
        return r < 0 ? r : 0;
}

static int list(struct checking *checking)
{
        const struct wire_check *check = &checking->request->check;
        const struct feed_place after = {check->position, check->person};
        int r;

        checking->sums = calloc(WIRE_SUMS_MAX, sizeof(*checking->sums));
        if (!checking->sums)
                return FAIL(PANNIER_E_MEMORY, "no memory for a check");
        checking->differ.key = checking->feed->key;
        checking->differ.position = check->position;
        checking->differ.person = check->person;
        digest_write(&checking->feed->digest, checking->differ.digest);
        if (is_reference(checking))
                r = list_reference(checking);
        else
                r = checking->storage->ops->feed_scan(checking->storage, checking->feed->number,
                                                      checking->feed->key.class, &after,
                                                      list_joined, checking);
        checking->differ.sums = checking->sums;
        checking->differ.sums_count = checking->sum_count;
        checking->differ.complete = r == 0;
        checking->checked.state = CHECK_DIFFERS;
        return r < 0 ? r : 0;
}

/* ---- records again ---- */

/* Rows are written once it is known that all of the owner's fit: they are read twice. */
static int add_size(struct checking *checking, const struct wire_row *row)
{
        checking->person_size += CHECK_ROW_OVERHEAD + row->fields.size;
        return 0;
}

static int add_row(struct checking *checking, const struct wire_row *row)
{
        size_t index = (size_t)(checking->type - catalogue_get()->types);

        wire_records_add_row(&checking->writers[index], row);
        return buffer_check(&checking->writers[index].rows);
}

struct search {
        uint64_t feed;
        bool found;
};

static int search_feed(void *context, const struct member_row *row)
{
        struct search *search = context;

        search->found = row->feed == search->feed && row->joined != 0;
        return search->found;
}

/* Only who is in the feed now. 1 yes, 0 no */
static int may_send(struct checking *checking, const struct uuid *owner)
{
        struct search search = {checking->feed->number, false};
        int r;

        if (is_reference(checking))
                return 1;
        r = checking->storage->ops->members_of(checking->storage, &checking->feed->key.locality,
                                               owner, search_feed, &search);
        return r < 0 ? r : search.found;
}

static int note_custody(struct checking *checking, const struct uuid *person)
{
        const struct custody_row row = {
                .locality = checking->feed->key.locality,
                .device = checking->device.id,
                .person = *person,
                .since_ms = checking->now_ms,
                .position = checking->feed->last.position,
                .class = (uint8_t)checking->feed->key.class,
        };

        if (is_reference(checking))
                return 0;
        buffer_append(&checking->custody, BYTES(&row, sizeof(row)));
        return buffer_check(&checking->custody);
}

/* 0 go on, 1 the answer is full */
static int send_owner(struct checking *checking, const struct uuid *owner)
{
        int r = may_send(checking, owner);

        if (r <= 0)
                return r;
        checking->person_size = 0;
        r = read_owner(checking, owner, add_size);
        if (r < 0 ||
            checking->person_size > CHECK_PERSON_MAX) /* the device sees that it is missing */
                return r < 0 ? r : 0;
        if (checking->people_count > 0 &&
            checking->size + checking->person_size > CHECK_RECORDS_MAX)
                return 1;
        r = read_owner(checking, owner, add_row);
        if (r >= 0)
                r = note_custody(checking, owner);
        checking->size += checking->person_size;
        checking->people[checking->people_count++] = *owner;
        return r < 0 ? r : 0;
}

static int send_records(struct checking *checking)
{
        const struct wire_check *check = &checking->request->check;
        int r = 0;

        checking->writers = calloc(catalogue_get()->type_count, sizeof(*checking->writers));
        if (!checking->writers)
                return FAIL(PANNIER_E_MEMORY, "no memory for a check");
        for (size_t i = 0; i < check->people_count && r == 0; i++)
                r = send_owner(checking, &check->people[i]);
        checking->checked.state = CHECK_RECORDS;
        checking->checked.people = checking->people;
        checking->checked.people_count = checking->people_count;
        return r < 0 ? r : 0;
}

/* ---- which feed ---- */

static struct feed *find_feed(struct checking *checking, const struct wire_feed_state *state)
{
        struct feed_list *list = &checking->exchange->feeds;

        for (size_t i = 0; i < list->count; i++)
                if (wire_feed_key_compare(&list->items[i].key, &state->key) == 0)
                        return &list->items[i];
        return NULL;
}

/* 1 it stands where the device stands; 0 not, or it is not granted */
static int stands(struct checking *checking, const struct wire_feed_state *state)
{
        checking->feed = find_feed(checking, state);
        return checking->feed && checking->feed->last.epoch == state->cursor.epoch &&
               state->cursor.join_type == 0 &&
               wire_cursor_compare(&checking->feed->last, &state->cursor) == 0;
}

static int compare(struct checking *checking)
{
        const struct wire_check *check = &checking->request->check;
        bool going_on = check->people_count > 0 || check->position > 0;

        checking->checked.state = CHECK_EQUAL;
        for (size_t i = 0; i < check->feeds_count; i++) {
                struct digest digest = digest_read(check->feeds[i].digest);

                if (!stands(checking, &check->feeds[i])) {
                        checking->checked.state = CHECK_MOVED;
                        continue;
                }
                if (check->people_count > 0)
                        return send_records(checking);
                if (going_on || !digest_equal(&digest, &checking->feed->digest))
                        return list(checking);
        }
        return 0;
}

static int fill(struct checking *checking)
{
        const struct scope_set *scopes;
        int r = exchange_device(checking->exchange, &checking->request->device.id,
                                &checking->device);

        checking->checked.state = CHECK_MOVED; /* to who is not active nothing is said */
        if (r <= 0)
                return r;
        r = exchange_feeds(checking->exchange, &checking->device, checking->now_ms, &scopes);
        return r < 0 ? r : compare(checking);
}

/* ---- the answer ---- */

static int write_answer(struct checking *checking, struct exchange_answer *ret)
{
        const struct catalogue *catalogue = catalogue_get();
        struct buffer *clear = &checking->exchange->answer;
        int r;

        buffer_reset(clear);
        if (checking->checked.state == CHECK_DIFFERS)
                wire_put_differ(&checking->differ, clear);
        for (size_t i = 0; checking->writers && i < catalogue->type_count; i++) {
                ret->row_count += checking->writers[i].row_count;
                wire_records_end(&checking->writers[i], &checking->feed->key.locality,
                                 checking->feed->last.epoch, catalogue->types[i].number, clear);
        }
        wire_put_checked(&checking->checked, clear);
        r = buffer_check(clear);
        if (r == 0 && clear->size > WIRE_ANSWER_MAX)
                r = FAIL(PANNIER_E_INTERNAL, "an answer of %zu bytes, which no device takes",
                         clear->size);
        return r < 0 ? r
                     : compress_message(checking->exchange->compressor, buffer_view(clear),
                                        &ret->body);
}

int exchange_check(struct exchange *exchange, const struct exchange_request *request,
                   int64_t now_ms, struct exchange_answer *ret)
{
        CLEANUP(checking_deinit)
        struct checking checking = {
                .exchange = exchange,
                .storage = exchange->storage,
                .request = request,
                .now_ms = now_ms,
        };
        int r = exchange->storage->ops->begin_read(exchange->storage);

        if (r < 0)
                return r;
        r = fill(&checking);
        exchange->storage->ops->rollback(exchange->storage);
        if (r == 0)
                r = write_answer(&checking, ret);
        if (r < 0)
                return r;
        ret->device = request->device.id;
        ret->custody_count = checking.custody.size / sizeof(*ret->custody);
        ret->custody = (struct custody_row *)(void *)TAKE(checking.custody.data);
        checking.custody = BUFFER_INIT;
        ret->commit_first = ret->custody_count > 0;
        return 0;
}
