/*
 * The journal: a file beside the database with what operators did and no device has: invitations, used codes, grants, revocations,
 * imports, releases, epochs. A database that was restored gets it from there.
 *
 * One record per transaction, chained by hashes, flushed before the database commits. The database knows how much of it it
 * has taken in; what the file has beyond that is played again when it is opened. So the file may hold what was about to be
 * committed when the power went, never the other way round.
 *
 * It is a layer over the functions of a storage connection: whoever writes through them need not know of it.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include "common/nhs_number.h"
#include "store/judge.h"
#include "store/storage.h"

enum { JOURNAL_RECORD_MAX = 64 << 20 }; /* bytes of one record */

struct journal;

struct journal_report {
        uint64_t played; /* records that the database did not have */
        bool anew; /* the file was missing, or ends before the database: another begins here */
};

/**
 * journal_attach() - open the journal of a database and write to it from now on
 * @storage: a writing connection, idle; it owns the journal from here on
 * @path:    made where it is missing
 *
 * What the database lacks is played into it. A record that was torn at the end of the file is cut off.
 *
 * Return: 0; PANNIER_E_CORRUPT the file is damaged, or of another database; PANNIER_E_STORAGE
 */
int journal_attach(struct storage *storage, const char *path, enum nhs_environment environment,
                   int64_t now_ms, struct journal_report *ret);

/**
 * journal_covers() - does the file go on where the database is?
 *
 * Return: 1 it does; 0 it is missing, or ends or begins elsewhere: what was done after the backup would be forgotten; or an error
 */
int journal_covers(struct storage *storage, const char *path);

/* journal_change() - an operator's change of a record was made in this transaction; no journal: nothing */
int journal_change(struct storage *storage, const struct judge_change *change);
/* journal_move() - the same of somebody who was moved to another locality */
int journal_move(struct storage *storage, const struct judge_move *move);

/* journal_answer() - an operator released or dismissed a quarantined entry in this transaction: with the entry, which may be lost too */
int journal_answer(struct storage *storage, const struct judge_answer *answer,
                   const struct log_row *refused);

#endif
