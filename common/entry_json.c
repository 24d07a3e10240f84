#include "common/entry_json.h"

#include "common/base64.h"
#include "common/body.h"
#include "common/cbor.h"
#include "common/entry.h"
#include "common/error.h"
#include "common/json.h"

#include <inttypes.h>
#include <string.h>

/* The elements as schema/wire.cddl names them. */
static const char *const header_names[] = {
        "device", "incarnation", "locality", "lane", "seq", "id", "needs", "seal",
};
static const char *const body_names[] = {
        "type",    "record",    "person",  "operation", "base",    "previous",
        "author",  "role",      "sign_in", "recorded",  "boot_id", "boot",
        "quality", "catalogue", "changes", "reason",    "instead",
};

enum { NAME_SIZE = 80, CHANGES = 14, ID_BYTES = 16 };

static json_t *bytes_json(struct bytes bytes)
{
        CLEANUP(buffer_deinit) struct buffer hex = BUFFER_INIT;
        char id[UUID_TEXT_SIZE];
        struct uuid uuid;

        if (bytes.size == ID_BYTES) {
                memcpy(uuid.bytes, bytes.data, sizeof(uuid.bytes));
                uuid_format(&uuid, id);
                return json_string(id);
        }
        for (size_t i = 0; i < bytes.size; i++)
                buffer_append_format(&hex, "%02x", bytes.data[i]);
        if (buffer_check(&hex) < 0)
                return NULL;
        return json_pack("{s:o}", "hex", json_text(buffer_view(&hex)));
}

static int read_json(struct cbor_reader *reader, json_t **ret);

static int read_array(struct cbor_reader *reader, uint64_t count, json_t **ret)
{
        CLEANUP(json_freep) json_t *array = json_array();

        for (uint64_t i = 0; i < count; i++) {
                json_t *element = NULL;
                int r = read_json(reader, &element);

                if (r < 0)
                        return r;
                if (json_array_append_new(array, element) < 0)
                        return FAIL(PANNIER_E_MEMORY, "JSON");
        }
        *ret = TAKE(array);
        return 0;
}

/* A key of a map as the name of a member. */
static void key_text(const struct cbor_item *key, char ret[NAME_SIZE])
{
        if (key->kind == CBOR_TEXT)
                (void)snprintf(ret, NAME_SIZE, "%.*s",
                               (int)(key->bytes.size < NAME_SIZE ? key->bytes.size : NAME_SIZE - 1),
                               (const char *)key->bytes.data);
        else
                (void)snprintf(ret, NAME_SIZE, "#%" PRId64, key->number);
}

/* @type: the keys are numbers of its fields; NULL: they are what they are */
static int read_map(struct cbor_reader *reader, uint64_t count, const struct catalogue_type *type,
                    json_t **ret)
{
        CLEANUP(json_freep) json_t *object = json_object();

        for (uint64_t i = 0; i < count; i++) {
                struct cbor_item key;
                json_t *value = NULL;
                char name[NAME_SIZE];
                int index, r = cbor_next(reader, &key);

                if (r >= 0 && (key.kind == CBOR_ARRAY || key.kind == CBOR_MAP))
                        r = FAIL(PANNIER_E_MALFORMED, "a key that is no number or text");
                if (r >= 0)
                        r = read_json(reader, &value);
                if (r < 0)
                        return r;
                key_text(&key, name);
                index = type && key.kind == CBOR_UINT
                                ? catalogue_field_index(type, (uint64_t)key.number)
                                : -1;
                if (json_object_set_new(object, index >= 0 ? type->fields[index].name : name,
                                        value) < 0)
                        return FAIL(PANNIER_E_MEMORY, "JSON");
        }
        *ret = TAKE(object);
        return 0;
}

static int read_json(struct cbor_reader *reader, json_t **ret)
{
        struct cbor_item item;
        int r = cbor_next(reader, &item);

        if (r < 0)
                return r;
        switch (item.kind) {
        case CBOR_UINT:
        case CBOR_NINT:
                *ret = json_integer((json_int_t)item.number);
                break;
        case CBOR_BYTES:
                *ret = bytes_json(item.bytes);
                break;
        case CBOR_TEXT:
                *ret = json_text(item.bytes);
                break;
        case CBOR_ARRAY:
                return read_array(reader, item.count, ret);
        case CBOR_MAP:
                return read_map(reader, item.count, NULL, ret);
        case CBOR_BOOL:
                *ret = json_boolean(item.number != 0);
                break;
        case CBOR_NULL:
                *ret = json_null();
                break;
        }
        return *ret ? 0 : FAIL(PANNIER_E_MEMORY, "JSON");
}

