#include "common/attachment.h"

#include "common/cbor.h"
#include "common/error.h"

#include <string.h>

bool attachment_type(const struct catalogue_type *type)
{
        return type && type->bytes_hash_index >= 0;
}

static int take(const struct catalogue_type *type, const struct value *hash,
                const struct value *size, const struct value *media, struct attachment *ret)
{
        const struct catalogue_field *field = &type->fields[type->bytes_media_index];
        const struct catalogue_option *option;

        if (hash->form != VALUE_BYTES || hash->bytes.size != HASH_SIZE ||
            size->form != VALUE_INTEGER || size->integer < 1 ||
            size->integer > ATTACHMENT_SIZE_MAX || media->form != VALUE_INTEGER)
                return FAIL(PANNIER_E_INVALID, "what it says of its bytes makes no sense");
        option = catalogue_option_by_number(field, media->integer);
        memcpy(ret->hash, hash->bytes.data, HASH_SIZE);
        ret->size = (uint64_t)size->integer;
        ret->media_type = option ? option->code : "application/octet-stream";
        return 1;
}

int attachment_of_record(const struct record *record, struct attachment *ret)
{
        const struct catalogue_type *type = record->type;

        return attachment_type(type) ? take(type, &record->values[type->bytes_hash_index],
                                            &record->values[type->bytes_size_index],
                                            &record->values[type->bytes_media_index], ret)
                                     : 0;
}

static const struct value *change_of(const struct entry_body *body,
                                     const struct catalogue_type *type, int index)
{
        static const struct value unset;

        for (size_t i = 0; i < body->change_count; i++)
                if (body->changes[i].number == type->fields[index].number)
                        return &body->changes[i].value;
        return &unset;
}

int attachment_of_entry(const struct entry_body *body, struct attachment *ret)
{
        const struct catalogue_type *type = catalogue_type_by_number(body->type);

        if (!attachment_type(type) || body->operation != ENTRY_CREATE)
                return 0;
        return take(type, change_of(body, type, type->bytes_hash_index),
                    change_of(body, type, type->bytes_size_index),
                    change_of(body, type, type->bytes_media_index), ret);
}

uint16_t attachment_media(const struct catalogue_type *type, struct bytes media_type)
{
        const struct catalogue_option *option =
                catalogue_option_by_code(&type->fields[type->bytes_media_index], media_type);

        return option ? option->number : 0;
}

uint32_t attachment_chunk_count(uint64_t size)
{
        return (uint32_t)((size + ATTACHMENT_CHUNK_SIZE - 1) / ATTACHMENT_CHUNK_SIZE);
}

size_t attachment_chunk_size(uint64_t size, uint32_t chunk)
{
        uint64_t before = (uint64_t)chunk * ATTACHMENT_CHUNK_SIZE;

        if (before >= size)
                return 0;
        return size - before < ATTACHMENT_CHUNK_SIZE ? (size_t)(size - before)
                                                     : ATTACHMENT_CHUNK_SIZE;
}

void attachment_message(const struct uuid *device, const struct wire_attachment *attachment,
                        struct buffer *out)
{
        cbor_put_array(out, 6);
        cbor_put_text(out, bytes_text("attachment"));
        cbor_put_uuid(out, device);
        cbor_put_uuid(out, &attachment->entry);
        cbor_put_bytes(out, BYTES(attachment->hash, HASH_SIZE));
        cbor_put_uint(out, attachment->size);
        cbor_put_int(out, attachment->now_ms);
}
