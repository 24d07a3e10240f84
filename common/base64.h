/* Base64 (RFC 4648 §4), with padding, without line breaks. */
#ifndef COMMON_BASE64_H
#define COMMON_BASE64_H

#include "common/bytes.h"

/* base64_encode() - append @data as text */
void base64_encode(struct bytes data, struct buffer *out);

/* base64_decode() - append what @text says; blanks and line breaks are passed over; 0, PANNIER_E_MALFORMED, or as buffer_check() */
int base64_decode(struct bytes text, struct buffer *out);

#endif
