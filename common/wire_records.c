/*
 * Rows of a records message. Most of a record's own columns are those of the row before it (its person, who wrote it, in which
 * commit) or follow from its id (when), so they cost one byte each and the fields are what is paid for.
 */
#include "common/wire.h"

#include "common/error.h"
#include "common/record_compact.h"

#include <string.h>

enum { ROW_ELEMENTS = 6, ORIGIN_ELEMENTS = 3, ELEMENTS_MAX = 64 };

static void put_person(const struct wire_row *record, const struct wire_row *last,
                       struct buffer *out)
{
        if (uuid_equal(&record->person, &last->person))
                cbor_put_null(out);
        else if (uuid_is_none(&record->person))
                cbor_put_bool(out, false);
        else if (uuid_equal(&record->person, &record->id))
                cbor_put_bool(out, true);
        else
                cbor_put_uuid(out, &record->person);
}

static void put_origin(const struct wire_row *record, const struct wire_row *last,
                       struct buffer *out)
{
        if (uuid_equal(&record->author, &last->author) && record->role == last->role &&
            uuid_equal(&record->device, &last->device)) {
                cbor_put_null(out);
                return;
        }
        cbor_put_array(out, ORIGIN_ELEMENTS);
        cbor_put_uuid(out, &record->author);
        cbor_put_uint(out, record->role);
        cbor_put_uuid(out, &record->device);
}

/* Everything of a row but its fields. */
static void put_row(struct wire_records_writer *writer, const struct wire_row *row)
{
        struct wire_row *last = &writer->last;
        struct buffer *out = &writer->rows;

        cbor_put_array(out, ROW_ELEMENTS);
        cbor_put_uuid(out, &row->id);
        cbor_put_int(out, (int64_t)row->position - (int64_t)last->position);
        put_person(row, last, out);
        put_origin(row, last, out);
        cbor_put_int(out, compact_time(row->recorded_ms, &row->id));
        *last = *row;
        last->fields = BYTES_NONE;
        writer->row_count++;
}

void wire_records_add(struct wire_records_writer *writer, const struct record *record)
{
        const struct wire_row row = {
                .position = record->position,
                .id = record->id,
                .person = record->person,
                .author = record->author,
                .role = record->role,
                .device = record->device,
                .recorded_ms = record->recorded_ms,
        };

        put_row(writer, &row);
        record_encode_fields(record, &writer->rows);
}

void wire_records_add_row(struct wire_records_writer *writer, const struct wire_row *row)
{
        put_row(writer, row);
        buffer_append(&writer->rows, row->fields);
}

size_t wire_records_size(const struct wire_records_writer *writer)
{
        enum { HEAD_SIZE_MAX = 48 }; /* everything in front of the rows */

        return writer->row_count ? writer->rows.size + HEAD_SIZE_MAX : 0;
}

void wire_records_end(struct wire_records_writer *writer, const struct uuid *locality,
                      uint64_t epoch, uint8_t type, struct buffer *out)
{
        if (writer->rows.failed || writer->row_count > WIRE_ROWS_MAX)
                out->failed = true;
        if (writer->row_count > 0) {
                cbor_put_array(out, 6);
                cbor_put_uint(out, WIRE_KIND_RECORDS);
                cbor_put_uuid(out, locality);
                cbor_put_uint(out, epoch);
                cbor_put_uint(out, type);
                cbor_put_uint(out, writer->row_count);
                cbor_put_bytes(out, buffer_view(&writer->rows));
        }
        buffer_reset(&writer->rows);
        writer->row_count = 0;
        memset(&writer->last, 0, sizeof(writer->last));
}

static int read_position(struct cbor_reader *reader, struct wire_row *row)
{
        int64_t difference, position;
        int r;

        r = cbor_read_int(reader, &difference);
        if (r < 0)
                return r;
        if (__builtin_add_overflow((int64_t)row->position, difference, &position) || position < 0)
                return FAIL(PANNIER_E_MALFORMED, "position out of range");
        row->position = (uint64_t)position;
        return 0;
}

static int read_person(struct cbor_reader *reader, struct wire_row *row)
{
        struct cbor_reader ahead = *reader;
        struct cbor_item item;
        int r;

        r = cbor_next(&ahead, &item);
        if (r < 0)
                return r;
        switch (item.kind) {
        case CBOR_NULL:
                break;
        case CBOR_BOOL:
                row->person = item.number ? row->id : UUID_NONE;
                break;
        case CBOR_BYTES:
                return cbor_read_uuid(reader, &row->person);
        case CBOR_UINT:
        case CBOR_NINT:
        case CBOR_TEXT:
        case CBOR_ARRAY:
        case CBOR_MAP:
                return FAIL(PANNIER_E_MALFORMED, "person is not an id");
        }
        *reader = ahead;
        return 0;
}

static int skip_items(struct cbor_reader *reader, uint64_t count)
{
        int r = 0;

        while (r == 0 && count-- > 0)
                r = cbor_skip(reader, NULL);
        return r;
}

static int read_origin(struct cbor_reader *reader, struct wire_row *row)
{
        uint64_t count, role = 0;
        int r;

        if (cbor_peek_null(reader))
                return 0;
        r = cbor_read_array(reader, ELEMENTS_MAX, &count);
        if (r < 0)
                return r;
        if (count < ORIGIN_ELEMENTS)
                return FAIL(PANNIER_E_MALFORMED, "origin of %llu elements",
                            (unsigned long long)count);
        r = cbor_read_uuid_or_none(reader, &row->author);
        if (r == 0)
                r = cbor_read_uint(reader, OPTION_NUMBER_MAX, &role);
        if (r == 0)
                r = cbor_read_uuid_or_none(reader, &row->device);
        if (r < 0)
                return r;
        row->role = (uint16_t)role;
        return skip_items(reader, count - ORIGIN_ELEMENTS);
}

static int read_row(struct cbor_reader *reader, struct wire_row *row)
{
        uint64_t count;
        int r;

        r = cbor_read_array(reader, ELEMENTS_MAX, &count);
        if (r < 0)
                return r;
        if (count < ROW_ELEMENTS)
                return FAIL(PANNIER_E_MALFORMED, "row of %llu elements", (unsigned long long)count);
        r = cbor_read_uuid(reader, &row->id);
        if (r == 0)
                r = read_position(reader, row);
        if (r == 0)
                r = read_person(reader, row);
        if (r == 0)
                r = read_origin(reader, row);
        if (r == 0)
                r = compact_time_read(reader, &row->id, &row->recorded_ms);
        if (r == 0)
                r = cbor_skip(reader, &row->fields);
        if (r < 0)
                return r;
        return skip_items(reader, count - ROW_ELEMENTS);
}

int wire_records_next(struct wire_records *records, struct wire_row *ret)
{
        int r;

        if (records->row_count == 0) {
                if (!cbor_at_end(&records->reader))
                        return FAIL(PANNIER_E_MALFORMED, "more rows than were counted");
                return 0;
        }
        r = read_row(&records->reader, &records->last);
        if (r < 0)
                return r;
        records->row_count--;
        *ret = records->last;
        return 1;
}
