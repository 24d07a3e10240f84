/*
 * Lives of the outbox, and what is offered again: the part of the outbox (daemon/outbox.h) that deals with histories that fork.
 *
 * An outbox that was restored or cloned draws a new incarnation: the envelopes of what it has not delivered are written
 * anew, ids and bodies never. A store that lost commits is offered again what it had signed for. What is no longer here
 * is declared as a gap.
 */
#ifndef DAEMON_INCARNATION_H
#define DAEMON_INCARNATION_H

#include "daemon/outbox.h"

/*
 * outbox_draw() - a new incarnation: every waiting entry moves to it, in the order of recording, chained and signed
 *
 * In a transaction of its own. Entries with a receipt stay under the old one. A damaged row moves and stays damaged.
 *
 * @why: for people, kept with the old incarnation
 */
int outbox_draw(struct outbox *outbox, int64_t now_ms, const char *why);

/* outbox_lives() - how many incarnations ended here */
int outbox_lives(struct outbox *outbox, uint64_t *ret);

/* outbox_note_rescued() - the outbox was filled from the replica (daemon/rescue.h); in a transaction of its own */
int outbox_note_rescued(struct outbox *outbox, uint64_t count);
/* outbox_rescued() - how many entries ever came from there; 1, 0 it never was */
int outbox_rescued(struct outbox *outbox, uint64_t *ret);

/* ---- the store lost commits; between outbox_begin() and outbox_commit() ---- */

struct outbox_left {
        uint64_t position; /* last one that the histories after it share */
        bool whole;        /* nothing was told beyond it */
};

/* outbox_left_put() - a history of the store was left; of several words the lowest counts */
int outbox_left_put(struct outbox *outbox, const struct uuid *locality, uint64_t epoch,
                    const struct outbox_left *left);

/* outbox_left_get() - where that history or a later one was left; 1, 0 none of them was */
int outbox_left_get(struct outbox *outbox, const struct uuid *locality, uint64_t epoch,
                    struct outbox_left *ret);

/* outbox_receipt_gone() - is a receipt of a history that was left, and beyond what the next one shares? 1, 0 */
int outbox_receipt_gone(struct outbox *outbox, const struct uuid *locality,
                        const struct wire_receipt *receipt);

/**
 * outbox_offer_again() - let the entries of a lane from @first on wait again, because the store expects them
 *
 * They keep their old receipts, which go with them. Those whose body was forgotten stay as they are: they make a gap.
 *
 * Return: how many; PANNIER_E_REFUSED: one of them has its receipt from the very history that expects it. It stands there under
 *         another incarnation: this outbox is an image of an older one
 */
int outbox_offer_again(struct outbox *outbox, uint8_t lane, uint64_t first);

/*
 * outbox_offer_gone() - the same for every entry whose receipt lies beyond where its history was left, or has no position; those
 * of older incarnations move to the present one. Return: how many, or an error
 */
int outbox_offer_gone(struct outbox *outbox);

struct outbox_word { /* a receipt as it was signed */
        uint64_t batch;
        int64_t now_ms;
        struct bytes hashes, signature; /* both are borrowed until the next call on the outbox */
};

/* outbox_word() - what a batch's signature was over; 1 found, 0 not there */
int outbox_word(struct outbox *outbox, uint64_t batch, struct outbox_word *ret);

/* ---- gaps ---- */

/**
 * outbox_find_gaps() - write down what the store expects and is not here any more
 *
 * In a transaction of its own. Return: 1 something is missing, so that the chain cannot go on: outbox_draw() is due; 0; or an error
 */
int outbox_find_gaps(struct outbox *outbox, int64_t now_ms);

/* outbox_gaps() - @all: also those that the store has answered to. Visits must not call the outbox. */
int outbox_gaps(struct outbox *outbox, bool all,
                int (*visit)(void *context, const struct wire_gap *gap, int64_t found_ms),
                void *context);

/* outbox_gaps_declared() - the store answered: they are not sent again; in a transaction */
int outbox_gaps_declared(struct outbox *outbox);

#endif
