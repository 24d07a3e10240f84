/*
 * Whoever holds a scope becomes something else: a team goes to another organisation, or an organisation is of another sort. What people
 * allowed to be shared is looked at again, for everybody in it.
 */
#include "store/judge_inside.h"

#include "common/error.h"

#include <string.h>

struct feeds { /* of one scope, in all localities */
        struct {
                struct uuid locality;
                uint64_t number;
        } items[LOCALITIES_MAX];
        size_t count;
};

static int take_feed(void *context, const struct uuid *locality, uint64_t feed,
                     const struct digest *digests)
{
        struct feeds *feeds = context;

        (void)digests;
        if (feeds->count == LOCALITIES_MAX)
                return FAIL(PANNIER_E_LIMIT, "a scope in more than %d localities", LOCALITIES_MAX);
        feeds->items[feeds->count].locality = *locality;
        feeds->items[feeds->count++].number = feed;
        return 0;
}

static int take_id(void *context, const struct uuid *id)
{
        struct buffer *ids = context;

        buffer_append(ids, BYTES(id->bytes, sizeof(id->bytes)));
        return buffer_check(ids);
}

static int check_people(struct judge *judge, const struct uuid *locality, uint64_t feed)
{
        CLEANUP(buffer_deinit) struct buffer people = BUFFER_INIT;
        int r;

        if (!judge->ops->locality(judge->storage, locality))
                return judge_want(judge, locality);
        r = judge->ops->people_of(judge->storage, locality, feed, take_id, &people);
        for (size_t at = 0; at < people.size && r >= 0; at += sizeof(struct uuid)) {
                struct uuid person;

                memcpy(&person, people.data + at, sizeof(person));
                judge_forget_held(judge, &person);
                r = judge_limits(judge, locality, &person);
                if (r >= 0)
                        r = judge_wake(judge, locality, WAIT_PERSON, &person);
        }
        return r;
}

static int check_scope(struct judge *judge, enum scope_kind kind, const struct uuid *id)
{
        const struct scope scope = {kind, *id};
        struct feeds feeds = {.count = 0};
        int r = judge->ops->feed_numbers(judge->storage, &scope, take_feed, &feeds);

        for (size_t i = 0; i < feeds.count && r >= 0; i++)
                r = check_people(judge, &feeds.items[i].locality, feeds.items[i].number);
        return r;
}

static int take_team(void *context, const struct record *record, struct bytes stamps)
{
        (void)stamps;
        return take_id(context, &record->id);
}

/* The home itself, and all teams of the organisation. */
static int check_organisation(struct judge *judge, const struct uuid *id)
{
        CLEANUP(buffer_deinit) struct buffer teams = BUFFER_INIT;
        const struct value own = {.form = VALUE_UUID, .uuid = *id};
        int r = judge->ops->record_find(judge->storage, catalogue_team_type(),
                                        catalogue_bind()->team.organisation, &own, take_team,
                                        &teams);

        if (r >= 0)
                r = check_scope(judge, SCOPE_HOME, id);
        for (size_t at = 0; at < teams.size && r >= 0; at += sizeof(struct uuid)) {
                struct uuid team;

                memcpy(&team, teams.data + at, sizeof(team));
                r = check_scope(judge, SCOPE_TEAM, &team);
        }
        return r;
}

int judge_holder_changed(struct judge *judge, const struct judge_case *c)
{
        const struct uuid *id = &c->result->record.id;

        if (!c->has_standing)
                return 0;
        if (c->type->is_team && c->result->field_changed[catalogue_bind()->team.organisation])
                return check_scope(judge, SCOPE_TEAM, id);
        if (c->type->is_organisation &&
            c->result->field_changed[catalogue_bind()->organisation.types])
                return check_organisation(judge, id);
        return 0;
}
