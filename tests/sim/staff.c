/* What people do on a device: they record, edit, decide, look, tap twice and wait for nobody. */
#include "common/conflict.h"
#include "tests/sim/check.h"
#include "tests/sim/fields.h"
#include "tests/sim/host.h"
#include "tests/sim/work.h"

#include <stdio.h>
#include <string.h>

struct job { /* one piece of work */
        struct world *world;
        struct device *device;
        struct random random;
        struct uuid staff;
        bool collides; /* on purpose: the id may be known here */
        char text[2][48];
};

struct draft_entry { /* an entry and what it borrows from */
        struct engine_entry entry;
        struct sim_changes changes;
};

/* A clone is in the hands of the same people. */
static size_t identity_of(const struct job *job)
{
        return job->device->number < job->world->plan.devices ? job->device->number
                                                              : job->world->clone_of;
}

static struct uuid some_staff(struct job *job)
{
        const struct template *template = template_get();
        size_t device = identity_of(job);
        size_t team = device == 2 || (device == 3 && random_chance(&job->random, 500)) ? 1 : 0;

        return random_chance(&job->random, 600) ? template->nurses[team]
                                                : template->coordinators[team];
}

/* Mostly somebody whom the device has; also somebody whom it had, or never had. */
static const struct person *some_person(struct job *job)
{
        for (int i = 0; i < 6; i++) {
                size_t number = random_below(&job->random, job->world->person_count);

                if (job->device->allowed >> number & 1)
                        return &job->world->people[number];
        }
        return &job->world->people[random_below(&job->random, job->world->person_count)];
}

static uint32_t person_number(struct world *world, const struct uuid *person)
{
        for (uint32_t i = 0; i < world->person_count; i++)
                if (uuid_equal(&world->people[i].id, person))
                        return i;
        return 0;
}

/* A text that says whom it is about and is not used twice. */
static const char *some_text(struct job *job, size_t slot, const struct uuid *person)
{
        (void)snprintf(job->text[slot], sizeof(job->text[slot]), SIM_MARK "%03u text %u",
                       person_number(job->world, person), job->world->next_entry);
        return job->text[slot];
}

static struct uuid next_id(struct job *job)
{
        return sim_id(ID_ENTRY, ++job->world->next_entry);
}

/* ---- entries ---- */

static void make_create(struct draft_entry *draft, const struct uuid *id, const char *type,
                        const struct uuid *person, const struct sim_field *fields, size_t count)
{
        draft->entry = (struct engine_entry){.request = *id,
                                             .operation = ENTRY_CREATE,
                                             .type = sim_type(type),
                                             .person = person ? *person : UUID_NONE};
        sim_changes_make(draft->entry.type, fields, count, &draft->changes);
}

static void make_edit(struct draft_entry *draft, const struct uuid *id,
                      const struct catalogue_type *type, const struct uuid *record,
                      const struct sim_field *fields, size_t count)
{
        draft->entry = (struct engine_entry){
                .request = *id, .operation = ENTRY_EDIT, .type = type, .record = *record};
        sim_changes_make(type, fields, count, &draft->changes);
}

static void remember(struct world *world, const struct engine_entry *entry)
{
        const struct sim_record record = {
                .type = entry->type, .id = entry->request, .person = entry->person};

        if (entry->operation == ENTRY_CREATE && world->record_count < RECORDS_MAX &&
            !entry->type->is_person && entry->type != sim_type("acknowledgement"))
                world->records[world->record_count++] = record;
}

static const char *operation_name(const struct engine_entry *entry)
{
        return entry->operation == ENTRY_CREATE ? "creates"
               : entry->operation == ENTRY_EDIT ? "edits"
                                                : "decides";
}

/* Refusals are answers too: what is not here, what the role may not, what does not exist. */
static bool is_refusal(int error)
{
        return error == PANNIER_E_NOT_FOUND || error == PANNIER_E_REFUSED ||
               error == PANNIER_E_BUSY || error == PANNIER_E_INVALID || error == PANNIER_E_LIMIT;
}

/* ---- what the author sees ---- */

struct seen { /* in the field that an entry edits */
        int field;
        char text[64];
        size_t size;
        bool there;
};

static int take_field(void *context, const struct record *record, struct bytes stamps)
{
        struct seen *seen = context;
        const struct value *value = &record->values[seen->field];

        (void)stamps;
        seen->there = value->form == VALUE_NULL ||
                      (value->form == VALUE_BYTES && value->bytes.size <= sizeof(seen->text));
        if (value->form == VALUE_BYTES && seen->there) {
                memcpy(seen->text, value->bytes.data, value->bytes.size);
                seen->size = value->bytes.size;
        }
        return 0;
}

