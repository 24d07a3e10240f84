/*
 * May this author write this, on this device, and is everything here that the entry builds on?
 *
 * What the device does not hold looks exactly like what does not exist: the entry waits for it.
 */
#include "store/judge_inside.h"

#include "common/error.h"
#include "common/plant.h"
#include "store/membership.h"

static void refuse(struct judge_obstacle *obstacle, enum quarantine_reason reason)
{
        if (obstacle->reason == REASON_NONE)
                obstacle->reason = reason;
}

static void wait_for(struct judge_obstacle *obstacle, enum parked_wait wait, const struct uuid *id)
{
        obstacle->wait = wait;
        obstacle->wait_id = *id;
}

static bool stands_in_way(const struct judge_obstacle *obstacle)
{
        return obstacle->reason != REASON_NONE || obstacle->wait != 0;
}

/* What the catalogue says about such an entry, whoever writes it. */
static void check_form(const struct judge_case *c, struct judge_obstacle *obstacle)
{
        const struct entry_body *body = &c->body;
        const struct catalogue_type *type = c->type;

        if (type->is_conflict != (body->operation == ENTRY_DECIDE))
                refuse(obstacle, type->is_conflict ? REASON_ROLE : REASON_CATALOGUE);
        else if (type->store_only && !type->is_conflict)
                refuse(obstacle, REASON_ROLE);
        else if (type->append && body->operation == ENTRY_EDIT)
                refuse(obstacle, REASON_APPEND);
        else if ((type->personal == uuid_is_none(&body->person) && !type->is_conflict) ||
                 uuid_is_none(&body->record) ||
                 (type->is_person && !uuid_equal(&body->record, &body->person)))
                refuse(obstacle, REASON_MALFORMED);
}

static struct author_row *author_place(struct judge *judge, const struct uuid *staff)
{
        return &judge->authors[staff->bytes[15] % AUTHOR_CACHE];
}

static int find_author(struct judge *judge, const struct judge_case *c,
                       const struct author_row **ret)
{
        const struct uuid *staff = &c->body.author;
        struct author_row *row = author_place(judge, staff);
        struct record record;
        int r;

        if (!row->known || !uuid_equal(&row->staff, staff)) {
                int16_t role = catalogue_bind()->staff.role;

                r = judge->ops->record_get(judge->storage, catalogue_staff_type(), staff,
                                           &judge->arena, &record, NULL);
                if (r < 0)
                        return r;
                *row = (struct author_row){.staff = *staff, .known = true, .found = r > 0};
                if (r > 0 && record.values[role].form == VALUE_INTEGER)
                        row->role = (uint16_t)record.values[role].integer;
        }
        *ret = row;
        return 0;
}

static uint64_t roles_for(const struct judge_case *c)
{
        switch (c->body.operation) {
        case ENTRY_CREATE:
                return c->type->create_roles;
        case ENTRY_EDIT:
                return c->type->edit_roles;
        case ENTRY_DECIDE:
                break;
        }
        return c->type->decide_roles; /* and those of the type it is about, see judge_decide() */
}

static int check_author(struct judge *judge, struct judge_case *c, struct judge_obstacle *obstacle)
{
        const struct author_row *author;
        int r;

        if (uuid_equal(&c->body.author,
                       c->released ? &c->origin->device->id : &c->entry->header->device)) {
                if (!c->type->by_device || c->body.operation != ENTRY_CREATE || c->body.role != 0)
                        refuse(obstacle, REASON_AUTHOR);
                return 0;
        }
        r = find_author(judge, c, &author);
        if (r < 0)
                return r;
        if (c->released && author->found)
                c->body.role = author->role; /* what the store knows of them now */
        if (!author->found)
                refuse(obstacle, REASON_AUTHOR);
        else if (roles_for(c) == ROLE_ANY)
                return 0; /* who looked at whom is true whatever the author became since */
        else if (author->role != c->body.role || !catalogue_role_allows(roles_for(c), c->body.role))
                refuse(obstacle, REASON_ROLE);
        return 0;
}

