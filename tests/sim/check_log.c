/*
 * The store's log, played again by rules of its own: sync.md's words on `review`, on what an urgent entry needs, and nothing of the
 * store's code. A conflict for each concurrent pair, none for what somebody wrote knowing the other; both values readable.
 */
#include "tests/sim/check.h"
#include "tests/sim/fields.h"

#include "common/conflict.h"

enum { ROWS_MAX = 2048, UNITS_MAX = 512, VALUES_MAX = 16 };

struct played { /* a row of the log */
        struct uuid entry, previous, record, person, incarnation;
        size_t device;
        uint64_t number;
        uint8_t lane;
        uint64_t seq;
        struct entry_needs needs;
        bool creates_person;
};

struct unit { /* a field of rule `review` of one record */
        struct uuid record, changer;
        const struct catalogue_type *type;
        uint16_t field;
        uint64_t changed;                       /* position */
        struct bytes value, before[VALUES_MAX]; /* what stands, and what stood */
        size_t before_count;
        bool open, decided;
        size_t conflicts, counted; /* by the rules; at the store */
};

struct play {
        struct world *world;
        struct body_codec *codec;
        struct arena arena;
        struct played rows[ROWS_MAX];
        struct unit units[UNITS_MAX];
        size_t row_count, unit_count;
};

static size_t device_of(const struct world *world, const struct uuid *id)
{
        size_t number = 0;

        while (number < world->machines && !uuid_equal(&world->devices[number].row.id, id))
                number++;
        return number;
}

static const struct promise *promise_of(struct world *world, const struct uuid *entry)
{
        const struct promise *promise = NULL;

        for (size_t i = 0; i < world->machines && !promise; i++)
                promise = ledger_find(&world->ledger, entry, i);
        return promise;
}

/* Does the chain of pending entries that begins with @entry and goes back hold @other? */
static bool continues(const struct play *play, const struct uuid *previous,
                      const struct uuid *other, size_t device)
{
        struct uuid at = *previous;

        for (size_t i = play->row_count; i-- > 0 && !uuid_is_none(&at);) {
                const struct played *row = &play->rows[i];

                if (row->device != device || !uuid_equal(&row->entry, &at))
                        continue;
                if (uuid_equal(&row->entry, other))
                        return true;
                at = row->previous;
        }
        return false;
}

static struct unit *unit_of(struct play *play, const struct catalogue_type *type,
                            const struct uuid *record, uint16_t field)
{
        for (size_t i = 0; i < play->unit_count; i++)
                if (uuid_equal(&play->units[i].record, record) && play->units[i].field == field)
                        return &play->units[i];
        if (play->unit_count == UNITS_MAX)
                return NULL;
        play->units[play->unit_count] =
                (struct unit){.record = *record, .type = type, .field = field};
        return &play->units[play->unit_count++];
}

/* By positions: what changed after the entry's base, by something other than the chain that it continues, was not seen. */
static bool is_held_by_position(const struct unit *unit, const struct entry_body *body,
                                struct bytes value, bool own)
{
        bool newer = unit->changed > body->base.position && !own;

        return (newer && !bytes_equal(unit->value, value)) || (unit->open && !(own && !newer));
}

/*
 * Where the store lost commits, positions are of several histories. Then what the author's screen showed decides: what
 * stands, or something that had stood and was changed behind the author's back. Where it showed what came back later, or
 * never, nothing is said here. Nor where commits were lost twice: what was seen between is told by no receipt that is left.
 */
static bool is_held_by_sight(struct unit *unit, const struct promise *promise,
                             const struct promise *changer, struct bytes value, bool own)
{
        if (own || bytes_equal(unit->value, value))
                return false;
        if (promise && promise->has_seen && bytes_equal(promise->saw, unit->value))
                return false;
        if (promise && promise->has_seen && !(changer && bytes_equal(changer->saw, value)))
                for (size_t i = 0; i < unit->before_count; i++)
                        if (bytes_equal(unit->before[i], promise->saw))
                                return true;
        unit->decided = true;
        return false;
}