static void see_field(struct job *job, const struct draft_entry *draft, struct seen *ret)
{
        const struct catalogue_type *type = draft->entry.type;

        *ret = (struct seen){0};
        if (draft->entry.operation != ENTRY_EDIT || draft->changes.count != 1 ||
            draft->changes.items[0].value.form != VALUE_BYTES)
                return;
        ret->field = catalogue_field_index(type, draft->changes.items[0].number);
        if (ret->field >= 0)
                (void)record_visit(replica_tables(job->device->engine->replica), type,
                                   &draft->entry.record, take_field, ret);
}

static void note_seen(struct job *job, const struct engine_entry *entry, const struct seen *seen)
{
        struct ledger *ledger = &job->world->ledger;
        struct promise *promise = ledger_find(ledger, &entry->request, job->device->number);

        if (promise && seen->there && !promise->has_seen)
                ledger_saw(ledger, promise, BYTES(seen->text, seen->size));
}

static int write_entries(struct job *job, struct draft_entry *drafts, size_t count)
{
        struct engine_now now = host_now(job->world, job->device);
        struct engine_entry entries[4];
        struct engine_written written[4];
        struct seen seen[4];
        int r;

        for (size_t i = 0; i < count; i++) {
                see_field(job, &drafts[i], &seen[i]);
                entries[i] = drafts[i].entry;
                entries[i].changes = drafts[i].changes.items;
                entries[i].change_count = drafts[i].changes.count;
        }
        r = engine_write(job->device->engine, &job->staff, &now, entries, count, written, NULL);
        for (size_t i = 0; i < count; i++) {
                story_tell(&job->world->story, job->device->row.name, "staff %s %s %u: %s",
                           operation_name(&entries[i]), entries[i].type->name,
                           job->world->next_entry, r == 0 ? "recorded" : pannier_error_name(r));
                if (r != 0)
                        continue;
                check_acknowledged(job->world, job->device, &entries[i].request);
                note_seen(job, &entries[i], &seen[i]);
                remember(job->world, &entries[i]);
        }
        if (r == PANNIER_E_TAKEN && !job->collides)
                world_fail(job->world, "a fresh request id is taken on %s", job->device->row.name);
        else if (r < 0 && r != PANNIER_E_TAKEN && !is_refusal(r) && r != PANNIER_E_STORAGE &&
                 r != PANNIER_E_CORRUPT)
                world_fail(job->world, "a write fails: %s: %s", pannier_error_name(r),
                           error_detail());
        story_mix_number(&job->world->story, (uint64_t)(int64_t)r);
        return r;
}

/* ---- kinds of work ---- */

static void make_record(struct job *job, const struct uuid *person, struct draft_entry *ret)
{
        struct uuid id = next_id(job);
        const char *text = some_text(job, 0, person);

        switch (random_below(&job->random, 4)) {
        case 0:
        case 1:
                make_create(
                        ret, &id, "alert", person,
                        (struct sim_field[]){{"category", "dog", NULL, 0}, {"text", text, NULL, 0}},
                        2);
                break;
        case 2:
                make_create(ret, &id, "task", person,
                            (struct sim_field[]){{"title", text, NULL, 0},
                                                 {"status", "requested", NULL, 0}},
                            2);
                break;
        default:
                make_create(ret, &id, "allergy", person,
                            (struct sim_field[]){{"substance", text, NULL, 0},
                                                 {"severity", "mild", NULL, 0},
                                                 {"status", "active", NULL, 0}},
                            3);
                break;
        }
}

static int record(struct job *job)
{
        struct draft_entry draft;

        make_record(job, &some_person(job)->id, &draft);
        return write_entries(job, &draft, 1);
}

static void make_person_edit(struct job *job, const struct uuid *person, struct draft_entry *ret)
{
        struct uuid id = next_id(job);
        const char *field = random_chance(&job->random, 400)   ? "preferred_name"
                            : random_chance(&job->random, 500) ? "phone"
                                                               : "given";

        make_edit(ret, &id, sim_type("person"), person,
                  (struct sim_field[]){{field, some_text(job, 0, person), NULL, 0}}, 1);
}

static int take_person(void *context, const struct record *record, struct bytes stamps)
{
        (void)stamps;
        *(struct uuid *)context = record->person;
        return 0;
}

/*
 * Whom the record is about on this device: where another device has used the same id, somebody else may be shown here than
 * at the store.
 */
static struct uuid person_here(struct job *job, const struct sim_record *record)
{
        struct uuid person = record->person;

        if (job->device->engine)
                (void)record_visit(replica_tables(job->device->engine->replica), record->type,
                                   &record->id, take_person, &person);
        return person;
}

static void make_record_edit(struct job *job, const struct sim_record *record,
                             struct draft_entry *ret)
{
        static const char *const states[] = {"accepted", "done", "requested"};
        struct uuid id = next_id(job);
        struct uuid person = person_here(job, record);
        struct sim_field field = {.text = some_text(job, 0, &person)};

