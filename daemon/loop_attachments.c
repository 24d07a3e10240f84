/* The loop's part in attachments: who we are to the store, and when there is a folder and an engine for them. */
#include "common/error.h"
#include "common/log.h"
#include "daemon/loop_internal.h"

static void make_request(void *context, const char *path, struct buffer *url,
                         struct link_request *ret)
{
        struct loop *loop = context;

        buffer_append_format(url, "%s%s", loop->identity->url, path);
        buffer_append_byte(url, 0);
        *ret = loop_store_request(loop, NULL);
}

static bool is_metered(void *context)
{
        const struct loop *loop = context;

        return loop_link_now(loop).metered;
}

static int open_satchel(struct loop *loop)
{
        const struct satchel_options options = {
                .state = loop->options.state,
                .device = loop->identity->device,
                .caseload_key = BYTES(loop->identity->caseload, AEAD_KEY_SIZE),
                .reserve_bytes = loop->options.attachment_reserve_bytes,
                .random = crypto_random,
        };

        return loop->satchel ? 0 : satchel_open(&options, &loop->satchel);
}

int loop_open_porter(struct loop *loop)
{
        struct porter_options options = {
                .base = loop->base,
                .link = loop->link,
                .request = make_request,
                .metered = is_metered,
                .context = loop,
        };
        struct engine_now now = loop_now(loop);
        int r = open_satchel(loop);

        options.satchel = loop->satchel;
        if (r >= 0 && !loop->porter)
                r = porter_new(&options, &loop->porter);
        if (r >= 0)
                r = porter_set_engine(loop->porter, loop->engine, now.wall_ms);
        if (r < 0) /* what is written about people does not wait for a folder of photos */
                log_failure(LOG_LEVEL_ERROR, r, "attachments cannot be used");
        if (loop->api)
                api_set_porter(loop->api, r < 0 ? NULL : loop->porter);
        return r;
}

void loop_close_porter(struct loop *loop)
{
        if (loop->porter)
                (void)porter_set_engine(loop->porter, NULL, 0);
}
