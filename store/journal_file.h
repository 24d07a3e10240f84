/*
 * The journal as a file: "PANNIERJ", then where it begins (number and hash of the record before its first one), then
 * records: size in 4 bytes big-endian, payload, hash over (hash before, payload). Part of store/journal.h; nobody else includes it.
 */
#ifndef STORE_JOURNAL_FILE_H
#define STORE_JOURNAL_FILE_H

#include "store/journal.h"

#include <sys/types.h>

struct journal_walk {
        int fd;
        off_t at;        /* of the record that comes next */
        uint64_t number; /* of the record before it */
        uint8_t hash[HASH_SIZE];
        struct buffer payload; /* of the record that was read last */
};

/* journal_failed() - errno as an error of the journal: "written", "flushed" … */
int journal_failed(const char *what);

/* journal_walk_begin() - 1, 0 the file is empty, or an error. The payload is the caller's to deinit. */
int journal_walk_begin(struct journal_walk *walk, int fd);
/* journal_walk_next() - 1 a record was read; 0 the file ends here, also where the last record is torn; or an error */
int journal_walk_next(struct journal_walk *walk);
/* journal_walk_to() - to a place in it; 1 found, 0 it begins behind it, ends before it, or is of another database; or an error */
int journal_walk_to(struct journal_walk *walk, uint64_t number, const uint8_t hash[HASH_SIZE]);

/* journal_append() - write a record at the place of the walk, cut off what lies behind, flush; the walk stands behind it then */
int journal_append(int fd, struct journal_walk *walk, struct bytes payload);

/* journal_begin_anew() - an empty journal that goes on from a record; one that is there is put aside */
int journal_begin_anew(int *fd, const char *path, uint64_t number, const uint8_t hash[HASH_SIZE]);

#endif
