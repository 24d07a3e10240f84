/*
 * Who is in which scope because of a record that was just written. The rules are common/scope.h's, the feeds store/membership.h's.
 */
#include "store/judge_inside.h"

#include "common/error.h"
#include "store/membership.h"

#include <string.h>

/* ---- what devices hold ---- */

static struct held_row *held_place(struct judge *judge, const struct uuid *device,
                                   const struct uuid *person)
{
        return &judge->held[(device->bytes[15] * 31u + person->bytes[15] + person->bytes[14]) %
                            HELD_CACHE];
}

void judge_forget_held(struct judge *judge, const struct uuid *person)
{
        for (size_t i = 0; i < HELD_CACHE; i++)
                if (uuid_equal(&judge->held[i].person, person))
                        judge->held[i].known = false;
}

int judge_custody(struct judge *judge, const struct judge_case *c, const struct uuid *person,
                  struct judge_held *ret)
{
        struct custody_row row;
        int r = judge->ops->custody_get(judge->storage, &c->origin->device->id, person, &row);

        ret->class = r > 0 ? row.class : 0;
        return r < 0 ? r : 0;
}

int judge_held(struct judge *judge, const struct judge_case *c, const struct uuid *person,
               struct judge_held *ret)
{
        const struct device_row *device = c->origin->device;
        struct held_row *row = held_place(judge, &device->id, person);
        const struct scope_set *scopes;
        struct judge_held held = {0};
        int r;

        if (row->known && uuid_equal(&row->device, &device->id) &&
            uuid_equal(&row->person, person)) {
                *ret = row->held;
                return 0;
        }
        r = grants_get(judge->grants, judge->storage, device, scope_day(judge->now_ms), &scopes);
        if (r >= 0)
                r = membership_held(judge->storage, c->locality, person, scopes);
        if (r < 0)
                return r;
        held.now = r > 0;
        r = held.now ? 0 : judge_custody(judge, c, person, &held);
        if (r < 0)
                return r;
        *row = (struct held_row){
                .device = device->id, .person = *person, .known = true, .held = held};
        *ret = held;
        return 0;
}

int judge_returns(struct judge *judge, const struct judge_case *c, bool *ret)
{
        struct scope scopes[SCOPE_PER_RECORD_MAX];
        const struct scope_set *granted;
        size_t count = 0;
        int r;

        *ret = false;
        if (c->type->personal && !c->type->is_person)
                count = scope_contributions(&c->result->record, scopes);
        if (!count)
                return 0;
        r = grants_get(judge->grants, judge->storage, c->origin->device, scope_day(judge->now_ms),
                       &granted);
        for (size_t i = 0; i < count && r >= 0; i++)
                *ret = *ret || scope_set_has(granted, &scopes[i]);
        return r < 0 ? r : 0;
}

int judge_reaches(struct judge *judge, const struct judge_case *c, bool *ret)
{
        const struct scope locality = {SCOPE_LOCALITY, *c->locality};
        const struct scope_set *scopes;
        int r;

        *ret = true;
        if (uuid_equal(c->locality, &c->origin->device->locality))
                return 0;
        r = grants_get(judge->grants, judge->storage, c->origin->device, scope_day(judge->now_ms),
                       &scopes);
        if (r >= 0)
                *ret = scope_set_has(scopes, &locality);
        return r < 0 ? r : 0;
}

/* ---- limits ---- */

struct limit_records {
        struct scope_limits limits;
        struct uuid struck[256]; /* records that another one strikes out or replaces */
        size_t struck_count;
};

static int take_struck(void *context, const struct record *record, struct bytes stamps)
{
        struct limit_records *records = context;
        int index = catalogue_field_index(record->type, APPEND_AMENDS);

        (void)stamps;
        if (record->type->append && index >= 0 && record->values[index].form == VALUE_UUID &&
            records->struck_count < sizeof(records->struck) / sizeof(records->struck[0]))
                records->struck[records->struck_count++] = record->values[index].uuid;
        return 0;
}

