/*
 * The lists of wire_messages.h become tables of elements (where in the struct, which form, which limit), and one
 * encoder and one decoder walk them: a message cannot have an encoder that its decoder does not match.
 */
#include "common/wire_shape.h"

#include <assert.h>
#include <string.h>

#define ELEMENT(kind, member, type, limit)                                                         \
        {FORM_##kind, #member, offsetof(self, member), ELEMENT_##kind(member, type, limit)},
#define ELEMENT_UINT(member, type, limit)   0, sizeof(type), (uint64_t)(limit), NULL
#define ELEMENT_INT(member, type, limit)    0, sizeof(type), 0, NULL
#define ELEMENT_BOOL(member, type, limit)   0, sizeof(type), 1, NULL
#define ELEMENT_UUID(member, type, limit)   0, sizeof(type), 0, NULL
#define ELEMENT_ID(member, type, limit)     0, sizeof(type), 0, NULL
#define ELEMENT_OCTETS(member, type, limit) 0, (limit), 0, NULL
#define ELEMENT_BYTES(member, type, limit)  0, sizeof(type), (limit), NULL
#define ELEMENT_TEXT(member, type, limit)   0, sizeof(type), (limit), NULL
#define ELEMENT_BLOB(member, type, limit)   0, sizeof(type), (limit), NULL
#define ELEMENT_STRUCT(member, type, limit) 0, sizeof(struct type), 0, shape_##type
#define ELEMENT_OPTION(member, type, limit) 0, sizeof(struct type), 0, shape_##type
#define ELEMENT_LIST(member, type, limit)                                                          \
        offsetof(self, member##_count), sizeof(struct type), (limit), shape_##type
#define ELEMENT_IDS(member, type, limit) offsetof(self, member##_count), sizeof(type), (limit), NULL

#define SHAPE(struct_name, fields)                                                                 \
        const struct shape *shape_##struct_name(void)                                              \
        {                                                                                          \
                typedef struct struct_name self;                                                   \
                static const struct element elements[] = {fields(ELEMENT)};                        \
                static const struct shape shape = {#struct_name, elements,                         \
                                                   sizeof(elements) / sizeof(elements[0])};        \
                return &shape;                                                                     \
        }
WIRE_PARTS(SHAPE)
#define MESSAGE_SHAPE(symbol, number, name, fields) static SHAPE(wire_##name, fields)
WIRE_MESSAGES(MESSAGE_SHAPE)

static const struct message_kind kinds[] = {
#define MESSAGE_KIND(symbol, number, name, fields) {WIRE_KIND_##symbol, #name, shape_wire_##name},
        WIRE_MESSAGES(MESSAGE_KIND){WIRE_KIND_RECORDS, "records", NULL},
};

const struct message_kind *wire_find_kind(uint64_t number)
{
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
                if (kinds[i].kind == number)
                        return &kinds[i];
        }
        return NULL;
}

const char *wire_kind_name(uint64_t kind)
{
        const struct message_kind *found = wire_find_kind(kind);

        return found ? found->name : "unknown";
}

/* Members are of several widths: unsigned numbers and enums of 1, 2, 4 or 8 bytes. */
static uint64_t load_uint(const void *member, size_t size)
{
        switch (size) {
        case 1:
                return *(const uint8_t *)member;
        case 2:
                return *(const uint16_t *)member;
        case 4:
                return *(const uint32_t *)member;
        default:
                assert(size == 8);
                return *(const uint64_t *)member;
        }
}

static void put_elements(const struct shape *shape, const uint8_t *object, struct buffer *out);

static void put_part(const struct shape *shape, const uint8_t *object, struct buffer *out)
{
        cbor_put_array(out, shape->count);
        put_elements(shape, object, out);
}

/* The other side would refuse it: buffer_check() says PANNIER_E_LIMIT. */
static void refuse(struct buffer *out)
{
        out->failed = true;
        out->over_limit = true;
}

static void put_list(const struct element *element, const uint8_t *object, struct buffer *out)
{
        const uint8_t *item = *(const uint8_t *const *)(const void *)(object + element->offset);
        size_t count = *(const size_t *)(const void *)(object + element->count_offset);

        if (count > element->limit) {
                refuse(out);
                return;
        }
        cbor_put_array(out, count);
        for (size_t i = 0; i < count; i++, item += element->size) {
                if (element->form == FORM_IDS)
                        cbor_put_uuid(out, (const struct uuid *)item);
                else
                        put_part(element->shape(), item, out);
        }
}

static void put_octets(const uint8_t *octets, size_t size, struct buffer *out)
{
        if (all_zero(octets, size))
                cbor_put_null(out);
        else
                cbor_put_bytes(out, BYTES(octets, size));
}

/* BYTES, TEXT and BLOB */
static void put_bytes(const struct element *element, struct bytes bytes, struct buffer *out)
{
        if (bytes.size > element->limit)
                refuse(out);
        else if (element->form == FORM_TEXT)
                cbor_put_text(out, bytes);
        else if (element->form == FORM_BLOB && bytes.size == 0)
                cbor_put_null(out);
        else
                cbor_put_bytes(out, bytes);
}

static void put_option(const struct element *element, const void *member, struct buffer *out)
{
        const uint8_t *part = *(const uint8_t *const *)member;

        if (part)
                put_part(element->shape(), part, out);
        else
                cbor_put_null(out);
}

static void put_element(const struct element *element, const uint8_t *object, struct buffer *out)
{
        const void *member = object + element->offset;

        switch (element->form) {
        case FORM_UINT:
                cbor_put_uint(out, load_uint(member, element->size));
                break;
        case FORM_INT:
                cbor_put_int(out, *(const int64_t *)member);
                break;
        case FORM_BOOL:
                cbor_put_bool(out, *(const bool *)member);
                break;
        case FORM_UUID:
        case FORM_ID:
                cbor_put_uuid(out, member);
                break;
        case FORM_OCTETS:
                put_octets(member, element->size, out);
                break;
        case FORM_BYTES:
        case FORM_TEXT:
        case FORM_BLOB:
                put_bytes(element, *(const struct bytes *)member, out);
                break;
        case FORM_STRUCT:
                put_part(element->shape(), member, out);
                break;
        case FORM_OPTION:
                put_option(element, member, out);
                break;
        case FORM_LIST:
        case FORM_IDS:
                put_list(element, object, out);
                break;
        }
}

static void put_elements(const struct shape *shape, const uint8_t *object, struct buffer *out)
{
        for (size_t i = 0; i < shape->count; i++)
                put_element(&shape->elements[i], object, out);
}

static void put_message(uint64_t kind, const struct shape *shape, const void *message,
                        struct buffer *out)
{
        cbor_put_array(out, shape->count + 1);
        cbor_put_uint(out, kind);
        put_elements(shape, message, out);
}

#define MESSAGE_PUT(symbol, number, name, fields)                                                  \
        void wire_put_##name(const struct wire_##name *message, struct buffer *out)                \
        {                                                                                          \
                put_message(WIRE_KIND_##symbol, shape_wire_##name(), message, out);                \
        }
WIRE_MESSAGES(MESSAGE_PUT)

#define PART_PUT(name, fields)                                                                     \
        void name##_put(const struct name *part, struct buffer *out)                               \
        {                                                                                          \
                put_part(shape_##name(), (const uint8_t *)part, out);                              \
        }
WIRE_PARTS(PART_PUT)
