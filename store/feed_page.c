#include "common/error.h"
#include "store/feed.h"
#include "store/membership.h"

#include <string.h>

/* Another feed of the device that has the person: what it has brought, it brought for this one too. */
struct cover {
        const struct feed *feed;
        uint64_t joined; /* position of the person's join row there */
};

enum {
        COVER_MAX = 64
}; /* scopes of one person on one device; more only means that records are sent again */

/* Rows of one feed jump between people, and each has to be looked up: what was found is kept for the page. */
struct feed_person {
        struct uuid id;
        uint32_t first, count; /* in page->memberships */
        bool used;
};

struct scan {
        struct feed_page *page;
        struct storage *storage;
        struct feed_list *list;
        struct feed *feed; /* being read */
        const struct device_row *device;
        const struct scope_set *scopes;
        size_t limit;
        int64_t now_ms;
        struct cover covers[COVER_MAX]; /* of the person whose records are being read */
        size_t cover_count;
        const struct catalogue_type *type; /* being read */
        bool behind_exit;                  /* the row that was read last is an exit */
};

void feed_page_deinit(struct feed_page *page)
{
        for (size_t i = 0; i < page->group_count; i++)
                buffer_deinit(&page->groups[i].writer.rows);
        free(page->groups);
        buffer_deinit(&page->feeds);
        buffer_deinit(&page->custody);
        buffer_deinit(&page->joins);
        buffer_deinit(&page->exits);
        buffer_deinit(&page->leaving);
        buffer_deinit(&page->memberships);
        free(page->people);
        *page = (struct feed_page){0};
}

static bool is_full(const struct scan *scan)
{
        return scan->page->size >= scan->limit;
}

/* ---- what another feed has brought already ---- */

static bool reached(const struct wire_cursor *cursor, uint64_t position, const struct uuid *id)
{
        if (cursor->position != position)
                return cursor->position > position;
        return uuid_compare(&cursor->record, id) > 0;
}

/* What decides whether a record was brought: all of it stands in a feed's row, too. */
struct record_place {
        uint64_t position;
        struct uuid id, person;
        uint8_t type;
};

static bool reached_inside(const struct wire_cursor *cursor, const struct record_place *record)
{
        if (cursor->join_type == 0)
                return true; /* the whole join was read */
        if (cursor->join_type != record->type)
                return cursor->join_type > record->type;
        return uuid_compare(&cursor->join_record, &record->id) >= 0;
}

static bool has_brought(const struct cover *cover, const struct record_place *record)
{
        const struct wire_cursor *cursor = &cover->feed->cursor;
        bool by_join = record->position <= cover->joined;
        uint64_t position = by_join ? cover->joined : record->position;
        const struct uuid *id = by_join ? &record->person : &record->id;

        if (reached(cursor, position, id))
                return true;
        if (cursor->position != position || !uuid_equal(&cursor->record, id))
                return false;
        return by_join ? reached_inside(cursor, record) : cursor->join_type == 0;
}

/* Where another scope of the device has the person, what is kept is that scope and the person's join row in it. */
struct membership {
        uint64_t feed, joined;
};

static int keep_membership(void *context, const struct member_row *member)
{
        struct scan *scan = context;
        const struct membership membership = {member->feed, member->joined};

        if (member->joined == 0)
                return 0;
        buffer_append(&scan->page->memberships, BYTES(&membership, sizeof(membership)));
        return buffer_check(&scan->page->memberships);
}

static size_t person_slot(const struct feed_page *page, const struct uuid *person)
{
        uint64_t hash;
        size_t slot;

        memcpy(&hash, person->bytes + 8, sizeof(hash)); /* the random half of a UUID */
        hash *= 0x9e3779b97f4a7c15ULL;
        slot = (size_t)(hash >> 32) & (page->person_capacity - 1);
        while (page->people[slot].used && !uuid_equal(&page->people[slot].id, person))
                slot = (slot + 1) & (page->person_capacity - 1);
        return slot;
}

static int grow_people(struct feed_page *page)
{
        struct feed_person *old = page->people;
        size_t count = page->person_capacity;
        size_t capacity = count > 0 ? 2 * count : 256;
        struct feed_person *people = calloc(capacity, sizeof(*people));

        if (!people)
                return FAIL(PANNIER_E_MEMORY, "no memory for a page's people");
        page->people = people;
        page->person_capacity = capacity;
        for (size_t i = 0; i < count; i++)
                if (old[i].used)
                        people[person_slot(page, &old[i].id)] = old[i];
        free(old);
        return 0;
}

