/*
 * The outbox as people and doctors see it.
 *
 * Ids, lanes and states are for everybody who may talk to the daemon; what is inside of an entry is for its author and for
 * those who may see its person and its type.
 */
#include "daemon/engine_internal.h"

struct outbox_list {
        struct engine *engine;
        const struct access_staff *staff; /* NULL: ids and states only */
        struct arena arena;
        size_t limit, count;
        bool more, stopped, open_only, whole;
        int (*visit)(void *context, const struct engine_outbox_entry *entry);
        void *context;
};

static void outbox_list_deinit(struct outbox_list *list)
{
        arena_deinit(&list->arena);
}

static enum entry_outcome outcome_of(enum field_effect effect)
{
        switch (effect) {
        case EFFECT_SUPERSEDED:
                return OUTCOME_MERGED;
        case EFFECT_HELD:
        case EFFECT_PROPOSED:
                return OUTCOME_HELD;
        case EFFECT_LATE:
                return OUTCOME_LATE;
        case EFFECT_APPLIED:
        case EFFECT_UNCHANGED:
        case EFFECT_MAX:
                break;
        }
        return OUTCOME_APPLIED;
}

static int fill_receipt(struct outbox_list *list, struct bytes message,
                        struct engine_outbox_entry *entry)
{
        const struct wire_receipt *receipt;
        struct engine_outbox_field *fields;
        struct wire_reader reader;
        struct wire_message read;
        int r;

        if (message.size == 0 || entry->state == OUTCOME_NONE)
                return 0;
        wire_reader_init(&reader, message, &list->arena);
        r = wire_next(&reader, &read);
        if (r <= 0 || read.kind != WIRE_KIND_RECEIPTS || read.receipts.receipts_count != 1)
                return r == PANNIER_E_MEMORY ? r : 0; /* of a newer Pannier: the state is known */
        receipt = &read.receipts.receipts[0];
        fields = arena_alloc(&list->arena, (receipt->effects_count + 1) * sizeof(*fields));
        if (!fields)
                return FAIL(PANNIER_E_MEMORY, "no memory for a receipt");
        for (size_t i = 0; i < receipt->effects_count; i++)
                fields[i] = (struct engine_outbox_field){
                        .number = receipt->effects[i].field,
                        .outcome = outcome_of(receipt->effects[i].effect),
                        .effect = receipt->effects[i].effect};
        entry->fields = fields;
        entry->field_count = receipt->effects_count;
        entry->reason = receipt->reason;
        entry->position = (struct position){receipt->epoch, receipt->position};
        entry->receipt_ms = read.receipts.now_ms;
        return 0;
}

static int may_read(struct outbox_list *list, const struct entry_body *body)
{
        const struct catalogue_type *type = catalogue_type_by_number(body->type);

        if (uuid_equal(&body->author, &list->staff->id))
                return 1;
        if (!type || !catalogue_role_allows(type->read_roles, list->staff->role))
                return 0;
        if (uuid_is_none(&body->person))
                return 1;
        return access_person(list->engine->access, list->staff, &body->person);
}

/* The very bytes, for whoever has to find out what is wrong with them. */
static int fill_bytes(struct outbox_list *list, const struct outbox_row *row,
                      struct engine_outbox_entry *entry)
{
        entry->header = arena_copy(&list->arena, row->header);
        entry->packed = arena_copy(&list->arena, buffer_view(&list->engine->packed));
        return entry->header.data && entry->packed.data ? 0 : FAIL(PANNIER_E_MEMORY, "an entry");
}

static int fill_body(struct outbox_list *list, const struct outbox_row *row,
                     struct entry_body *body, struct engine_outbox_entry *entry)
{
        struct entry_header header;
        int r;

        if (!list->staff || row->sealed.size == 0)
                return 0;
        r = engine_open_body(list->engine, row, &list->arena, &header, body);
        if (r == PANNIER_E_MEMORY || r == PANNIER_E_STORAGE)
                return r;
        if (r < 0) {
                entry->damaged = true;
                return 0;
        }
        r = may_read(list, body);
        if (r <= 0)
                return r;
        entry->readable = true;
        entry->body = body;
        entry->type = catalogue_type_by_number(body->type);
        return list->whole ? fill_bytes(list, row, entry) : 0;
}

static int fill_closing(struct outbox_list *list, const struct outbox_row *row,
                        struct wire_closing *closing, struct engine_outbox_entry *entry)
{
        int r;

        if (row->state != OUTCOME_QUARANTINED)
                return 0;
        r = outbox_closing_get(list->engine->outbox, &row->id, &list->arena, closing);
        if (r > 0)
                entry->closing = closing;
        return r < 0 ? r : 0;
}

static int view_entry(void *context, const struct outbox_row *row)
{
        struct outbox_list *list = context;
        struct engine_outbox_entry entry = {
                .id = row->id,
                .place = row->place,
                .lane = row->lane,
                .seq = row->seq,
                .state = row->state,
                .damaged = row->damaged,
        };
        struct wire_closing closing;
        struct entry_body body;
        int r;

        arena_reset(&list->arena);
        r = fill_closing(list, row, &closing, &entry);
        if (r < 0 || (entry.closing && list->open_only))
                return r < 0 ? r : 0;
        if (list->count == list->limit) {
                list->more = true;
                return 1;
        }
        list->count++;
        r = fill_receipt(list, row->receipt, &entry);
        if (r >= 0 && !row->damaged)
                r = fill_body(list, row, &body, &entry);
        return r < 0 ? r : list->visit(list->context, &entry);
}

static int begin_list(struct outbox_list *list, const struct uuid *staff,
                      const struct engine_now *now)
{
        if (list->limit == 0 || list->limit > ENGINE_PAGE_MAX)
                return FAIL(PANNIER_E_LIMIT, "a page has 1 to %d rows", ENGINE_PAGE_MAX);
        if (!staff)
                return 0;
        return access_staff(list->engine->access, staff, engine_day(list->engine, now),
                            &list->staff);
}

int engine_outbox(struct engine *engine, const struct uuid *staff, const struct engine_now *now,
                  uint32_t states, uint64_t after, size_t limit,
                  int (*visit)(void *context, const struct engine_outbox_entry *entry),
                  void *context, bool *ret_more)
{
        CLEANUP(outbox_list_deinit)
        struct outbox_list list = {
                .engine = engine, .limit = limit, .visit = visit, .context = context};
        int r = begin_list(&list, staff, now);

        list.open_only = (states & ENGINE_OPEN_ONLY) != 0;
        states &= ~(uint32_t)ENGINE_OPEN_ONLY;
        if (r >= 0)
                r = outbox_each(engine->outbox, states, after, view_entry, &list);
        *ret_more = list.more;
        return r < 0 ? r : 0;
}

int engine_outbox_entry(struct engine *engine, const struct uuid *staff,
                        const struct engine_now *now, const struct uuid *id,
                        int (*visit)(void *context, const struct engine_outbox_entry *entry),
                        void *context)
{
        CLEANUP(outbox_list_deinit)
        struct outbox_list list = {
                .engine = engine, .limit = 1, .visit = visit, .context = context, .whole = true};
        struct outbox_row row;
        int r = begin_list(&list, staff, now);

        if (r >= 0)
                r = outbox_get(engine->outbox, id, &row);
        if (r == 0)
                return FAIL(PANNIER_E_NOT_FOUND, "no such entry");
        return r < 0 ? r : view_entry(&list, &row);
}