static int take_limit(void *context, const struct record *record, struct bytes stamps)
{
        struct limit_records *records = context;
        int index = catalogue_field_index(record->type, APPEND_ENTERED_IN_ERROR);

        (void)stamps;
        for (size_t i = 0; i < records->struck_count; i++)
                if (uuid_equal(&records->struck[i], &record->id))
                        return 0;
        /* A record that only strikes another one out says nothing itself. */
        if (record->type->append && index >= 0 && record->values[index].form == VALUE_INTEGER &&
            record->values[index].integer)
                return 0;
        scope_limits_take(&records->limits, record);
        return 0;
}

static int read_limits(struct judge *judge, const struct uuid *person, struct limit_records *ret)
{
        const struct catalogue *catalogue = catalogue_get();
        int r = 0;

        ret->struck_count = 0;
        scope_limits_init(&ret->limits);
        for (uint16_t i = 0; i < catalogue->type_count && r >= 0; i++) {
                const struct catalogue_type *type = &catalogue->types[i];

                if (!scope_type_limits(type))
                        continue;
                r = judge->ops->record_each(judge->storage, type, person, NULL, take_struck, ret);
                if (r >= 0)
                        r = judge->ops->record_each(judge->storage, type, person, NULL, take_limit,
                                                    ret);
        }
        return r < 0 ? r : 0;
}

struct forbid {
        struct judge *judge;
        const struct scope_limits *limits;
};

/* Who holds a scope: a team's organisation, or the home itself. */
static int find_holder(struct judge *judge, const struct scope *scope, struct record *ret)
{
        struct uuid organisation = scope->id;
        int16_t index = catalogue_bind()->team.organisation;
        int r;

        if (scope->kind == SCOPE_TEAM) {
                r = judge->ops->record_get(judge->storage, catalogue_team_type(), &scope->id,
                                           &judge->arena, ret, NULL);
                if (r <= 0 || ret->values[index].form != VALUE_UUID)
                        return r < 0 ? r : 0;
                organisation = ret->values[index].uuid;
        } else if (scope->kind != SCOPE_HOME) {
                return 0;
        }
        return judge->ops->record_get(judge->storage, catalogue_organisation_type(), &organisation,
                                      &judge->arena, ret, NULL);
}

static int is_forbidden(void *context, const struct scope *scope)
{
        struct forbid *forbid = context;
        struct record holder;
        int r;

        if (!scope_limits_any(forbid->limits))
                return 0;
        r = find_holder(forbid->judge, scope, &holder);
        if (r < 0)
                return r;
        return scope_limits_forbid(forbid->limits, scope, r > 0 ? &holder : NULL);
}

int judge_limits(struct judge *judge, const struct uuid *locality, const struct uuid *person)
{
        struct limit_records records;
        struct forbid forbid = {.judge = judge, .limits = &records.limits};
        int r = read_limits(judge, person, &records);

        if (r < 0)
                return r;
        return membership_limit(judge->storage, locality, person, is_forbidden, &forbid);
}

/* ---- provisional scopes ---- */

struct provisional {
        struct uuid devices[16];
        size_t count;
        bool elsewhere; /* a record puts the person into another scope, too */
};

static int take_provisional(void *context, const struct member_row *row)
{
        struct provisional *found = context;

        if (!row->source_count)
                return 0;
        if (row->scope.kind != SCOPE_PROVISIONAL)
                found->elsewhere = true;
        else if (found->count < sizeof(found->devices) / sizeof(found->devices[0]))
                found->devices[found->count++] = row->scope.id;
        return 0;
}