/* The entry of another lane that this one builds on has an outcome, is parked, or is known to be gone. */
static int check_needs(struct judge *judge, const struct judge_case *c,
                       struct judge_obstacle *obstacle)
{
        const struct entry_header *header = c->entry->header;
        const struct entry_needs *needs = &header->needs;
        struct lane_row lane;
        int r;

        if (uuid_is_none(&needs->incarnation) || SIM_PLANT(URGENT_BEFORE_NEEDS))
                return 0;
        r = judge->ops->lane_get(judge->storage, &header->device, &needs->incarnation, needs->lane,
                                 &lane);
        if (r < 0 || (r > 0 && lane.next_seq > needs->seq))
                return r < 0 ? r : 0;
        if (judge->taken_known && uuid_equal(&judge->taken.device, &header->device) &&
            uuid_equal(&judge->taken.incarnation, &needs->incarnation) &&
            judge->taken.lane == needs->lane && judge->taken.seq >= needs->seq)
                return 0;
        r = judge->ops->gap_covers(judge->storage, &header->device, &needs->incarnation,
                                   needs->lane, needs->seq);
        if (r != 0)
                return r < 0 ? r : 0;
        wait_for(obstacle, WAIT_LANE, &needs->incarnation);
        obstacle->wait_lane = needs->lane;
        obstacle->wait_seq = needs->seq;
        return 0;
}

/* What a parked entry began is continued only after it. */
static int check_previous(struct judge *judge, const struct judge_case *c,
                          struct judge_obstacle *obstacle)
{
        static const uint8_t no_hash[HASH_SIZE];
        struct parked_row row;
        bool any;
        int r;

        if (uuid_is_none(&c->body.previous))
                return 0;
        r = judge_any_parked(judge, c->locality, &any);
        if (r < 0 || !any)
                return r;
        r = judge->ops->parked_find(judge->storage, c->locality, &c->body.previous,
                                    &c->entry->header->device, no_hash, &row);
        if (r > 0 && uuid_equal(&row.device, &c->entry->header->device))
                wait_for(obstacle, WAIT_ENTRY, &c->body.previous);
        return r < 0 ? r : 0;
}

/* The store signed for it once, in a history that it lost: then the device held this person. 1, 0 */
static int was_admitted(struct judge *judge, const struct judge_case *c, const struct uuid *person)
{
        struct position position;
        int r = judge->ops->healed_get(judge->storage, c->home, &c->entry->header->id, &position);

        return r <= 0 ? r : judge_exists(judge, catalogue_person_type(), person);
}

/*
 * The device has the person, in this class; or had them, and the entry is late; or it waits. A device that may hand in more
 * than it may hold (@write_only) goes on doing so.
 */
static int check_person(struct judge *judge, struct judge_case *c, const struct uuid *person,
                        enum catalogue_class class, bool write_only,
                        struct judge_obstacle *obstacle)
{
        bool in_class = class <= c->origin->device->ceiling;
        struct judge_held held = {0};
        struct record known;
        int r;

        if (uuid_is_none(person))
                return 0;
        if (c->released) { /* whom the device may hold is no longer asked, only whether there is such a person */
                r = judge->ops->record_get(judge->storage, catalogue_person_type(), person,
                                           &judge->arena, &known, NULL);
                if (r == 0 || (r > 0 && !uuid_equal(&known.locality, c->locality)))
                        wait_for(obstacle, WAIT_PERSON, person);
                return r < 0 ? r : 0;
        }
        r = judge_held(judge, c, person, &held);
        if (r < 0 || (held.now && in_class))
                return r;
        r = held.now ? 0 : was_admitted(judge, c, person);
        if (r != 0)
                return r < 0 ? r : 0;
        if (held.now) /* the cache says nothing of custody then */
                r = judge_custody(judge, c, person, &held);
        if (r < 0)
                return r;
        if (held.class != 0 && held.class >= class)
                c->late = true;
        else if (!held.now || !write_only)
                wait_for(obstacle, WAIT_PERSON, person);
        return 0;
}

