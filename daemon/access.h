/*
 * Who may see whom on this device: a staff member sees the people of the device's scopes that are also in a scope of one
 * of their teams, or in the device's provisional scope; and the types that their role may read.
 *
 * It reads staff, memberships and grants from the replica and keeps what follows from them until one of those
 * records, the feeds or the day change. It does not know what is asked for, nor who asks.
 */
#ifndef DAEMON_ACCESS_H
#define DAEMON_ACCESS_H

#include "daemon/replica.h"

struct access;

enum { ACCESS_TEAMS_MAX = 64 }; /* teams of one staff member */

struct access_staff {
        struct uuid id;
        uint16_t role;
        int64_t number; /* names the rows of visible feeds; good until the next access_staff() */
        struct uuid teams[ACCESS_TEAMS_MAX];
        size_t team_count;
        bool here;     /* the device holds a scope of one of the teams */
        bool complete; /* all feeds that the staff member sees were received to their end */
};

int access_new(struct replica *replica, const struct uuid *device, struct access **ret);
struct access *access_free(struct access *access);
DEFINE_FREEP(access)

/* access_changed() - a record of @type changed: what was derived may be stale. NULL: the feeds changed */
void access_changed(struct access *access, const struct catalogue_type *type);

/**
 * access_staff() - what a staff member is and may see
 * @day: today (days since 1970): memberships and grants have a first and a last one
 * @ret: borrowed until the next call
 *
 * Return: 0; PANNIER_E_REFUSED nobody of that id is known here; or an error
 */
int access_staff(struct access *access, const struct uuid *id, int64_t day,
                 const struct access_staff **ret);

/* access_person() - may they see this person? 1 yes, 0 no, or an error */
int access_person(struct access *access, const struct access_staff *staff,
                  const struct uuid *person);

/* access_reads() - may the role read records of this type? @about: of a conflict, number of the type it is about */
bool access_reads(const struct access_staff *staff, const struct catalogue_type *type,
                  uint64_t about);

/* access_record() - may they see this record, person and type together? 1 yes, 0 no, or an error */
int access_record(struct access *access, const struct access_staff *staff,
                  const struct record *record);

/**
 * access_people() - the people they may see in the order of their labels, behind (label, id) of @after
 * @query: folded words; empty: all
 *
 * Return: 0 all visited; what @visit returned (1: stopped); or an error
 */
int access_people(struct access *access, const struct access_staff *staff, struct bytes query,
                  const struct uuid *after, int (*visit)(void *context, const struct uuid *person),
                  void *context);

#endif
