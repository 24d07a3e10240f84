#include "daemon/loop_courier.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "daemon/loop_internal.h"

#include <stdio.h>
#include <string.h>

enum {
        REFUSED_FOR_EVER = 422
}; /* POST /v1/bundle: sealed to another store, or not a device's word */

struct couriering {
        struct loop *loop;
        struct carry *carry; /* NULL: the folder cannot be used */
        struct link_transfer *transfer;
        struct carry_item item; /* that is out */
        struct buffer part;
};

int loop_courier_new(struct loop *loop, struct couriering **ret)
{
        struct couriering *couriering = calloc(1, sizeof(*couriering));
        char folder[4096];
        int size;

        if (!couriering)
                return FAIL(PANNIER_E_MEMORY, "no memory for what is carried");
        couriering->loop = loop;
        size = snprintf(folder, sizeof(folder), "%s/courier", loop->options.state);
        if (size < 0 || size >= (int)sizeof(folder) || carry_new(folder, &couriering->carry) < 0) {
                log_warning("nothing can be carried for other devices: %s", error_detail());
                error_clear();
        }
        if (couriering->carry)
                carry_tidy(couriering->carry, clock_now_ms());
        *ret = couriering;
        return 0;
}

struct couriering *loop_courier_free(struct couriering *couriering)
{
        if (!couriering)
                return NULL;
        if (couriering->transfer && couriering->loop->link)
                link_cancel(couriering->loop->link, couriering->transfer);
        (void)carry_free(couriering->carry);
        buffer_deinit(&couriering->part);
        free(couriering);
        return NULL;
}

struct carry *loop_courier_bag(struct couriering *couriering)
{
        return couriering->carry;
}

static void deliver_next(struct couriering *couriering);

static void on_delivered(void *context, const struct link_answer *answer)
{
        struct couriering *couriering = context;
        int r = 0;

        couriering->transfer = NULL;
        if (answer->failure == EXCHANGE_OK)
                r = carry_answered(couriering->carry, &couriering->item, answer->body);
        else if (answer->status == REFUSED_FOR_EVER)
                r = carry_refused(couriering->carry, &couriering->item);
        if (r < 0)
                log_failure(LOG_LEVEL_WARNING, r, "receipts for another device");
        if (answer->failure == EXCHANGE_OK && r >= 0)
                log_info("delivered %s", couriering->item.name);
        else if (answer->status == REFUSED_FOR_EVER && r >= 0)
                log_warning("the store does not accept %s", couriering->item.name);
        else
                return; /* with the next exchange that goes well */
        deliver_next(couriering);
}

static void deliver_next(struct couriering *couriering)
{
        struct loop *loop = couriering->loop;
        char url[IDENTITY_URL_MAX + 16];
        struct link_request request;
        int r = carry_next(couriering->carry, &couriering->item, &couriering->part);

        if (r <= 0) {
                if (r < 0)
                        log_failure(LOG_LEVEL_WARNING, r, "what is carried for other devices");
                return;
        }
        (void)snprintf(url, sizeof(url), "%s/v1/bundle", loop->identity->url);
        request = loop_store_request(loop, url);
        request.media_type = LOOP_SYNC_TYPE;
        request.wanted_type = LOOP_SYNC_TYPE;
        request.body = buffer_view(&couriering->part);
        r = link_send(loop->link, &request, on_delivered, couriering, &couriering->transfer);
        if (r < 0)
                log_failure(LOG_LEVEL_WARNING, r, "what is carried for other devices");
}

void loop_courier_deliver(struct couriering *couriering)
{
        if (couriering->carry && !couriering->transfer)
                deliver_next(couriering);
}
