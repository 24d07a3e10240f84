/*
 * A person who moves to another locality leaves there and arrives here, in one transaction of both.
 *
 *   in the locality that is left   what puts the person into a scope of its teams and homes ends; a row in the log says that they departed;
 *                                  every feed that had them gets an exit
 *   then                           every record, with all its stamps, gets the position of the arrival
 *   in the other one               a row in the log says that they arrived, and from where; joins for what still puts them into a scope
 *
 * Devices know of it when they pull. Until then they write entries for the locality that was left: these are judged where the person
 * is now. The receipt of such an entry has a position in its own locality, which uses one up in the same commit, so a device compares
 * positions of one locality only.
 */
#include "store/judge_inside.h"

#include "common/error.h"
#include "common/reason.h"
#include "store/epoch.h"
#include "store/journal.h"
#include "store/membership.h"

#include <string.h>

/* ---- entries about somebody who moved ---- */

int judge_want(struct judge *judge, const struct uuid *locality)
{
        judge->wanted = *locality;
        return FAIL(PANNIER_E_NOT_FOUND, "another locality has to be in this transaction");
}

const struct uuid *judge_wanted(const struct judge *judge)
{
        return uuid_is_none(&judge->wanted) ? NULL : &judge->wanted;
}

/* It may have been parked there when it came first: then this is a repeat. 1, 0 */
static int waits_there(struct judge *judge, const struct judge_case *c)
{
        const struct entry_header *header = c->entry->header;
        struct parked_row row;
        int r;

        if (c->parked)
                return 0;
        r = judge->ops->parked_find(judge->storage, c->locality, &header->id, &header->device,
                                    c->entry->body_hash, &row);
        if (r != FOUND_SAME)
                return r < 0 ? r : 0;
        r = judge_park_again(judge, c->entry, &row);
        return r < 0 ? r : 1;
}

static int go_to(struct judge *judge, struct judge_case *c, const struct uuid *locality)
{
        const struct storage_locality *home = judge->ops->locality(judge->storage, c->home);
        const struct storage_locality *there = judge->ops->locality(judge->storage, locality);

        if (!there)
                return judge_want(judge, locality);
        if (!home)
                return FAIL(PANNIER_E_INTERNAL, "no locality of the entry is in this transaction");
        c->told = (struct position){home->epoch, home->position};
        c->locality = locality;
        c->position = there->position;
        c->epoch = there->epoch;
        return waits_there(judge, c);
}

int judge_find_home(struct judge *judge, struct judge_case *c)
{
        int r;

        if (uuid_is_none(&c->body.person))
                return 0;
        r = judge->ops->moved_get(judge->storage, &c->body.person, &c->moved);
        c->has_moved = r > 0;
        if (r <= 0 || uuid_equal(&c->moved.locality, c->locality))
                return r < 0 ? r : 0;
        return go_to(judge, c, &c->moved.locality);
}

/* Whoever saw everything that could be edited before the departure saw what arrived; of anybody else nothing is known. */
int judge_base_before(struct judge *judge, const struct judge_case *c, uint64_t *ret_base)
{
        const struct position *base = &c->body.base;
        uint64_t position = base->position, floor;
        int r;

        if (!c->has_moved || !uuid_equal(&c->moved.origin, &c->body.base_locality) ||
            !uuid_equal(&c->moved.locality, c->locality) || base->epoch == 0)
                return 0;
        if (base->epoch < c->moved.departed.epoch) {
                r = epoch_floor(judge->storage, &c->moved.origin, base->epoch, &floor);
                if (r < 0)
                        return r;
                position = floor < position ? floor : position;
        }
        if (position >= c->moved.seen)
                *ret_base = c->moved.arrived;
        return 0;
}

/* ---- what the person has ---- */

struct held { /* one record of theirs */
        const struct catalogue_type *type;
        struct uuid id;
        uint64_t position;
};

struct moving {
        struct judge *judge;
        const struct judge_move *move;
        struct judge_moved *report;
        struct judge_case c;  /* lends its depth to what follows */
        struct uuid arrival;  /* id of that entry */
        struct buffer held;   /* struct held behind each other */
        struct buffer parked; /* struct parked_row behind each other, without bytes */
};

static void moving_deinit(struct moving *moving)
{
        buffer_deinit(&moving->held);
        buffer_deinit(&moving->parked);
}