static int find_person(struct scan *scan, const struct uuid *person, const struct feed_person **ret)
{
        struct feed_page *page = scan->page;
        struct feed_person *found;
        size_t before = page->memberships.size;
        int r = 0;

        if (2 * page->person_count >= page->person_capacity)
                r = grow_people(page);
        if (r < 0)
                return r;
        found = &page->people[person_slot(page, person)];
        *ret = found;
        if (found->used)
                return 0;
        r = scan->storage->ops->members_of(scan->storage, &scan->feed->key.locality, person,
                                           keep_membership, scan);
        if (r < 0)
                return r;
        *found = (struct feed_person){
                .id = *person,
                .first = (uint32_t)(before / sizeof(struct membership)),
                .count = (uint32_t)((page->memberships.size - before) / sizeof(struct membership)),
                .used = true,
        };
        page->person_count++;
        return 0;
}

static void add_cover(struct scan *scan, const struct membership *membership)
{
        for (size_t i = 0; i < scan->list->count && scan->cover_count < COVER_MAX; i++) {
                const struct feed *feed = &scan->list->items[i];

                if (feed->number == membership->feed && feed->key.class == scan->feed->key.class)
                        scan->covers[scan->cover_count++] =
                                (struct cover){feed, membership->joined};
        }
}

static int load_covers(struct scan *scan, const struct uuid *person)
{
        const struct feed_person *found;
        const struct membership *memberships;
        int r;

        scan->cover_count = 0;
        if (uuid_is_none(person))
                return 0;
        r = find_person(scan, person, &found);
        if (r < 0)
                return r;
        memberships = (const struct membership *)(const void *)scan->page->memberships.data;
        for (uint32_t i = found->first; i < found->first + found->count; i++)
                if (memberships[i].feed != scan->feed->number)
                        add_cover(scan, &memberships[i]);
        return 0;
}

static bool is_covered(const struct scan *scan, const struct record_place *record)
{
        for (size_t i = 0; i < scan->cover_count; i++)
                if (has_brought(&scan->covers[i], record))
                        return true;
        return false;
}

static bool is_read(const struct feed *feed)
{
        return wire_cursor_compare(&feed->cursor, &feed->last) == 0 && feed->cursor.join_type == 0;
}

/* A feed that was read to its end has brought all there is about its people. */
static bool is_all_covered(const struct scan *scan)
{
        for (size_t i = 0; i < scan->cover_count; i++)
                if (is_read(scan->covers[i].feed))
                        return true;
        return false;
}

/* ---- putting things into the page ---- */

static struct feed_group *group_of(struct scan *scan, const struct catalogue_type *type)
{
        struct feed_page *page = scan->page;
        const struct uuid *locality = &scan->feed->key.locality;

        for (size_t i = 0; i < page->group_count; i++)
                if (page->groups[i].type == type && uuid_equal(&page->groups[i].locality, locality))
                        return &page->groups[i];
        if (page->group_count == page->group_capacity) {
                size_t capacity = page->group_capacity + 64;
                struct feed_group *groups = realloc(page->groups, capacity * sizeof(*groups));

                if (!groups)
                        return NULL;
                page->groups = groups;
                page->group_capacity = capacity;
        }
        page->groups[page->group_count] = (struct feed_group){
                .locality = *locality, .epoch = scan->feed->last.epoch, .type = type};
        return &page->groups[page->group_count++];
}

/* The newest row is of the same person more often than not; the rest is put together at the end. */
static int note_custody(struct scan *scan, const struct uuid *person, uint64_t position)
{
        struct buffer *custody = &scan->page->custody;
        struct custody_row row = {
                .locality = scan->feed->key.locality,
                .device = scan->device->id,
                .person = *person,
                .since_ms = scan->now_ms,
                .position = position,
                .class = (uint8_t)scan->feed->key.class,
        };

        if (custody->size >= sizeof(row)) {
                struct custody_row *last =
                        (struct custody_row *)(void *)(custody->data + custody->size) - 1;

                if (uuid_equal(&last->person, person) &&
                    uuid_equal(&last->locality, &row.locality)) {
                        last->position = last->position > position ? last->position : position;
                        last->class = last->class > row.class ? last->class : row.class;
                        return 0;
                }
        }
        buffer_append(custody, BYTES(&row, sizeof(row)));
        return buffer_check(custody);
}

