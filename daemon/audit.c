/*
 * Access events: who looked at whom. They wait for at most a second in memory, so that a screen full of people is one
 * flush and not fifty; after they were written they stay a minute, so that looking again at the same person is the same event.
 */
#include "daemon/engine_internal.h"

static bool is_same(const struct audit_event *event, const struct audit_event *other)
{
        return uuid_equal(&event->staff, &other->staff) &&
               uuid_equal(&event->person, &other->person) && event->what == other->what &&
               event->what != catalogue_bind()->access_event.what_search &&
               event->now.boot_id == other->now.boot_id &&
               other->now.boot_ms - event->now.boot_ms < AUDIT_SAME_MS;
}

/* Room for one more: forgets what was written, oldest first. */
static int make_room(struct engine *engine, const struct engine_now *now)
{
        struct audit *audit = &engine->audit;
        size_t kept = 0;
        int r;

        if (audit->count < AUDIT_MAX)
                return 0;
        r = audit_flush(engine, now);
        if (r < 0)
                return r;
        for (size_t i = 0; i < audit->count; i++)
                if (now->boot_ms - audit->events[i].now.boot_ms < AUDIT_SAME_MS)
                        audit->events[kept++] = audit->events[i];
        audit->count = kept == AUDIT_MAX ? 0 : kept;
        return 0;
}

int audit_note(struct engine *engine, const struct access_staff *staff,
               const struct engine_now *now, const struct uuid *person, uint16_t what)
{
        struct audit_event event = {
                .staff = staff->id,
                .role = staff->role,
                .person = person ? *person : UUID_NONE,
                .what = what,
                .now = *now,
        };
        struct audit *audit = &engine->audit;
        int r;

        for (size_t i = 0; i < audit->count; i++)
                if (is_same(&audit->events[i], &event))
                        return 0;
        r = make_room(engine, now);
        if (r < 0)
                return r;
        audit->events[audit->count++] = event;
        if (audit->waiting++ == 0)
                audit->due_ms = now->boot_ms + AUDIT_DELAY_MS;
        return 0;
}

static int add_event(struct engine *engine, struct writer_batch *batch,
                     const struct audit_event *event)
{
        const struct catalogue_type *type = catalogue_access_event_type();
        int16_t staff = catalogue_bind()->access_event.staff,
                person = catalogue_bind()->access_event.person,
                what = catalogue_bind()->access_event.what;
        struct entry_change changes[4];
        struct value values[FIELD_COUNT_MAX] = {0};
        struct entry_body body;
        struct outbox_item item = {.lane = (uint8_t)type->lane,
                                   .locality = replica_locality(engine->replica),
                                   .recorded_ms = event->now.wall_ms};
        uint8_t random[10];
        int happened = catalogue_field_index(type, APPEND_HAPPENED), r;

        engine->options.random(random, sizeof(random));
        item.id = uuid_v7(event->now.wall_ms, random);
        writer_body_begin(&event->now, &body);
        r = replica_reached(engine->replica, &item.locality, &body.base);
        if (r < 0)
                return r;
        body.type = type->number;
        body.operation = ENTRY_CREATE;
        body.record = item.id;
        body.base_locality = item.locality;
        body.author = event->staff;
        body.role = event->role;
        values[staff] = (struct value){.form = VALUE_UUID, .uuid = event->staff};
        values[what] = (struct value){.form = VALUE_INTEGER, .integer = event->what};
        if (!uuid_is_none(&event->person))
                values[person] = (struct value){.form = VALUE_UUID, .uuid = event->person};
        if (happened >= 0)
                values[happened] =
                        (struct value){.form = VALUE_INTEGER, .integer = event->now.wall_ms};
        body.changes = changes;
        for (size_t i = 0; i < type->field_count; i++)
                if (values[i].form != VALUE_UNSET)
                        changes[body.change_count++] = (struct entry_change){
                                .number = type->fields[i].number, .value = values[i]};
        return writer_batch_add(engine, batch, &item, &body);
}

static int flush_some(struct engine *engine)
{
        struct writer_batch *batch = &engine->batch;
        struct audit *audit = &engine->audit;
        int r = 0;

        writer_batch_begin(engine, batch);
        for (size_t i = 0; i < audit->count && r >= 0 && batch->count < ENGINE_WRITE_MAX; i++)
                if (!audit->events[i].written)
                        r = add_event(engine, batch, &audit->events[i]);
        if (r >= 0)
                r = writer_batch_append(engine, batch);
        if (r < 0)
                return r;
        for (size_t i = 0, left = batch->count; i < audit->count && left > 0; i++)
                if (!audit->events[i].written) {
                        audit->events[i].written = true;
                        audit->waiting--;
                        left--;
                }
        return 0;
}

int audit_flush(struct engine *engine, const struct engine_now *now)
{
        struct audit *audit = &engine->audit;

        while (audit->waiting > 0) {
                int r = flush_some(engine);

                if (r < 0) {
                        /* a full disk must not make a loop of it */
                        if (now)
                                audit->due_ms = now->boot_ms + AUDIT_SAME_MS;
                        return r;
                }
        }
        audit->due_ms = INT64_MAX;
        return 0;
}