static int take_held(void *context, const struct record *record, struct bytes stamps)
{
        struct moving *moving = context;
        const struct held held = {record->type, record->id, record->position};

        (void)stamps;
        buffer_append(&moving->held, BYTES(&held, sizeof(held)));
        return buffer_check(&moving->held);
}

static int collect_held(struct moving *moving)
{
        const struct catalogue *catalogue = catalogue_get();
        struct storage *storage = moving->judge->storage;
        int r = 0;

        buffer_reset(&moving->held);
        for (uint16_t i = 0; i < catalogue->type_count && r == 0; i++)
                if (catalogue->types[i].personal)
                        r = storage->ops->record_each(storage, &catalogue->types[i],
                                                      &moving->move->person, NULL, take_held,
                                                      moving);
        return r;
}

static size_t held_count(const struct moving *moving)
{
        return moving->held.size / sizeof(struct held);
}

static struct held held_at(const struct moving *moving, size_t place)
{
        struct held held;

        memcpy(&held, moving->held.data + place * sizeof(held), sizeof(held));
        return held;
}

/* Facts are never edited: whoever saw the newest of the others saw all that an edit can meet. */
static uint64_t newest_editable(const struct moving *moving)
{
        uint64_t newest = 0;

        for (size_t i = 0; i < held_count(moving); i++) {
                struct held held = held_at(moving, i);

                if (!held.type->append && held.position > newest)
                        newest = held.position;
        }
        return newest;
}

/* ---- what ends ---- */

static int see_locality(void *context, const struct record *record, struct bytes stamps)
{
        (void)stamps;
        *(struct uuid *)context = record->locality;
        return 0;
}

/* The locality of the team or home that a scope is of; UUID_NONE: not known here. */
static int locality_of(struct judge *judge, const struct scope *scope, struct uuid *ret)
{
        const struct catalogue_type *type = scope->kind == SCOPE_TEAM ? catalogue_team_type()
                                            : scope->kind == SCOPE_HOME
                                                    ? catalogue_organisation_type()
                                                    : NULL;
        int r;

        *ret = UUID_NONE;
        if (!type)
                return 0;
        r = judge->ops->record_visit(judge->storage, type, &scope->id, see_locality, ret);
        return r < 0 ? r : 0;
}

static int is_left_behind(struct moving *moving, const struct record *record, bool *ret)
{
        struct scope scopes[SCOPE_PER_RECORD_MAX];
        size_t count = scope_contributions(record, scopes);
        int r = 0;

        *ret = false;
        for (size_t i = 0; i < count && r == 0; i++) {
                struct uuid locality;

                r = locality_of(moving->judge, &scopes[i], &locality);
                *ret = *ret || uuid_equal(&locality, &moving->report->from);
        }
        return r;
}

/* By the catalogue's own word for what is over: as if its last day were past. */
static int end_record(struct moving *moving, const struct record *record)
{
        const struct catalogue_expiry *expiry = &record->type->expiry;
        struct entry_change change = {
                .number = record->type->fields[expiry->field_index].number,
                .value = {.form = VALUE_INTEGER, .integer = expiry->option},
        };
        const struct judge_change wanted = {
                .locality = &moving->report->from,
                .type = record->type,
                .entry = uuid_derived("left", &moving->move->entry,
                                      BYTES(record->id.bytes, sizeof(record->id.bytes))),
                .record = record->id,
                .person = record->person,
                .changes = &change,
                .change_count = 1,
                .reason = bytes_text("the person moved to another locality"),
        };

        moving->report->ended++;
        return judge_store(moving->judge, &moving->c, &wanted);
}

static int end_one(struct moving *moving, const struct held *held)
{
        struct judge *judge = moving->judge;
        struct record record;
        bool left;
        int r;

        if (!scope_type_contributes(held->type) || held->type->expiry.field_index < 0)
                return 0;
        r = judge->ops->record_get(judge->storage, held->type, &held->id, &judge->arena, &record,
                                   NULL);
        if (r <= 0 || !record_meets(&record, &held->type->expiry.condition))
                return r < 0 ? r : 0;
        r = is_left_behind(moving, &record, &left);
        return r < 0 || !left ? r : end_record(moving, &record);
}

