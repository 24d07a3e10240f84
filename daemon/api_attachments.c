/*
 * POST /v1/attachments: bytes come piece by piece, lose what was written into them (picture.h), are sealed on the disk (satchel.h), and only
 * then the entry that names them is recorded. GET gives them back, from the disk or, where they are not here, from the store.
 */
#include "common/attachment.h"
#include "common/error.h"
#include "daemon/api_call.h"
#include "daemon/api_value.h"
#include "daemon/picture.h"

#include <string.h>

/* ---- up: while the body comes ---- */

struct api_upload {
        struct api *api;
        struct picture *picture;
        struct satchel_writer *writer;
        struct buffer clean;
        struct uuid request;
        const struct catalogue_type *type;
        uint16_t media;
        int error; /* the first one; what comes after it is not looked at */
        const char *field;
        char detail[256];
};

static int upload_failed(struct api_upload *upload, int error)
{
        if (upload->error == 0) {
                upload->error = error;
                (void)snprintf(upload->detail, sizeof(upload->detail), "%s", error_detail());
        }
        error_clear();
        return error;
}

void api_upload_free(struct api_upload *upload)
{
        if (!upload)
                return;
        (void)picture_free(upload->picture);
        (void)satchel_writer_free(upload->writer);
        buffer_wipe(&upload->clean);
        free(upload);
}

/* The one that has bytes, where the caller names none. */
static const struct catalogue_type *find_type(const struct bytes *name)
{
        const struct catalogue *catalogue = catalogue_get();
        const struct catalogue_type *type = name ? catalogue_type_by_name(*name) : NULL;

        for (size_t i = 0; !name && i < catalogue->type_count && !type; i++)
                if (attachment_type(&catalogue->types[i]))
                        type = &catalogue->types[i];
        return attachment_type(type) ? type : NULL;
}

static int begin(struct api_upload *upload, const struct api_request *request)
{
        const struct bytes *id = http1_parameter(&request->target, "request");
        const struct bytes *media = http1_header(request->head, "Content-Type");
        int r;

        if (!upload->api->engine || !upload->api->porter)
                return FAIL(PANNIER_E_BUSY, "this device cannot take anything now");
        upload->field = "request";
        if (!id || uuid_parse(*id, &upload->request) < 0)
                return FAIL(PANNIER_E_INVALID, "request is missing, or not an id (UUID)");
        upload->field = "type";
        upload->type = find_type(http1_parameter(&request->target, "type"));
        if (!upload->type)
                return FAIL(PANNIER_E_INVALID, "records of this type have no bytes");
        upload->field = "Content-Type";
        upload->media = media ? attachment_media(upload->type, *media) : 0;
        if (!upload->media)
                return FAIL(PANNIER_E_INVALID,
                            "the header Content-Type says what the file is: image/jpeg, image/png "
                            "or application/pdf");
        upload->field = NULL;
        if (request->head->length > ATTACHMENT_SIZE_MAX)
                return FAIL(PANNIER_E_LIMIT, "an attachment has at most %d MiB",
                            ATTACHMENT_SIZE_MAX >> 20);
        r = picture_new(*media, &upload->picture);
        return r < 0 ? r
                     : satchel_begin(porter_satchel(upload->api->porter), SATCHEL_OUT,
                                     &upload->request, &upload->writer);
}

int api_upload_begin(struct api *api, const struct api_request *request, struct api_upload **ret)
{
        struct api_upload *upload = calloc(1, sizeof(*upload));
        int r;

        if (!upload)
                return FAIL(PANNIER_E_MEMORY, "no memory for an attachment");
        upload->api = api;
        r = begin(upload, request);
        if (r < 0)
                (void)upload_failed(upload, r);
        *ret = upload;
        return 0;
}

int api_upload_piece(struct api_upload *upload, struct bytes piece)
{
        int r;

        if (upload->error < 0)
                return upload->error;
        buffer_reset(&upload->clean);
        r = picture_add(upload->picture, piece, &upload->clean);
        if (r >= 0)
                r = satchel_add(upload->writer, buffer_view(&upload->clean));
        return r < 0 ? upload_failed(upload, r) : 0;
}

/* ---- up: when it is here ---- */

struct upload_entry {
        struct api_call *call;
        const struct catalogue_type *type;
        struct entry_change changes[FIELD_COUNT_MAX];
        size_t count;
};

