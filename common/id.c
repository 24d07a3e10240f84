#include "common/id.h"

#include "common/error.h"

#include <string.h>

bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
        return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

int uuid_compare(const struct uuid *a, const struct uuid *b)
{
        return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool uuid_is_none(const struct uuid *id)
{
        return uuid_equal(id, &UUID_NONE);
}

static void set_version(struct uuid *id, uint8_t version)
{
        id->bytes[6] = (uint8_t)(version << 4 | (id->bytes[6] & 0x0f));
        id->bytes[8] = (uint8_t)(0x80 | (id->bytes[8] & 0x3f)); /* variant of RFC 9562 */
}

struct uuid uuid_v7(int64_t now_ms, const uint8_t random[10])
{
        uint64_t ms = now_ms < 0 ? 0 : (uint64_t)now_ms; /* a clock before 1970 is wrong anyway */
        struct uuid id;

        for (int i = 0; i < 6; i++)
                id.bytes[i] = (uint8_t)(ms >> (8 * (5 - i)));
        memcpy(id.bytes + 6, random, 10);
        set_version(&id, 7);
        return id;
}

/* Places of the hyphens in 8-4-4-4-12, counted in bytes of the id: a hyphen stands before bytes 4, 6, 8 and 10. */
static bool hyphen_before(int byte)
{
        return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void uuid_format(const struct uuid *id, char ret[UUID_TEXT_SIZE])
{
        char *to = ret;

        for (int i = 0; i < 16; i++) {
                if (hyphen_before(i))
                        *to++ = '-';
                bytes_hex(BYTES(id->bytes + i, 1), to);
                to += 2;
        }
}

int uuid_parse(struct bytes text, struct uuid *ret)
{
        const uint8_t *from = text.data;
        uint8_t digits[32], *to = digits;
        struct uuid id;
        int r;

        if (text.size != UUID_TEXT_SIZE - 1)
                return FAIL(PANNIER_E_INVALID, "an id has %d characters, this has %zu",
                            UUID_TEXT_SIZE - 1, text.size);
        for (int i = 0; i < 16; i++) {
                if (hyphen_before(i) && *from++ != '-')
                        return FAIL(PANNIER_E_INVALID, "an id is written 8-4-4-4-12");
                *to++ = *from++;
                *to++ = *from++;
        }
        r = bytes_from_hex(BYTES(digits, sizeof(digits)), id.bytes, sizeof(id.bytes));
        if (r < 0)
                return r;
        if (uuid_is_none(&id))
                return FAIL(PANNIER_E_INVALID, "an id of nothing but zeros names nothing");
        *ret = id;
        return 0;
}
