/* Bundles: calls whose bodies are messages of a bundle's file, and not JSON. */
#include "client/call.h"
#include "common/error.h"
#include "common/id.h"
#include "common/json.h"

#include <stdio.h>
#include <string.h>

static int copy_text(struct pannier *client, struct bytes body, char **ret)
{
        char *text = malloc(body.size + 1);

        if (!text)
                return call_failed(client, FAIL(PANNIER_E_MEMORY, "no memory for an answer"));
        if (body.size)
                memcpy(text, body.data, body.size);
        text[body.size] = 0;
        *ret = text;
        return 0;
}

static int copy_bytes(struct pannier *client, struct bytes body, void **ret, size_t *ret_size)
{
        char *bytes = NULL;
        int r = copy_text(client, body, &bytes);

        if (r < 0)
                return r;
        *ret = bytes;
        *ret_size = body.size;
        return 0;
}

int pannier_bundle_begin(struct pannier *client, char ret[PANNIER_ID_SIZE])
{
        CLEANUP(json_freep) json_t *json = NULL;
        struct connection_answer answer;
        struct uuid id;
        int r = call_daemon(client, "POST", "/v1/bundles", BYTES_NONE, &answer);

        if (r < 0)
                return r;
        if (json_load(answer.body, &json) < 0 || !json_is_string(json_object_get(json, "bundle")) ||
            uuid_parse(bytes_text(json_string_value(json_object_get(json, "bundle"))), &id) < 0)
                return call_failed(client, FAIL(PANNIER_E_LINK, "the daemon named no bundle"));
        uuid_format(&id, ret);
        return 0;
}

int pannier_bundle_part(struct pannier *client, const char *bundle, void **ret, size_t *ret_size)
{
        struct connection_answer answer;
        char target[96];
        int r;

        (void)snprintf(target, sizeof(target), "/v1/bundles/%.36s/part", bundle);
        r = call_daemon(client, "POST", target, BYTES_NONE, &answer);
        if (r < 0 || answer.status == 204)
                return r;
        r = copy_bytes(client, answer.body, ret, ret_size);
        return r < 0 ? r : 1;
}

int pannier_bundle_handed(struct pannier *client, const char *bundle, const char *receiver,
                          char **ret)
{
        CLEANUP(json_freep) json_t *json = json_pack("{s:s}", "receiver", receiver);
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;
        struct connection_answer answer;
        char target[96];
        int r;

        if (!json)
                return call_failed(client, FAIL(PANNIER_E_INVALID, "the receiver is no text"));
        json_append(json, &body);
        r = buffer_check(&body);
        if (r < 0)
                return call_failed(client, r);
        (void)snprintf(target, sizeof(target), "/v1/bundles/%.36s", bundle);
        r = call_daemon(client, "PUT", target, buffer_view(&body), &answer);
        return r < 0 || !ret ? r : copy_text(client, answer.body, ret);
}

static int post_message(struct pannier *client, const char *target, const void *message,
                        size_t size, char **ret)
{
        struct connection_answer answer;
        int r = call_daemon(client, "POST", target, BYTES(message, size), &answer);

        return r < 0 || !ret ? r : copy_text(client, answer.body, ret);
}

int pannier_bundle_receipts(struct pannier *client, const void *message, size_t size, char **ret)
{
        return post_message(client, "/v1/receipts", message, size, ret);
}

int pannier_carry(struct pannier *client, const void *message, size_t size, char **ret)
{
        return post_message(client, "/v1/carried", message, size, ret);
}

int pannier_carried(struct pannier *client, char **ret)
{
        struct connection_answer answer;
        int r = call_daemon(client, "GET", "/v1/carried", BYTES_NONE, &answer);

        return r < 0 ? r : copy_text(client, answer.body, ret);
}

int pannier_carried_receipts(struct pannier *client, const char *name, void **ret, size_t *ret_size)
{
        CLEANUP(buffer_deinit) struct buffer target = BUFFER_INIT;
        struct connection_answer answer;
        int r;

        buffer_append_text(&target, "/v1/carried/");
        http1_append_escaped(&target, bytes_text(name));
        buffer_append_byte(&target, 0);
        r = buffer_check(&target);
        if (r < 0)
                return call_failed(client, r);
        r = call_daemon(client, "GET", (const char *)target.data, BYTES_NONE, &answer);
        return r < 0 ? r : copy_bytes(client, answer.body, ret, ret_size);
}
