/* The reader of CBOR: a whole item that is accepted is walked, written again, and must be the same bytes. */
#include "fuzz.h"

#include "common/cbor.h"

static void copy_item(struct cbor_reader *reader, struct buffer *out)
{
        struct cbor_item item;

        REQUIRE(cbor_next(reader, &item) == 0);
        switch (item.kind) {
        case CBOR_UINT:
        case CBOR_NINT:
                cbor_put_int(out, item.number);
                break;
        case CBOR_BYTES:
                cbor_put_bytes(out, item.bytes);
                break;
        case CBOR_TEXT:
                REQUIRE(bytes_is_utf8(item.bytes));
                cbor_put_text(out, item.bytes);
                break;
        case CBOR_ARRAY:
                cbor_put_array(out, item.count);
                for (uint64_t i = 0; i < item.count; i++)
                        copy_item(reader, out);
                break;
        case CBOR_MAP:
                cbor_put_map(out, item.count);
                for (uint64_t i = 0; i < 2 * item.count; i++)
                        copy_item(reader, out);
                break;
        case CBOR_BOOL:
                cbor_put_bool(out, item.number != 0);
                break;
        case CBOR_NULL:
                cbor_put_null(out);
                break;
        }
}

/* Every typed read on the same bytes: none may read behind them or move the reader backwards. */
static void read_as_everything(struct bytes input)
{
        struct cbor_reader start, reader;
        struct bytes bytes;
        struct uuid id;
        uint64_t number;
        int64_t integer;
        bool truth;

        cbor_reader_init(&start, input);
        for (int kind = 0; kind < 8; kind++) {
                reader = start;
                switch (kind) {
                case 0:
                        (void)cbor_read_uint(&reader, 1000, &number);
                        break;
                case 1:
                        (void)cbor_read_int(&reader, &integer);
                        break;
                case 2:
                        (void)cbor_read_bytes(&reader, 100, &bytes);
                        break;
                case 3:
                        (void)cbor_read_text(&reader, 100, &bytes);
                        break;
                case 4:
                        (void)cbor_read_uuid_or_none(&reader, &id);
                        break;
                case 5:
                        (void)cbor_read_bool(&reader, &truth);
                        break;
                case 6:
                        (void)cbor_read_array(&reader, 100, &number);
                        break;
                default:
                        (void)cbor_read_map(&reader, 100, &number);
                        break;
                }
                REQUIRE(reader.offset <= input.size);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        struct cbor_reader reader, again;
        struct bytes raw;

        read_as_everything(BYTES(data, size));
        cbor_reader_init(&reader, BYTES(data, size));
        while (!cbor_at_end(&reader)) {
                again = reader;
                if (cbor_skip(&reader, &raw) < 0)
                        return 0;
                buffer_reset(&out);
                copy_item(&again, &out);
                REQUIRE(again.offset == reader.offset);
                REQUIRE(bytes_equal(raw, buffer_view(&out)));
        }
        return 0;
}
