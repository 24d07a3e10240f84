#include "store/membership.h"

#include "common/error.h"
#include "common/plant.h"

#include <string.h>

/* A person's memberships, copied, because a visitor must not write. */
struct members {
        struct member_row *rows;
        size_t count, capacity;
};

static void members_deinit(struct members *members)
{
        free(members->rows);
}

static int take_member(void *context, const struct member_row *row)
{
        struct members *members = context;

        if (members->count == members->capacity) {
                size_t capacity = members->capacity > 0 ? 2 * members->capacity : 8;
                struct member_row *rows = realloc(members->rows, capacity * sizeof(*rows));

                if (!rows)
                        return FAIL(PANNIER_E_MEMORY, "no memory for memberships");
                members->rows = rows;
                members->capacity = capacity;
        }
        members->rows[members->count++] = *row;
        return 0;
}

static uint64_t commit_position(struct storage *storage, const struct uuid *locality)
{
        const struct storage_locality *state = storage->ops->locality(storage, locality);

        return state ? state->position : 0;
}

/* ---- digests ---- */

/* What records of a person add to the digests of each feed that the person is in. */
struct digests {
        struct digest sums[CLASS_COUNT];
};

static int add_row(void *context, enum catalogue_class class, const struct wire_row *row)
{
        struct digests *digests = context;
        struct digest digest;

        digest_of_row(class, row, &digest);
        digest_add(&digests->sums[class - 1], &digest);
        return 0;
}

int membership_digests(struct storage *storage, const struct uuid *person,
                       struct digest ret[CLASS_COUNT])
{
        const struct catalogue *catalogue = catalogue_get();
        struct digests digests = {0};
        int r = 0;

        for (size_t i = 0; i < catalogue->type_count && r == 0; i++) {
                const struct catalogue_type *type = &catalogue->types[i];

                if (type->personal && type->class != CLASS_NEVER && digest_counts(type))
                        r = storage->ops->rows_of(storage, type, person, NULL, INT64_MAX, add_row,
                                                  &digests);
        }
        if (r == 0)
                memcpy(ret, digests.sums, sizeof(digests.sums));
        return r;
}

/* Brings what was written last about a person to the feeds that have the person now. */
static int feed_written(struct storage *storage, const struct members *members)
{
        const struct storage_change change = storage->unfed;
        int r = 0;

        storage->has_unfed = false;
        for (size_t i = 0; i < members->count && r == 0; i++)
                if (members->rows[i].joined != 0)
                        r = storage->ops->feed_sum(storage, members->rows[i].feed, change.class,
                                                   &change.digest);
        return r;
}

/* The person comes into a feed, or leaves it, with all records. */
static int sum_person(struct storage *storage, const struct member_row *member, bool joins)
{
        struct digest sums[CLASS_COUNT];
        int r = membership_digests(storage, &member->person, sums);

        for (int class = CLASS_BASIC; class <= CLASS_COUNT && r == 0; class ++) {
                struct digest digest = {0};

                if (joins)
                        digest = sums[class - 1];
                else
                        digest_subtract(&digest, &sums[class - 1]);
                r = storage->ops->feed_sum(storage, member->feed, (enum catalogue_class) class,
                                           &digest);
        }
        return r;
}

/* ---- joining and leaving ---- */

static int remove_row(struct storage *storage, uint64_t feed, enum catalogue_class class,
                      uint64_t position, const struct uuid *id)
{
        const struct feed_place place = {position, *id};

        return storage->ops->feed_remove(storage, feed, class, &place);
}

/* Takes the person's row at @old away and puts one of @kind at @position, in the feed of every class. */
static int put_person_rows(struct storage *storage, const struct member_row *member, uint64_t old,
                           enum feed_kind kind, uint64_t position)
{
        const struct feed_row row = {.position = position, .id = member->person, .kind = kind};

