/*
 * GET /v1/events: server-sent events. They carry ids, types and states, never what is in a record; whoever listens asks
 * for that with the rights of the staff member it works for. A client that does not keep up misses events, and is told so
 * once it has read what it got: then it reads again what it shows.
 */
#include "common/error.h"
#include "daemon/api_call.h"
#include "daemon/api_value.h"

#include <event2/event.h>
#include <string.h>

enum {
        HEARTBEAT_S = 15
}; /* so that a client that died is found, and a living one knows that we live */

struct api_stream {
        struct api *api;
        struct api_exchange *exchange;
        uint32_t kinds; /* bits by enum engine_event_kind: what its client asked for */
        LIST_ENTRY(api_stream) link;
        bool missed; /* events since the client fell behind */
};

static const char *const kind_names[] = {
        [ENGINE_EVENT_ENTRY] = "entry",
        [ENGINE_EVENT_RECORD] = "record",
        [ENGINE_EVENT_PERSON] = "person",
        [ENGINE_EVENT_EXCHANGE] = "exchange",
};

enum { KIND_COUNT = sizeof(kind_names) / sizeof(kind_names[0]), KINDS_ALL = (1 << KIND_COUNT) - 1 };

static void stream_gone(void *context)
{
        struct api_stream *stream = context;

        LIST_REMOVE(stream, link);
        free(stream);
}

static void send_one(struct api_stream *stream, struct bytes piece)
{
        if (stream->missed || api_stream_send(stream->exchange, piece) == API_STREAM_FULL)
                stream->missed = true;
}

static void stream_drained(void *context)
{
        struct api_stream *stream = context;

        if (!stream->missed)
                return;
        stream->missed = false;
        send_one(stream, bytes_text("event: missed\ndata: {}\n\n"));
}

static void send_to(struct api *api, uint32_t kinds, struct bytes piece)
{
        struct api_stream *stream;

        LIST_FOREACH(stream, &api->streams, link)
        if (stream->kinds & kinds)
                send_one(stream, piece);
}

static void on_heartbeat(evutil_socket_t fd, short what, void *context)
{
        (void)fd;
        (void)what;
        send_to(context, KINDS_ALL, bytes_text(": here\n\n"));
}

static void start_heartbeat(struct api *api)
{
        static const struct timeval interval = {.tv_sec = HEARTBEAT_S};

        if (api->heartbeat)
                return;
        api->heartbeat = event_new(api->base, -1, EV_PERSIST, on_heartbeat, api);
        if (api->heartbeat)
                (void)event_add(api->heartbeat, &interval);
}

static uint32_t kind_by_name(struct bytes name)
{
        for (unsigned i = 0; i < KIND_COUNT; i++)
                if (bytes_equal(name, bytes_text(kind_names[i])))
                        return 1u << i;
        return 0;
}

static int read_kinds(struct api_call *call, uint32_t *ret)
{
        const struct bytes *text = http1_parameter(&call->request->target, "kinds");
        struct bytes rest = text ? *text : BYTES_NONE;

        *ret = text ? 0 : KINDS_ALL;
        while (text && rest.data) {
                const uint8_t *comma = rest.size ? memchr(rest.data, ',', rest.size) : NULL;
                size_t size = comma ? (size_t)(comma - rest.data) : rest.size;
                uint32_t kind = kind_by_name(BYTES(rest.data, size));

                if (!kind) {
                        call->field = "kinds";
                        return FAIL(PANNIER_E_INVALID, "kinds is one or more, with commas, of "
                                                       "entry, record, person, exchange");
                }
                *ret |= kind;
                rest = comma ? BYTES(comma + 1, rest.size - size - 1) : BYTES_NONE;
        }
        return 0;
}

int api_get_events(struct api_call *call)
{
        struct api_stream *stream;
        uint32_t kinds;
        int r = read_kinds(call, &kinds);

        if (r < 0)
                return r;
        stream = calloc(1, sizeof(*stream));
        if (!stream)
                return FAIL(PANNIER_E_MEMORY, "no memory for a listener");
        stream->kinds = kinds;
        stream->api = call->api;
        stream->exchange = call->exchange;
        LIST_INSERT_HEAD(&call->api->streams, stream, link);
        api_stream_begin(call->exchange, "text/event-stream");
        api_on_gone(call->exchange, stream_gone, stream);
        api_stream_on_drained(call->exchange, stream_drained);
        (void)api_stream_send(call->exchange, bytes_text("event: listening\ndata: {}\n\n"));
        start_heartbeat(call->api);
        return 0;
}

static json_t *event_to_json(const struct engine_event *event)
{
        const char *type = event->type ? event->type->name : NULL;

        switch (event->kind) {
        case ENGINE_EVENT_ENTRY:
                return json_pack("{s:o, s:s, s:o}", "entry", api_uuid(&event->entry), "state",
                                 api_state_name(event->state), "person", api_uuid(&event->person));
        case ENGINE_EVENT_RECORD:
                return json_pack("{s:o, s:s?, s:o}", "record", api_uuid(&event->record), "type",
                                 type, "person", api_uuid(&event->person));
        case ENGINE_EVENT_PERSON:
                return json_pack("{s:o, s:b}", "person", api_uuid(&event->person), "gone",
                                 (int)event->gone);
        case ENGINE_EVENT_EXCHANGE:
                return json_object();
        }
        return NULL;
}

static bool anyone_listens(const struct api *api, uint32_t kinds)
{
        const struct api_stream *stream;

        LIST_FOREACH(stream, &api->streams, link)
        if (stream->kinds & kinds)
                return true;
        return false;
}

void api_event(struct api *api, const struct engine_event *event)
{
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;
        CLEANUP(json_freep) json_t *json = NULL;
        uint32_t kind = 1u << event->kind;

        if (!anyone_listens(api, kind))
                return;
        json = event_to_json(event);
        if (!json)
                return;
        buffer_append_format(&text, "event: %s\ndata: ", kind_names[event->kind]);
        json_append(json, &text);
        buffer_append_text(&text, "\n\n");
        if (!text.failed)
                send_to(api, kind, buffer_view(&text));
}

void api_streams_end(struct api *api)
{
        struct api_stream *stream;

        while ((stream = LIST_FIRST(&api->streams))) {
                api_on_gone(stream->exchange, NULL, NULL);
                stream_gone(stream);
        }
}
