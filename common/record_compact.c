#include "common/record_compact.h"

#include "common/error.h"

static int64_t id_time_ms(const struct uuid *id)
{
        int64_t time_ms = 0;

        if (id->bytes[6] >> 4 != 7)
                return 0;
        for (int i = 0; i < 6; i++)
                time_ms = time_ms << 8 | id->bytes[i];
        return time_ms;
}

/* Wraps around, as reading does: every 64-bit time comes back as it was, sensible or not. */
int64_t compact_time(int64_t time_ms, const struct uuid *id)
{
        return (int64_t)((uint64_t)time_ms - (uint64_t)id_time_ms(id));
}

int compact_time_read(struct cbor_reader *reader, const struct uuid *id, int64_t *ret)
{
        int64_t difference;
        int r;

        r = cbor_read_int(reader, &difference);
        if (r < 0)
                return r;
        *ret = (int64_t)((uint64_t)difference + (uint64_t)id_time_ms(id));
        return 0;
}