static int add_given(struct upload_entry *entry, uint16_t index, const json_t *json)
{
        const struct catalogue_field *field = &entry->type->fields[index];
        struct entry_change *change = &entry->changes[entry->count++];
        int r;

        change->number = field->number;
        entry->call->field = field->name;
        r = api_value_from_json(field, false, NULL, json, &entry->call->api->arena, &change->value);
        if (r >= 0)
                entry->call->field = NULL;
        return r;
}

static struct value own_value(const struct catalogue_type *type, uint16_t index,
                              const struct api_upload *upload, const struct attachment *attachment)
{
        if (index == type->bytes_hash_index)
                return (struct value){.form = VALUE_BYTES,
                                      .bytes = BYTES(attachment->hash, HASH_SIZE)};
        return (struct value){.form = VALUE_INTEGER,
                              .integer = index == type->bytes_size_index ? (int64_t)attachment->size
                                                                         : upload->media};
}

static bool is_own(const struct catalogue_type *type, uint16_t index)
{
        return index == type->bytes_hash_index || index == type->bytes_size_index ||
               index == type->bytes_media_index;
}

/* What the caller says of it, and what it is, in the catalogue's order. */
static int collect(struct upload_entry *entry, const json_t *fields,
                   const struct api_upload *upload, const struct attachment *attachment)
{
        const char *name;
        json_t *value;

        json_object_foreach((json_t *)(uintptr_t)fields, name, value)
        {
                int index = catalogue_field_index_by_name(entry->type, bytes_text(name));

                if (index >= 0 && !is_own(entry->type, (uint16_t)index))
                        continue;
                entry->call->field = "fields";
                return index < 0 ? FAIL(PANNIER_E_INVALID, "%s has no field %.40s",
                                        entry->type->name, name)
                                 : FAIL(PANNIER_E_INVALID,
                                        "%.40s follows from the file itself: leave it out", name);
        }
        for (uint16_t i = 0; i < entry->type->field_count; i++) {
                const json_t *given = json_object_get(fields, entry->type->fields[i].name);
                int r = given ? add_given(entry, i, given) : 0;

                if (r < 0)
                        return r;
                if (is_own(entry->type, i))
                        entry->changes[entry->count++] = (struct entry_change){
                                .number = entry->type->fields[i].number,
                                .value = own_value(entry->type, i, upload, attachment)};
        }
        return 0;
}

static int read_fields(struct api_call *call, json_t **ret)
{
        const struct bytes *text = http1_parameter(&call->request->target, "fields");
        int r;

        *ret = NULL;
        if (!text)
                return 0;
        call->field = "fields";
        r = json_load(*text, ret);
        if (r < 0 || !json_is_object(*ret))
                return FAIL(PANNIER_E_INVALID, "fields is a JSON object: name and value of each");
        call->field = NULL;
        return 0;
}

static int record(struct api_call *call, struct api_upload *upload,
                  const struct attachment *attachment, struct engine_written *ret)
{
        CLEANUP(json_freep) json_t *fields = NULL;
        struct upload_entry draft = {.call = call, .type = upload->type};
        struct engine_entry entry = {.request = upload->request,
                                     .operation = ENTRY_CREATE,
                                     .type = upload->type,
                                     .has_bytes = true,
                                     .changes = draft.changes};
        struct engine_fault fault;
        bool there;
        int r = api_query_id(call, "person", &entry.person, &there);

        r = r < 0 ? r : read_fields(call, &fields);
        r = r < 0 ? r : collect(&draft, fields, upload, attachment);
        if (r < 0)
                return r;
        entry.change_count = draft.count;
        r = engine_write(call->api->engine, &call->staff, &call->now, &entry, 1, ret, &fault);
        if (r < 0 && fault.field)
                call->field = fault.field->name;
        return r;
}

/* The entry is durable and its bytes are: now they get the name under which they are never taken for an orphan. */
static int publish(struct api_call *call, struct api_upload *upload,
                   const struct engine_written *written)
{
        struct porter *porter = call->api->porter;
        struct satchel *satchel = porter_satchel(porter);
        int r = 0;

        if (!written->repeated || (!satchel_has(satchel, SATCHEL_OUT, &written->entry) &&
                                   !satchel_has(satchel, SATCHEL_KEPT, &written->record)))
                r = satchel_publish(upload->writer);
        if (r >= 0 && satchel_has(satchel, SATCHEL_OUT, &written->entry))
                porter_add(porter, &written->entry);
        return r;
}

