/* Bundles by the local API: what waits here for a courier, receipts that come back, and what is carried for other devices. */
#include "common/error.h"
#include "daemon/api_call.h"
#include "daemon/api_value.h"
#include "daemon/engine_bundle.h"

#include <string.h>

#define BUNDLE_TYPE "application/cbor"

static int send_bytes(struct api_call *call, struct bytes body)
{
        api_answer(call->exchange, 200, BUNDLE_TYPE, body);
        call->answered = true;
        return 0;
}

static int need_body(const struct api_call *call)
{
        return call->request->body.size
                       ? 0
                       : FAIL(PANNIER_E_MALFORMED, "the request has no body; it needs one message "
                                                   "of a bundle's file");
}

/* ---- this device's own ---- */

int api_post_bundles(struct api_call *call)
{
        struct uuid id;
        int r = engine_bundle_begin(call->api->engine, &call->now, &id);

        return r < 0 ? r : api_send(call, 201, json_pack("{s:o}", "bundle", api_uuid(&id)));
}

int api_post_bundle_part(struct api_call *call)
{
        CLEANUP(buffer_deinit) struct buffer part = BUFFER_INIT;
        struct uuid id;
        int r = api_path_id(call, &id);

        if (r >= 0)
                r = engine_bundle_part(call->api->engine, &call->now, &id, &part);
        if (r < 0)
                return r;
        if (r > 0)
                return send_bytes(call, buffer_view(&part));
        api_answer(call->exchange, 204, NULL, BYTES_NONE);
        call->answered = true;
        return 0;
}

int api_put_bundle(struct api_call *call)
{
        const json_t *receiver = json_object_get(call->body, "receiver");
        uint64_t entries;
        struct uuid id;
        int r = api_path_id(call, &id);

        if (r < 0)
                return r;
        call->field = "receiver";
        if (!json_is_string(receiver))
                return FAIL(PANNIER_E_INVALID, "receiver says who has the bundle now");
        r = engine_bundle_handed(call->api->engine, &call->now, &id,
                                 bytes_text(json_string_value(receiver)), &entries);
        if (r < 0)
                return r;
        return api_send(
                call, 200,
                json_pack("{s:o, s:I}", "bundle", api_uuid(&id), "entries", (json_int_t)entries));
}

static int append_bundle(void *context, const struct engine_bundle *bundle)
{
        json_t *json = json_pack(
                "{s:o, s:s, s:o, s:I, s:I, s:o}", "bundle", api_uuid(&bundle->id), "receiver",
                bundle->receiver, "handed", api_instant(bundle->handed_ms), "entries",
                (json_int_t)bundle->entries, "waiting", (json_int_t)bundle->waiting, "receipts",
                api_instant(bundle->receipts_ms));

        return json_array_append_new(context, json) < 0
                       ? FAIL(PANNIER_E_MEMORY, "no memory for a bundle")
                       : 0;
}

json_t *api_bundles_json(struct engine *engine)
{
        CLEANUP(json_freep) json_t *array = json_array();

        return array && engine_bundles(engine, append_bundle, array) >= 0 ? TAKE(array) : NULL;
}

int api_get_bundles(struct api_call *call)
{
        json_t *array = api_bundles_json(call->api->engine);

        if (!array)
                return *error_detail() ? PANNIER_E_STORAGE
                                       : FAIL(PANNIER_E_MEMORY, "no memory for bundles");
        return api_send(call, 200, json_pack("{s:o}", "bundles", array));
}

int api_post_receipts(struct api_call *call)
{
        struct engine_bundle_taken taken;
        int r = need_body(call);

        if (r >= 0)
                r = engine_bundle_receipts(call->api->engine, &call->now, call->request->body,
                                           &taken);
        if (r < 0)
                return r == PANNIER_E_REFUSED
                               ? FAIL(PANNIER_E_INVALID, "these receipts are for another device")
                       : r == PANNIER_E_CRYPTO ? FAIL(PANNIER_E_INVALID,
                                                      "these receipts were changed on the way, or "
                                                      "are not of the store")
                                               : r;
        return api_send(call, 200,
                        json_pack("{s:o, s:I, s:I, s:I, s:I}", "bundle", api_uuid(&taken.bundle),
                                  "settled", (json_int_t)taken.settled, "known",
                                  (json_int_t)taken.known, "parked", (json_int_t)taken.parked,
                                  "stale", (json_int_t)taken.stale));
}

/* ---- carried for others ---- */

static int need_carry(const struct api_call *call)
{
        return call->api->host.carry
                       ? 0
                       : FAIL(PANNIER_E_STORAGE, "the folder for what is carried cannot be used");
}

int api_post_carried(struct api_call *call)
{
        struct carry_counts counts;
        int r = need_body(call);

        if (r >= 0)
                r = need_carry(call);
        if (r >= 0)
                r = carry_put(call->api->host.carry, call->request->body);
        if (r < 0)
                return r;
        engine_sync_now(call->api->engine, &call->now); /* it goes with the next exchange */
        carry_count(call->api->host.carry, &counts);
        return api_send(call, 201,
                        json_pack("{s:I, s:I}", "parts", (json_int_t)counts.count[CARRY_UP],
                                  "bytes", (json_int_t)counts.bytes[CARRY_UP]));
}

static int append_item(void *context, const struct carry_item *item)
{
        json_t *json = json_pack("{s:s, s:o, s:o, s:i, s:I, s:o}", "name", item->name, "device",
                                 api_uuid(&item->device), "bundle", api_uuid(&item->bundle), "part",
                                 (int)item->part, "bytes", (json_int_t)item->size, "taken",
                                 api_instant(item->taken_ms));

        return json_array_append_new(context, json) < 0
                       ? FAIL(PANNIER_E_MEMORY, "no memory for what is carried")
                       : 0;
}

int api_get_carried(struct api_call *call)
{
        static const char *const keys[CARRY_KIND_COUNT] = {"parts", "receipts", "refused"};
        CLEANUP(json_freep) json_t *json = json_object();
        int r = need_carry(call);

        for (int kind = 0; kind < CARRY_KIND_COUNT && r >= 0; kind++) {
                json_t *array = json_array();

                r = carry_each(call->api->host.carry, (enum carry_kind)kind, append_item, array);
                if (json_object_set_new(json, keys[kind], array) < 0 && r >= 0)
                        r = FAIL(PANNIER_E_MEMORY, "no memory for what is carried");
        }
        return r < 0 ? r : api_send(call, 200, TAKE(json));
}

int api_get_carried_one(struct api_call *call)
{
        CLEANUP(buffer_deinit) struct buffer receipts = BUFFER_INIT;
        char name[CARRY_NAME_SIZE];
        int r = need_carry(call);

        if (r < 0)
                return r;
        if (call->segment.size >= sizeof(name))
                return FAIL(PANNIER_E_NOT_FOUND, "no receipts of this name are carried here");
        memcpy(name, call->segment.data, call->segment.size);
        name[call->segment.size] = '\0';
        r = carry_read(call->api->host.carry, name, &receipts);
        return r < 0 ? r : send_bytes(call, buffer_view(&receipts));
}
