#include "common/http1.h"

#include "common/error.h"

#include <string.h>
#include <strings.h>

static bool is_token(uint8_t c)
{
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
                return true;
        return c && strchr("!#$%&'*+-.^_`|~", c);
}

static bool all_token(struct bytes text)
{
        for (size_t i = 0; i < text.size; i++)
                if (!is_token(text.data[i]))
                        return false;
        return text.size > 0;
}

/* Visible characters, blanks inside, and bytes of UTF-8: all that a header value needs. */
static bool all_value(struct bytes text)
{
        for (size_t i = 0; i < text.size; i++)
                if ((text.data[i] < 0x20 && text.data[i] != '\t') || text.data[i] == 0x7f)
                        return false;
        return true;
}

static bool all_target(struct bytes text)
{
        for (size_t i = 0; i < text.size; i++)
                if (text.data[i] <= 0x20 || text.data[i] >= 0x7f)
                        return false;
        return text.size > 0 && text.data[0] == '/';
}

static bool equals_ignoring_case(struct bytes text, const char *word)
{
        return text.size == strlen(word) &&
               strncasecmp((const char *)text.data, word, text.size) == 0;
}

static struct bytes trimmed(struct bytes text)
{
        while (text.size && (text.data[0] == ' ' || text.data[0] == '\t')) {
                text.data++;
                text.size--;
        }
        while (text.size && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
                text.size--;
        return text;
}

/* Cut the next line off @rest; 0: its end has not come yet. A bare CR or LF is part of no line of ours. */
static int next_line(struct bytes *rest, struct bytes *ret)
{
        const uint8_t *end = rest->size ? memchr(rest->data, '\n', rest->size) : NULL;

        if (!end)
                return 0;
        size_t size = (size_t)(end - rest->data);
        if (size == 0 || rest->data[size - 1] != '\r' || memchr(rest->data, '\r', size - 1))
                return FAIL(PANNIER_E_MALFORMED, "a line of the head does not end with CR LF");
        *ret = BYTES(rest->data, size - 1);
        rest->data += size + 1;
        rest->size -= size + 1;
        return 1;
}

/* Cut the next word off @line, at exactly one blank. */
static struct bytes next_word(struct bytes *line)
{
        const uint8_t *end = line->size ? memchr(line->data, ' ', line->size) : NULL;
        size_t size = end ? (size_t)(end - line->data) : line->size;
        struct bytes word = BYTES(line->data, size);