static int end_all(struct moving *moving)
{
        int r = 0;

        for (size_t i = 0; i < held_count(moving) && r == 0; i++) {
                struct held held = held_at(moving, i);

                r = end_one(moving, &held);
        }
        return r;
}

/* ---- rows in both logs ---- */

static struct value moved_to(const struct moving *moving)
{
        return (struct value){.form = VALUE_UUID, .uuid = *moving->move->to};
}

static uint16_t moved_to_number(void)
{
        return catalogue_person_type()->fields[catalogue_bind()->person.moved_to].number;
}

/* Both say the same of the person's record; whose log it is makes it the departure or the arrival (store/verify.c reads them). */
static int note(struct moving *moving, const struct uuid *locality, const struct uuid *entry)
{
        struct entry_change change = {.number = moved_to_number(), .value = moved_to(moving)};
        const struct judge_change wanted = {
                .locality = locality,
                .type = catalogue_person_type(),
                .entry = *entry,
                .record = moving->move->person,
                .person = moving->move->person,
                .changes = &change,
                .change_count = 1,
                .reason = moving->move->reason,
        };

        return judge_note(moving->judge, &wanted, &moving->report->from, &moving->report->departed);
}

/* ---- leaving and arriving ---- */

static int leave(struct moving *moving)
{
        struct storage *storage = moving->judge->storage;
        int r = 0;

        for (size_t i = 0; i < held_count(moving) && r == 0; i++) {
                struct held held = held_at(moving, i);

                if (held.type->is_person || scope_type_contributes(held.type))
                        r = membership_sources(storage, &moving->report->from,
                                               &moving->move->person, &held.id, NULL, 0);
        }
        return r;
}

static int stamp_move(struct moving *moving, struct record *record, struct stamps *stamps)
{
        const struct stamp stamp = {
                .position = record->position,
                .quality = CLOCK_SYNCHRONISED,
                .corrected_ms = moving->judge->now_ms,
                .entry = moving->arrival,
                .by_store = true,
        };

        if (!record->type->is_person)
                return 0;
        record->values[catalogue_bind()->person.moved_to] = moved_to(moving);
        return stamps_set(stamps, moved_to_number(), BYTES_NONE, &stamp);
}

static int bring(struct moving *moving, const struct held *held)
{
        struct judge *judge = moving->judge;
        const struct judge_move *move = moving->move;
        struct record record;
        struct stamps stamps;
        int r = judge_standing(judge, move->to, held->type, &held->id, &record, &stamps);

        if (r <= 0)
                return r;
        record.locality = *move->to;
        record.position = moving->report->arrived.position;
        for (size_t i = 0; i < stamps.count; i++)
                stamps.parts[i].stamp.position = record.position;
        r = stamp_move(moving, &record, &stamps);
        if (r == 0)
                r = judge_write_record(judge, &record, &stamps);
        judge->storage->has_unfed =
                false; /* they are in no feed now, and join with all they have */
        if (r == 0)
                r = judge->ops->conflicts_move(judge->storage, &moving->report->from, move->to,
                                               &held->id);
        if (r == 0)
                r = judge->ops->load_move(judge->storage, &moving->report->from, move->to,
                                          held->type, &held->id);
        moving->report->records++;
        return r;
}

static int bring_all(struct moving *moving)
{
        int r = 0;

        for (size_t i = 0; i < held_count(moving) && r == 0; i++) {
                struct held held = held_at(moving, i);

                r = bring(moving, &held);
        }
        return r;
}

static int arrive_by(struct moving *moving, const struct held *held)
{
        struct scope scopes[SCOPE_PER_RECORD_MAX];
        struct judge *judge = moving->judge;
        struct record record;
        int r;

        if (held->type->is_person || !scope_type_contributes(held->type))
                return 0;
        r = judge->ops->record_get(judge->storage, held->type, &held->id, &judge->arena, &record,
                                   NULL);
        if (r <= 0)
                return r;
        return membership_sources(judge->storage, moving->move->to, &moving->move->person,
                                  &held->id, scopes, scope_contributions(&record, scopes));
}

static int arrive(struct moving *moving)
{
        int r = 0;

        for (size_t i = 0; i < held_count(moving) && r == 0; i++) {
                struct held held = held_at(moving, i);

                r = arrive_by(moving, &held);
        }
        return r < 0 ? r : judge_limits(moving->judge, moving->move->to, &moving->move->person);
}

