/*
 * Reads: a row of a typed table becomes what a screen shows: states per field, refused and held values beside, and what
 * a later record struck out.
 *
 * Values that wait for a decision are in open conflict records once the entry itself is over; they are shown beside, too.
 */
#include "daemon/engine_internal.h"

#include "common/conflict.h"
#include "daemon/people.h"

struct strike { /* a record that amends another one */
        struct uuid amended, by;
};

struct strikes {
        struct arena arena;
        struct strike *items;
        size_t count, capacity;
        int amends, error;
};

static void strikes_deinit(struct strikes *strikes)
{
        arena_deinit(&strikes->arena);
}

struct view {
        struct engine *engine;
        const struct access_staff *staff;
        const struct strikes *strikes; /* NULL: none of this type */
        engine_record_visit *visit;
        void *context;
        size_t limit, count;
        bool more, stopped;
        struct arena arena; /* of one record */
};

static void view_deinit(struct view *view)
{
        arena_deinit(&view->arena);
}

/* ---- what was struck out ---- */

static int take_strike(void *context, const struct record *record, struct bytes stamps)
{
        struct strikes *strikes = context;
        const struct value *amends = &record->values[strikes->amends];

        (void)stamps;
        if (amends->form != VALUE_UUID)
                return 0;
        if (strikes->count == strikes->capacity) {
                size_t capacity = strikes->capacity ? strikes->capacity * 2 : 16;
                struct strike *items = arena_alloc(&strikes->arena, capacity * sizeof(*items));

                if (!items)
                        return FAIL(PANNIER_E_MEMORY, "amendments");
                if (strikes->count)
                        memcpy(items, strikes->items, strikes->count * sizeof(*items));
                strikes->items = items;
                strikes->capacity = capacity;
        }
        strikes->items[strikes->count++] =
                (struct strike){.amended = amends->uuid, .by = record->id};
        return 0;
}

/* All amendments among a person's records of one type; few, if any. */
static int load_strikes(struct engine *engine, const struct catalogue_type *type,
                        const struct uuid *person, struct strikes *strikes)
{
        strikes->count = 0;
        if (!type->append || uuid_is_none(person))
                return 0;
        strikes->amends = catalogue_field_index(type, APPEND_AMENDS);
        if (strikes->amends < 0)
                return 0;
        return record_each(replica_tables(engine->replica), type, person, NULL, take_strike,
                           strikes);
}

static void show_strike(const struct strikes *strikes, struct engine_record *shown)
{
        for (size_t i = 0; strikes && i < strikes->count; i++)
                if (uuid_equal(&strikes->items[i].amended, &shown->visible->id)) {
                        shown->struck_out = true;
                        shown->struck_out_by = strikes->items[i].by;
                }
}

/* ---- what waits for a decision ---- */

struct holding {
        struct view *view;
        struct engine_record *shown;
};

static void hold_value(struct holding *holding, const struct conflict *conflict,
                       const struct entry_change *change)
{
        struct engine_record *shown = holding->shown;
        int index = catalogue_field_index(shown->visible->type, change->number);

        if (index < 0 || shown->states[index] != FIELD_CONFIRMED)
                return; /* own work on the field is newer than what is held */
        shown->states[index] = conflict->kind == catalogue_bind()->conflict.kind_proposal
                                       ? FIELD_PROPOSED
                                       : FIELD_HELD;
        shown->beside[index] = change->value;
        if (change->value.form == VALUE_PACKED &&
            value_apply_change(&shown->visible->type->fields[index], &shown->visible->values[index],
                               &change->value, &holding->view->arena, &shown->beside[index]) < 0)
                shown->beside[index].form = VALUE_UNSET;
        shown->pending = true;
}

