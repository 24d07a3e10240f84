#include "store/pieces.h"

#include "common/error.h"

enum { PIECES_MAX = 1 << 16, CBOR_NULL_BYTE = 0xf6 };

static const uint8_t null_bytes[] = {CBOR_NULL_BYTE};

const struct bytes piece_null = {null_bytes, sizeof(null_bytes)};

bool piece_is_null(struct bytes raw)
{
        return raw.size == 1 && raw.data[0] == CBOR_NULL_BYTE;
}

int pieces_room(struct pieces *pieces, uint64_t count, struct arena *arena)
{
        *pieces = (struct pieces){.items = arena_alloc(arena, (count + 1) * sizeof(struct piece))};
        return pieces->items ? 0 : FAIL(PANNIER_E_MEMORY, "elements");
}

int pieces_read_array(struct cbor_reader *reader, struct arena *arena, struct pieces *ret)
{
        uint64_t count;
        int r = cbor_read_array(reader, PIECES_MAX, &count);

        if (r >= 0)
                r = pieces_room(ret, count, arena);
        for (uint64_t i = 0; r >= 0 && i < count; i++)
                r = cbor_skip(reader, &ret->items[ret->count++].key);
        return r;
}

int pieces_read_map(struct bytes packed, struct arena *arena, struct pieces *ret)
{
        struct cbor_reader reader;
        uint64_t count;
        int r;

        cbor_reader_init(&reader, packed);
        r = cbor_read_map(&reader, PIECES_MAX, &count);
        if (r >= 0)
                r = pieces_room(ret, count, arena);
        for (uint64_t i = 0; r >= 0 && i < count; i++) {
                r = cbor_skip(&reader, &ret->items[ret->count].key);
                if (r >= 0)
                        r = cbor_skip(&reader, &ret->items[ret->count++].value);
        }
        return r;
}

int pieces_of(const struct catalogue_field *field, const struct value *value, struct arena *arena,
              struct pieces *ret)
{
        struct cbor_reader reader;

        if (value->form != VALUE_PACKED)
                return pieces_room(ret, 0, arena);
        if (field->kind == KIND_MAP)
                return pieces_read_map(value->bytes, arena, ret);
        cbor_reader_init(&reader, value->bytes);
        return pieces_read_array(&reader, arena, ret);
}

const struct piece *pieces_find(const struct pieces *pieces, struct bytes key)
{
        for (size_t i = 0; i < pieces->count; i++)
                if (bytes_equal(pieces->items[i].key, key))
                        return &pieces->items[i];
        return NULL;
}

bool pieces_differ(const struct pieces *standing, const struct piece *piece)
{
        const struct piece *old = pieces_find(standing, piece->key);

        return old ? !bytes_equal(old->value, piece->value) : !piece_is_null(piece->value);
}
