/*
 * The log of judged entries: numbers without gaps and a hash chain over everything a row holds.
 *
 * It knows how a row is hashed, not where it is kept (store/storage.h) and not why it was written.
 */
#ifndef STORE_LOG_H
#define STORE_LOG_H

#include "store/storage.h"

/**
 * log_append() - give the next number and chain hash to a row and write it
 * @row: all but number, epoch, position and chain, which are filled here from the locality's state in this transaction
 *
 * In a write transaction that includes row->locality. The commit's position is used up by it.
 */
int log_append(struct storage *storage, struct log_row *row);

/**
 * log_chain() - hash of a row: SHA-256 of deterministic CBOR of (hash before it, every member of the row)
 *
 * Of the body its hash is taken, so that a redaction keeps the chain.
 */
int log_chain(const uint8_t previous[HASH_SIZE], const struct log_row *row, uint8_t ret[HASH_SIZE]);

#endif
