#include "daemon/est.h"

#include "common/base64.h"
#include "common/error.h"

enum {
        TAG_OID = 0x06,
        TAG_SEQUENCE = 0x30,
        TAG_SET = 0x31,
        TAG_INTEGER = 0x02,
        TAG_CONTEXT_0 = 0xa0,
        LINE_BYTES = 48, /* 64 characters of base64 a line */
};

void est_request_encode(struct bytes der, struct buffer *out)
{
        for (size_t i = 0; i < der.size; i += LINE_BYTES) {
                size_t size = der.size - i < LINE_BYTES ? der.size - i : LINE_BYTES;
                base64_encode(BYTES(der.data + i, size), out);
                buffer_append_text(out, "\r\n");
        }
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
