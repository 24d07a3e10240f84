/*
 * An entry is planned (validated against the catalogue, the roles and what the author's screen shows), shown in the
 * replica inside of an open transaction, so that the next entry of the array may build on it, and packed. Then the outbox
 * appends all of them with one flush, and only then the replica commits. Whatever fails before leaves both as they were.
 */
#include "daemon/plan.h"

/* ---- batches ---- */

void writer_batch_begin(struct engine *engine, struct writer_batch *batch)
{
        batch->count = 0;
        buffer_reset(&batch->bodies);
        for (uint8_t lane = 0; lane < LANE_COUNT; lane++)
                batch->seqs[lane] = outbox_seq(engine->outbox, lane);
        batch->place = outbox_place(engine->outbox);
}

void writer_body_begin(const struct engine_now *now, struct entry_body *body)
{
        *body = (struct entry_body){
                .recorded_ms = now->wall_ms,
                .boot_id = now->boot_id,
                .boot_ms = now->boot_ms,
                .quality = now->quality,
                .catalogue_version = catalogue_get()->version,
        };
}

int writer_batch_add_clear(struct engine *engine, struct writer_batch *batch,
                           struct outbox_item *item, struct bytes clear)
{
        int r;

        if (batch->count == ENGINE_WRITE_MAX)
                return FAIL(PANNIER_E_LIMIT, "at most %d entries together", ENGINE_WRITE_MAX);
        item->seq = ++batch->seqs[item->lane];
        item->place = ++batch->place;
        batch->offsets[batch->count] = batch->bodies.size;
        r = body_pack(engine->codec, clear, &batch->bodies);
        if (r < 0)
                return r;
        item->body.size = batch->bodies.size - batch->offsets[batch->count];
        batch->items[batch->count++] = *item;
        return 0;
}

int writer_batch_add(struct engine *engine, struct writer_batch *batch, struct outbox_item *item,
                     const struct entry_body *body)
{
        struct entry_header header;
        int r;

        outbox_header(engine->outbox, item, batch->seqs[item->lane] + 1, &header);
        buffer_reset(&engine->clear);
        entry_body_encode(body, &header, &engine->clear);
        r = buffer_check(&engine->clear);
        if (r < 0)
                return r;
        if (engine->clear.size > ENTRY_BODY_MAX)
                return FAIL(PANNIER_E_LIMIT, "an entry has at most %d bytes", ENTRY_BODY_MAX);
        return writer_batch_add_clear(engine, batch, item, buffer_view(&engine->clear));
}

int writer_batch_append(struct engine *engine, struct writer_batch *batch)
{
        if (batch->count == 0)
                return 0;
        for (size_t i = 0; i < batch->count; i++)
                batch->items[i].body.data = batch->bodies.data + batch->offsets[i];
        return outbox_append(engine->outbox, batch->items, batch->count);
}

/* ---- the same request again ---- */

static void put_value(struct buffer *out, const struct value *value)
{
        buffer_append_byte(out, (uint8_t)value->form);
        switch (value->form) {
        case VALUE_UNSET:
        case VALUE_NULL:
                break;
        case VALUE_INTEGER:
                cbor_put_int(out, value->integer);
                break;
        case VALUE_BYTES:
        case VALUE_PACKED:
                cbor_put_bytes(out, value->bytes);
                break;
        case VALUE_UUID:
                cbor_put_uuid(out, &value->uuid);
                break;
        }
}

/* Over what the caller asked for, not over what became of it; under the caseload key, as it lies in clear. */
static int request_hash(struct engine *engine, const struct uuid *staff,
                        const struct engine_entry *entry, uint8_t ret[HASH_SIZE])
{
        struct buffer *out = &engine->clear;
        struct bytes parts[2];

        buffer_reset(out);
        cbor_put_uuid(out, staff);
        cbor_put_uint(out, (uint64_t)entry->operation);
        cbor_put_uint(out, entry->type->number);
        cbor_put_uuid(out, &entry->record);
        cbor_put_uuid(out, &entry->person);
        cbor_put_bytes(out, entry->reason);
        if (!uuid_is_none(&entry->instead))
                cbor_put_uuid(out, &entry->instead);
        for (size_t i = 0; i < entry->change_count; i++) {
                cbor_put_uint(out, entry->changes[i].number);
                put_value(out, &entry->changes[i].value);
        }
        if (buffer_check(out) < 0)
                return buffer_check(out);
        parts[0] = BYTES(engine->caseload_key, AEAD_KEY_SIZE);
        parts[1] = buffer_view(out);
        crypto_sha256_parts(parts, 2, ret);
        return 0;
}

static int fill_repeat(struct engine *engine, const struct outbox_row *row,
                       struct engine_written *ret)
{
        struct entry_header header;
        struct entry_body body;
        int r;

