#include "common/base64.h"

#include "common/error.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct bytes data, struct buffer *out)
{
        for (size_t i = 0; i < data.size; i += 3) {
                size_t count = data.size - i < 3 ? data.size - i : 3;
                uint32_t bits = (uint32_t)data.data[i] << 16;
                bits |= count > 1 ? (uint32_t)data.data[i + 1] << 8 : 0;
                bits |= count > 2 ? data.data[i + 2] : 0;
                buffer_append_byte(out, (uint8_t)alphabet[bits >> 18 & 63]);
                buffer_append_byte(out, (uint8_t)alphabet[bits >> 12 & 63]);
                buffer_append_byte(out, count > 1 ? (uint8_t)alphabet[bits >> 6 & 63] : '=');
                buffer_append_byte(out, count > 2 ? (uint8_t)alphabet[bits & 63] : '=');
        }
}

int base64_decode(struct bytes text, struct buffer *out)
{
        uint32_t bits = 0;
        unsigned count = 0, padding = 0;

        for (size_t i = 0; i < text.size; i++) {
                uint8_t c = text.data[i];
                const char *place = c ? strchr(alphabet, c) : NULL;
                if (c == '\r' || c == '\n' || c == ' ' || c == '\t')
                        continue;
                if (c == '=')
                        padding++;
                else if (!place || padding)
                        return FAIL(PANNIER_E_MALFORMED, "not base64");
                if (padding > 2)
                        return FAIL(PANNIER_E_MALFORMED, "not base64");
                bits = bits << 6 | (place ? (uint32_t)(place - alphabet) : 0);
                if (++count % 4)
                        continue;
                /* What padding stands for is zero: one content has one text. */
                if (padding && (bits & ((1u << 8 * padding) - 1)))
                        return FAIL(PANNIER_E_MALFORMED, "not base64");
                for (unsigned k = 0; k < 3 - padding; k++)
                        buffer_append_byte(out, (uint8_t)(bits >> (16 - 8 * k)));
                bits = 0;
        }
        if (count % 4)
                return FAIL(PANNIER_E_MALFORMED, "base64 that is cut off");
        return buffer_check(out);
}