        line->data += end ? size + 1 : size;
        line->size -= end ? size + 1 : size;
        return word;
}

static int parse_version(struct bytes word, struct http1_head *ret)
{
        if (bytes_equal(word, bytes_text("HTTP/1.1")))
                return 0;
        if (!bytes_equal(word, bytes_text("HTTP/1.0")))
                return FAIL(PANNIER_E_MALFORMED, "the head does not speak HTTP/1.1");
        ret->close = true;
        return 0;
}

static int parse_request_line(struct bytes line, struct http1_head *ret)
{
        ret->method = next_word(&line);
        ret->target = next_word(&line);
        if (!all_token(ret->method) || !all_target(ret->target))
                return FAIL(PANNIER_E_MALFORMED, "the request line has no method or no path");
        return parse_version(line, ret);
}

static int parse_status_line(struct bytes line, struct http1_head *ret)
{
        struct bytes version = next_word(&line);
        struct bytes status = next_word(&line); /* words behind it are for people */

        if (status.size != 3 || status.data[0] < '1' || status.data[0] > '5')
                return FAIL(PANNIER_E_MALFORMED, "the answer has no status");
        ret->status = 0;
        for (size_t i = 0; i < 3; i++) {
                if (status.data[i] < '0' || status.data[i] > '9')
                        return FAIL(PANNIER_E_MALFORMED, "the answer has no status");
                ret->status = ret->status * 10 + (status.data[i] - '0');
        }
        return parse_version(version, ret);
}

static int parse_length(struct bytes value, struct http1_head *ret)
{
        uint64_t length = 0;

        if (ret->has_length)
                return FAIL(PANNIER_E_MALFORMED, "Content-Length is there twice");
        if (value.size == 0 || value.size > 15) /* 15 digits cannot overflow */
                return FAIL(PANNIER_E_MALFORMED, "Content-Length is not a number");
        for (size_t i = 0; i < value.size; i++) {
                if (value.data[i] < '0' || value.data[i] > '9')
                        return FAIL(PANNIER_E_MALFORMED, "Content-Length is not a number");
                length = length * 10 + (uint64_t)(value.data[i] - '0');
        }
        ret->has_length = true;
        ret->length = length;
        return 0;
}

/* The headers that decide where a message ends and what becomes of the connection. */
static int note_header(const struct http1_header *header, struct http1_head *ret)
{
        if (equals_ignoring_case(header->name, "Content-Length"))
                return parse_length(header->value, ret);
        if (equals_ignoring_case(header->name, "Transfer-Encoding"))
                ret->codings = true;
        else if (equals_ignoring_case(header->name, "Connection"))
                ret->close = ret->close ? !equals_ignoring_case(header->value, "keep-alive")
                                        : equals_ignoring_case(header->value, "close");
        else if (equals_ignoring_case(header->name, "Expect"))
                ret->expects_100 = equals_ignoring_case(header->value, "100-continue");
        return 0;
}

static int parse_header(struct bytes line, struct http1_head *ret)
{
        struct http1_header *header = &ret->headers[ret->header_count];
        const uint8_t *colon = memchr(line.data, ':', line.size);

        if (ret->header_count == HTTP1_HEADER_COUNT_MAX)
                return FAIL(PANNIER_E_LIMIT, "more than %d headers", HTTP1_HEADER_COUNT_MAX);
        if (!colon)
                return FAIL(PANNIER_E_MALFORMED, "a header has no colon");
        size_t name_size = (size_t)(colon - line.data);
        header->name = BYTES(line.data, name_size);
        header->value = trimmed(BYTES(colon + 1, line.size - name_size - 1));
        if (!all_token(header->name) || !all_value(header->value))
                return FAIL(PANNIER_E_MALFORMED, "a header holds a character that none may");
        ret->header_count++;
        return note_header(header, ret);
}

static int parse_head(struct bytes input, int (*parse_start)(struct bytes, struct http1_head *),
                      struct http1_head *ret)
{
        struct bytes rest =
                BYTES(input.data, input.size < HTTP1_HEAD_MAX ? input.size : HTTP1_HEAD_MAX);
        struct bytes line = BYTES_NONE;
        int r;