        *ret = (struct engine_written){.entry = row->id,
                                       .lane = row->lane,
                                       .seq = row->seq,
                                       .state = row->state,
                                       .repeated = true};
        if (row->sealed.size == 0)
                return 0; /* settled long ago, and about somebody who was erased here */
        arena_reset(&engine->arena);
        r = engine_open_body(engine, row, &engine->arena, &header, &body);
        if (r < 0)
                return r;
        ret->record = body.record;
        ret->person = body.person;
        return 0;
}

/* 1 all entries are here already with this content; 0 none is; or PANNIER_E_TAKEN */
static int find_repeat(struct engine *engine, const struct uuid *staff,
                       const struct engine_entry *entries, size_t count, struct engine_written *ret,
                       size_t *ret_index)
{
        size_t found = 0;

        for (size_t i = 0; i < count; i++) {
                uint8_t hash[HASH_SIZE];
                struct outbox_row row;
                int r = outbox_get(engine->outbox, &entries[i].request, &row);

                *ret_index = i;
                if (r < 0)
                        return r;
                if (r == 0)
                        continue;
                r = request_hash(engine, staff, &entries[i], hash);
                if (r < 0)
                        return r;
                if (row.damaged || memcmp(hash, row.request_hash, HASH_SIZE) != 0)
                        return FAIL(PANNIER_E_TAKEN, "the request id is in use for other content");
                r = fill_repeat(engine, &row, &ret[i]);
                if (r < 0)
                        return r;
                found++;
        }
        if (found != 0 && found != count)
                return FAIL(PANNIER_E_TAKEN,
                            "some of these requests were recorded without the others");
        return found == count;
}

/* ---- what it builds on ---- */

struct needs {
        struct plan *plan;
        struct entry_needs needs;
        uint64_t place;
};

/* A creation that waits in another lane must be judged first. Of two, the later one: only one can be named. */
static int need(struct needs *needs, const struct uuid *record)
{
        struct engine *engine = needs->plan->engine;
        struct replica_pending pending;
        int r;

        if (uuid_is_none(record) || uuid_equal(record, &needs->plan->record.id))
                return 0;
        r = replica_pending_of(engine->replica, 0, record, &pending);
        if (r < 0 || !pending.creating || pending.lane == needs->plan->type->lane ||
            pending.place <= needs->place)
                return r;
        /* where it stands now: its envelope may have been written anew since it was shown */
        r = outbox_seq_of(engine->outbox, pending.place, &pending.seq);
        if (r < 0)
                return r;
        needs->place = pending.place;
        needs->needs = (struct entry_needs){.incarnation = *outbox_incarnation(engine->outbox),
                                            .lane = pending.lane,
                                            .seq = pending.seq};
        return 0;
}