/* ---- where somebody shall look after them ---- */

static const struct catalogue_scope *rule_for(const struct scope *scope,
                                              const struct catalogue_type **ret_type)
{
        const struct catalogue *catalogue = catalogue_get();

        for (uint16_t i = 0; i < catalogue->type_count; i++)
                for (uint8_t k = 0; k < catalogue->types[i].scope_count; k++)
                        if (catalogue->types[i].personal &&
                            catalogue->types[i].scopes[k].kind == scope->kind) {
                                *ret_type = &catalogue->types[i];
                                return &catalogue->types[i].scopes[k];
                        }
        return NULL;
}

/* A record that puts them there, in the first of the states in which it does: proposed. */
static int propose(struct moving *moving, const struct scope *scope)
{
        const struct catalogue_type *type = NULL;
        const struct catalogue_scope *rule = rule_for(scope, &type);
        const struct bytes seed = BYTES(scope->id.bytes, sizeof(scope->id.bytes));
        struct entry_change changes[2] = {{0}}, swap;
        struct judge_change wanted = {
                .locality = moving->move->to,
                .type = type,
                .entry = uuid_derived("proposal entry", &moving->move->entry, seed),
                .record = uuid_derived("proposal", &moving->move->entry, seed),
                .person = moving->move->person,
                .changes = changes,
                .reason = bytes_text("the person moved to this locality"),
        };

        if (!rule)
                return FAIL(PANNIER_E_INVALID, "no record puts anybody into a scope of this kind");
        changes[wanted.change_count++] = (struct entry_change){
                .number = type->fields[rule->field_index].number,
                .value = {.form = VALUE_UUID, .uuid = scope->id},
        };
        if (rule->condition.field_index >= 0)
                changes[wanted.change_count++] = (struct entry_change){
                        .number = type->fields[rule->condition.field_index].number,
                        .value = {.form = VALUE_INTEGER, .integer = rule->condition.options[0]},
                };
        if (wanted.change_count == 2 && changes[0].number > changes[1].number) {
                swap = changes[0];
                changes[0] = changes[1];
                changes[1] = swap;
        }
        moving->report->proposed++;
        return judge_store(moving->judge, &moving->c, &wanted);
}

/* ---- what waits ---- */

static int take_parked(void *context, const struct parked_row *row)
{
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;
        struct moving *moving = context;
        struct parked_row kept = *row;
        struct entry_header header;
        struct entry_body body;
        int r = entry_header_decode(row->header, &header);

        if (r == 0)
                r = body_unpack(moving->judge->codec, row->body, &clear);
        if (r == 0)
                r = entry_body_decode(buffer_view(&clear), &header, &moving->judge->arena, &body);
        if (r == PANNIER_E_MEMORY)
                return r;
        if (r < 0) {
                error_clear(); /* it waits for a store that can read it */
                return 0;
        }
        if (!uuid_equal(&body.person, &moving->move->person))
                return 0;
        kept.header = kept.body = BYTES_NONE;
        buffer_append(&moving->parked, BYTES(&kept, sizeof(kept)));
        return buffer_check(&moving->parked);
}

static int move_parked(struct moving *moving)
{
        const struct uuid *from = &moving->report->from, *to = moving->move->to;
        struct judge *judge = moving->judge;
        int r = judge->ops->parked_older(judge->storage, from, INT64_MAX, take_parked, moving);

        judge->parked_known = false;
        for (size_t at = 0; at < moving->parked.size && r == 0; at += sizeof(struct parked_row)) {
                struct parked_row row;

                memcpy(&row, moving->parked.data + at, sizeof(row));
                r = judge->ops->parked_move(judge->storage, from, to, &row.id, &row.device);
                judge->parked_known = false;
                if (r == 0)
                        r = judge_wake(judge, to, row.wait, &row.wait_id);
                moving->report->parked++;
        }
        return r;
}

/* ---- all of it ---- */