static int take_conflict(void *context, const struct record *record, struct bytes stamps)
{
        struct holding *holding = context;
        struct conflict conflict;
        struct record copy;
        int r;

        (void)stamps;
        r = record_copy(record, &holding->view->arena, &copy);
        if (r >= 0)
                r = conflict_read(&copy, &holding->view->arena, &conflict);
        if (r == PANNIER_E_MALFORMED || r == PANNIER_E_LIMIT)
                return 0; /* of a newer store: it is still listed as a conflict */
        if (r < 0 || conflict.decided)
                return r;
        for (size_t i = 0; i < conflict.other_count; i++)
                for (size_t j = 0; j < conflict.others[i].change_count &&
                                   conflict.others[i].state == CONFLICT_OPEN;
                     j++)
                        hold_value(holding, &conflict, &conflict.others[i].changes[j]);
        return 0;
}

static int show_held(struct view *view, struct engine_record *shown)
{
        struct holding holding = {.view = view, .shown = shown};
        struct value value = {.form = VALUE_UUID, .uuid = shown->visible->id};
        int r;

        if (shown->visible->type->is_conflict || shown->visible->type->append)
                return 0;
        r = record_find(replica_tables(view->engine->replica), catalogue_conflict_type(),
                        catalogue_bind()->conflict.record, &value, take_conflict, &holding);
        return r < 0 ? r : 0;
}

/* ---- one record ---- */

static int show_record(struct view *view, const struct record *record, struct engine_record *shown)
{
        struct engine *engine = view->engine;
        bool has_confirmed;
        int r;

        memset(shown, 0, sizeof(*shown));
        arena_reset(&view->arena);
        r = replica_view(engine->replica, record->type, &record->id, record, &view->arena,
                         &engine->overlay, &engine->confirmed, &has_confirmed);
        if (r < 0)
                return r;
        shown->visible = record;
        shown->confirmed = r > 0                  ? (has_confirmed ? &engine->confirmed : NULL)
                           : record->position > 0 ? record
                                                  : NULL;
        shown->as_of_ms = replica_fact(engine->replica, FACT_COMPLETE_MS);
        if (r > 0) {
                memcpy(shown->states, engine->overlay.states, sizeof(shown->states));
                memcpy(shown->beside, engine->overlay.beside, sizeof(shown->beside));
                shown->pending = engine->overlay.pending || !has_confirmed;
        }
        r = show_held(view, shown);
        show_strike(view->strikes, shown);
        return r;
}

static int view_record(void *context, const struct record *record, struct bytes stamps)
{
        struct view *view = context;
        int r;

        (void)stamps;
        r = access_record(view->engine->access, view->staff, record);
        if (r <= 0)
                return r;
        if (view->count == view->limit) {
                view->more = true;
                return 1;
        }
        view->count++;
        r = show_record(view, record, &view->engine->shown);
        if (r >= 0)
                r = view->visit(view->context, &view->engine->shown);
        view->stopped = r > 0;
        return r;
}

static int begin_view(struct engine *engine, const struct uuid *staff, const struct engine_now *now,
                      size_t limit, engine_record_visit *visit, void *context, struct view *view)
{
        *view = (struct view){.engine = engine, .visit = visit, .context = context, .limit = limit};
        if (limit == 0 || limit > ENGINE_PAGE_MAX)
                return FAIL(PANNIER_E_LIMIT, "a page has 1 to %d rows", ENGINE_PAGE_MAX);
        return access_staff(engine->access, staff, engine_day(engine, now), &view->staff);
}

/* ---- people ---- */

static int view_person(void *context, const struct uuid *person)
{
        struct view *view = context;
        int r;

        if (view->count == view->limit) {
                view->more = true;
                return 1;
        }
        r = record_visit(replica_tables(view->engine->replica), catalogue_person_type(), person,
                         view_record, view);
        return r < 0 ? r : view->stopped;
}

