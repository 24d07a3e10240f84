/*
 * Local writes: what a caller asks for becomes entries of the outbox. Part of the engine (engine_internal.h).
 *
 * A batch is what one commit of the outbox will hold; it knows which numbers its entries will get.
 */
#ifndef DAEMON_WRITER_H
#define DAEMON_WRITER_H

#include "daemon/engine.h"
#include "daemon/outbox.h"

struct writer_batch {
        struct outbox_item items[ENGINE_WRITE_MAX];
        size_t offsets[ENGINE_WRITE_MAX]; /* of each body in `bodies` */
        size_t count;
        struct buffer bodies;      /* packed, behind each other */
        uint64_t seqs[LANE_COUNT]; /* newest of each lane, this batch included */
        uint64_t place;            /* newest, this batch included */
};

void writer_batch_begin(struct engine *engine, struct writer_batch *batch);

/* writer_body_begin() - fill what is the same for all entries of this device and moment */
void writer_body_begin(const struct engine_now *now, struct entry_body *body);

/**
 * writer_batch_add() - encode and pack one entry; the clear body is in engine->clear afterwards
 * @item: lane, id, locality, needs, request_hash and recorded_ms; copied; place and seq are filled as they will be
 */
int writer_batch_add(struct engine *engine, struct writer_batch *batch, struct outbox_item *item,
                     const struct entry_body *body);

/* writer_batch_add_clear() - the same of a body that was encoded before (entry_body_encode) */
int writer_batch_add_clear(struct engine *engine, struct writer_batch *batch,
                           struct outbox_item *item, struct bytes clear);

/* writer_batch_append() - record the batch in the outbox (one flush) */
int writer_batch_append(struct engine *engine, struct writer_batch *batch);

#endif
