/*
 * Who is in which scope, and what stands in the scope's feeds because of it. On top of store/storage.h, without rules.
 *
 * A person is in a scope while at least one source (a record that puts them there) holds and no limit keeps them out. The
 * first source writes a join row into the feed of each class, the last one gone, or a limit, an exit row. A join row at
 * position p stands for all of the person's records with position <= p; a record that changes later has a row of its own.
 *
 * Each feed has a digest per class, the sum over all records of all people in it (common/digest.h). A write adds what it changed, a join
 * or exit the sum over the person's records: nothing is ever counted anew. docs/decisions/0014.
 *
 * Call membership_sources() and membership_limit() for what an entry changed first, then membership_publish() for each record written.
 */
#ifndef STORE_MEMBERSHIP_H
#define STORE_MEMBERSHIP_H

#include "store/storage.h"

/**
 * membership_sources() - from now on @record puts @person into exactly these scopes
 * @scopes: what scope_contributions() says of the record as it now stands; may be empty
 */
int membership_sources(struct storage *storage, const struct uuid *locality,
                       const struct uuid *person, const struct uuid *record,
                       const struct scope *scopes, size_t count);

/**
 * membership_limit() - set, for each scope that the person has a source in, whether a limit keeps them out
 * @forbid: says so for one scope
 */
int membership_limit(struct storage *storage, const struct uuid *locality,
                     const struct uuid *person,
                     int (*forbid)(void *context, const struct scope *scope), void *context);

/**
 * membership_withdraw() - take a record's rows at @old_position out of its person's feeds
 *
 * Before membership_sources() and membership_limit() where the record that was just written is what changes them: somebody
 * who leaves takes all rows along, but they are looked for where the records stand now.
 */
int membership_withdraw(struct storage *storage, const struct record *record,
                        uint64_t old_position);

/**
 * membership_publish() - put a record that was just written into the feeds it belongs to
 * @record:       as written; record->position is the commit's
 * @old_position: the position it had before this entry, 0: it is new
 *
 * Reference data goes into its locality's feed. Also right when the same commit publishes a record twice.
 */
int membership_publish(struct storage *storage, const struct record *record, uint64_t old_position);

/**
 * membership_forget_exits() - take a person's exit rows out of the feeds of a locality: nobody holds the person any more (store/exits.h)
 *
 * Where one is the newest row of its feed, the end stays marked, so that no cursor lies beyond it.
 */
int membership_forget_exits(struct storage *storage, const struct uuid *locality,
                            const struct uuid *person);

/* membership_exit_again() - put exit rows that were taken out there again, newer: a device was sent the person all the same */
int membership_exit_again(struct storage *storage, const struct uuid *locality,
                          const struct uuid *person);

/**
 * membership_digests() - the sums of what is visible of a person, by class less one
 *
 * Reads all of the person's records: joining, leaving and comparing do so, a write does not.
 */
int membership_digests(struct storage *storage, const struct uuid *person,
                       struct digest ret[CLASS_COUNT]);

/**
 * membership_held() - is the person in one of these scopes now?
 *
 * Return: 1, 0, or an error
 */
int membership_held(struct storage *storage, const struct uuid *locality, const struct uuid *person,
                    const struct scope_set *scopes);

#endif