static int read_changes(struct cbor_reader *reader, const json_t *type, json_t **ret)
{
        struct cbor_item item;
        int r = cbor_next(reader, &item);

        if (r < 0)
                return r;
        if (item.kind != CBOR_MAP)
                return FAIL(PANNIER_E_MALFORMED, "the changes are no map");
        return read_map(reader, item.count,
                        catalogue_type_by_number((uint64_t)json_integer_value(type)), ret);
}

/* An array whose elements have names; those of a newer peer are numbered. */
static int named_json(struct bytes encoded, const char *const *names, size_t count, json_t **ret)
{
        CLEANUP(json_freep) json_t *object = json_object();
        struct cbor_reader reader;
        struct cbor_item head;
        int r;

        cbor_reader_init(&reader, encoded);
        r = cbor_skip(&reader, NULL); /* all of it is well formed, and within the depth */
        if (r >= 0 && !cbor_at_end(&reader))
                r = FAIL(PANNIER_E_MALFORMED, "bytes behind it");
        cbor_reader_init(&reader, encoded);
        if (r >= 0)
                r = cbor_next(&reader, &head);
        if (r >= 0 && head.kind != CBOR_ARRAY)
                r = FAIL(PANNIER_E_MALFORMED, "it is no array");
        for (uint64_t i = 0; r >= 0 && i < head.count; i++) {
                json_t *value = NULL;
                char name[NAME_SIZE];

                r = names == body_names && i == CHANGES
                            ? read_changes(&reader, json_object_get(object, "type"), &value)
                            : read_json(&reader, &value);
                if (r < 0)
                        break;
                (void)snprintf(name, sizeof(name), "#%" PRIu64, i);
                if (json_object_set_new(object, i < count ? names[i] : name, value) < 0)
                        r = FAIL(PANNIER_E_MEMORY, "JSON");
        }
        if (r >= 0)
                *ret = TAKE(object);
        return r < 0 ? r : 0;
}

static int body_json(struct bytes packed, json_t **ret)
{
        CLEANUP(body_codec_freep) struct body_codec *codec = NULL;
        CLEANUP(buffer_wipe) struct buffer clear = BUFFER_INIT;
        int r = body_codec_new(&codec);

        if (r >= 0)
                r = body_unpack(codec, packed, &clear);
        return r < 0 ? r
                     : named_json(buffer_view(&clear), body_names,
                                  sizeof(body_names) / sizeof(body_names[0]), ret);
}

static json_t *base64_json(struct bytes bytes)
{
        CLEANUP(buffer_wipe) struct buffer text = BUFFER_INIT;

        base64_encode(bytes, &text);
        return buffer_check(&text) < 0 ? NULL : json_text(buffer_view(&text));
}

/* What cannot be read is null, and the reason is told once. */
static int set_part(json_t *json, const char *name, int r, json_t *part)
{
        if (r == PANNIER_E_MEMORY)
                return r;
        if (r < 0) {
                (void)json_object_set_new(json, "unreadable",
                                          json_sprintf("%s: %s", name, error_detail()));
                error_clear();
        }
        return json_object_set_new(json, name, r < 0 ? json_null() : part) < 0
                       ? FAIL(PANNIER_E_MEMORY, "JSON")
                       : 0;
}

int entry_bytes_json(struct bytes header, struct bytes body, json_t **ret)
{
        CLEANUP(json_freep) json_t *json = NULL;
        uint8_t hash[HASH_SIZE];
        char hex[2 * HASH_SIZE + 1];
        json_t *part = NULL;
        int r;

        entry_body_hash(body, hash);
        bytes_hex(BYTES(hash, HASH_SIZE), hex);
        json = json_pack("{s:o, s:o, s:s}", "header_bytes", base64_json(header), "body_bytes",
                         base64_json(body), "body_hash", hex);
        if (!json)
                return FAIL(PANNIER_E_MEMORY, "JSON");
        r = named_json(header, header_names, sizeof(header_names) / sizeof(header_names[0]), &part);
        r = set_part(json, "header", r, part);
        if (r < 0)
                return r;
        part = NULL;
        r = body_json(body, &part);
        r = set_part(json, "body", r, part);
        if (r < 0)
                return r;
        *ret = TAKE(json);
        return 0;
}