        memset(ret, 0, sizeof(*ret));
        r = next_line(&rest, &line);
        if (r > 0)
                r = parse_start(line, ret) < 0 ? PANNIER_E_MALFORMED : 1;
        while (r > 0) {
                r = next_line(&rest, &line);
                if (r <= 0)
                        break;
                if (line.size == 0) {
                        ret->size = (size_t)(rest.data - input.data);
                        return 1;
                }
                int parsed = parse_header(line, ret);
                if (parsed < 0)
                        return parsed;
        }
        if (r == 0 && input.size >= HTTP1_HEAD_MAX)
                return FAIL(PANNIER_E_LIMIT, "the head is larger than %d bytes", HTTP1_HEAD_MAX);
        return r;
}

int http1_parse_request(struct bytes input, struct http1_head *ret)
{
        return parse_head(input, parse_request_line, ret);
}

int http1_parse_answer(struct bytes input, struct http1_head *ret)
{
        return parse_head(input, parse_status_line, ret);
}

const struct bytes *http1_header(const struct http1_head *head, const char *name)
{
        for (size_t i = 0; i < head->header_count; i++)
                if (equals_ignoring_case(head->headers[i].name, name))
                        return &head->headers[i].value;
        return NULL;
}

static int hex_digit(uint8_t c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int unescape(struct bytes text, bool plus, struct arena *arena, struct bytes *ret)
{
        struct bytes copy = arena_copy(arena, text);
        uint8_t *out = (uint8_t *)(uintptr_t)copy.data; /* ours: the arena's copy */
        size_t size = 0;

        if (!out)
                return FAIL(PANNIER_E_MEMORY, "no memory for a path");
        for (size_t i = 0; i < text.size; i++) {
                uint8_t c = text.data[i];
                if (c == '%') {
                        int high = i + 2 < text.size ? hex_digit(text.data[i + 1]) : -1;
                        int low = i + 2 < text.size ? hex_digit(text.data[i + 2]) : -1;
                        if (high < 0 || low < 0)
                                return FAIL(PANNIER_E_MALFORMED,
                                            "%% is not followed by two hex digits");
                        c = (uint8_t)(high << 4 | low);
                        i += 2;
                } else if (c == '+' && plus) {
                        c = ' ';
                }
                out[size++] = c;
        }
        out[size] = 0;
        *ret = BYTES(out, size);
        if (!bytes_is_utf8(*ret))
                return FAIL(PANNIER_E_MALFORMED, "the path or query is not UTF-8");
        return 0;
}

static struct bytes cut(struct bytes *rest, uint8_t separator)
{
        const uint8_t *end = rest->size ? memchr(rest->data, separator, rest->size) : NULL;
        struct bytes part = BYTES(rest->data, end ? (size_t)(end - rest->data) : rest->size);
        size_t used = part.size + (end ? 1 : 0);

        rest->data += used;
        rest->size -= used;
        return part;
}

static int parse_query(struct bytes query, struct arena *arena, struct http1_target *ret)
{
        while (query.size) {
                struct bytes value = cut(&query, '&');
                struct bytes name = cut(&value, '=');
                struct http1_parameter *parameter = &ret->parameters[ret->parameter_count];
                if (ret->parameter_count == HTTP1_QUERY_COUNT_MAX)
                        return FAIL(PANNIER_E_LIMIT, "more than %d query parameters",
                                    HTTP1_QUERY_COUNT_MAX);
                int r = unescape(name, true, arena, &parameter->name);
                if (r >= 0)
                        r = unescape(value, true, arena, &parameter->value);
                if (r < 0)
                        return r;
                if (http1_parameter(ret, (const char *)parameter->name.data))
                        return FAIL(PANNIER_E_MALFORMED, "a query parameter is there twice");
                ret->parameter_count++;
        }
        return 0;
}

int http1_parse_target(struct bytes target, struct arena *arena, struct http1_target *ret)
{
        struct bytes query = target;
        struct bytes path = cut(&query, '?');

        memset(ret, 0, sizeof(*ret));
        (void)cut(&path, '/'); /* the empty part in front of the first slash */
        while (path.size) {
                struct bytes part = cut(&path, '/');
                if (part.size == 0)
                        return FAIL(PANNIER_E_MALFORMED, "the path has an empty part");
                if (ret->segment_count == HTTP1_SEGMENT_COUNT_MAX)
                        return FAIL(PANNIER_E_LIMIT, "the path has too many parts");
                int r = unescape(part, false, arena, &ret->segments[ret->segment_count]);
                if (r < 0)
                        return r;
                ret->segment_count++;
        }
        return parse_query(query, arena, ret);
}

const struct bytes *http1_parameter(const struct http1_target *target, const char *name)
{
        for (size_t i = 0; i < target->parameter_count; i++)
                if (bytes_equal(target->parameters[i].name, bytes_text(name)))
                        return &target->parameters[i].value;
        return NULL;
}

void http1_append_escaped(struct buffer *out, struct bytes text)
{
        static const char hex[] = "0123456789ABCDEF";

        for (size_t i = 0; i < text.size; i++) {
                uint8_t c = text.data[i];
                if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    (c && strchr("-._~", c))) {
                        buffer_append_byte(out, c);
                } else {
                        buffer_append_byte(out, '%');
                        buffer_append_byte(out, (uint8_t)hex[c >> 4]);
                        buffer_append_byte(out, (uint8_t)hex[c & 15]);
                }
        }
}

const char *http1_reason(int status)
{
        static const struct {
                int status;
                const char *words;
        } reasons[] = {
                {100, "Continue"},
                {200, "OK"},
                {201, "Created"},
                {202, "Accepted"},
                {204, "No Content"},
                {400, "Bad Request"},
                {403, "Forbidden"},
                {404, "Not Found"},
                {405, "Method Not Allowed"},
                {408, "Request Timeout"},
                {409, "Conflict"},
                {411, "Length Required"},
                {413, "Content Too Large"},
                {415, "Unsupported Media Type"},
                {422, "Unprocessable Content"},
                {429, "Too Many Requests"},
                {431, "Request Header Fields Too Large"},
                {500, "Internal Server Error"},
                {502, "Bad Gateway"},
                {503, "Service Unavailable"},
                {507, "Insufficient Storage"},
        };
        for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
                if (reasons[i].status == status)
                        return reasons[i].words;
        return "Status";
}
