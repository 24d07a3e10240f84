/*
 * Histories of a locality. A store that is shown its own signature on a head that its log lacks has lost commits: a restore, a
 * fail-over to a copy that lagged, a snapshot. It then begins a new epoch, and knows of the old one where it was left.
 *
 * It knows storage and signatures, no network and no clock. A loss happens while nobody writes, so the histories branch off where an
 * opening of the database went on; of these it is the first after the store told the device of that head.
 */
#ifndef STORE_EPOCH_H
#define STORE_EPOCH_H

#include "store/storage.h"

enum epoch_kind {
        EPOCH_ELSEWHERE, /* of a locality that is not kept here, or not in this transaction */
        EPOCH_FORGED,    /* not on our chain and not signed by us: nobody's word */
        EPOCH_OURS,      /* lies on our chain */
        EPOCH_LEFT,      /* ours, of a history that is known to be gone */
        EPOCH_LOST,      /* ours, and the log lacks it: epoch_lost() is due */
};

struct epoch_seen {
        enum epoch_kind kind;
        uint64_t common; /* position up to which that history is ours */
};

/**
 * epoch_look() - what a head that a device shows says about our log
 * @key: of our signature
 *
 * In a transaction or a snapshot. A signature is checked only where the head does not lie on our chain.
 */
int epoch_look(struct storage *storage, const struct public_key *key, const struct wire_head *head,
               struct epoch_seen *ret);

/**
 * epoch_lost() - note a history that is gone, and begin a new one where it was the present one or a later one
 * @head:    for which epoch_look() said EPOCH_LOST
 * @told_ms: store time of the answer that showed it to the device; 0: not known
 *
 * In a write transaction with the locality, before anything else was written in it. Once: the same head is EPOCH_LEFT afterwards.
 */
int epoch_lost(struct storage *storage, const struct wire_head *head, int64_t told_ms,
               int64_t now_ms);

/**
 * epoch_begin() - begin a new history at once, as after a restore
 * @left:  last position that the present one shares with it
 * @above: the new number is greater than this one, too
 * @seed:  bytes that no other beginning has: the new id and number follow from them
 */
int epoch_begin(struct storage *storage, const struct uuid *locality, uint64_t left, uint64_t above,
                const uint8_t seed[HASH_SIZE], int64_t now_ms);

/* epoch_floor() - up to which position an older history is ours; 0 for one that is not known */
int epoch_floor(struct storage *storage, const struct uuid *locality, uint64_t epoch,
                uint64_t *ret);

#endif
