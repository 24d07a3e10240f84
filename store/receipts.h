/*
 * The store's signed word: receipts of entries and heads of logs.
 *
 * What becomes of an entry field by field is kept in its log row as `effects`; a receipt is made from the row whenever one
 * is needed, so that every repeat gets the same receipt.
 */
#ifndef STORE_RECEIPTS_H
#define STORE_RECEIPTS_H

#include "common/wire.h"
#include "store/storage.h"

/*
 * receipt_effects_encode() - effects and conflicts of a receipt as a log row keeps them: CBOR [[field, effect …], [conflict …]]
 *
 * Of an entry that was judged in another locality than its own, [epoch, position] in its own comes behind (position not 0 here).
 */
void receipt_effects_encode(const struct wire_receipt *receipt, struct buffer *out);

/**
 * receipt_from_row() - the receipt of a judged entry
 * @arena: owns the lists of ret
 *
 * An entry in quarantine got no position: its receipt says 0.
 *
 * Return: 0; PANNIER_E_CORRUPT where the row's effects cannot be read; PANNIER_E_MEMORY
 */
int receipt_from_row(const struct log_row *row, struct arena *arena, struct wire_receipt *ret);

/* receipt_parked() - the word on an entry that is not judged yet */
void receipt_parked(const struct parked_row *row, struct wire_receipt *ret);

/**
 * receipts_put() - write a receipts message, signed
 * @in_request: body hashes of the entries of this request travel no second time: for these, `travels` is false
 *
 * All receipts must have their body_hash set. Nothing is written where there are none.
 */
int receipts_put(const struct private_key *key, const struct uuid *device, int64_t now_ms,
                 struct wire_receipt *receipts, const bool *in_request, size_t count,
                 struct buffer *out);

/* head_sign() - the signed head of a locality's log */
int head_sign(const struct private_key *key, const struct storage_locality *locality,
              struct wire_head *ret);

#endif