/* Is the person in a scope that was granted to the device, other than its provisional one? */
static int is_granted(struct judge *judge, const struct uuid *locality, const struct uuid *person,
                      const struct uuid *device_id, bool *ret)
{
        CLEANUP(scope_set_deinit) struct scope_set granted = SCOPE_SET_INIT;
        const struct scope_set *scopes;
        struct device_row device;
        int r;

        *ret = false;
        r = judge->ops->device_get(judge->storage, device_id, &device);
        if (r <= 0)
                return r;
        r = grants_get(judge->grants, judge->storage, &device, scope_day(judge->now_ms), &scopes);
        for (size_t i = 0; r >= 0 && i < scopes->count; i++)
                if (scopes->items[i].kind != SCOPE_PROVISIONAL)
                        r = scope_set_add(&granted, &scopes->items[i]);
        if (r >= 0)
                r = membership_held(judge->storage, locality, person, &granted);
        *ret = r > 0;
        return r < 0 ? r : 0;
}

int judge_end_provisional(struct judge *judge, const struct uuid *locality,
                          const struct uuid *person, bool ended)
{
        struct provisional found = {0};
        int r = judge->ops->members_of(judge->storage, locality, person, take_provisional, &found);

        if (r < 0 || !found.count)
                return r < 0 ? r : 0;
        ended = ended && !found.elsewhere;
        for (size_t i = 0; i < found.count && !ended; i++) {
                r = is_granted(judge, locality, person, &found.devices[i], &ended);
                if (r < 0)
                        return r;
        }
        if (!ended)
                return 0;
        judge_forget_held(judge, person);
        /* The person's own record is what put them there. */
        r = membership_sources(judge->storage, locality, person, person, NULL, 0);
        return r < 0 ? r : 1;
}

/* ---- what a record changes ---- */

static bool same_scopes(const struct scope *a, size_t a_count, const struct scope *b,
                        size_t b_count)
{
        if (a_count != b_count)
                return false;
        for (size_t i = 0; i < a_count; i++)
                if (!scope_equal(&a[i], &b[i]))
                        return false;
        return true;
}

/* Someone who was met for the first time belongs to the device that met them, from this commit on. */
static size_t wanted_scopes(const struct judge_case *c, struct scope ret[SCOPE_PER_RECORD_MAX])
{
        if (!c->type->is_person)
                return scope_contributions(&c->result->record, ret);
        if (!c->origin || c->has_standing)
                return 0;
        ret[0] = (struct scope){SCOPE_PROVISIONAL, c->entry->header->device};
        return 1;
}

static int change_sources(struct judge *judge, const struct judge_case *c,
                          const struct scope *wanted, size_t count, bool ended)
{
        const struct uuid *person = &c->result->record.person;
        int r;

        judge_forget_held(judge, person);
        r = membership_sources(judge->storage, c->locality, person, &c->result->record.id, wanted,
                               count);
        if (r >= 0)
                r = judge_limits(judge, c->locality, person);
        if (r >= 0 && !c->type->is_person)
                r = judge_end_provisional(judge, c->locality, person, ended);
        return r < 0 ? r : judge_wake(judge, c->locality, WAIT_PERSON, person);
}

static int change_limits(struct judge *judge, const struct judge_case *c, const struct uuid *person)
{
        int r;

        judge_forget_held(judge, person);
        r = judge_limits(judge, c->locality, person);
        return r < 0 ? r : judge_wake(judge, c->locality, WAIT_PERSON, person);
}

int judge_scopes(struct judge *judge, const struct judge_case *c)
{
        struct scope before[SCOPE_PER_RECORD_MAX], wanted[SCOPE_PER_RECORD_MAX];
        size_t before_count = 0, count;
        const struct uuid *person = &c->result->record.person;
        bool changes;
        int r;

        if (!c->type->personal || uuid_is_none(person))
                return 0;
        if (c->type->is_person && c->has_standing)
                return 0;
        count = wanted_scopes(c, wanted);
        if (c->has_standing)
                before_count = scope_contributions(&c->standing, before);
        changes = !same_scopes(before, before_count, wanted, count);
        if (!changes && !scope_type_limits(c->type))
                return 0;
        r = membership_withdraw(judge->storage, &c->result->record,
                                c->has_standing ? c->standing.position : 0);
        if (r < 0)
                return r;
        if (changes)
                return change_sources(judge, c, wanted, count, before_count > 0 && count == 0);
        return change_limits(judge, c, person);
}
