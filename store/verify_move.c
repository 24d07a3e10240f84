/*
 * People who moved: their records come from another log. That one is played as far as their departure first, and of it only what is
 * about people who ever moved.
 */
#include "store/verify_internal.h"

#include "common/error.h"

#include <string.h>

struct uuid verify_moves_to(const struct log_row *row, const struct entry_body *body)
{
        const struct catalogue_type *type = catalogue_person_type();

        if (!uuid_is_none(&row->device) || body->type != type->number ||
            body->operation != ENTRY_EDIT || body->change_count != 1 ||
            body->changes[0].number != type->fields[catalogue_bind()->person.moved_to].number ||
            body->changes[0].value.form != VALUE_UUID)
                return UUID_NONE;
        return body->changes[0].value.uuid;
}

static struct other_log *other_log(struct verify *verify, const struct uuid *locality)
{
        for (size_t i = 0; i < verify->other_count; i++)
                if (uuid_equal(&verify->others[i].locality, locality))
                        return &verify->others[i];
        if (verify->other_count == OTHER_LOGS_MAX)
                return NULL;
        verify->others[verify->other_count] = (struct other_log){.locality = *locality, .next = 1};
        return &verify->others[verify->other_count++];
}

int verify_look_ahead(struct verify *verify, const struct log_row *row)
{
        const struct other_log *other;
        struct entry_body body = {0};
        struct moved_row moved;
        struct uuid to;
        int r;

        if (!uuid_is_none(&row->device) || !uuid_equal(&row->record, &row->person) ||
            row->body.size == 0)
                return 0;
        r = verify->storage->ops->moved_get(verify->storage, &row->person, &moved);
        if (r <= 0)
                return r;
        if (verify_read_body(verify, row, &body) < 0) {
                error_clear(); /* told when it is played */
                return 0;
        }
        to = verify_moves_to(row, &body);
        if (!uuid_equal(&to, &row->locality) || uuid_equal(&body.base_locality, verify->locality))
                return 0; /* a departure; or from here, and played */
        other = other_log(verify, &body.base_locality);
        if (!other || other->position >= body.base.position)
                return 0;
        verify->waits = true;
        verify->wait_locality = body.base_locality;
        verify->wait_position = body.base.position;
        return 1;
}

static int take_id(void *context, const struct record *record, struct bytes stamps)
{
        struct buffer *ids = context;

        (void)stamps;
        buffer_append(ids, BYTES(&record->id, sizeof(record->id)));
        return buffer_check(ids);
}

static int relabel(struct verify *verify, const struct catalogue_type *type, const struct uuid *id,
                   const struct log_row *row, const struct uuid *to)
{
        struct record record;
        int r;

        arena_reset(&verify->arena);
        r = verify->scratch->ops->record_get(verify->scratch, type, id, &verify->arena, &record,
                                             NULL);
        if (r <= 0)
                return r;
        record.locality = *to;
        record.position = row->position;
        if (type->is_person)
                record.values[catalogue_bind()->person.moved_to] =
                        (struct value){.form = VALUE_UUID, .uuid = *to};
        r = verify->scratch->ops->record_put(verify->scratch, &record, BYTES_NONE);
        verify->scratch->has_unfed = false;
        return r;
}

int verify_play_move(struct verify *verify, const struct log_row *row, const struct uuid *to)
{
        CLEANUP(buffer_deinit) struct buffer ids = BUFFER_INIT;
        const struct catalogue *catalogue = catalogue_get();
        struct storage *scratch = verify->scratch;
        int r = 0;

        for (size_t i = 0; i < catalogue->type_count && r == 0; i++) {
                const struct catalogue_type *type = &catalogue->types[i];

                buffer_reset(&ids);
                if (type->personal)
                        r = scratch->ops->record_each(scratch, type, &row->person, NULL, take_id,
                                                      &ids);
                for (size_t at = 0; at < ids.size && r == 0; at += sizeof(struct uuid)) {
                        struct uuid id;

                        memcpy(&id, ids.data + at, sizeof(id));
                        r = relabel(verify, type, &id, row, to);
                }
        }
        return r;
}

/* Of another log: only people who moved matter. */
static int visit_other(void *context, const struct log_row *row)
{
        struct verify *verify = context;
        struct other_log *other = other_log(verify, &row->locality);
        struct moved_row moved;
        int r;

        if (row->position > verify->wait_position)
                return 1;
        r = verify_look_ahead(verify, row);
        if (r == 0)
                r = verify->storage->ops->moved_get(verify->storage, &row->person, &moved);
        else
                return r;
        if (r > 0)
                r = verify_play_row(verify, row);
        if (r == 0 && other)
                other->next = row->number + 1;
        return r;
}

/* The log that is waited for; what it needs of a third one comes first, and so on: departures lie before arrivals. */
int verify_play_awaited(struct verify *verify)
{
        const struct uuid locality = verify->wait_locality;
        const uint64_t position = verify->wait_position;
        struct other_log *other = other_log(verify, &locality);
        int r;

        verify->waits = false;
        if (!other || other->position >= position)
                return 0;
        other->position = position;
        do {
                verify->wait_position = position;
                r = verify->storage->ops->log_each(verify->storage, &locality, other->next,
                                                   visit_other, verify);
        } while (r > 0 && verify->waits && (r = verify_play_awaited(verify)) == 0);
        return r < 0 ? r : 0;
}