static bool is_held(const struct play *play, struct unit *unit, const struct log_row *row,
                    const struct entry_body *body, struct bytes value)
{
        bool own = continues(play, &body->previous, &unit->changer,
                             device_of(play->world, &row->device));

        if (play->world->server.histories == 0)
                return is_held_by_position(unit, body, value, own);
        if (unit->open || play->world->server.histories > 1) {
                unit->decided = true;
                return false;
        }
        return is_held_by_sight(unit, world_promise(play->world, &row->id, &row->device, row->body),
                                promise_of(play->world, &unit->changer), value, own);
}

static void play_value(struct play *play, const struct log_row *row, const struct entry_body *body,
                       const struct entry_change *change)
{
        const struct catalogue_type *type = catalogue_type_by_number(body->type);
        int index = type ? catalogue_field_index(type, change->number) : -1;
        struct unit *unit;
        bool by_store, held;

        if (index < 0 || type->fields[index].rule != RULE_REVIEW ||
            type->fields[index].kind != KIND_TEXT || type->fields[index].group != 0)
                return;
        unit = unit_of(play, type, &body->record, change->number);
        if (!unit || unit->decided)
                return;
        if (row->outcome == OUTCOME_LATE) { /* custody decides, not concurrency */
                unit->decided = true;
                return;
        }
        by_store = uuid_is_none(&row->device);
        held = body->operation == ENTRY_EDIT && !by_store &&
               is_held(play, unit, row, body, change->value.bytes);
        if (unit->decided)
                return;
        if (body->operation == ENTRY_EDIT && !by_store && held != (row->outcome == OUTCOME_HELD))
                world_fail(play->world,
                           "log row %llu: an edit of %s.%s is %s, by the rules it is %s",
                           (unsigned long long)row->number, type->name, type->fields[index].name,
                           held ? "not held" : "held", held ? "concurrent" : "not concurrent");
        if (held) {
                unit->conflicts += !unit->open;
                unit->open = true;
                return;
        }
        if (bytes_equal(unit->value, change->value.bytes) && body->operation == ENTRY_EDIT)
                return;
        if (unit->before_count == VALUES_MAX)
                unit->decided = true;
        else
                unit->before[unit->before_count++] = unit->value;
        unit->value = arena_copy(&play->arena, change->value.bytes);
        unit->changed = row->position;
        unit->changer = row->id;
}

/* What it needs has an outcome, or waits: it was taken before. */
static void note_row(struct play *play, const struct log_row *row,
                     const struct entry_header *header, const struct entry_body *body)
{
        if (play->row_count == ROWS_MAX)
                return;
        play->rows[play->row_count++] = (struct played){
                .entry = row->id,
                .previous = body->previous,
                .record = body->record,
                .person = body->person,
                .device = device_of(play->world, &row->device),
                .number = row->number,
                .incarnation = header->incarnation,
                .lane = row->lane,
                .seq = row->seq,
                .needs = header->needs,
                .creates_person =
                        body->operation == ENTRY_CREATE && uuid_equal(&body->record, &body->person),
        };
}

static int play_row(void *context, const struct log_row *row)
{
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;
        struct play *play = context;
        struct entry_header header;
        struct entry_body body;

        if (entry_header_decode(row->header, &header) < 0 ||
            body_unpack(play->codec, row->body, &clear) < 0 ||
            entry_body_decode(buffer_view(&clear), &header, &play->arena, &body) < 0)
                return 0;
        if (row->outcome != OUTCOME_QUARANTINED)
                for (size_t i = 0; i < body.change_count; i++)
                        play_value(play, row, &body, &body.changes[i]);
        note_row(play, row, &header, &body);
        return 0;
}

/* ---- what an urgent entry needs ---- */

/* Somebody or something that it waited for came in between: then it had been parked. */
static bool had_been_parked(const struct play *play, size_t dependent, size_t needed)
{
        const struct promise *promise = ledger_find(&play->world->ledger, &play->rows[needed].entry,
                                                    play->rows[needed].device);

        if (!promise || promise->parked)
                return true;
        for (size_t i = dependent; i < needed; i++)
                if (play->rows[i].creates_person &&
                    uuid_equal(&play->rows[i].record, &play->rows[needed].person))
                        return true;
        return false;
}

