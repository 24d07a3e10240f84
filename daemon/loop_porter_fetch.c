/* Downloads of the porter: the bytes of a record that somebody looks at, chunk by chunk, into kept.d. */
#include "daemon/loop_porter_internal.h"

#include "common/error.h"

#include <stdio.h>
#include <string.h>

enum { FETCH_TRIES = 4 /* of one chunk, while somebody waits */ };

static void fetch_end(struct porter *porter, struct porter_fetch *fetch, int error,
                      const char *detail)
{
        TAILQ_REMOVE(&porter->fetches, fetch, link);
        if (fetch->done)
                fetch->done(fetch->context, error, detail);
        (void)satchel_writer_free(fetch->writer);
        free(fetch);
}

static int fetch_finish(struct porter *porter, struct porter_fetch *fetch)
{
        struct attachment got;
        int r = satchel_end(fetch->writer, &got);

        if (r >= 0 && (got.size != fetch->attachment.size ||
                       memcmp(got.hash, fetch->attachment.hash, HASH_SIZE) != 0))
                r = FAIL(PANNIER_E_CORRUPT, "the store gave other bytes than the record names");
        if (r >= 0)
                r = satchel_publish(fetch->writer);
        if (r >= 0)
                r = engine_attachment_keep(porter->engine, &fetch->record,
                                           satchel_writer_key(fetch->writer));
        if (r == 0)
                r = FAIL(PANNIER_E_NOT_FOUND, "its record is not here any more");
        return r < 0 ? r : satchel_trim(porter->options.satchel);
}

static void take_chunk(struct porter *porter, struct porter_fetch *fetch, struct bytes body)
{
        int r = 0;

        porter_spend(porter, body.size);
        if (body.size != attachment_chunk_size(fetch->attachment.size, fetch->chunk))
                r = FAIL(PANNIER_E_MALFORMED, "the store gave a chunk of another size");
        if (r >= 0)
                r = satchel_add(fetch->writer, body);
        if (r < 0) {
                fetch_end(porter, fetch, r, error_detail());
                return;
        }
        fetch->tries = 0;
        if (++fetch->chunk < attachment_chunk_count(fetch->attachment.size)) {
                fetch_chunk(porter, fetch);
                return;
        }
        r = fetch_finish(porter, fetch);
        fetch_end(porter, fetch, r < 0 ? r : 0, r < 0 ? error_detail() : "");
}

static void on_chunk(void *context, const struct link_answer *answer)
{
        struct porter *porter = context;
        struct porter_fetch *fetch = TAILQ_FIRST(&porter->fetches);

        porter->transfer = NULL;
        if (fetch && answer->failure == EXCHANGE_OK)
                take_chunk(porter, fetch, answer->body);
        else if (fetch && answer->status == 404)
                fetch_end(porter, fetch, PANNIER_E_NOT_FOUND,
                          "the store does not have these bytes, or not yet");
        else if (fetch && ++fetch->tries >= FETCH_TRIES)
                fetch_end(porter, fetch, PANNIER_E_LINK, answer->detail);
        else if (fetch)
                fetch_chunk(porter, fetch); /* it goes on where it was cut */
        if (!porter->transfer)
                porter->state = PORTER_IDLE;
        porter_step(porter);
}

void fetch_chunk(struct porter *porter, struct porter_fetch *fetch)
{
        char path[96], id[UUID_TEXT_SIZE];
        int r;

        uuid_format(&fetch->record, id);
        (void)snprintf(path, sizeof(path), "/v1/attachments/%s/%u", id, fetch->chunk);
        r = porter_transfer(porter, PORTER_FETCHING, path, BYTES_NONE, PORTER_CHUNK_TYPE,
                            ATTACHMENT_CHUNK_SIZE, on_chunk);
        if (r < 0)
                fetch_end(porter, fetch, r, error_detail());
}

int porter_fetch(struct porter *porter, const struct uuid *record,
                 const struct attachment *attachment, porter_done done, void *context,
                 struct porter_fetch **ret)
{
        struct porter_fetch *fetch = calloc(1, sizeof(*fetch));
        int r;

        if (!fetch)
                return FAIL(PANNIER_E_MEMORY, "no memory for a transfer");
        *fetch = (struct porter_fetch){
                .record = *record, .attachment = *attachment, .done = done, .context = context};
        r = satchel_begin(porter->options.satchel, SATCHEL_KEPT, record, &fetch->writer);
        if (r < 0) {
                free(fetch);
                return r;
        }
        TAILQ_INSERT_TAIL(&porter->fetches, fetch, link);
        *ret = fetch;
        evtimer_del(porter->timer);
        (void)evtimer_add(porter->timer, &(struct timeval){0}); /* never from inside of this call */
        return 0;
}

void porter_forget(struct porter *porter, struct porter_fetch *fetch)
{
        (void)porter;
        fetch->done = NULL; /* what has begun is finished: somebody else may ask */
}