static int need_elements(struct needs *needs, struct bytes packed)
{
        struct cbor_reader reader;

        cbor_reader_init(&reader, packed);
        while (!cbor_at_end(&reader)) {
                struct cbor_item item;
                struct uuid id;
                int r = cbor_next(&reader, &item);

                if (r >= 0 && item.kind == CBOR_BYTES && item.bytes.size == sizeof(id.bytes)) {
                        memcpy(id.bytes, item.bytes.data, sizeof(id.bytes));
                        r = need(needs, &id);
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

static int find_needs(struct plan *plan, struct entry_needs *ret)
{
        struct needs needs = {.plan = plan};
        int r = need(&needs, &plan->record.person);

        for (size_t i = 0; i < plan->change_count && r >= 0; i++) {
                const struct value *value = &plan->changes[i].value;
                int index = catalogue_field_index(plan->type, plan->changes[i].number);

                if (value->form == VALUE_UUID)
                        r = need(&needs, &value->uuid);
                else if (value->form == VALUE_PACKED && index >= 0 &&
                         plan->type->fields[index].element == KIND_REF)
                        r = need_elements(&needs, value->bytes);
        }
        *ret = needs.needs;
        return r;
}

/* ---- writing ---- */

static int show_entry(struct plan *plan, const struct outbox_item *item,
                      const struct entry_body *body)
{
        struct engine *engine = plan->engine;
        int r;

        r = replica_pend(engine->replica, &(struct replica_entry){
                                                  .place = item->place,
                                                  .id = item->id,
                                                  .device = engine->options.device,
                                                  .locality = item->locality,
                                                  .lane = item->lane,
                                                  .seq = item->seq,
                                                  .body = body,
                                                  .clear = buffer_view(&engine->clear),
                                          });
        if (r < 0)
                return r;
        engine_event_add(engine, &(struct engine_event){.kind = ENGINE_EVENT_ENTRY,
                                                        .entry = item->id,
                                                        .record = body->record,
                                                        .person = body->person,
                                                        .type = plan->type});
        return 0;
}

static int write_one(struct plan *plan, struct engine_written *ret)
{
        struct engine *engine = plan->engine;
        const struct engine_entry *asked = plan->in;
        struct outbox_item item = {
                .id = asked->request, .recorded_ms = plan->now->wall_ms, .instead = asked->instead};
        struct replica_pending pending;
        struct engine_entry fixed;
        struct entry_body body;
        int r = 0;

        if (!uuid_is_none(&asked->instead)) {
                r = fix_begin(plan, &fixed);
                plan->in = &fixed;
        }
        if (r >= 0)
                r = plan_entry(plan);
        if (r >= 0)
                r = request_hash(engine, &plan->staff->id, asked, item.request_hash);
        if (r >= 0)
                r = find_needs(plan, &item.needs);
        if (r >= 0)
                r = replica_pending_of(engine->replica, plan->type->number, &plan->record.id,
                                       &pending);
        if (r < 0)
                return r;
        item.lane = (uint8_t)plan->type->lane;
        item.locality = plan->locality;
        writer_body_begin(plan->now, &body);
        body.type = plan->type->number;
        body.record = plan->record.id;
        body.person = plan->record.person;
        body.operation = plan->in->operation;
        body.base_locality = plan->locality;
        body.base = plan->base;
        body.previous = pending.newest;
        body.author = plan->staff->id;
        body.role = plan->staff->role;
        body.changes = plan->changes;
        body.change_count = plan->change_count;
        body.reason = plan->in->reason;
        body.instead = asked->instead;
        r = writer_batch_add(engine, &engine->batch, &item, &body);
        if (r >= 0)
                r = show_entry(plan, &item, &body);
        if (r >= 0 && plan->fixes)
                r = replica_dismiss(engine->replica, plan->fixes);
        if (r < 0)
                return r;
        *ret = (struct engine_written){.entry = item.id,
                                       .record = body.record,
                                       .person = body.person,
                                       .lane = item.lane,
                                       .seq = item.seq};
        return 0;
}

static int write_all(struct engine *engine, const struct uuid *staff, const struct engine_now *now,
                     const struct engine_entry *entries, size_t count, struct engine_written *ret,
                     struct engine_fault *fault)
{
        int r = 0;

        writer_batch_begin(engine, &engine->batch);
        for (size_t i = 0; i < count && r >= 0; i++) {
                struct plan plan = {.engine = engine, .now = now, .in = &entries[i]};

                fault->index = i;
                plan.type = entries[i].type;
                arena_reset(&engine->arena);
                /* asked for again each time: an entry before may have opened the provisional scope */
                r = access_staff(engine->access, staff, engine_day(engine, now), &plan.staff);
                if (r >= 0)
                        r = write_one(&plan, &ret[i]);
                fault->field = plan.fault;
                if (r >= 0 && entries[i].type->is_person)
                        access_changed(engine->access, NULL);
        }
        if (r >= 0)
                r = replica_set_fact(engine->replica, FACT_PLACE, (int64_t)engine->batch.place);
        return r < 0 ? r : writer_batch_append(engine, &engine->batch);
}

static bool any_urgent(const struct engine_written *written, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (written[i].lane == LANE_URGENT)
                        return true;
        return false;
}

/*
 * A write that failed may be one that was recorded before: its ids are taken, and what it builds on may have gone on
 * since. It is looked for only now, since hardly any write is a repeat. 0: it is one, and @ret says what became of it.
 */
static int answer_repeat(struct engine *engine, const struct uuid *staff,
                         const struct engine_entry *entries, size_t count,
                         struct engine_written *ret, int error, struct engine_fault *fault)
{
        struct engine_fault other = {0};
        int r = find_repeat(engine, staff, entries, count, ret, &other.index);

        if (r == 0)
                return error;
        if (r < 0)
                *fault = other;
        return r < 0 ? r : 0;
}

int engine_write(struct engine *engine, const struct uuid *staff, const struct engine_now *now,
                 const struct engine_entry *entries, size_t count, struct engine_written *ret,
                 struct engine_fault *ret_fault)
{
        struct engine_fault fault = {0};
        int r;

        if (ret_fault)
                *ret_fault = fault;
        if (count == 0 || count > ENGINE_WRITE_MAX)
                return FAIL(PANNIER_E_LIMIT, "1 to %d entries together", ENGINE_WRITE_MAX);
        if (engine->behind && engine_catch_up(engine) < 0)
                return FAIL(PANNIER_E_STORAGE, "the replica cannot take what the outbox has");
        r = engine_begin(engine);
        if (r < 0)
                return r;
        r = write_all(engine, staff, now, entries, count, ret, &fault);
        if (r < 0) {
                engine_rollback(engine);
                r = answer_repeat(engine, staff, entries, count, ret, r, &fault);
                if (r < 0 && ret_fault)
                        *ret_fault = fault;
                return r;
        }
        /* Recorded. A replica that cannot commit is behind, and catches up from the outbox. */
        if (engine_commit(engine) < 0) {
                engine->behind = true;
                access_changed(engine->access, NULL);
        }
        if (engine->flush_ms == INT64_MAX)
                engine->flush_ms = now->boot_ms + FLUSH_DELAY_MS;
        schedule_work(&engine->schedule, now->boot_ms, any_urgent(ret, count),
                      engine->schedule.failures > 0 ? engine_random(engine) : 0);
        return 0;
}