static int take_other(void *context, const struct record *record, struct bytes stamps)
{
        struct uuid *ret = context;
        const struct value *other = &record->values[record->type->other_person_index];

        (void)stamps;
        *ret = other->form == VALUE_UUID ? other->uuid : UUID_NONE;
        return 0;
}

/* A record about two people is for those who may see both. Return: 1 it may be sent, 0, or an error */
static int both_visible(struct scan *scan, const struct catalogue_type *type, const struct uuid *id)
{
        struct uuid other = UUID_NONE;
        int r;

        if (type->other_person_index < 0)
                return 1;
        r = scan->storage->ops->record_visit(scan->storage, type, id, take_other, &other);
        if (r < 0 || uuid_is_none(&other))
                return r < 0 ? r : 1;
        return membership_held(scan->storage, &scan->feed->key.locality, &other, scan->scopes);
}

static int send_row(struct scan *scan, const struct catalogue_type *type,
                    const struct wire_row *row)
{
        struct feed_group *group;
        size_t before;
        int r = both_visible(scan, type, &row->id);

        if (r <= 0)
                return r;
        group = group_of(scan, type);
        if (!group)
                return FAIL(PANNIER_E_MEMORY, "no memory for a page of records");
        before = group->writer.rows.size;
        wire_records_add_row(&group->writer, row);
        r = buffer_check(&group->writer.rows);
        if (r < 0)
                return r;
        scan->page->size += group->writer.rows.size - before;
        scan->page->row_count++;
        return uuid_is_none(&row->person) ? 0 : note_custody(scan, &row->person, row->position);
}

static int append_id(struct scan *scan, struct buffer *ids, const struct uuid *id)
{
        buffer_append(ids, BYTES(id, sizeof(*id)));
        scan->page->size += sizeof(*id) + 1;
        return buffer_check(ids);
}

/* ---- joins ---- */

static int visit_joined(void *context, enum catalogue_class class, const struct wire_row *row)
{
        struct scan *scan = context;
        const struct record_place place = {row->position, row->id, row->person, scan->type->number};
        int r = 0;

        scan->feed->cursor.join_type = scan->type->number;
        scan->feed->cursor.join_record = row->id;
        /* A conflict may be of another class than the feed. */
        if (class == scan->feed->key.class && !is_covered(scan, &place))
                r = send_row(scan, scan->type, row);
        return r < 0 ? r : is_full(scan);
}

static int send_link(void *context, enum catalogue_class class, const struct wire_row *row)
{
        struct scan *scan = context;

        return class == scan->feed->key.class ? send_row(scan, scan->type, row) : 0;
}

/* A link that hangs on the other person was held back until both can be seen. */
static int visit_link(void *context, const struct record *record, struct bytes stamps)
{
        struct scan *scan = context;
        int r;

        (void)stamps;
        if (!uuid_equal(&record->locality, &scan->feed->key.locality))
                return 0;
        r = membership_held(scan->storage, &record->locality, &record->person, scan->scopes);
        if (r > 0)
                r = scan->storage->ops->row_visit(scan->storage, &record->id, send_link, scan);
        return r < 0 ? r : 0;
}

static int send_links(struct scan *scan, const struct catalogue_type *type,
                      const struct uuid *person)
{
        const struct value other = {.form = VALUE_UUID, .uuid = *person};

        if (type->other_person_index < 0)
                return 0;
        return scan->storage->ops->record_find(scan->storage, type, type->other_person_index,
                                               &other, visit_link, scan);
}

static bool is_of_class(const struct catalogue_type *type, enum catalogue_class class)
{
        return type->personal && (type->class == class || type->class == CLASS_OF_RECORD);
}