/* Whoever is known here under the same identity is told, as of anybody who is new. */
static int look_for_twins(struct moving *moving)
{
        struct judge *judge = moving->judge;
        struct entry_header header = {.id = moving->arrival};
        const struct judge_entry entry = {.header = &header};
        struct judge_case c = {
                .locality = moving->move->to,
                .entry = &entry,
                .type = catalogue_person_type(),
                .position = moving->report->arrived.position,
                .epoch = moving->report->arrived.epoch,
        };
        int r;

        c.body.person = c.body.record = moving->move->person;
        c.result = arena_alloc(&judge->arena, sizeof(*c.result));
        if (!c.result)
                return FAIL(PANNIER_E_MEMORY, "a result");
        memset(c.result, 0, sizeof(*c.result));
        r = judge->ops->record_get(judge->storage, c.type, &moving->move->person, &judge->arena,
                                   &c.result->record, NULL);
        return r <= 0 ? r : judge_unique(judge, &c);
}

static int is_open(void *context, const struct record *record, struct bytes stamps)
{
        const struct value *status = &record->values[catalogue_bind()->conflict.status];

        (void)stamps;
        if (status->form == VALUE_INTEGER &&
            status->integer == catalogue_bind()->conflict.status_open)
                ++*(uint64_t *)context;
        return 0;
}

static int count_conflicts(struct moving *moving)
{
        struct storage *storage = moving->judge->storage;

        return storage->ops->record_each(storage, catalogue_conflict_type(), &moving->move->person,
                                         NULL, is_open, &moving->report->conflicts);
}

static int go(struct moving *moving, uint64_t seen)
{
        struct judge *judge = moving->judge;
        const struct judge_move *move = moving->move;
        const struct moved_row row = {
                .person = move->person,
                .locality = *move->to,
                .arrived = moving->report->arrived.position,
                .origin = moving->report->from,
                .departed = moving->report->departed,
                .seen = seen,
        };
        int r = note(moving, &moving->report->from, &move->entry);

        if (r == 0)
                r = collect_held(moving); /* as they stand now */
        if (r == 0)
                r = leave(moving);
        if (r == 0)
                r = bring_all(moving);
        if (r == 0)
                r = note(moving, move->to, &moving->arrival);
        if (r == 0)
                r = judge->ops->moved_put(judge->storage, &row);
        judge_forget_held(judge, &move->person);
        if (r == 0)
                r = arrive(moving);
        return r < 0 ? r : look_for_twins(moving);
}

/* 1 they are there already */
static int begin_move(struct moving *moving)
{
        struct judge *judge = moving->judge;
        const struct storage_locality *from, *to;
        int r = judge->ops->record_visit(judge->storage, catalogue_person_type(),
                                         &moving->move->person, see_locality,
                                         &moving->report->from);

        if (r <= 0)
                return r < 0 ? r : FAIL(PANNIER_E_NOT_FOUND, "nobody has this id");
        if (uuid_equal(&moving->report->from, moving->move->to))
                return 1;
        from = judge->ops->locality(judge->storage, &moving->report->from);
        to = judge->ops->locality(judge->storage, moving->move->to);
        if (!from || !to)
                return judge_want(judge, from ? moving->move->to : &moving->report->from);
        moving->report->departed = (struct position){from->epoch, from->position};
        moving->report->arrived = (struct position){to->epoch, to->position};
        moving->arrival = uuid_derived("arrival", &moving->move->entry, BYTES_NONE);
        moving->c.locality = moving->move->to;
        return collect_held(moving);
}

int judge_move(struct judge *judge, const struct judge_move *move, struct judge_moved *ret)
{
        CLEANUP(moving_deinit)
        struct moving moving = {.judge = judge, .move = move, .report = ret};
        uint64_t seen;
        int r;

        *ret = (struct judge_moved){.records = 0};
        arena_reset(&judge->arena);
        judge->taken_known = false;
        r = begin_move(&moving);
        if (r != 0)
                return r < 0 ? r : JUDGE_UNCHANGED;
        seen = newest_editable(&moving);
        r = end_all(&moving);
        if (r == 0)
                r = go(&moving, seen);
        for (size_t i = 0; i < move->join_count && i < JUDGE_JOINS_MAX && r == 0; i++)
                r = propose(&moving, &move->joins[i]);
        if (r == 0)
                r = count_conflicts(&moving);
        if (r == 0)
                r = move_parked(&moving);
        if (r == 0)
                r = judge_settle(judge);
        if (r == 0)
                r = journal_move(judge->storage, move);
        return r < 0 ? r : JUDGE_EDITED;
}
