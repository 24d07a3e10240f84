/*
 * A day's planned contacts, and whether the people are here: what a nurse asks before leaving the last signal behind.
 *
 * A day has dozens of contacts, not thousands: whom they name is kept in a list that is looked through.
 */
#include "daemon/engine_internal.h"

struct day {
        struct engine *engine;
        const struct access_staff *staff; /* NULL: everybody's */
        struct arena arena;
        struct uuid *people;
        size_t capacity;
        struct engine_ready *ret;
};

static void day_deinit(struct day *day)
{
        arena_deinit(&day->arena);
}

static bool still_to_come(const struct record *contact)
{
        const struct value *status = &contact->values[catalogue_bind()->planned_contact.status];

        return status->form == VALUE_INTEGER &&
               (status->integer == catalogue_bind()->planned_contact.status_planned ||
                status->integer == catalogue_bind()->planned_contact.status_started);
}

static bool is_of_team(const struct access_staff *staff, const struct value *team)
{
        for (size_t i = 0; i < staff->team_count && team->form == VALUE_UUID; i++)
                if (uuid_equal(&staff->teams[i], &team->uuid))
                        return true;
        return false;
}

/* Theirs; or nobody's yet, and of one of their teams. */
static bool is_for(const struct access_staff *staff, const struct record *contact)
{
        const struct value *who = &contact->values[catalogue_bind()->planned_contact.staff];

        if (who->form == VALUE_UUID)
                return uuid_equal(&who->uuid, &staff->id);
        return is_of_team(staff, &contact->values[catalogue_bind()->planned_contact.team]);
}

/* 1 here, 0 not, or an error */
static int is_here(const struct day *day, const struct uuid *person)
{
        uint64_t position;

        if (day->staff) {
                int r = access_person(day->engine->access, day->staff, person);

                if (r <= 0)
                        return r;
        }
        return record_position(replica_tables(day->engine->replica), catalogue_person_type(),
                               person, &position);
}

static int add_person(struct day *day, const struct uuid *person)
{
        struct engine_ready *ret = day->ret;
        int r;

        for (uint64_t i = 0; i < ret->people; i++)
                if (uuid_equal(&day->people[i], person))
                        return 0;
        if (ret->people == day->capacity) {
                size_t capacity = day->capacity ? 2 * day->capacity : 64;
                struct uuid *people = arena_alloc(&day->arena, capacity * sizeof(*people));

                if (!people)
                        return FAIL(PANNIER_E_MEMORY, "no memory for a day's people");
                if (ret->people)
                        memcpy(people, day->people, ret->people * sizeof(*people));
                day->people = people;
                day->capacity = capacity;
        }
        day->people[ret->people++] = *person;
        r = is_here(day, person);
        ret->missing += r == 0;
        return r < 0 ? r : 0;
}

static int take_contact(void *context, const struct record *contact, struct bytes stamps)
{
        struct day *day = context;

        (void)stamps;
        if (!still_to_come(contact) || (day->staff && !is_for(day->staff, contact)))
                return 0;
        day->ret->contacts++;
        return add_person(day, &contact->person);
}

int engine_ready(struct engine *engine, const struct uuid *staff, const struct engine_now *now,
                 int64_t from_ms, int64_t to_ms, struct engine_ready *ret)
{
        CLEANUP(day_deinit) struct day day = {.engine = engine, .ret = ret};
        const struct catalogue_type *type = catalogue_planned_contact_type();
        int r;

        *ret = (struct engine_ready){0};
        if (!uuid_is_none(staff)) {
                r = access_staff(engine->access, staff, engine_day(engine, now), &day.staff);
                if (r < 0)
                        return r;
                if (!access_reads(day.staff, type, 0))
                        return FAIL(PANNIER_E_REFUSED, "the role may not read planned contacts");
        }
        r = record_range(replica_tables(engine->replica), type,
                         catalogue_bind()->planned_contact.start, from_ms, to_ms, take_contact,
                         &day);
        return r < 0 ? r : 0;
}