int engine_people(struct engine *engine, const struct uuid *staff, const struct engine_now *now,
                  struct bytes query, const struct uuid *after, size_t limit,
                  engine_record_visit *visit, void *context, bool *ret_more, bool *ret_complete)
{
        CLEANUP(buffer_deinit) struct buffer folded = BUFFER_INIT;
        CLEANUP(view_deinit) struct view view = {0};
        uint16_t what;
        int r;

        r = begin_view(engine, staff, now, limit, visit, context, &view);
        if (r < 0)
                return r;
        if (query.size > ENGINE_QUERY_MAX)
                return FAIL(PANNIER_E_LIMIT, "a search has at most %d bytes", ENGINE_QUERY_MAX);
        if (!access_reads(view.staff, catalogue_person_type(), 0))
                return FAIL(PANNIER_E_REFUSED, "the role may not read about people");
        people_fold(query, &folded);
        if (buffer_check(&folded) < 0)
                return buffer_check(&folded);
        what = folded.size ? catalogue_bind()->access_event.what_search
                           : catalogue_bind()->access_event.what_list;
        if (!after) {
                r = audit_note(engine, view.staff, now, NULL, what);
                if (r < 0)
                        return r;
        }
        r = access_people(engine->access, view.staff, buffer_view(&folded), after, view_person,
                          &view);
        if (r < 0)
                return r;
        *ret_more = view.more;
        *ret_complete = view.staff->complete;
        return 0;
}

/* ---- records ---- */

static int view_type(struct view *view, const struct catalogue_type *type,
                     const struct uuid *person, const struct uuid *after)
{
        CLEANUP(strikes_deinit) struct strikes strikes = {.arena = ARENA_INIT};
        int r;

        if (type->class == CLASS_NEVER ||
            !catalogue_role_allows(type->read_roles, view->staff->role))
                return 0;
        r = load_strikes(view->engine, type, person, &strikes);
        if (r < 0)
                return r;
        view->count = 0;
        view->strikes = &strikes;
        r = record_each(replica_tables(view->engine->replica), type,
                        uuid_is_none(person) ? NULL : person, after, view_record, view);
        view->strikes = NULL;
        return r < 0 ? r : view->stopped;
}

int engine_records(struct engine *engine, const struct uuid *staff, const struct engine_now *now,
                   const struct uuid *person, const struct catalogue_type *type,
                   const struct uuid *after, size_t limit, engine_record_visit *visit,
                   void *context, bool *ret_more)
{
        const struct catalogue *catalogue = catalogue_get();
        CLEANUP(view_deinit) struct view view = {0};
        int r;

        r = begin_view(engine, staff, now, limit, visit, context, &view);
        if (r < 0)
                return r;
        if (uuid_is_none(person)) {
                if (!type || type->personal)
                        return FAIL(PANNIER_E_INVALID, "whose records? name a person");
        } else {
                r = access_person(engine->access, view.staff, person);
                if (r == 0)
                        return FAIL(PANNIER_E_NOT_FOUND, "no such person here");
                if (r > 0)
                        r = audit_note(engine, view.staff, now, person,
                                       catalogue_bind()->access_event.what_person);
                if (r < 0)
                        return r;
        }
        if (type && !catalogue_role_allows(type->read_roles, view.staff->role))
                return FAIL(PANNIER_E_REFUSED, "the role may not read %s", type->name);
        if (type)
                r = view_type(&view, type, person, after);
        for (size_t i = 0; !type && i < catalogue->type_count && r == 0; i++)
                if (catalogue->types[i].personal)
                        r = view_type(&view, &catalogue->types[i], person, NULL);
        if (r < 0)
                return r;
        *ret_more = view.more;
        return 0;
}

static int note_opened(struct engine *engine, const struct access_staff *staff,
                       const struct engine_now *now, const struct record *record)
{
        const struct catalogue_bind *bind = catalogue_bind();
        uint16_t what = bind->access_event.what_person;

        if (!record->type->personal || uuid_is_none(&record->person))
                return 0;
        for (size_t i = 0; i < record->type->field_count; i++)
                if (record->type->fields[i].guarded)
                        what = bind->access_event.what_guarded;
        return audit_note(engine, staff, now, &record->person, what);
}

