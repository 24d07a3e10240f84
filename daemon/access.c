/*
 * The feeds that a staff member may look into are rows of a temporary table (in memory), so that a list of people is
 * one query. The rows of all staff are thrown away together whenever something changes that they follow from: that is rare.
 */
#include "daemon/access.h"

#include "common/error.h"
#include "daemon/people.h"

#include <string.h>

enum access_sql {
        SQL_VISIBLE_CLEAR,
        SQL_VISIBLE_PUT,
        SQL_PERSON,
        SQL_PEOPLE,
        SQL_PEOPLE_LABEL,
        SQL_COUNT_
};

static const char *const access_sql[SQL_COUNT_] = {
        [SQL_VISIBLE_CLEAR] = "DELETE FROM temp.visible",
        [SQL_VISIBLE_PUT] = "INSERT INTO temp.visible (staff, feed) VALUES (?1, ?2) "
                            "ON CONFLICT DO NOTHING",
        [SQL_PERSON] = "SELECT 1 FROM member m JOIN temp.visible v ON v.feed = m.feed "
                       "AND v.staff = ?2 WHERE m.person = ?1 LIMIT 1",
        [SQL_PEOPLE] = "SELECT p.person, p.search FROM people p "
                       "WHERE (p.label, p.person) > (?2, ?3) AND EXISTS (SELECT 1 FROM member m "
                       "JOIN temp.visible v ON v.feed = m.feed AND v.staff = ?1 "
                       "WHERE m.person = p.person) ORDER BY p.label, p.person",
        [SQL_PEOPLE_LABEL] = "SELECT label FROM people WHERE person = ?1",
};

enum { CACHE_MAX = 32 };

struct access {
        struct replica *replica;
        struct uuid device;
        sqlite3_stmt *stmts[SQL_COUNT_];
        struct access_staff staff[CACHE_MAX];
        size_t count;
        int64_t day;
};

int access_new(struct replica *replica, const struct uuid *device, struct access **ret)
{
        CLEANUP(access_freep) struct access *access = calloc(1, sizeof(*access));
        struct db *db = replica_db(replica);
        int r;

        if (!access)
                return FAIL(PANNIER_E_MEMORY, "access");
        access->replica = replica;
        access->device = *device;
        r = db_exec(db, "CREATE TEMP TABLE IF NOT EXISTS visible (staff INTEGER NOT NULL, "
                        "feed INTEGER NOT NULL, PRIMARY KEY (staff, feed)) WITHOUT ROWID");
        if (r < 0)
                return r;
        r = db_prepare_all(db, access_sql, SQL_COUNT_, access->stmts);
        if (r < 0)
                return r;
        *ret = TAKE(access);
        return 0;
}

struct access *access_free(struct access *access)
{
        free(access);
        return NULL;
}

static bool matters(const struct catalogue_type *type)
{
        return type->is_staff || type->is_membership || type->grant_count > 0;
}

void access_changed(struct access *access, const struct catalogue_type *type)
{
        if (!type || matters(type))
                access->count = 0;
}

/* ---- what follows from the records ---- */

struct teams {
        struct access_staff *staff;
        int64_t day;
};

static int add_team(void *context, const struct record *membership, struct bytes stamps)
{
        struct teams *teams = context;
        struct uuid staff, team;

        (void)stamps;
        if (!scope_membership(membership, teams->day, &staff, &team) ||
            !uuid_equal(&staff, &teams->staff->id))
                return 0;
        for (size_t i = 0; i < teams->staff->team_count; i++)
                if (uuid_equal(&teams->staff->teams[i], &team))
                        return 0;
        teams->staff->teams[teams->staff->team_count++] = team;
        return teams->staff->team_count == ACCESS_TEAMS_MAX;
}

static int load_teams(struct access *access, struct access_staff *staff, int64_t day)
{
        struct teams teams = {.staff = staff, .day = day};
        struct value value = {.form = VALUE_UUID, .uuid = staff->id};
        int r = record_find(replica_tables(access->replica), catalogue_membership_type(),
                            catalogue_bind()->membership.staff, &value, add_team, &teams);

        return r < 0 ? r : 0;
}

struct granting {
        int (*visit)(void *context, const struct record *record);
        void *context;
};

