/*
 * HTTP/1.1 heads (RFC 9112) as the local API uses them: pure parsing, no sockets, for the daemon and for libpannier.
 *
 * Strict on purpose, since both ends are ours or a person's curl: CRLF only, no folded headers, no transfer
 * codings, no second Content-Length, no control characters. What is parsed borrows from the input.
 */
#ifndef COMMON_HTTP1_H
#define COMMON_HTTP1_H

#include "common/bytes.h"

enum {
        HTTP1_HEAD_MAX =
                16 << 10, /* bytes of start line and headers together, with the empty line */
        HTTP1_HEADER_COUNT_MAX = 64,
        HTTP1_QUERY_COUNT_MAX = 16,
        HTTP1_SEGMENT_COUNT_MAX = 8, /* parts of a path */
};

struct http1_header {
        struct bytes name;  /* a token, as sent */
        struct bytes value; /* without the blanks around it */
};

struct http1_head {
        struct bytes method; /* of a request */
        struct bytes target; /* of a request: begins with '/', printable ASCII without blanks */
        int status;          /* of an answer: 100 … 599 */
        struct http1_header headers[HTTP1_HEADER_COUNT_MAX];
        size_t header_count;
        bool has_length;
        uint64_t length;  /* Content-Length; 0 where there is none */
        bool codings;     /* a Transfer-Encoding is named: refuse with 411 */
        bool close;       /* Connection: close, or HTTP/1.0 without keep-alive */
        bool expects_100; /* Expect: 100-continue */
        size_t size;      /* bytes of the input that the head took */
};

/**
 * http1_parse_request() - read the head of a request
 * @input: bytes received so far
 *
 * Return: 1 complete; 0 more bytes are needed; PANNIER_E_MALFORMED; PANNIER_E_LIMIT head or headers too many
 */
int http1_parse_request(struct bytes input, struct http1_head *ret);

/* http1_parse_answer() - read the head of an answer; returns as http1_parse_request() */
int http1_parse_answer(struct bytes input, struct http1_head *ret);

/* http1_header() - value of a header, names compared without case; NULL where it is missing; the first of several */
const struct bytes *http1_header(const struct http1_head *head, const char *name);

struct http1_parameter {
        struct bytes name, value; /* percent-decoded */
};

struct http1_target {
        struct bytes
                segments[HTTP1_SEGMENT_COUNT_MAX]; /* of the path, percent-decoded, never empty */
        size_t segment_count;
        struct http1_parameter parameters[HTTP1_QUERY_COUNT_MAX];
        size_t parameter_count;
};

/**
 * http1_parse_target() - take a request target apart: "/v1/people?q=ann%20lee"
 * @arena: owns the decoded text
 *
 * Decoded text must be UTF-8 without U+0000; '+' in a query is a blank. A parameter that comes twice is malformed.
 *
 * Return: 0; PANNIER_E_MALFORMED; PANNIER_E_LIMIT; PANNIER_E_MEMORY
 */
int http1_parse_target(struct bytes target, struct arena *arena, struct http1_target *ret);

/* http1_parameter() - value of a query parameter, NULL where it is missing */
const struct bytes *http1_parameter(const struct http1_target *target, const char *name);

/* http1_append_escaped() - percent-encode @text for one path segment or one query value */
void http1_append_escaped(struct buffer *out, struct bytes text);

/* http1_reason() - the words of a status, such as "Not Found"; "Status" for one without words */
const char *http1_reason(int status);

#endif