int engine_record(struct engine *engine, const struct uuid *staff, const struct engine_now *now,
                  const struct uuid *record, engine_record_visit *visit, void *context)
{
        CLEANUP(strikes_deinit) struct strikes strikes = {.arena = ARENA_INIT};
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        CLEANUP(view_deinit) struct view view = {0};
        struct record found;
        int r;

        r = begin_view(engine, staff, now, 1, visit, context, &view);
        if (r < 0)
                return r;
        r = replica_find(engine->replica, record, &arena, &found);
        if (r > 0)
                r = access_record(engine->access, view.staff, &found);
        if (r == 0)
                return FAIL(PANNIER_E_NOT_FOUND, "no such record here");
        if (r >= 0)
                r = note_opened(engine, view.staff, now, &found);
        if (r >= 0)
                r = load_strikes(engine, found.type, &found.person, &strikes);
        if (r < 0)
                return r;
        view.strikes = &strikes;
        r = show_record(&view, &found, &engine->shown);
        return r < 0 ? r : visit(context, &engine->shown);
}

/* ---- conflicts ---- */

struct conflicts {
        struct view view;
        int (*visit)(void *context, const struct engine_record *conflict, bool may_decide);
        void *context;
};

static int view_conflict(void *context, const struct record *record, struct bytes stamps)
{
        const struct catalogue_bind *bind = catalogue_bind();
        const struct value *status = &record->values[bind->conflict.status];
        const struct value *number = &record->values[bind->conflict.record_type];
        const struct catalogue_type *about = NULL;
        struct conflicts *conflicts = context;
        struct view *view = &conflicts->view;
        int r;

        (void)stamps;
        if (status->form == VALUE_INTEGER && status->integer == bind->conflict.status_decided)
                return 0;
        r = access_record(view->engine->access, view->staff, record);
        if (r <= 0)
                return r;
        if (view->count == view->limit) {
                view->more = true;
                return 1;
        }
        view->count++;
        r = show_record(view, record, &view->engine->shown);
        if (r < 0)
                return r;
        if (number->form == VALUE_INTEGER)
                about = catalogue_type_by_number((uint64_t)number->integer);
        return conflicts->visit(
                conflicts->context, &view->engine->shown,
                about && catalogue_role_allows(about->decide_roles, view->staff->role));
}

int engine_conflicts(struct engine *engine, const struct uuid *staff, const struct engine_now *now,
                     const struct uuid *after, size_t limit,
                     int (*visit)(void *context, const struct engine_record *conflict,
                                  bool may_decide),
                     void *context, bool *ret_more)
{
        struct conflicts conflicts = {.visit = visit, .context = context};
        int r;

        r = begin_view(engine, staff, now, limit, NULL, NULL, &conflicts.view);
        if (r >= 0 && !after)
                r = audit_note(engine, conflicts.view.staff, now, NULL,
                               catalogue_bind()->access_event.what_list);
        if (r >= 0)
                r = record_each(replica_tables(engine->replica), catalogue_conflict_type(), NULL,
                                after, view_conflict, &conflicts);
        *ret_more = conflicts.view.more;
        view_deinit(&conflicts.view);
        return r < 0 ? r : 0;
}

/* ---- staff ---- */

struct staff_list {
        struct engine *engine;
        int64_t day;
        int (*visit)(void *context, const struct engine_staff *staff);
        void *context;
};

static int view_staff(void *context, const struct record *record, struct bytes stamps)
{
        struct staff_list *list = context;
        const struct access_staff *staff;
        struct engine_staff shown = {.staff = record};
        int r;

        (void)stamps;
        r = access_staff(list->engine->access, &record->id, list->day, &staff);
        if (r < 0)
                return r;
        shown.role = staff->role;
        shown.teams = staff->teams;
        shown.team_count = staff->team_count;
        shown.here = staff->here;
        return list->visit(list->context, &shown);
}

int engine_staff(struct engine *engine, const struct engine_now *now,
                 int (*visit)(void *context, const struct engine_staff *staff), void *context)
{
        struct staff_list list = {.engine = engine,
                                  .day = engine_day(engine, now),
                                  .visit = visit,
                                  .context = context};
        int r = record_each(replica_tables(engine->replica), catalogue_staff_type(), NULL, NULL,
                            view_staff, &list);

        return r < 0 ? r : 0;
}