static int grant_visit(void *context, const struct record *record, struct bytes stamps)
{
        struct granting *granting = context;

        (void)stamps;
        return granting->visit(granting->context, record);
}

static int each_grant_of(struct access *access, const struct catalogue_type *type,
                         const struct uuid *team, struct granting *granting)
{
        struct record_tables *tables = replica_tables(access->replica);
        struct value value = {.form = VALUE_UUID, .uuid = *team};

        for (size_t i = 0; i < type->grant_count; i++) {
                int holder = type->grants[i].holder_index, r;

                if (holder < 0)
                        r = record_visit(tables, type, team, grant_visit, granting);
                else
                        r = record_find(tables, type, holder, &value, grant_visit, granting);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int each_grant(void *context, const struct uuid *team,
                      int (*visit)(void *visit_context, const struct record *record),
                      void *visit_context)
{
        const struct catalogue *catalogue = catalogue_get();
        struct granting granting = {.visit = visit, .context = visit_context};

        for (size_t i = 0; i < catalogue->type_count; i++) {
                int r = each_grant_of(context, &catalogue->types[i], team, &granting);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int note_feeds(struct access *access, struct access_staff *staff,
                      const struct scope_set *scopes)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        sqlite3_stmt *stmt = access->stmts[SQL_VISIBLE_PUT];
        struct replica_feed *feeds;
        size_t count;
        int r;

        staff->complete = true;
        r = replica_feeds(access->replica, &arena, &feeds, &count);
        for (size_t i = 0; i < count && r >= 0; i++) {
                struct scope scope = {.kind = feeds[i].key.kind, .id = feeds[i].key.id};
                bool own =
                        scope.kind == SCOPE_PROVISIONAL && uuid_equal(&scope.id, &access->device);

                if (!own && !scope_set_has(scopes, &scope))
                        continue;
                if (!own)
                        staff->here = true;
                if (!feeds[i].complete && feeds[i].granted)
                        staff->complete = false;
                db_bind_int(stmt, 1, staff->number);
                db_bind_int(stmt, 2, feeds[i].number);
                r = db_run(replica_db(access->replica), stmt);
        }
        return r < 0 ? r : 0;
}

static int load_visible(struct access *access, struct access_staff *staff, int64_t day)
{
        CLEANUP(scope_set_deinit) struct scope_set scopes = SCOPE_SET_INIT;
        struct scope_lookup lookup = {.each_grant = each_grant, .context = access};
        struct scope given[ACCESS_TEAMS_MAX];
        int r;

        for (size_t i = 0; i < staff->team_count; i++)
                given[i] = (struct scope){.kind = SCOPE_TEAM, .id = staff->teams[i]};
        r = scope_expand(given, staff->team_count, day, &lookup, &scopes);
        if (r < 0)
                return r;
        return note_feeds(access, staff, &scopes);
}

static int role_visit(void *context, const struct record *record, struct bytes stamps)
{
        struct access_staff *staff = context;
        const struct value *role = &record->values[catalogue_bind()->staff.role];

        (void)stamps;
        if (role->form == VALUE_INTEGER && role->integer > 0 && role->integer <= OPTION_NUMBER_MAX)
                staff->role = (uint16_t)role->integer;
        return 1;
}

static int load_staff(struct access *access, const struct uuid *id, int64_t day,
                      struct access_staff *staff)
{
        int r;

        *staff = (struct access_staff){.id = *id, .number = (int64_t)access->count};
        r = record_visit(replica_tables(access->replica), catalogue_staff_type(), id, role_visit,
                         staff);
        if (r < 0)
                return r;
        /* an empty copy knows nobody: that is no word on whether they may */
        if (r == 0 && replica_fact(access->replica, FACT_COMPLETE_MS) == 0)
                return FAIL(PANNIER_E_BUSY, "this device has not yet fetched who works here; it "
                                            "does so as soon as it reaches the store");
        if (r == 0)
                return FAIL(PANNIER_E_REFUSED, "no such staff member on this device");
        r = load_teams(access, staff, day);
        return r < 0 ? r : load_visible(access, staff, day);
}

int access_staff(struct access *access, const struct uuid *id, int64_t day,
                 const struct access_staff **ret)
{
        int r;

        if (access->day != day || access->count == CACHE_MAX)
                access->count = 0;
        access->day = day;
        for (size_t i = 0; i < access->count; i++)
                if (uuid_equal(&access->staff[i].id, id)) {
                        *ret = &access->staff[i];
                        return 0;
                }
        if (access->count == 0) {
                r = db_run(replica_db(access->replica), access->stmts[SQL_VISIBLE_CLEAR]);
                if (r < 0)
                        return r;
        }
        r = load_staff(access, id, day, &access->staff[access->count]);
        if (r < 0) {
                /* rows of a half-loaded member must not be taken for the next one's */
                access->count = 0;
                return r;
        }
        *ret = &access->staff[access->count++];
        return 0;
}

/* ---- questions ---- */

int access_person(struct access *access, const struct access_staff *staff,
                  const struct uuid *person)
{
        sqlite3_stmt *stmt = access->stmts[SQL_PERSON];
        int r;

        db_bind_uuid(stmt, 1, person);
        db_bind_int(stmt, 2, staff->number);
        r = db_step(replica_db(access->replica), stmt);
        if (r > 0)
                db_reset(stmt);
        return r;
}

bool access_reads(const struct access_staff *staff, const struct catalogue_type *type,
                  uint64_t about)
{
        const struct catalogue_type *subject;

        if (!catalogue_role_allows(type->read_roles, staff->role))
                return false;
        if (!type->is_conflict)
                return true;
        subject = catalogue_type_by_number(about);
        return subject && catalogue_role_allows(subject->read_roles, staff->role);
}

static uint64_t conflict_about(const struct record *record)
{
        const struct value *about;

        if (!record->type->is_conflict)
                return 0;
        about = &record->values[catalogue_bind()->conflict.record_type];
        return about->form == VALUE_INTEGER && about->integer > 0 ? (uint64_t)about->integer : 0;
}

int access_record(struct access *access, const struct access_staff *staff,
                  const struct record *record)
{
        int16_t other = record->type->other_person_index;
        int r;

        if (!access_reads(staff, record->type, conflict_about(record)))
                return 0;
        if (!record->type->personal || uuid_is_none(&record->person))
                return 1;
        r = access_person(access, staff, &record->person);
        /* what links two people tells about both */
        if (r > 0 && other >= 0 && record->values[other].form == VALUE_UUID)
                r = access_person(access, staff, &record->values[other].uuid);
        return r;
}

/* 1 found and appended, 0 there is nobody of this id */
static int label_of(struct access *access, const struct uuid *person, struct buffer *out)
{
        sqlite3_stmt *stmt = access->stmts[SQL_PEOPLE_LABEL];
        int r;

        db_bind_uuid(stmt, 1, person);
        r = db_step(replica_db(access->replica), stmt);
        if (r <= 0)
                return r;
        buffer_append(out, db_column_bytes(stmt, 0));
        db_reset(stmt);
        r = buffer_check(out);
        return r < 0 ? r : 1;
}

int access_people(struct access *access, const struct access_staff *staff, struct bytes query,
                  const struct uuid *after, int (*visit)(void *context, const struct uuid *person),
                  void *context)
{
        CLEANUP(buffer_deinit) struct buffer label = BUFFER_INIT;
        sqlite3_stmt *stmt = access->stmts[SQL_PEOPLE];
        struct uuid from = after ? *after : UUID_NONE;
        int r;

        if (after) {
                r = label_of(access, after, &label);
                if (r <= 0)
                        return r < 0 ? r
                                     : FAIL(PANNIER_E_NOT_FOUND,
                                            "who ended the page before is gone");
        }
        db_bind_int(stmt, 1, staff->number);
        db_bind_text(stmt, 2, buffer_view(&label));
        db_bind_blob(stmt, 3, BYTES(from.bytes, 16));
        while ((r = db_step(replica_db(access->replica), stmt)) > 0) {
                struct uuid person;

                if (!people_match(db_column_bytes(stmt, 1), query))
                        continue;
                person = db_column_uuid(stmt, 0);
                r = visit(context, &person);
                if (r != 0) {
                        db_reset(stmt);
                        return r;
                }
        }
        return r;
}
