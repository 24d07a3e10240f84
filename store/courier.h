/*
 * What a courier brings, at the store: a part of a bundle (common/bundle.h) becomes a request of the device that wrote it, and
 * the answer to it becomes receipts that only this device can read. Free of network, clock and randomness, as the exchange.
 *
 * The courier is nobody here: whether it may speak is decided by its own certificate; state, grants and custody are
 * those of the device that signed the part.
 */
#ifndef STORE_COURIER_H
#define STORE_COURIER_H

#include "common/bundle.h"
#include "store/exchange.h"

struct courier; /* one part, opened; what its answer is sealed with */

struct courier_settings {
        struct exchange *exchange; /* of the thread */
        struct storage *storage;   /* the same one's */
        const struct private_key *seal_key;
};

/**
 * courier_open() - open a part
 * @part:        borrowed during the call
 * @ret_request: for exchange_commit() and exchange_answer(), as any other
 *
 * Return: 0; PANNIER_E_NOT_FOUND it is sealed to another store; PANNIER_E_CRYPTO there is no such device, or it is not its word, or it
 *         was changed: one error for all; PANNIER_E_MALFORMED, PANNIER_E_LIMIT, PANNIER_E_TOO_NEW of what is inside
 */
int courier_open(const struct courier_settings *settings, const struct wire_bundle *part,
                 int64_t received_ms, struct courier **ret, struct exchange_request **ret_request);
struct courier *courier_free(struct courier *courier);
DEFINE_FREEP(courier)

/* courier_name() - which part it is; borrowed */
const struct bundle_name *courier_name(const struct courier *courier);

/**
 * courier_seal() - append what travels back
 * @answer: body of exchange_answer()
 * @nonce:  random
 */
int courier_seal(const struct courier *courier, struct bytes answer,
                 const uint8_t nonce[WIRE_BUNDLE_NONCE_SIZE], struct buffer *out);

#endif