static void check_needs(struct play *play)
{
        for (size_t i = 0; i < play->row_count; i++) {
                const struct played *row = &play->rows[i];

                for (size_t k = i + 1; k < play->row_count; k++) {
                        const struct played *other = &play->rows[k];

                        if (!uuid_is_none(&row->needs.incarnation) &&
                            uuid_equal(&other->incarnation, &row->needs.incarnation) &&
                            other->device == row->device && other->lane == row->needs.lane &&
                            other->seq == row->needs.seq && !had_been_parked(play, i, k))
                                world_fail(
                                        play->world,
                                        "log row %llu was judged before row %llu, which it needs",
                                        (unsigned long long)row->number,
                                        (unsigned long long)other->number);
                }
        }
}

/* ---- conflicts as people find them ---- */

static bool has_value(const struct entry_change *changes, size_t count, uint16_t field)
{
        for (size_t i = 0; i < count; i++)
                if (changes[i].number == field)
                        return true;
        return false;
}

static int count_conflict(void *context, const struct record *record, struct bytes stamps)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct play *play = context;
        struct conflict conflict;

        (void)stamps;
        if (conflict_read(record, &arena, &conflict) < 0) {
                world_fail(play->world, "a conflict cannot be read: %s", error_detail());
                return 0;
        }
        for (size_t i = 0; i < play->unit_count; i++) {
                struct unit *unit = &play->units[i];
                bool readable = conflict.other_count > 0;

                if (!uuid_equal(&unit->record, &conflict.record) || conflict.field_count != 1 ||
                    conflict.fields[0] != unit->field)
                        continue;
                unit->counted++;
                unit->decided = unit->decided || conflict.decided;
                for (size_t k = 0; k < conflict.other_count; k++)
                        readable =
                                readable && has_value(conflict.others[k].changes,
                                                      conflict.others[k].change_count, unit->field);
                if (!readable)
                        world_fail(play->world, "a value of a conflict cannot be read");
        }
        return 0;
}

/* Which fields somebody has decided about: what holds afterwards is not played again here. */
static int note_decision(void *context, const struct record *record, struct bytes stamps)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct play *play = context;
        struct conflict conflict;
        struct unit *unit;
        bool any = false;

        (void)stamps;
        if (conflict_read(record, &arena, &conflict) < 0 || conflict.field_count != 1)
                return 0;
        for (size_t i = 0; i < conflict.other_count; i++)
                any = any || conflict.others[i].state == CONFLICT_CHOSEN ||
                      conflict.others[i].state == CONFLICT_REFUSED;
        unit = any ? unit_of(play, conflict.type, &conflict.record, conflict.fields[0]) : NULL;
        if (unit)
                unit->decided = true;
        return 0;
}

void check_log(struct world *world, struct storage *storage)
{
        struct play *play = sim_alloc(sizeof(*play));
        const struct catalogue_type *type = catalogue_conflict_type();
        int r = body_codec_new(&play->codec);

        play->world = world;
        if (r >= 0)
                r = storage->ops->record_each(storage, type, NULL, NULL, note_decision, play);
        if (r >= 0)
                r = storage->ops->log_each(storage, &template_get()->locality, 1, play_row, play);
        if (r >= 0)
                r = storage->ops->record_each(storage, type, NULL, NULL, count_conflict, play);
        if (r < 0)
                world_fail(world, "the log cannot be played again: %s", error_detail());
        check_needs(play);
        for (size_t i = 0; i < play->unit_count; i++)
                if (!play->units[i].decided && play->units[i].counted != play->units[i].conflicts)
                        world_fail(world, "%s has %zu conflicts where the rules give %zu",
                                   play->units[i].type->name, play->units[i].counted,
                                   play->units[i].conflicts);
        body_codec_free(play->codec);
        arena_deinit(&play->arena);
        free(play);
}