        if (record->type == sim_type("alert")) {
                field.name = "text";
        } else if (record->type == sim_type("allergy")) {
                field.name = "reaction";
        } else if (random_chance(&job->random, 500)) {
                field.name = "title";
        } else {
                field.name = "status";
                field.text = states[random_below(&job->random, 3)];
        }
        make_edit(ret, &id, record->type, &record->id, &field, 1);
}

static const struct sim_record *some_record(struct job *job)
{
        struct world *world = job->world;
        size_t count = world->record_count;

        if (count == 0)
                return NULL;
        /* what was written of late, and people whom one has, are what one comes back to */
        for (int i = 0; i < 6; i++) {
                size_t back = random_chance(&job->random, 700) && count > 4
                                      ? random_below(&job->random, 4)
                                      : random_below(&job->random, count);
                const struct sim_record *record = &world->records[count - 1 - back];

                if (job->device->allowed >> person_number(world, &record->person) & 1)
                        return record;
        }
        return &world->records[random_below(&job->random, count)];
}

static int edit(struct job *job)
{
        const struct sim_record *record = some_record(job);
        struct draft_entry draft;

        if (!record || random_chance(&job->random, 200))
                make_person_edit(job, &some_person(job)->id, &draft);
        else
                make_record_edit(job, record, &draft);
        return write_entries(job, &draft, 1);
}

/* A visit is signed: several entries in one commit, of several lanes, the later on top of the earlier. */
static int batch(struct job *job)
{
        const struct person *person = some_person(job);
        struct draft_entry drafts[3];
        struct sim_record made;
        struct uuid id;

        make_record(job, &person->id, &drafts[0]);
        made = (struct sim_record){
                .type = drafts[0].entry.type, .id = drafts[0].entry.request, .person = person->id};
        id = next_id(job);
        if (made.type == sim_type("task"))
                make_create(
                        &drafts[1], &id, "acknowledgement", &person->id,
                        (struct sim_field[]){{"of", NULL, &made.id, 0}, {"kind", "seen", NULL, 0}},
                        2);
        else
                make_create(&drafts[1], &id, "task", &person->id,
                            (struct sim_field[]){{"title", some_text(job, 1, &person->id), NULL, 0},
                                                 {"status", "requested", NULL, 0},
                                                 {"about", NULL, &made.id, 0}},
                            3);
        make_person_edit(job, &person->id, &drafts[2]);
        return write_entries(job, drafts, random_chance(&job->random, 500) ? 3 : 2);
}

/* Somebody whom the store does not know yet, and at once something about them. */
static int meet(struct job *job)
{
        struct world *world = job->world;
        uint32_t number = (uint32_t)world->person_count;
        struct uuid id = sim_id(ID_PERSON, number);
        struct draft_entry drafts[2];
        char name[32];
        int r;

        if (world->person_count == PEOPLE_MAX)
                return 0;
        (void)snprintf(name, sizeof(name), SIM_MARK "%03u", number);
        make_create(&drafts[0], &id, "person", NULL,
                    (struct sim_field[]){{"family", name, NULL, 0},
                                         {"given", "Bea", NULL, 0},
                                         {"birth_date", NULL, NULL, -9000}},
                    3);
        world->people[world->person_count++] = (struct person){.id = id, .created = true};
        make_record(job, &id, &drafts[1]);
        r = write_entries(job, drafts, 2);
        if (r != 0 && !ledger_find(&world->ledger, &id, job->device->number))
                return r; /* the number stays with somebody who may yet turn out to be there */
        return r;
}

/* The button did not seem to work, so it is pressed again: the same request, the same answer. */
static int tap(struct job *job)
{
        struct engine_now now = host_now(job->world, job->device);
        struct engine_written written = {0};
        struct draft_entry draft;
        int r;

        make_record(job, &some_person(job)->id, &draft);
        r = write_entries(job, &draft, 1);
        if (r != 0)
                return r;
        draft.entry.changes = draft.changes.items;
        draft.entry.change_count = draft.changes.count;
        r = engine_write(job->device->engine, &job->staff, &now, &draft.entry, 1, &written, NULL);
        if (r == 0 && !written.repeated)
                world_fail(job->world, "a double tap was recorded twice");
        else if (r < 0 && r != PANNIER_E_STORAGE && r != PANNIER_E_CORRUPT)
                world_fail(job->world, "a double tap is refused: %s", error_detail());
        if (r != 0)
                return r;
        draft.changes.items[draft.changes.count - 1].value.form = VALUE_NULL;
        r = engine_write(job->device->engine, &job->staff, &now, &draft.entry, 1, &written, NULL);
        if (r == 0)
                world_fail(job->world, "a request id was taken for other content");
        return r == PANNIER_E_TAKEN ? 0 : r;
}