static int send_upload(struct api_call *call, const struct engine_written *written,
                       const struct attachment *attachment)
{
        char hash[2 * HASH_SIZE + 1];

        bytes_hex(BYTES(attachment->hash, HASH_SIZE), hash);
        return api_send(call, written->repeated ? 200 : 201,
                        json_pack("{s:o, s:o, s:o, s:s, s:s, s:I, s:b}", "id",
                                  api_uuid(&written->entry), "record", api_uuid(&written->record),
                                  "person", api_uuid(&written->person), "state",
                                  api_state_name(written->state), "sha256", hash, "size",
                                  (json_int_t)attachment->size, "repeated",
                                  (int)written->repeated));
}

/* A full disk is not a damaged one: nothing has to be opened again, and entries still have room. */
static int answer_full(struct api_call *call, const char *detail)
{
        return api_send(call, 507, api_error_json("storage", detail));
}

int api_post_attachments(struct api_call *call)
{
        struct api_upload *upload = call->upload;
        struct attachment attachment;
        struct engine_written written;
        int r;

        if (!upload)
                return FAIL(PANNIER_E_MALFORMED, "the request has no body; it is the file itself");
        if (upload->error == 0) {
                r = picture_end(upload->picture);
                r = r < 0 ? r : satchel_end(upload->writer, &attachment);
                if (r < 0)
                        (void)upload_failed(upload, r);
        }
        if (upload->error < 0) {
                call->field = upload->field;
                if (upload->error == PANNIER_E_STORAGE)
                        return answer_full(call, upload->detail);
                return FAIL(upload->error, "%s", upload->detail);
        }
        r = record(call, upload, &attachment, &written);
        r = r < 0 ? r : publish(call, upload, &written);
        return r < 0 ? r : send_upload(call, &written, &attachment);
}

/* ---- down ---- */

struct download {
        struct api *api;
        struct api_exchange *exchange;
        struct porter_fetch *fetch; /* NULL: nothing is being fetched */
        struct uuid record;
        struct attachment attachment;
        enum satchel_place place;
        uint8_t key[AEAD_KEY_SIZE];
        struct buffer chunk;
        size_t sent; /* bytes of the chunk */
        uint32_t next;
};

static void download_free(struct download *download)
{
        if (download->fetch)
                porter_forget(download->api->porter, download->fetch);
        buffer_wipe(&download->chunk);
        crypto_wipe(download->key, sizeof(download->key));
        free(download);
}

static void download_gone(void *context)
{
        download_free(context);
}

/* 1 the next piece is there; 0 that was all */
static int next_piece(struct download *download)
{
        int r;

        if (download->sent < download->chunk.size)
                return 1;
        if (download->next == attachment_chunk_count(download->attachment.size))
                return 0;
        buffer_reset(&download->chunk);
        download->sent = 0;
        r = satchel_read(porter_satchel(download->api->porter), download->place, &download->record,
                         download->key, download->attachment.size, download->next++,
                         &download->chunk);
        return r < 0 ? r : 1;
}

/* As fast as the client takes it: a picture never lies in memory as a whole. */
static void pump(void *context)
{
        struct download *download = context;
        int r;

        while ((r = next_piece(download)) > 0) {
                size_t left = download->chunk.size - download->sent;
                size_t size = left < API_STREAM_QUEUE_MAX ? left : API_STREAM_QUEUE_MAX;

                if (api_stream_send(download->exchange,
                                    BYTES(download->chunk.data + download->sent, size)) != 0)
                        return;
                download->sent += size;
        }
        /* cut short where it failed: its length says that it is not whole */
        error_clear();
        api_stream_end(download->exchange);
}

static void stream(struct download *download)
{
        api_on_gone(download->exchange, download_gone, download);
        api_stream_begin_sized(download->exchange, download->attachment.media_type,
                               download->attachment.size);
        api_stream_on_drained(download->exchange, pump);
        pump(download);
}

