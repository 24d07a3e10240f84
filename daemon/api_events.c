/*
 * GET /v1/events: server-sent events. They carry ids, types and states, never what is in a record; whoever listens asks
 * for that with the rights of the staff member it works for. A client that does not keep up is cut off: it reads the
 * status again and listens anew.
 */
#include "common/error.h"
#include "daemon/api_call.h"
#include "daemon/api_value.h"

#include <event2/event.h>

enum {
        HEARTBEAT_S = 15
}; /* so that a client that died is found, and a living one knows that we live */

struct api_stream {
        struct api *api;
        struct api_exchange *exchange;
        LIST_ENTRY(api_stream) link;
};

static void stream_gone(void *context)
{
        struct api_stream *stream = context;

        LIST_REMOVE(stream, link);
        free(stream);
}

static void send_all(struct api *api, struct bytes piece)
{
        struct api_stream *stream, *next;

        for (stream = LIST_FIRST(&api->streams); stream; stream = next) {
                next = LIST_NEXT(stream, link);
                (void)api_stream_send(stream->exchange, piece); /* gone is called where it fails */
        }
}

static void on_heartbeat(evutil_socket_t fd, short what, void *context)
{
        (void)fd;
        (void)what;
        send_all(context, bytes_text(": here\n\n"));
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

int api_get_events(struct api_call *call)
{
        struct api_stream *stream = calloc(1, sizeof(*stream));

        if (!stream)
                return FAIL(PANNIER_E_MEMORY, "no memory for a listener");
        stream->api = call->api;
        stream->exchange = call->exchange;
        LIST_INSERT_HEAD(&call->api->streams, stream, link);
        api_stream_begin(call->exchange, "text/event-stream");
        api_on_gone(call->exchange, stream_gone, stream);
        (void)api_stream_send(call->exchange, bytes_text("event: listening\ndata: {}\n\n"));
        start_heartbeat(call->api);
        return 0;
}

static json_t *event_to_json(const struct engine_event *event, const char **ret_name)
{
        const char *type = event->type ? event->type->name : NULL;

        switch (event->kind) {
        case ENGINE_EVENT_ENTRY:
                *ret_name = "entry";
                return json_pack("{s:o, s:s, s:o}", "entry", api_uuid(&event->entry), "state",
                                 api_state_name(event->state), "person", api_uuid(&event->person));
        case ENGINE_EVENT_RECORD:
                *ret_name = "record";
                return json_pack("{s:o, s:s?, s:o}", "record", api_uuid(&event->record), "type",
                                 type, "person", api_uuid(&event->person));
        case ENGINE_EVENT_PERSON:
                *ret_name = "person";
                return json_pack("{s:o, s:b}", "person", api_uuid(&event->person), "gone",
                                 (int)event->gone);
        case ENGINE_EVENT_EXCHANGE:
                *ret_name = "exchange";
                return json_object();
        }
        return NULL;
}

void api_event(struct api *api, const struct engine_event *event)
{
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;
        CLEANUP(json_freep) json_t *json = NULL;
        const char *name = "";

        if (LIST_EMPTY(&api->streams))
                return;
        json = event_to_json(event, &name);
        if (!json)
                return;
        buffer_append_format(&text, "event: %s\ndata: ", name);
        json_append(json, &text);
        buffer_append_text(&text, "\n\n");
        if (!text.failed)
                send_all(api, buffer_view(&text));
}

void api_streams_end(struct api *api)
{
        struct api_stream *stream;

        while ((stream = LIST_FIRST(&api->streams))) {
                api_on_gone(stream->exchange, NULL, NULL);
                stream_gone(stream);
        }
}