static int see(void *context, const struct engine_record *record)
{
        (void)context;
        (void)record;
        return 0;
}

static int look(struct job *job)
{
        struct engine_now now = host_now(job->world, job->device);
        bool more, complete;
        int r = engine_people(job->device->engine, &job->staff, &now, BYTES_NONE, NULL, 100, see,
                              NULL, &more, &complete);

        if (r >= 0)
                r = engine_records(job->device->engine, &job->staff, &now, &some_person(job)->id,
                                   NULL, NULL, 20, see, NULL, &more);
        return r < 0 && is_refusal(r) ? 0 : r;
}

/* A program that makes its request ids badly: another device has used this one for something else. */
static int collide(struct job *job)
{
        const struct ledger *ledger = &job->world->ledger;
        const struct promise *taken;
        struct draft_entry draft;

        /* a store that comes back may judge the two in the other order: then their people and outcomes change places */
        if (ledger->count == 0 || plan_has(&job->world->plan, STEP_STORE_BACK))
                return 0;
        taken = &ledger->promises[random_below(&job->random, ledger->count)];
        make_record(job, &some_person(job)->id, &draft);
        if (taken->device == job->device->number || taken->id.bytes[5] != ID_ENTRY ||
            ledger_find(&job->world->ledger, &taken->id, job->device->number))
                return 0;
        draft.entry.request = taken->id;
        job->collides = true;
        return write_entries(job, &draft, 1);
}

struct found_conflict {
        struct uuid id;
        size_t wanted, seen;
        struct buffer decision;
        bool found;
};

/* Of the values that wait, one is chosen, and all that were there have been seen. */
static int take_conflict(void *context, const struct engine_record *record, bool may_decide)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct found_conflict *found = context;
        struct conflict_decision decision = {0};
        struct conflict conflict;

        if (!may_decide || found->seen++ != found->wanted)
                return 0;
        if (conflict_read(record->visible, &arena, &conflict) < 0 || conflict.other_count == 0)
                return 0;
        decision.seen = arena_alloc(&arena, conflict.other_count * sizeof(*decision.seen));
        for (size_t i = 0; i < conflict.other_count && decision.seen; i++)
                if (conflict.others[i].state == CONFLICT_OPEN)
                        decision.seen[decision.seen_count++] = conflict.others[i].id;
        if (decision.seen_count == 0)
                return 0;
        decision.chosen = decision.seen[decision.seen_count - 1];
        conflict_decision_write(&decision, &found->decision);
        found->id = conflict.id;
        found->found = true;
        return 1;
}

static int decide(struct job *job)
{
        struct engine_now now = host_now(job->world, job->device);
        struct found_conflict found = {.wanted = random_below(&job->random, 2)};
        const struct catalogue_type *type = catalogue_conflict_type();
        struct draft_entry draft = {0};
        bool more;
        int r = engine_conflicts(job->device->engine, &job->staff, &now, NULL, 10, take_conflict,
                                 &found, &more);

        if (r >= 0 && found.found) {
                draft.entry = (struct engine_entry){.request = next_id(job),
                                                    .operation = ENTRY_DECIDE,
                                                    .type = type,
                                                    .record = found.id};
                draft.changes.items[0] = (struct entry_change){
                        .number = type->fields[catalogue_bind()->conflict.decision].number,
                        .value = {.form = VALUE_BYTES, .bytes = buffer_view(&found.decision)}};
                draft.changes.count = 1;
                r = write_entries(job, &draft, 1);
        }
        buffer_deinit(&found.decision);
        return r < 0 && is_refusal(r) ? 0 : r;
}

void staff_step(struct world *world, struct device *device, const struct step *step)
{
        struct job job = {.world = world, .device = device};
        int r = 0;

        if (!device->engine)
                return;
        random_init(&job.random, step->draw, 0);
        job.staff = some_staff(&job);
        if (step->kind == STEP_RECORD)
                r = record(&job);
        else if (step->kind == STEP_EDIT)
                r = edit(&job);
        else if (step->kind == STEP_BATCH)
                r = batch(&job);
        else if (step->kind == STEP_MEET)
                r = meet(&job);
        else if (step->kind == STEP_TAP)
                r = tap(&job);
        else if (step->kind == STEP_COLLIDE)
                r = collide(&job);
        else if (step->kind == STEP_LOOK)
                r = look(&job);
        else if (step->kind == STEP_DECIDE)
                r = decide(&job);
        else if (step->kind == STEP_SYNC)
                engine_sync_now(device->engine,
                                &(struct engine_now){.boot_ms = host_now(world, device).boot_ms});
        if (device->phase != HOST_OFF || r == PANNIER_E_CORRUPT)
                host_called(world, device, r);
}
