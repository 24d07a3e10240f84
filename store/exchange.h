/*
 * One POST /v1/sync on the store, free of network, clock and randomness: bytes in, bytes out.
 *
 *     exchange_read     any thread, with an exchange of its own, no database: decompress, decode, verify the device's signatures
 *     exchange_commit   the writer's thread: several requests in one durable group commit. Only where exchange_has_work()
 *     exchange_answer   any reader's thread: one snapshot with grants, feeds and end; makes the body of the answer
 *     exchange_custody  the writer's thread: who was sent whom, durable, before the answers leave. Only where answer.commit_first
 *
 * The store keeps no session between requests: everything is in the request and in storage.
 */
#ifndef STORE_EXCHANGE_H
#define STORE_EXCHANGE_H

#include "common/nhs_number.h"
#include "common/wire.h"
#include "store/judge.h"
#include "store/storage.h"

/* What every exchange needs; lives longer than all of them and is only read. */
/* With the changes and the receipts of a request an answer stays below WIRE_ANSWER_MAX. */
enum { EXCHANGE_SETTLED_MAX = 1 << 20 };

struct exchange_settings {
        const struct private_key *signing_key; /* receipts and heads */
        struct wire_trust trust;
        struct wire_policy policy;
        size_t changes_max; /* bytes of changes in an answer; 0: WIRE_ANSWER_CHANGES_MAX */
        size_t settled_max; /* bytes of receipts owed for parked entries; 0: EXCHANGE_SETTLED_MAX */
        enum nhs_environment environment; /* which NHS numbers are real here */
        struct judge_limits limits;       /* of what one device may leave here */
};

/* Connection and scratch memory of one thread; for the writer or for a reader. */
struct exchange;

/**
 * exchange_new() - work with @storage, which must outlive it
 * @settings: must outlive it
 */
int exchange_new(struct storage *storage, const struct exchange_settings *settings,
                 struct exchange **ret);
struct exchange *exchange_free(struct exchange *exchange);
DEFINE_FREEP(exchange)

struct exchange_request;

/**
 * exchange_read() - take a request's body apart and check all that needs no database
 * @exchange:    for its scratch memory only
 * @body:        as received, zstd; not needed after the return
 * @device:      the row that the TLS certificate led to; copied
 * @received_ms: store time
 *
 * Counts and sizes are held against their limits before anything is allocated by them. A run whose
 * signature is not the device's is put aside: nothing of it is taken.
 *
 * Return: 0; PANNIER_E_MALFORMED; PANNIER_E_LIMIT; PANNIER_E_TOO_NEW ("upgrade needed": protocol or message);
 *         PANNIER_E_MEMORY. On an error nothing was taken and the request is to be refused by that name
 */
int exchange_read(struct exchange *exchange, struct bytes body, const struct device_row *device,
                  int64_t received_ms, struct exchange_request **ret);
/**
 * exchange_read_carried() - the same for a request that somebody else brought, at some time after it was made (store/courier.h)
 * @device:    who made it
 * @offset_ms: of its clock, as it was measured last: what its hello says of now was long ago
 *
 * What it says about the device of now counts for nothing: its counts, what it erased, what it is to be sent. It is judged as
 * any other; its answer has receipts and no changes.
 */
int exchange_read_carried(struct exchange *exchange, struct bytes body,
                          const struct device_row *device, int64_t received_ms, int64_t offset_ms,
                          struct exchange_request **ret);
struct exchange_request *exchange_request_free(struct exchange_request *request);
DEFINE_FREEP(exchange_request)

/* exchange_has_work() - does the request carry anything to commit, or to confirm? If not, go straight to exchange_answer(). */
bool exchange_has_work(const struct exchange_request *request);

/* exchange_entry_count() - entries in runs that the device signed */
size_t exchange_entry_count(const struct exchange_request *request);

/* exchange_is_check() - is it a request of POST /v1/check? It has no hello, and nothing to commit. */
bool exchange_is_check(const struct exchange_request *request);

/* exchange_hello() - what the device said of itself; borrowed from the request */
const struct wire_device_hello *exchange_hello(const struct exchange_request *request);

/**
 * exchange_commit() - judge and store the entries of all requests in one commit
 * @now_ms: store time
 *
 * The requests may come from any devices, also several from one. A batch that fails otherwise than for storage is played again
 * one entry at a time, and the entry that fails is quarantined (internal). Where that fails, too, each request has a commit of
 * its own, and exchange_error() says of which nothing was recorded. Results stay in the requests for exchange_answer().
 *
 * Return: 0, all is durable; PANNIER_E_STORAGE: nothing of any request was recorded, answer all of them "store unavailable"
 */
int exchange_commit(struct exchange *exchange, struct exchange_request *const *requests,
                    size_t count, int64_t now_ms);

/* exchange_error() - 0, or why nothing of this one was recorded: answer it "store unavailable" */
int exchange_error(const struct exchange_request *request);

/* exchange_expire() - quarantine what has been parked for 7 days, and commit; call it every few minutes */
int exchange_expire(struct exchange *exchange, int64_t now_ms);

struct exchange_answer {             /* init with {0} */
        struct buffer body;          /* zstd, to be sent as it is */
        struct custody_row *custody; /* people whose records are in this answer */
        size_t custody_count;
        struct leaving_row *leaving; /* people whom this answer tells the device to let go of */
        size_t leaving_count;
        bool commit_first; /* exchange_custody() must have returned 0 before the body leaves */
        struct uuid device;
        struct uuid *settled; /* entries that were parked and whose receipts the device knows */
        size_t settled_count;
        bool more;        /* the device will ask again at once */
        size_t row_count; /* records in it, for the figures */
};

void exchange_answer_deinit(struct exchange_answer *answer); /* also for CLEANUP */

enum { EXCHANGE_COMMIT_FIRST = 1 }; /* outcome of exchange_answer() */

/**
 * exchange_answer() - make the answer to a request
 *
 * One snapshot: device row, grants, receipts, feeds and `end` all belong to the same moment. A device that is not active gets its
 * state and receipts, nothing else.
 *
 * Return: 0; EXCHANGE_COMMIT_FIRST: the device showed a head that our log lacks, so the request goes through exchange_commit(),
 *         which begins a new epoch, and then here again; or an error
 */
int exchange_answer(struct exchange *exchange, struct exchange_request *request, int64_t now_ms,
                    struct exchange_answer *ret);

/* exchange_custody() - note durably whom the answers hold, in one commit for all of them */
int exchange_custody(struct exchange *exchange, const struct exchange_answer *const *answers,
                     size_t count, int64_t now_ms);

/**
 * exchange_news() - is there anything for a device that stands at this vector hash? For GET /v1/wait.
 * @vector_hash, @known_hash, @closing: vector_hash, parked_hash and closing of its hello
 *
 * Return: 1 there is, 0 not, or an error
 */
int exchange_news(struct exchange *exchange, const struct uuid *device,
                  const uint8_t vector_hash[HASH_SIZE], const uint8_t known_hash[HASH_SIZE],
                  uint64_t closing, int64_t now_ms);

#endif