/* Goes on where the cursor stands inside of the join. Return: 0 the join was read to its end, 1 the page is full, or an error */
static int read_join(struct scan *scan, uint64_t joined, const struct uuid *person)
{
        const struct catalogue *catalogue = catalogue_get();
        struct wire_cursor *cursor = &scan->feed->cursor;
        uint8_t from_type = cursor->join_type;
        const struct uuid from_record = cursor->join_record;
        bool all_covered;
        int r = load_covers(scan, person);

        if (r < 0)
                return r;
        all_covered = is_all_covered(scan);
        for (size_t i = 0; i < catalogue->type_count && r == 0 && !all_covered; i++) {
                const struct catalogue_type *type = &catalogue->types[i];

                if (type->number < from_type || !is_of_class(type, scan->feed->key.class))
                        continue;
                scan->type = type;
                r = scan->storage->ops->rows_of(scan->storage, type, person,
                                                type->number == from_type ? &from_record : NULL,
                                                joined, visit_joined, scan);
                if (r == 0)
                        r = send_links(scan, type, person);
        }
        if (r != 0)
                return r;
        cursor->join_type = 0;
        cursor->join_record = UUID_NONE;
        return note_custody(scan, person, 0);
}

/* ---- rows ---- */

static int read_record(struct scan *scan, const struct feed_row *row, const struct wire_row *sent)
{
        const struct catalogue_type *type = catalogue_type_by_number(row->type);
        const struct record_place place = {row->position, row->id, row->person, row->type};
        int r;

        if (!type)
                return 0; /* written by a newer store: this one cannot say what it is */
        r = load_covers(scan, &row->person);
        if (r < 0 || is_covered(scan, &place))
                return r;
        if (!sent)
                return FAIL(PANNIER_E_CORRUPT, "a feed names a record that is not there");
        return send_row(scan, type, sent);
}

/* The device knows once it has read this snapshot to its end. */
static int note_leaving(struct scan *scan, const struct uuid *person)
{
        const struct storage_locality *state =
                scan->storage->ops->locality(scan->storage, &scan->feed->key.locality);
        const struct leaving_row row = {
                .locality = scan->feed->key.locality,
                .device = scan->device->id,
                .person = *person,
                .told = {scan->feed->last.epoch, state ? state->position : 0},
        };

        buffer_append(&scan->page->leaving, BYTES(&row, sizeof(row)));
        return buffer_check(&scan->page->leaving);
}

static int read_exit(struct scan *scan, const struct feed_row *row)
{
        struct custody_row custody;
        int r = scan->storage->ops->custody_get(scan->storage, &scan->device->id, &row->id,
                                                &custody);

        if (r <= 0 || custody.erased_ms != 0)
                return r < 0 ? r : 0;
        r = note_leaving(scan, &row->id);
        return r < 0 ? r : append_id(scan, &scan->page->exits, &row->id);
}

/* A device keeps the cursor, and nothing of whoever left: it names no exit, but the end of the commit. So no page ends before that. */
static void pass_exits(struct scan *scan)
{
        if (scan->behind_exit)
                scan->feed->cursor.record = FEED_PASSED;
        scan->behind_exit = false;
}

static int read_row(void *context, const struct feed_row *row, const struct wire_row *sent)
{
        struct scan *scan = context;
        int r = 0;

        if (scan->behind_exit && row->position > scan->feed->cursor.position) {
                pass_exits(scan);
                if (is_full(scan))
                        return 1;
        }
        scan->behind_exit = row->kind == FEED_EXIT;
        scan->feed->cursor = (struct wire_cursor){
                .epoch = scan->feed->last.epoch, .position = row->position, .record = row->id};
        switch (row->kind) {
        case FEED_RECORD:
                r = read_record(scan, row, sent);
                break;
        case FEED_JOIN:
                r = append_id(scan, &scan->page->joins, &row->id);
                if (r == 0)
                        r = read_join(scan, row->position, &row->id);
                break;
        case FEED_EXIT:
                return read_exit(scan, row);
        case FEED_END:
                break;
        }
        return r != 0 ? r : is_full(scan);
}

/* ---- feeds ---- */

/* A page that ended inside of a join goes on there, if the person is still in the feed by the same row. */
static int finish_join(struct scan *scan)
{
        struct wire_cursor *cursor = &scan->feed->cursor;
        const struct feed_place place = {cursor->position, cursor->record};
        const struct uuid person = cursor->record;
        struct feed_row row;
        int r;

        if (cursor->join_type == 0)
                return 0;
        r = scan->storage->ops->feed_get(scan->storage, scan->feed->number, scan->feed->key.class,
                                         &place, &row);
        if (r > 0 && row.kind == FEED_JOIN)
                return read_join(scan, row.position, &person);
        cursor->join_type = 0;
        cursor->join_record = UUID_NONE;
        return r < 0 ? r : 0;
}