/* 1 it is on this device, and opens; 0 not */
static int find_here(struct download *download)
{
        struct satchel *satchel = porter_satchel(download->api->porter);
        struct attachment out;
        int r = satchel_out(satchel, &download->record, &out, download->key);

        if (r > 0) {
                download->place = SATCHEL_OUT;
                return memcmp(out.hash, download->attachment.hash, HASH_SIZE) == 0;
        }
        download->place = SATCHEL_KEPT;
        if (!satchel_has(satchel, SATCHEL_KEPT, &download->record))
                return 0;
        r = engine_attachment_key(download->api->engine, &download->record, download->key);
        if (r <= 0)
                return r;
        /* read once before the first byte of it is answered: a damaged one is fetched again */
        for (uint32_t i = 0; i < attachment_chunk_count(download->attachment.size) && r >= 0; i++) {
                buffer_reset(&download->chunk);
                r = satchel_read(satchel, SATCHEL_KEPT, &download->record, download->key,
                                 download->attachment.size, i, &download->chunk);
        }
        buffer_reset(&download->chunk);
        if (r == PANNIER_E_CORRUPT || r == PANNIER_E_NOT_FOUND) {
                error_clear();
                return 0;
        }
        return r < 0 ? r : 1;
}

static void answer_error(struct api_exchange *exchange, int error, const char *detail)
{
        CLEANUP(json_freep) json_t *json = api_error_json(pannier_error_name(error), detail);
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;

        json_append(json, &text);
        buffer_append_byte(&text, '\n');
        /* without the store it is only not now */
        api_answer(exchange, error == PANNIER_E_LINK ? 503 : api_status_of(error),
                   "application/json", buffer_view(&text));
}

static void on_fetched(void *context, int error, const char *detail)
{
        struct download *download = context;
        int r = error;

        download->fetch = NULL;
        if (r == 0 && !download->api->engine)
                r = PANNIER_E_BUSY;
        if (r == 0)
                r = find_here(download);
        if (r > 0) {
                stream(download);
                return;
        }
        api_on_gone(download->exchange, NULL, NULL);
        answer_error(download->exchange, r < 0 ? r : PANNIER_E_NOT_FOUND,
                     *detail ? detail : "its bytes are not on this device");
        download_free(download);
}

struct wanted_record {
        struct uuid record;
        struct attachment attachment;
        bool has;
};

static int take_record(void *context, const struct engine_record *record)
{
        struct wanted_record *wanted = context;
        int r = attachment_of_record(record->visible, &wanted->attachment);

        wanted->record = record->visible->id;
        wanted->has = r > 0;
        return r < 0 ? r : 0;
}

int api_get_attachment(struct api_call *call)
{
        struct wanted_record wanted = {0};
        struct download *download;
        struct uuid id;
        int r = api_path_id(call, &id);

        r = r < 0 ? r
                  : engine_record(call->api->engine, &call->staff, &call->now, &id, take_record,
                                  &wanted);
        if (r >= 0 && !wanted.has)
                r = FAIL(PANNIER_E_NOT_FOUND, "this record has no bytes");
        if (r >= 0 && !call->api->porter)
                r = FAIL(PANNIER_E_BUSY, "attachments cannot be read now");
        if (r < 0)
                return r;
        download = calloc(1, sizeof(*download));
        if (!download)
                return FAIL(PANNIER_E_MEMORY, "no memory for an attachment");
        *download = (struct download){.api = call->api,
                                      .exchange = call->exchange,
                                      .record = wanted.record,
                                      .attachment = wanted.attachment};
        r = find_here(download);
        if (r == 0)
                r = porter_fetch(call->api->porter, &download->record, &download->attachment,
                                 on_fetched, download, &download->fetch);
        if (r < 0) {
                download_free(download);
                return r == PANNIER_E_STORAGE ? answer_full(call, error_detail()) : r;
        }
        call->answered = true;
        if (!download->fetch)
                stream(download);
        else
                api_on_gone(call->exchange, download_gone, download);
        return 0;
}

/* ---- status ---- */

json_t *api_attachments_json(const struct api *api)
{
        struct porter_status status = {0};

        if (api->porter)
                porter_status(api->porter, &status);
        return json_pack("{s:I, s:I, s:I, s:o, s:s, s:I}", "waiting", (json_int_t)status.waiting,
                         "waiting_bytes", (json_int_t)status.waiting_bytes, "failed",
                         (json_int_t)status.failed, "failed_id", api_uuid(&status.failed_id),
                         "problem", status.detail, "kept_bytes", (json_int_t)status.kept_bytes);
}