        for (int class = CLASS_BASIC; class <= CLASS_COUNT; class ++) {
                int r = 0;

                if (old != 0)
                        r = remove_row(storage, member->feed, (enum catalogue_class) class, old,
                                       &member->person);
                if (r == 0)
                        r = storage->ops->feed_put(storage, member->feed,
                                                   (enum catalogue_class) class, &row);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int join(struct storage *storage, const struct uuid *locality,
                const struct member_row *member, uint64_t position)
{
        struct member_row changed = *member;
        int r = SIM_PLANT(NO_BACKFILL_ON_JOIN)
                        ? 0
                        : put_person_rows(storage, member, member->left, FEED_JOIN, position);

        if (r == 0)
                r = sum_person(storage, member, true);
        changed.joined = position;
        changed.left = 0;
        return r < 0 ? r : storage->ops->member_put(storage, locality, &changed);
}

struct own_row {
        enum catalogue_class class;
        struct feed_place place;
};

struct own_rows {
        uint64_t joined;
        struct buffer rows; /* struct own_row behind each other */
};

static void own_rows_deinit(struct own_rows *own)
{
        buffer_deinit(&own->rows);
}

static int take_own_row(void *context, const struct record *record, struct bytes stamps)
{
        struct own_rows *own = context;
        struct own_row row = {
                .class = record_feed_class(record),
                .place = {record->position, record->id},
        };

        (void)stamps;
        if (record->position > own->joined && row.class <= (enum catalogue_class)CLASS_COUNT)
                buffer_append(&own->rows, BYTES(&row, sizeof(row)));
        return buffer_check(&own->rows);
}

/* Records that changed after the person joined have rows of their own: they go with the person. */
static int remove_own_rows(struct storage *storage, const struct member_row *member)
{
        CLEANUP(own_rows_deinit) struct own_rows own = {.joined = member->joined};
        const struct catalogue *catalogue = catalogue_get();
        int r = 0;

        for (size_t i = 0; i < catalogue->type_count && r == 0; i++)
                if (catalogue->types[i].personal)
                        r = storage->ops->record_each(storage, &catalogue->types[i],
                                                      &member->person, NULL, take_own_row, &own);
        for (size_t at = 0; at < own.rows.size && r == 0; at += sizeof(struct own_row)) {
                struct own_row row;

                memcpy(&row, own.rows.data + at, sizeof(row));
                r = storage->ops->feed_remove(storage, member->feed, row.class, &row.place);
        }
        return r;
}

static int leave(struct storage *storage, const struct uuid *locality,
                 const struct member_row *member, uint64_t position)
{
        struct member_row changed = *member;
        int r = remove_own_rows(storage, member);

        if (r == 0)
                r = put_person_rows(storage, member, member->joined, FEED_EXIT, position);
        if (r == 0)
                r = sum_person(storage, member, false);
        changed.joined = 0;
        changed.left = position;
        return r < 0 ? r : storage->ops->member_put(storage, locality, &changed);
}

static int forget_exit(struct storage *storage, const struct member_row *member,
                       enum catalogue_class class)
{
        const struct feed_row end = {.position = member->left, .id = FEED_PASSED, .kind = FEED_END};
        struct feed_place last;
        int r = storage->ops->feed_last(storage, member->feed, class, &last);

        if (r == 0)
                r = remove_row(storage, member->feed, class, member->left, &member->person);
        if (r < 0 || last.position != member->left || !uuid_equal(&last.id, &end.id))
                return r;
        return storage->ops->feed_put(storage, member->feed, class, &end);
}

static int forget_exits_of(struct storage *storage, const struct uuid *locality,
                           const struct member_row *member)
{
        struct member_row changed = *member;
        int r = 0;

        for (int class = CLASS_BASIC; class <= CLASS_COUNT && r == 0; class ++)
                r = forget_exit(storage, member, (enum catalogue_class) class);
        changed.left = 0;
        return r < 0 ? r : storage->ops->member_put(storage, locality, &changed);
}

int membership_forget_exits(struct storage *storage, const struct uuid *locality,
                            const struct uuid *person)
{
        CLEANUP(members_deinit) struct members members = {0};
        int r = storage->ops->members_of(storage, locality, person, take_member, &members);

        for (size_t i = 0; i < members.count && r == 0; i++)
                if (members.rows[i].joined == 0 && members.rows[i].left != 0)
                        r = forget_exits_of(storage, locality, &members.rows[i]);
        return r;
}

int membership_exit_again(struct storage *storage, const struct uuid *locality,
                          const struct uuid *person)
{
        CLEANUP(members_deinit) struct members members = {0};
        uint64_t position = commit_position(storage, locality);
        int r = storage->ops->members_of(storage, locality, person, take_member, &members);

        if (r == 0)
                r = storage->ops->locality_touch(storage, locality);
        for (size_t i = 0; i < members.count && r == 0; i++) {
                struct member_row changed = members.rows[i];

                if (changed.joined != 0 || changed.left != 0)
                        continue;
                r = put_person_rows(storage, &changed, 0, FEED_EXIT, position);
                changed.left = position;
                if (r == 0)
                        r = storage->ops->member_put(storage, locality, &changed);
        }
        return r;
}

static int settle(struct storage *storage, const struct uuid *locality,
                  const struct member_row *member, uint64_t position)
{
        bool wanted = member->source_count > 0 && !member->limited;

        if (wanted && member->joined == 0)
                return join(storage, locality, member, position);
        if (!wanted && member->joined != 0)
                return leave(storage, locality, member, position);
        return 0;
}

/* Brings the feeds in line with sources and limits, for all scopes of a person. */
static int settle_all(struct storage *storage, const struct uuid *locality,
                      const struct uuid *person)
{
        CLEANUP(members_deinit) struct members members = {0};
        uint64_t position = commit_position(storage, locality);
        int r = storage->ops->members_of(storage, locality, person, take_member, &members);

        if (r == 0)
                r = storage->ops->locality_touch(storage, locality);
        if (r == 0 && storage->has_unfed && uuid_equal(&storage->unfed.person, person))
                r = feed_written(storage, &members); /* who joins now joins with it */
        for (size_t i = 0; i < members.count && r == 0; i++)
                r = settle(storage, locality, &members.rows[i], position);
        return r;
}

/* ---- sources ---- */

static bool among(const struct scope *scope, const struct scope *scopes, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (scope_equal(scope, &scopes[i]))
                        return true;
        return false;
}

static bool is_source(const struct members *members, const struct scope *scope)
{
        for (size_t i = 0; i < members->count; i++)
                if (scope_equal(&members->rows[i].scope, scope))
                        return true;
        return false;
}

static int add_source(struct storage *storage, const struct uuid *locality,
                      const struct uuid *person, const struct uuid *record,
                      const struct scope *scope)
{
        uint64_t feed;
        int r = storage->ops->feed_number(storage, locality, scope, true, &feed);

        return r < 0 ? r : storage->ops->source_put(storage, locality, feed, person, record);
}

int membership_sources(struct storage *storage, const struct uuid *locality,
                       const struct uuid *person, const struct uuid *record,
                       const struct scope *scopes, size_t count)
{
        CLEANUP(members_deinit) struct members before = {0};
        bool changed = false;
        int r = storage->ops->sources_of(storage, locality, record, take_member, &before);

        for (size_t i = 0; i < before.count && r == 0; i++) {
                if (among(&before.rows[i].scope, scopes, count))
                        continue;
                r = storage->ops->source_remove(storage, locality, before.rows[i].feed, person,
                                                record);
                changed = true;
        }
        for (size_t i = 0; i < count && r == 0; i++) {
                if (is_source(&before, &scopes[i]))
                        continue;
                r = add_source(storage, locality, person, record, &scopes[i]);
                changed = true;
        }
        return r < 0 || !changed ? r : settle_all(storage, locality, person);
}

int membership_limit(struct storage *storage, const struct uuid *locality,
                     const struct uuid *person,
                     int (*forbid)(void *context, const struct scope *scope), void *context)
{
        CLEANUP(members_deinit) struct members members = {0};
        bool changed = false;
        int r = storage->ops->members_of(storage, locality, person, take_member, &members);

        for (size_t i = 0; i < members.count && r == 0; i++) {
                struct member_row *row = &members.rows[i];
                int forbidden = forbid(context, &row->scope);

                if (forbidden < 0)
                        return forbidden;
                if (row->limited == (forbidden > 0))
                        continue;
                row->limited = forbidden > 0;
                changed = true;
                r = storage->ops->member_put(storage, locality, row);
        }
        return r < 0 || !changed ? r : settle_all(storage, locality, person);
}

/* ---- records ---- */

/*
 * A planted bug: what two writers do who take positions from a sequence and commit when they are ready. The row of the smaller position
 * is seen after that of the greater one.
 */
static int put_late(struct storage *storage, uint64_t feed, enum catalogue_class class,
                    const struct feed_row *row)
{
        struct late {
                bool waits;
                uint64_t feed;
                enum catalogue_class class;
                struct feed_row row;
        } *late = SIM_PLANT_MEMORY(sizeof(struct late));
        struct late before;

        if (!late)
                return 0;
        before = *late;
        if (before.waits && before.row.position < row->position) {
                late->waits = false;
                return storage->ops->feed_put(storage, before.feed, before.class, &before.row) < 0
                               ? PANNIER_E_STORAGE
                               : storage->ops->feed_put(storage, feed, class, row);
        }
        if (before.waits)
                return storage->ops->feed_put(storage, feed, class, row);
        *late = (struct late){true, feed, class, *row};
        return 0;
}

static int move_row(struct storage *storage, uint64_t feed, enum catalogue_class class,
                    const struct record *record, uint64_t old_position)
{
        const struct feed_row row = {
                .position = record->position,
                .id = record->id,
                .kind = FEED_RECORD,
                .type = record->type->number,
                .person = record->person,
        };
        int r = 0;

        if (old_position == record->position)
                return 0; /* written twice in one commit: its row is there */
        if (old_position != 0)
                r = remove_row(storage, feed, class, old_position, &record->id);
        if (r == 0 && SIM_PLANT(POSITION_WITHOUT_LOCK))
                return put_late(storage, feed, class, &row);
        return r < 0 ? r : storage->ops->feed_put(storage, feed, class, &row);
}

static int publish_reference(struct storage *storage, const struct record *record,
                             enum catalogue_class class, uint64_t old_position)
{
        const struct scope scope = {SCOPE_LOCALITY, record->locality};
        uint64_t feed;
        int r = storage->ops->feed_number(storage, &record->locality, &scope, true, &feed);

        if (r == 0 && storage->has_unfed)
                r = storage->ops->feed_sum(storage, feed, class, &storage->unfed.digest);
        storage->has_unfed = false;
        return r < 0 ? r : move_row(storage, feed, class, record, old_position);
}

int membership_withdraw(struct storage *storage, const struct record *record, uint64_t old_position)
{
        CLEANUP(members_deinit) struct members members = {0};
        enum catalogue_class class = record_feed_class(record);
        int r;

        if (old_position == 0 || old_position == record->position ||
            class > (enum catalogue_class)CLASS_COUNT)
                return 0;
        r = storage->ops->members_of(storage, &record->locality, &record->person, take_member,
                                     &members);
        for (size_t i = 0; i < members.count && r == 0; i++)
                if (members.rows[i].joined != 0 && old_position > members.rows[i].joined)
                        r = remove_row(storage, members.rows[i].feed, class, old_position,
                                       &record->id);
        return r;
}

int membership_publish(struct storage *storage, const struct record *record, uint64_t old_position)
{
        CLEANUP(members_deinit) struct members members = {0};
        enum catalogue_class class = record_feed_class(record);
        int r = storage->ops->locality_touch(storage, &record->locality);

        if (r < 0 || class > (enum catalogue_class)CLASS_COUNT)
                return r;
        if (uuid_is_none(&record->person))
                return publish_reference(storage, record, class, old_position);
        r = storage->ops->members_of(storage, &record->locality, &record->person, take_member,
                                     &members);
        if (r == 0 && storage->has_unfed)
                r = feed_written(storage, &members);
        for (size_t i = 0; i < members.count && r == 0; i++) {
                const struct member_row *member = &members.rows[i];

                /* At or below the join row's position the join row stands for it. */
                if (member->joined == 0 || record->position <= member->joined)
                        continue;
                r = move_row(storage, member->feed, class, record,
                             old_position > member->joined ? old_position : 0);
        }
        return r;
}

struct held_search {
        const struct scope_set *scopes;
        bool found;
};

static int search_held(void *context, const struct member_row *row)
{
        struct held_search *search = context;

        search->found = row->joined != 0 && scope_set_has(search->scopes, &row->scope);
        return search->found;
}

int membership_held(struct storage *storage, const struct uuid *locality, const struct uuid *person,
                    const struct scope_set *scopes)
{
        struct held_search search = {scopes, false};
        int r = storage->ops->members_of(storage, locality, person, search_held, &search);

        return r < 0 ? r : search.found;
}