static int write_feed(struct scan *scan)
{
        struct feed_page *page = scan->page;
        struct wire_feed message = {
                .key = scan->feed->key,
                .joins = (const struct uuid *)(const void *)page->joins.data,
                .joins_count = page->joins.size / sizeof(struct uuid),
                .exits = (const struct uuid *)(const void *)page->exits.data,
                .exits_count = page->exits.size / sizeof(struct uuid),
                .cursor = scan->feed->cursor,
                .complete = is_read(scan->feed),
        };
        size_t before = page->feeds.size;

        wire_put_feed(&message, &page->feeds);
        page->size += page->feeds.size - before - page->joins.size - page->exits.size;
        buffer_reset(&page->joins);
        buffer_reset(&page->exits);
        return buffer_check(&page->feeds);
}

static int read_feed(struct scan *scan)
{
        struct feed_place after;
        int r = finish_join(scan);

        if (r == 0 && is_full(scan))
                r = 1;
        after.position = scan->feed->cursor.position;
        after.id = scan->feed->cursor.record;
        if (r == 0)
                r = scan->storage->ops->feed_scan(scan->storage, scan->feed->number,
                                                  scan->feed->key.class, &after, read_row, scan);
        pass_exits(scan);
        return r < 0 ? r : write_feed(scan);
}

static int compare_custody(const void *a, const void *b)
{
        const struct custody_row *left = a, *right = b;

        return uuid_compare(&left->person, &right->person);
}

/* One row per person, with the newest position. */
static void merge_custody(struct buffer *custody)
{
        struct custody_row *rows = (struct custody_row *)(void *)custody->data;
        size_t count = custody->size / sizeof(*rows), kept = 0;

        if (count < 2)
                return;
        qsort(rows, count, sizeof(*rows), compare_custody);
        for (size_t i = 1; i < count; i++) {
                if (!uuid_equal(&rows[kept].person, &rows[i].person)) {
                        rows[++kept] = rows[i];
                        continue;
                }
                if (rows[kept].position < rows[i].position)
                        rows[kept].position = rows[i].position;
                if (rows[kept].class < rows[i].class)
                        rows[kept].class = rows[i].class;
        }
        custody->size = (kept + 1) * sizeof(*rows);
}

int feed_page_fill(struct feed_page *page, struct storage *storage, struct feed_list *list,
                   const struct device_row *device, const struct scope_set *scopes, size_t limit,
                   int64_t now_ms)
{
        struct scan scan = {
                .page = page,
                .storage = storage,
                .list = list,
                .device = device,
                .scopes = scopes,
                .limit = limit,
                .now_ms = now_ms,
        };

        page->more = false;
        /* Lower classes first: whom there is comes before what there is about them. */
        for (int class = CLASS_BASIC; class <= CLASS_COUNT; class ++) {
                for (size_t i = 0; i < list->count; i++) {
                        int r;

                        scan.feed = &list->items[i];
                        if ((int)scan.feed->key.class != class || is_read(scan.feed))
                                continue;
                        if (is_full(&scan)) {
                                page->more = true;
                                continue;
                        }
                        r = read_feed(&scan);
                        if (r < 0)
                                return r;
                        page->more = page->more || !is_read(scan.feed);
                }
        }
        merge_custody(&page->custody);
        return 0;
}

static int compare_groups(const void *a, const void *b)
{
        const struct feed_group *left = a, *right = b;
        int order = (left->type->lane > right->type->lane) - (left->type->lane < right->type->lane);

        if (order == 0)
                order = left->type->number - right->type->number;
        return order != 0 ? order : uuid_compare(&left->locality, &right->locality);
}

int feed_page_write(struct feed_page *page, struct buffer *out)
{
        if (page->group_count > 1)
                qsort(page->groups, page->group_count, sizeof(*page->groups), compare_groups);
        for (size_t i = 0; i < page->group_count; i++) {
                struct feed_group *group = &page->groups[i];

                wire_records_end(&group->writer, &group->locality, group->epoch,
                                 group->type->number, out);
                buffer_deinit(&group->writer.rows);
        }
        page->group_count = 0;
        buffer_append(out, buffer_view(&page->feeds));
        buffer_reset(&page->feeds);
        page->size = 0;
        page->row_count = 0;
        return buffer_check(out);
}
