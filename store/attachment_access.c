#include "store/attachment_access.h"

#include "common/error.h"
#include "store/membership.h"

#include <string.h>

/* 1 it names bytes, 0 it does not, or cannot be read: then nobody knows what it names */
static int read_entry(struct body_codec *codec, const struct log_row *row, struct arena *arena,
                      struct attachment_claim *ret)
{
        CLEANUP(buffer_wipe) struct buffer clear = BUFFER_INIT;
        struct entry_header header;
        struct entry_body body;
        int r;

        if (row->body.size == 0)
                return 0;
        r = entry_header_decode(row->header, &header);
        r = r < 0 ? r : body_unpack(codec, row->body, &clear);
        r = r < 0 ? r : entry_body_decode(buffer_view(&clear), &header, arena, &body);
        r = r < 0 ? r : attachment_of_entry(&body, &ret->attachment);
        if (r < 0 && r != PANNIER_E_MEMORY) {
                error_clear();
                return 0;
        }
        if (r > 0)
                ret->record = body.record;
        return r;
}

int attachment_may_bring(struct storage *storage, struct body_codec *codec,
                         const struct device_row *device, const struct uuid *entry,
                         struct attachment_claim *ret)
{
        static const uint8_t no_hash[HASH_SIZE];
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct log_row row;
        int r = storage->ops->log_find(storage, &device->locality, entry, &device->id, no_hash,
                                       &arena, &row);

        ret->entry = *entry;
        if (r == FOUND_NONE || (r > 0 && !uuid_equal(&row.device, &device->id)))
                return 0;
        r = r < 0 ? r : storage->ops->log_get(storage, &row.locality, row.number, &arena, &row);
        return r <= 0 ? r : read_entry(codec, &row, &arena, ret);
}

static int find_record(struct storage *storage, const struct uuid *id, struct arena *arena,
                       struct record *ret)
{
        const struct catalogue *catalogue = catalogue_get();
        int r = 0;

        for (size_t i = 0; i < catalogue->type_count && r == 0; i++)
                if (attachment_type(&catalogue->types[i]))
                        r = storage->ops->record_get(storage, &catalogue->types[i], id, arena, ret,
                                                     NULL);
        return r;
}

int attachment_may_read(struct storage *storage, struct grants *grants,
                        const struct device_row *device, const struct uuid *record, int64_t now_ms,
                        struct attachment_claim *ret)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        const struct scope_set *scopes;
        struct record found;
        int r;

        if (device->state != DEVICE_ACTIVE)
                return 0;
        r = find_record(storage, record, &arena, &found);
        if (r <= 0 || catalogue_class_of(found.type, 0) > device->ceiling)
                return r < 0 ? r : 0;
        r = grants_get(grants, storage, device, scope_day(now_ms), &scopes);
        r = r < 0 ? r : membership_held(storage, &found.locality, &found.person, scopes);
        if (r <= 0)
                return r;
        ret->entry = ret->record = *record;
        r = attachment_of_record(&found, &ret->attachment);
        if (r == PANNIER_E_INVALID) {
                error_clear();
                return 0;
        }
        return r;
}

struct each {
        int (*visit)(void *context, const struct record *record,
                     const struct attachment *attachment);
        void *context;
};

static int each_record(void *context, const struct record *record, struct bytes stamps)
{
        struct each *each = context;
        struct attachment attachment;
        int r = attachment_of_record(record, &attachment);

        (void)stamps;
        if (r < 0)
                error_clear();
        return r > 0 ? each->visit(each->context, record, &attachment) : 0;
}

int attachment_each(struct storage *storage,
                    int (*visit)(void *context, const struct record *record,
                                 const struct attachment *attachment),
                    void *context)
{
        const struct catalogue *catalogue = catalogue_get();
        struct each each = {visit, context};
        int r = 0;

        for (size_t i = 0; i < catalogue->type_count && r == 0; i++)
                if (attachment_type(&catalogue->types[i]))
                        r = storage->ops->record_each(storage, &catalogue->types[i], NULL, NULL,
                                                      each_record, &each);
        return r;
}
