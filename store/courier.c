#include "store/courier.h"

#include "common/error.h"

#include <string.h>

struct courier {
        struct bundle_reply reply;
};

struct courier *courier_free(struct courier *courier)
{
        if (!courier)
                return NULL;
        bundle_reply_wipe(&courier->reply);
        free(courier);
        return NULL;
}

const struct bundle_name *courier_name(const struct courier *courier)
{
        return &courier->reply.name;
}

static int check_key(const struct courier_settings *settings, const struct wire_bundle *part)
{
        uint8_t point[PUBLIC_KEY_SIZE], key[HASH_SIZE];

        if (settings->seal_key) {
                private_key_public(settings->seal_key, point);
                bundle_key(point, key);
                if (memcmp(key, part->key, sizeof(key)) == 0)
                        return 0;
        }
        return FAIL(PANNIER_E_NOT_FOUND, "the bundle is sealed to another store");
}

static int no_such(void)
{
        return FAIL(PANNIER_E_CRYPTO,
                    "the bundle is not what a device of this store signed, or was changed");
}

/* The device that the part names, with the key that its word is checked with. */
static int find_device(struct storage *storage, const struct uuid *id, struct device_row *ret,
                       struct public_key **ret_key)
{
        static const uint8_t none[PUBLIC_KEY_SIZE];
        int r = storage->ops->device_get(storage, id, ret);

        if (r < 0)
                return r;
        if (r == 0 || memcmp(ret->public_key, none, sizeof(none)) == 0)
                return no_such();
        return public_key_from_point(ret->public_key, ret_key);
}

/* What the device's clock says is as good as when it was measured last; a bundle does not say when it was made in a way to be believed. */
static int find_offset(struct storage *storage, const struct uuid *device, int64_t *ret)
{
        struct device_report report = {0};
        int r = storage->ops->device_reported(storage, device, &report);

        *ret = r > 0 ? report.clock_offset_ms : 0;
        return r < 0 ? r : 0;
}

static int open_part(const struct courier_settings *settings, const struct wire_bundle *part,
                     struct device_row *ret_device, struct buffer *body, struct bundle_reply *reply)
{
        CLEANUP(public_key_freep) struct public_key *key = NULL;
        int r = check_key(settings, part);

        if (r == 0)
                r = find_device(settings->storage, &part->device, ret_device, &key);
        if (r == 0)
                r = bundle_open(part, settings->seal_key, key, body, reply);
        return r == PANNIER_E_CRYPTO ? no_such() : r;
}

int courier_open(const struct courier_settings *settings, const struct wire_bundle *part,
                 int64_t received_ms, struct courier **ret, struct exchange_request **ret_request)
{
        CLEANUP(courier_freep) struct courier *courier = calloc(1, sizeof(*courier));
        CLEANUP(buffer_wipe) struct buffer body = BUFFER_INIT;
        struct device_row device;
        int64_t offset_ms = 0;
        int r;

        if (!courier)
                return FAIL(PANNIER_E_MEMORY, "no memory for a bundle");
        r = open_part(settings, part, &device, &body, &courier->reply);
        if (r == 0)
                r = find_offset(settings->storage, &device.id, &offset_ms);
        if (r == 0)
                r = exchange_read_carried(settings->exchange, buffer_view(&body), &device,
                                          received_ms, offset_ms, ret_request);
        if (r < 0)
                return r;
        *ret = TAKE(courier);
        return 0;
}

int courier_seal(const struct courier *courier, struct bytes answer,
                 const uint8_t nonce[WIRE_BUNDLE_NONCE_SIZE], struct buffer *out)
{
        return bundle_receipts_put(&courier->reply, nonce, answer, out);
}