/* The record that is edited or decided about: there, of this person, and of a class that this device may hold, or held. */
static int check_record(struct judge *judge, struct judge_case *c, struct judge_obstacle *obstacle)
{
        const struct uuid *id = &c->body.record;
        int r = judge_standing(judge, c->locality, c->type, id, &c->standing, &c->stamps);

        if (r < 0)
                return r;
        c->has_standing = r > 0;
        if (!c->has_standing || !uuid_equal(&c->standing.person, &c->body.person) ||
            !uuid_equal(&c->standing.locality, c->locality)) {
                wait_for(obstacle, WAIT_RECORD, id);
                return 0;
        }
        return check_person(judge, c, &c->standing.person, record_feed_class(&c->standing), false,
                            obstacle);
}

/* Of records that are never sent it is enough to know that no other entry bears this id. */
static int is_taken(struct judge *judge, const struct judge_case *c)
{
        const struct catalogue *catalogue = catalogue_get();
        int r = judge_exists(judge, c->type, &c->body.record);

        if (r == 0)
                r = judge_names_record(judge, &c->body.record);
        if (uuid_equal(&c->body.record, &c->entry->header->id))
                return r;
        for (uint16_t i = 0; i < catalogue->type_count && r == 0; i++)
                r = judge_exists(judge, &catalogue->types[i], &c->body.record);
        return r;
}

static int check_new_record(struct judge *judge, struct judge_case *c,
                            struct judge_obstacle *obstacle)
{
        /* what nobody is sent needs no more than the person */
        enum catalogue_class class =
                c->type->class <= (enum catalogue_class)CLASS_COUNT ? c->type->class : CLASS_BASIC;
        bool reached = true;
        int r = is_taken(judge, c);

        if (r < 0)
                return r;
        if (r > 0) {
                refuse(obstacle, REASON_ID_TAKEN);
                return 0;
        }
        if (c->type->personal && !c->type->is_person)
                return check_person(judge, c, &c->body.person, class, true, obstacle);
        r = c->released ? 0 : judge_reaches(judge, c, &reached);
        if (r >= 0 && !reached)
                refuse(obstacle, REASON_SCOPE);
        return r;
}

/* A reference may name what has not arrived yet, but not what cannot exist. */
static void check_references(const struct judge_case *c, struct judge_obstacle *obstacle)
{
        for (size_t i = 0; i < c->body.change_count; i++) {
                int index = catalogue_field_index(c->type, c->body.changes[i].number);

                if (index >= 0 && c->type->fields[index].future &&
                    c->body.changes[i].value.form != VALUE_NULL)
                        refuse(obstacle, REASON_REFERENCE);
        }
}

int judge_admit(struct judge *judge, struct judge_case *c, struct judge_obstacle *ret)
{
        bool beyond;
        uint64_t base;
        int r;

        *ret = (struct judge_obstacle){0};
        check_form(c, ret);
        check_references(c, ret);
        if (stands_in_way(ret))
                return 0;
        r = judge_base(judge, c, &base, &beyond);
        if (r >= 0 && beyond)
                refuse(ret, REASON_BASE);
        if (r >= 0 && !stands_in_way(ret))
                r = check_author(judge, c, ret);
        if (r >= 0 && !stands_in_way(ret) && !c->released)
                r = check_needs(judge, c, ret);
        if (r >= 0 && !stands_in_way(ret) && !c->released)
                r = check_previous(judge, c, ret);
        if (r >= 0 && !stands_in_way(ret))
                r = c->body.operation == ENTRY_CREATE ? check_new_record(judge, c, ret)
                                                      : check_record(judge, c, ret);
        return r;
}
