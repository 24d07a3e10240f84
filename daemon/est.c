#include "daemon/est.h"

#include "common/error.h"

#include <string.h>

enum {
        TAG_OID = 0x06,
        TAG_SEQUENCE = 0x30,
        TAG_SET = 0x31,
        TAG_INTEGER = 0x02,
        TAG_CONTEXT_0 = 0xa0,
        LINE_SIZE = 64, /* characters of base64 a line */
};

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void est_request_encode(struct bytes der, struct buffer *out)
{
        size_t column = 0;

        for (size_t i = 0; i < der.size; i += 3) {
                size_t count = der.size - i < 3 ? der.size - i : 3;
                uint32_t bits = (uint32_t)der.data[i] << 16;
                bits |= count > 1 ? (uint32_t)der.data[i + 1] << 8 : 0;
                bits |= count > 2 ? der.data[i + 2] : 0;
                buffer_append_byte(out, (uint8_t)alphabet[bits >> 18 & 63]);
                buffer_append_byte(out, (uint8_t)alphabet[bits >> 12 & 63]);
                buffer_append_byte(out, count > 1 ? (uint8_t)alphabet[bits >> 6 & 63] : '=');
                buffer_append_byte(out, count > 2 ? (uint8_t)alphabet[bits & 63] : '=');
                column += 4;
                if (column % LINE_SIZE == 0)
                        buffer_append_text(out, "\r\n");
        }
        if (column % LINE_SIZE)
                buffer_append_text(out, "\r\n");
}

static int base64_decode(struct bytes text, struct buffer *out)
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
                        return FAIL(PANNIER_E_MALFORMED, "the CA's answer is not base64");
                bits = bits << 6 | (place ? (uint32_t)(place - alphabet) : 0);
                if (++count % 4)
                        continue;
                if (padding > 2)
                        return FAIL(PANNIER_E_MALFORMED, "the CA's answer is not base64");
                for (unsigned k = 0; k < 3 - padding; k++)
                        buffer_append_byte(out, (uint8_t)(bits >> (16 - 8 * k)));
                bits = 0;
        }
        if (count % 4)
                return FAIL(PANNIER_E_MALFORMED, "the CA's answer is cut off");
        return buffer_check(out);
}

/* Take one DER element with @tag off @rest: its content, and all of it with tag and length. */
static int der_next(struct bytes *rest, uint8_t tag, struct bytes *ret_content,
                    struct bytes *ret_all)
{
        const uint8_t *data = rest->data;
        size_t head = 2, size;

        if (rest->size < 2 || data[0] != tag)
                return FAIL(PANNIER_E_MALFORMED, "the CA's answer is not a list of certificates");
        size = data[1];
        if (size > 0x80) { /* long form; 0x80 itself is BER's indefinite length */
                size_t bytes = size & 0x7f;
                head += bytes;
                if (bytes > 3 || rest->size < head)
                        return FAIL(PANNIER_E_MALFORMED, "the CA's answer has a bad length");
                size = 0;
                for (size_t i = 0; i < bytes; i++)
                        size = size << 8 | data[2 + i];
        } else if (size == 0x80) {
                return FAIL(PANNIER_E_MALFORMED, "the CA's answer is BER, not DER");
        }
        if (size > rest->size - head)
                return FAIL(PANNIER_E_MALFORMED, "the CA's answer is cut off");
        *ret_content = BYTES(data + head, size);
        if (ret_all)
                *ret_all = BYTES(data, head + size);
        rest->data += head + size;
        rest->size -= head + size;
        return 0;
}

/*
 * ContentInfo ::= SEQUENCE { contentType OID (signedData), content [0] SignedData }
 * SignedData  ::= SEQUENCE { version, digestAlgorithms SET, encapContentInfo SEQUENCE, certificates [0] …, … }
 */
static int find_certificates(struct bytes der, struct bytes *ret)
{
        static const uint8_t signed_data[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02};
        struct bytes info, part, explicit_content, content;
        int r;

        r = der_next(&der, TAG_SEQUENCE, &info, NULL);
        if (r >= 0)
                r = der_next(&info, TAG_OID, &part, NULL);
        if (r >= 0 && !bytes_equal(part, BYTES(signed_data, sizeof(signed_data))))
                return FAIL(PANNIER_E_MALFORMED, "the CA's answer is not PKCS#7 signed data");
        if (r >= 0)
                r = der_next(&info, TAG_CONTEXT_0, &explicit_content, NULL);
        if (r >= 0)
                r = der_next(&explicit_content, TAG_SEQUENCE, &content, NULL);
        if (r >= 0)
                r = der_next(&content, TAG_INTEGER, &part, NULL);
        if (r >= 0)
                r = der_next(&content, TAG_SET, &part, NULL);
        if (r >= 0)
                r = der_next(&content, TAG_SEQUENCE, &part, NULL);
        if (r >= 0)
                r = der_next(&content, TAG_CONTEXT_0, ret, NULL);
        return r;
}

int est_certificates_decode(struct bytes body, struct buffer *scratch,
                            struct bytes ret[EST_CERTIFICATE_MAX])
{
        struct bytes list = BYTES_NONE, content;
        int count = 0;
        int r;

        buffer_reset(scratch);
        r = base64_decode(body, scratch);
        if (r >= 0)
                r = find_certificates(buffer_view(scratch), &list);
        while (r >= 0 && list.size) {
                if (count == EST_CERTIFICATE_MAX)
                        return FAIL(PANNIER_E_LIMIT, "the CA sent more than %d certificates",
                                    EST_CERTIFICATE_MAX);
                r = der_next(&list, TAG_SEQUENCE, &content, &ret[count++]);
        }
        if (r < 0)
                return r;
        if (count == 0)
                return FAIL(PANNIER_E_MALFORMED, "the CA sent no certificate");
        return count;
}
