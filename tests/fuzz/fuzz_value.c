/*
 * One value of a field, and a change applied to it. The first byte chooses the field, the second whether what follows is a
 * whole value or, of a set or map, a whole value and then a change of it.
 */
#include "fuzz.h"

#include "wire_samples.h"

static void try_change(const struct catalogue_field *field, const struct value *standing,
                       struct cbor_reader *reader)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct value change, once, twice;

        if (value_decode(field, true, reader, &change) < 0)
                return;
        REQUIRE(value_apply_change(field, standing, &change, &arena, &once) == 0);
        REQUIRE(value_apply_change(field, &once, &change, &arena, &twice) == 0);
        REQUIRE(value_equal(&once, &twice)); /* what was added and removed once stays so */
        if (once.form == VALUE_PACKED && once.bytes.size <= 32)
                REQUIRE(value_check(field, &once, false, false) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(buffer_deinit) struct buffer once = BUFFER_INIT;
        const struct catalogue_field *field;
        struct cbor_reader reader;
        struct value value;

        if (size < 2)
                return 0;
        field = &sample_type.fields[data[0] % sample_type.field_count];
        cbor_reader_init(&reader, BYTES(data + 2, size - 2));
        if (value_decode(field, false, &reader, &value) < 0)
                return 0;
        REQUIRE(value_check(field, &value, false, false) == 0);
        if (value.form != VALUE_NULL) {
                value_encode(field, &value, &once);
                REQUIRE(bytes_equal(buffer_view(&once), BYTES(data + 2, reader.offset)));
        }
        if (data[1] && (field->kind == KIND_SET || field->kind == KIND_MAP))
                try_change(field, &value, &reader);
        return 0;
}
