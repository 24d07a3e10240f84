/*
 * A body of /v1/sync after decompression: all its messages, rows of records included. What is accepted is written again, read
 * again, and written a third time as the same bytes.
 */
#include "fuzz.h"

#include "wire_samples.h"

#include <string.h>

static void put_again(const struct wire_message *message, struct buffer *out)
{
        switch (message->kind) {
#define PUT_AGAIN(symbol, number, name, fields)                                                    \
        case WIRE_KIND_##symbol:                                                                   \
                wire_put_##name(&message->name, out);                                              \
                break;
                WIRE_MESSAGES(PUT_AGAIN)
#undef PUT_AGAIN
        case WIRE_KIND_RECORDS:
        case WIRE_KIND_SKIP:
        case WIRE_KIND_MAX:
                break;
        }
}

static int put_row(const struct wire_row *row, struct arena *arena,
                   struct wire_records_writer *writer)
{
        struct cbor_reader fields;
        struct record record;
        int r;

        memset(&record, 0, sizeof(record));
        record.type = &sample_type;
        record.id = row->id;
        record.person = row->person;
        record.author = row->author;
        record.role = row->role;
        record.device = row->device;
        record.recorded_ms = row->recorded_ms;
        record.position = row->position;
        cbor_reader_init(&fields, row->fields);
        r = record_decode_fields(&fields, arena, &record);
        if (r == 0)
                wire_records_add(writer, &record);
        return r;
}

static int put_records(struct wire_records *records, struct arena *arena, struct buffer *out)
{
        struct wire_records_writer writer = {0};
        struct wire_row row;
        int r;

        while ((r = wire_records_next(records, &row)) == 1) {
                r = put_row(&row, arena, &writer);
                if (r < 0)
                        break;
        }
        if (r == 0)
                wire_records_end(&writer, &records->locality, records->epoch, records->type, out);
        buffer_deinit(&writer.rows);
        return r;
}

static int write_again(struct bytes sequence, struct buffer *out)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct wire_message message;
        struct wire_reader reader;
        int r;

        wire_reader_init(&reader, sequence, &arena);
        while ((r = wire_next(&reader, &message)) == 1) {
                if (message.kind != WIRE_KIND_RECORDS)
                        put_again(&message, out);
                else if (put_records(&message.records, &arena, out) < 0)
                        return -1;
        }
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(buffer_deinit) struct buffer once = BUFFER_INIT, twice = BUFFER_INIT;

        if (write_again(BYTES(data, size), &once) < 0)
                return 0;
        REQUIRE(write_again(buffer_view(&once), &twice) == 0);
        REQUIRE(bytes_equal(buffer_view(&once), buffer_view(&twice)));
        return 0;
}
