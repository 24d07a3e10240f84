/*
 * Scopes: named groups of people whose records a device may hold, as (kind, id).
 *
 * What a scope is and who is in it follows from records by the catalogue's rules (schema/catalogue): this module
 * applies those rules to records in memory. It does not know where records are kept, which device asks, or what
 * the time is; days are parameters (days since 1970-01-01, UTC).
 *
 *   contribution   while it lasts, a record puts its person into a scope (an assignment into its team's)
 *   grant          a record widens what a team's devices hold (a hub's team by the homes it serves)
 *   limit          a record of the person takes scopes away (a consent that was withdrawn)
 */
#ifndef COMMON_SCOPE_H
#define COMMON_SCOPE_H

#include "common/record.h"

struct scope {
        enum scope_kind kind;
        struct uuid id;
};

enum {
        SCOPE_TEXT_SIZE = 52,     /* "provisional:", 36 characters and NUL, with room */
        SCOPE_PER_RECORD_MAX = 8, /* contributions, or grants, of one record */
        SCOPE_LIMIT_MAX = 8,      /* limits in the whole catalogue */
};

/* scope_compare() - order of feeds and of vectors: by kind, then by id: <0, 0, >0 */
int scope_compare(const struct scope *a, const struct scope *b);
bool scope_equal(const struct scope *a, const struct scope *b);

/* scope_format() - "team:xxxxxxxx-…"; kinds are locality, team, home, provisional */
void scope_format(const struct scope *scope, char ret[SCOPE_TEXT_SIZE]);

/* scope_parse() - read what scope_format() writes; 0, or PANNIER_E_INVALID */
int scope_parse(struct bytes text, struct scope *ret);

/* scope_day() - the day (UTC) of an instant in milliseconds; also right before 1970 */
int64_t scope_day(int64_t now_ms);

/* A set of scopes: ascending, each once. Owns its memory. */
struct scope_set {
        struct scope *items;
        size_t count, capacity;
};

#define SCOPE_SET_INIT ((struct scope_set){0})

void scope_set_deinit(struct scope_set *set); /* also for CLEANUP */
void scope_set_reset(struct scope_set *set);
/* scope_set_add() - 1 added, 0 was there, or PANNIER_E_MEMORY */
int scope_set_add(struct scope_set *set, const struct scope *scope);
bool scope_set_remove(struct scope_set *set, const struct scope *scope);
bool scope_set_has(const struct scope_set *set, const struct scope *scope);

/**
 * scope_contributions() - the scopes into which a record puts its person as it stands now
 * @ret: room for all
 *
 * Return: how many; 0 for a record without a person
 */
size_t scope_contributions(const struct record *record, struct scope ret[SCOPE_PER_RECORD_MAX]);

/* scope_type_contributes() - can records of the type ever put a person into a scope, or take one away? */
bool scope_type_contributes(const struct catalogue_type *type);
bool scope_type_limits(const struct catalogue_type *type);

struct scope_grant {
        struct uuid holder; /* a team; ids that are no team's have no effect */
        struct scope scope; /* what the team's devices hold besides its caseload */
};

/**
 * scope_grants() - how a record widens what teams hold
 * @day: the grant counts where the record's first day is not after it and its last day not before it
 *
 * Return: how many
 */
size_t scope_grants(const struct record *record, int64_t day,
                    struct scope_grant ret[SCOPE_PER_RECORD_MAX]);

/* Where the records that grant something are looked up. */
struct scope_lookup {
        /*
         * Calls @visit for every record of a type with grants whose holder may be @team (the team's own record,
         * the relations that name it); others may be among them. Returns the first non-zero value of @visit, an
         * error, or 0.
         */
        int (*each_grant)(void *context, const struct uuid *team,
                          int (*visit)(void *visit_context, const struct record *record),
                          void *visit_context);
        void *context;
};

/**
 * scope_expand() - all scopes that a device, or a staff member's teams, hold: the given ones and what their teams' grants add
 * @given: scopes as granted by an operator, any order
 * @ret:   the result is added to it
 *
 * Return: 0, PANNIER_E_MEMORY, or an error of the look-up
 */
int scope_expand(const struct scope *given, size_t count, int64_t day,
                 const struct scope_lookup *lookup, struct scope_set *ret);

/**
 * scope_membership() - which staff member is in which team by a membership record
 *
 * Return: true where the record is in force on @day and names both
 */
bool scope_membership(const struct record *membership, int64_t day, struct uuid *ret_staff,
                      struct uuid *ret_team);

/* What a person's records (consents) say about sharing; fill with every one of them that is not struck out. */
struct scope_limits {
        struct {
                const struct catalogue_type *type;
                const struct catalogue_limit *limit;
                bool decided;    /* a record of this kind was seen */
                bool refused;    /* by the newest decision */
                int64_t when_ms; /* of the newest decision */
        } items[SCOPE_LIMIT_MAX];
        size_t count;
};

void scope_limits_init(struct scope_limits *limits);

/* scope_limits_take() - let one record of the person count: the newest decision stands, a refusal wins a tie */
void scope_limits_take(struct scope_limits *limits, const struct record *record);

/* scope_limits_any() - is anything refused at all? */
bool scope_limits_any(const struct scope_limits *limits);

/**
 * scope_limits_forbid() - must the person stay out of this scope?
 * @organisation: who holds the scope (a team's organisation, a home); NULL where it is not known: then a limit that
 *                is only about one sort of organisation does not apply
 */
bool scope_limits_forbid(const struct scope_limits *limits, const struct scope *scope,
                         const struct record *organisation);

#endif
