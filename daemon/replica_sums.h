/*
 * Digests of what is confirmed here, kept up to date with every change: per person, locality and class, and from them per
 * feed. Inside of the replica only; it knows records and members, and nothing of what the store says.
 *
 * Whatever changes a confirmed record says so, before and after: replica_sums_remove…(), replica_sums_add(). What is added in a
 * transaction is gathered in memory and written once per person, so a change costs a hash and no row of its own. A rollback takes
 * it back.
 */
#ifndef DAEMON_REPLICA_SUMS_H
#define DAEMON_REPLICA_SUMS_H

#include "common/digest.h"
#include "daemon/replica.h"

struct replica_sums; /* what was gathered and is not written yet */

int replica_sums_new(struct replica_sums **ret);
struct replica_sums *replica_sums_free(struct replica_sums *sums);

/* Around replica_begin(), replica_commit(), replica_rollback(); clear: everything that was not written is lost */
void replica_sums_keep(struct replica_sums *sums);
void replica_sums_back(struct replica_sums *sums);
void replica_sums_clear(struct replica_sums *sums);

/* replica_sums_add() - a record is confirmed from now on; of position 0 it is not */
int replica_sums_add(struct replica *replica, const struct record *record);
/* replica_sums_remove() - a confirmed record changes, or goes: as it was */
int replica_sums_remove(struct replica *replica, const struct record *record);
/* replica_sums_remove_standing() - the same, for whatever is confirmed here under this id, in the table or its shadow */
int replica_sums_remove_standing(struct replica *replica, const struct catalogue_type *type,
                                 const struct uuid *id, const struct uuid *person);
/* replica_sums_forget() - a person was erased: not even the id stays */
int replica_sums_forget(struct replica *replica, const struct uuid *person);

/* What people who come into one feed, and go, add to it; begin with {.feed, .locality, .class}. */
struct replica_sums_feed {
        int64_t feed;
        struct uuid locality;
        enum catalogue_class class;
        struct digest change;
};

/* replica_sums_move() - a person came into the feed, or left it; written by replica_sums_moved() */
int replica_sums_move(struct replica *replica, struct replica_sums_feed *feed,
                      const struct uuid *person, bool in);
int replica_sums_moved(struct replica *replica, const struct replica_sums_feed *feed);

/* replica_sums_write() - write what was gathered; in a transaction, before anything is read here */
int replica_sums_write(struct replica *replica);

/* replica_sums_of() - of one owner, after replica_sums_write() */
int replica_sums_of(struct replica *replica, const struct uuid *owner, const struct uuid *locality,
                    struct digest ret[CLASS_COUNT]);
/* replica_sums_feed() - of one feed, after replica_sums_write() */
int replica_sums_feed(struct replica *replica, const struct replica_feed *feed, struct digest *ret);

/* replica_sums_owner() - under whom a record counts: its person, or its type where it is reference data */
struct uuid replica_sums_owner(const struct record *record);
/* replica_sums_type() - number of the type whose reference data an owner stands for; 0: a person */
uint8_t replica_sums_type(const struct uuid *owner);

/* replica_sums_are_many() - enough was gathered: write it before the commit */
bool replica_sums_are_many(const struct replica_sums *sums);

/**
 * replica_sums_hold_against() - nothing was gathered, then all confirmed records of an owner (NULL: of all) were added: hold them
 * against the rows
 *
 * Afterwards what is gathered is the difference, so replica_sums_write() makes the rows right. @ret_wrong: counted up by owners
 * whose rows were otherwise.
 */
int replica_sums_hold_against(struct replica *replica, const struct uuid *owner,
                              uint64_t *ret_wrong);

/* replica_sums_count_feed() - count a feed's digest anew from its people, and make it right; after replica_sums_write() */
int replica_sums_count_feed(struct replica *replica, const struct replica_feed *feed,
                            bool *ret_wrong);

#endif
