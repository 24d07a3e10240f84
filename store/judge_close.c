/*
 * What becomes of a quarantined entry later is a new entry that names it: written anew by its device (fixed), let through by an
 * operator (released), or put aside by one (dismissed). The quarantined entry itself stays what it is, for ever.
 *
 * One of them deals with it, and no second one: whichever is judged first. The other, if it is a device's, is quarantined
 * itself ("dealt with"), so that nothing anybody wrote disappears.
 */
#include "store/judge_inside.h"

#include "common/error.h"
#include "store/journal.h"

#include <string.h>

/* ---- an entry that names one ---- */

struct search {
        const struct uuid *device;
        struct quarantine_row found;
        bool own;
};

static int take_own(void *context, const struct quarantine_row *row)
{
        struct search *search = context;

        if (!uuid_equal(&row->device, search->device))
                return 0; /* another's looks like none */
        search->own = true;
        search->found = *row;
        search->found.note = BYTES_NONE;
        return row->how == CLOSING_NONE;
}

int judge_instead(struct judge *judge, struct judge_case *c, uint16_t *ret_reason)
{
        static const uint8_t no_hash[HASH_SIZE];
        struct search search = {.device = &c->entry->header->device};
        struct log_row row;
        int r;

        if (uuid_is_none(&c->body.instead))
                return 0;
        r = judge->ops->quarantine_named(judge->storage, &c->body.instead, take_own, &search);
        if (r < 0)
                return r;
        if (search.own && search.found.how == CLOSING_NONE) {
                c->instead = search.found;
                c->instead.how = CLOSING_FIXED;
                return 0;
        }
        /* It was not refused here, or not for good: what the author meant to write anew has taken effect. */
        r = judge->ops->log_find(judge->storage, c->locality, &c->body.instead, search.device,
                                 no_hash, &judge->arena, &row);
        if (r > 0 && uuid_equal(&row.device, search.device))
                *ret_reason = REASON_DEALT_WITH;
        return r < 0 ? r : 0;
}

int judge_close(struct judge *judge, const struct judge_case *c)
{
        struct quarantine_row row = c->instead;

        if (row.how == CLOSING_NONE)
                return 0;
        row.closed_by = c->entry->header->id;
        row.closed_ms = judge->now_ms;
        judge_room_took(judge, &row.device, false, -1, row.size);
        return judge->ops->quarantine_close(judge->storage, &row, row.how != CLOSING_FIXED);
}

/* ---- an operator's answer ---- */

struct answering {
        struct judge *judge;
        const struct judge_answer *answer;
        const struct storage_locality *state;
        struct log_row row; /* the quarantined entry */
        struct entry_header old_header;
        struct device_row device;
        struct judge_origin origin;
        struct entry_header header; /* of the new one */
        struct judge_entry entry;
        struct judge_case c;
        struct bytes note;
};

static int take_place(void *context, const struct quarantine_row *row)
{
        struct answering *answering = context;

        if (!uuid_equal(&row->locality, answering->answer->locality) ||
            row->number != answering->answer->number)
                return 0;
        answering->c.instead = *row;
        answering->c.instead.note = BYTES_NONE;
        return 1;
}

static int find_refused(struct answering *answering)
{
        struct judge *judge = answering->judge;
        const struct judge_answer *answer = answering->answer;
        struct quarantine_row *instead = &answering->c.instead;
        char by[UUID_TEXT_SIZE];
        int r = judge->ops->log_get(judge->storage, answer->locality, answer->number, &judge->arena,
                                    &answering->row);

        if (r > 0)
                r = judge->ops->quarantine_named(judge->storage, &answering->row.id, take_place,
                                                 answering);
        if (r <= 0)
                return r < 0 ? r : FAIL(PANNIER_E_NOT_FOUND, "no such entry is in quarantine");
        if (instead->how != CLOSING_NONE) {
                uuid_format(&instead->closed_by, by);
                return FAIL(PANNIER_E_TAKEN, "it was dealt with already, by entry %s", by);
        }
        instead->how = answer->how;
        return 0;
}

/* What the audit, and the people at the device, are told: "released by NAME: why", and the author's own reason behind it. */
static int make_note(struct answering *answering)
{
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;
        const struct judge_answer *answer = answering->answer;
        struct bytes own = answering->c.body.reason;
        size_t room;

        if (answer->who.size == 0 || answer->why.size == 0)
                return FAIL(PANNIER_E_INVALID, "it is to be said who does this, and why");
        if (answer->who.size > JUDGE_WHO_MAX || answer->why.size > JUDGE_WHY_MAX)
                return FAIL(PANNIER_E_INVALID,
                            "a name has at most %d bytes, and a reason at most %d", JUDGE_WHO_MAX,
                            JUDGE_WHY_MAX);
        if (!bytes_is_utf8(answer->who) || !bytes_is_utf8(answer->why))
                return FAIL(PANNIER_E_INVALID, "a name and a reason are UTF-8");
        buffer_append_text(&text,
                           answer->how == CLOSING_RELEASED ? "released by " : "put aside by ");
        buffer_append(&text, answer->who);
        buffer_append_text(&text, ": ");
        buffer_append(&text, answer->why);
        if (buffer_check(&text) < 0)
                return buffer_check(&text);
        answering->note = arena_copy(&answering->judge->arena, buffer_view(&text));
        if (answer->how == CLOSING_RELEASED && own.size) {
                buffer_append_text(&text, " | ");
                room = ENTRY_REASON_MAX - text.size;
                if (own.size > room) {
                        own.size = room;
                        while (own.size > 0 && (own.data[own.size] & 0xC0) == 0x80)
                                own.size--; /* not in the middle of a character; the old entry has all of it */
                }
                buffer_append(&text, own);
        }
        if (buffer_check(&text) < 0)
                return buffer_check(&text);
        answering->c.body.reason = arena_copy(&answering->judge->arena, buffer_view(&text));
        return answering->note.data && answering->c.body.reason.data
                       ? 0
                       : FAIL(PANNIER_E_MEMORY, "a reason");
}

static int read_old(struct answering *answering, uint16_t *ret_reason)
{
        struct judge *judge = answering->judge;
        const struct log_row *row = &answering->row;
        struct judge_entry old = {
                .header = &answering->old_header, .header_bytes = row->header, .body = row->body};
        int r = entry_header_decode(row->header, &answering->old_header);

        if (r < 0) {
                *ret_reason = REASON_MALFORMED;
                return r == PANNIER_E_MEMORY ? r : 0;
        }
        answering->c.entry = &old;
        r = judge_read_body(judge, &answering->c, ret_reason);
        answering->c.entry = &answering->entry;
        return r;
}

/* The id follows from the old one, so that it is the same after a restore. */
static int begin_entry(struct answering *answering)
{
        static const uint8_t no_hash[HASH_SIZE];
        struct judge *judge = answering->judge;
        const struct log_row *row = &answering->row;
        struct log_row other;
        int r;

        answering->header = (struct entry_header){
                .id = uuid_derived(answering->answer->how == CLOSING_RELEASED ? "released"
                                                                              : "dismissed",
                                   &row->id, BYTES(row->device.bytes, sizeof(row->device.bytes))),
                .seal_enc = BYTES_NONE,
        };
        r = judge->ops->log_find(judge->storage, answering->answer->locality, &answering->header.id,
                                 answering->answer->locality, no_hash, &judge->arena, &other);
        if (r != FOUND_NONE)
                return r < 0 ? r : FAIL(PANNIER_E_TAKEN, "the id of the new entry is in use");
        answering->c.body.instead = row->id;
        answering->c.body.previous = UUID_NONE;
        answering->c.chain_root = answering->header.id;
        return 0;
}

static int begin_release(struct answering *answering)
{
        struct judge *judge = answering->judge;
        const struct log_row *row = &answering->row;
        int r = judge->ops->device_get(judge->storage, &row->device, &answering->device);

        if (r == 0)
                answering->device =
                        (struct device_row){.id = row->device, .locality = row->locality};
        answering->origin = (struct judge_origin){
                .device = &answering->device,
                .received_ms = row->received_ms,
                .clock_offset_ms = row->clock_offset_ms,
        };
        answering->c.origin = &answering->origin;
        answering->c.released = true;
        return r < 0 ? r : 0;
}

/* Return: 0; 1 it would be refused again */
static int release(struct answering *answering, struct judge_answered *ret)
{
        struct judge *judge = answering->judge;
        struct judge_case *c = &answering->c;
        struct judge_obstacle obstacle;
        struct bytes own = c->body.reason;
        bool refused = false;
        int r = begin_release(answering);

        if (r >= 0)
                r = make_note(answering);
        if (r >= 0)
                r = judge_admit(judge, c, &obstacle);
        if (r < 0)
                return r;
        ret->reason = obstacle.reason != REASON_NONE ? (uint16_t)obstacle.reason
                      : obstacle.wait                ? REASON_NOT_HERE
                                                     : REASON_NONE;
        if (ret->reason != REASON_NONE)
                return 1;
        r = judge_encode(judge, answering->state, c, &answering->header, &answering->entry);
        if (r < 0)
                return r;
        c->body.reason = own; /* an operator's words are no reason for a clinical step */
        c->instead.note = answering->note;
        r = c->body.operation == ENTRY_DECIDE ? judge_decide(judge, c, &refused)
                                              : judge_commit_fields(judge, c, &refused);
        if (r < 0)
                return r;
        ret->reason = refused ? c->result->reason : REASON_NONE;
        ret->outcome = refused ? OUTCOME_QUARANTINED : c->result->outcome;
        return refused;
}

/* An edit of nothing: of the record that the old one was about, or of the locality's place where that cannot be read. */
static int dismiss(struct answering *answering, struct judge_answered *ret)
{
        struct judge *judge = answering->judge;
        struct judge_case *c = &answering->c;
        const struct judge_answer *answer = answering->answer;
        bool known = c->readable && c->type;
        int r;

        c->type = known ? c->type : catalogue_place_type();
        c->body = (struct entry_body){
                .type = c->type->number,
                .record = known ? c->body.record : *answer->locality,
                .person = known ? c->body.person : UUID_NONE,
                .operation = ENTRY_EDIT,
                .base_locality = *answer->locality,
                .base = {c->epoch, c->position},
                .author = *answer->locality,
                .recorded_ms = judge->now_ms,
                .quality = CLOCK_SYNCHRONISED,
                .catalogue_version = catalogue_get()->version,
                .instead = answering->row.id,
        };
        c->readable = true;
        r = make_note(answering);
        c->instead.note = answering->note;
        if (r >= 0)
                r = judge_encode(judge, answering->state, c, &answering->header, &answering->entry);
        ret->outcome = OUTCOME_APPLIED;
        return r < 0 ? r : judge_write_log(judge, c, OUTCOME_APPLIED, REASON_NONE, NULL, 0);
}

static int answer_it(struct answering *answering, struct judge_answered *ret)
{
        uint16_t unread = REASON_NONE;
        int r = find_refused(answering);

        if (r >= 0)
                r = read_old(answering, &unread);
        if (r >= 0)
                r = begin_entry(answering);
        if (r < 0)
                return r;
        ret->entry = answering->header.id;
        if (answering->answer->how != CLOSING_RELEASED)
                return dismiss(answering, ret);
        if (unread != REASON_NONE || !answering->c.type)
                return FAIL(PANNIER_E_INVALID,
                            "its bytes cannot be read, so nothing in it can take effect: %s",
                            reason_sentence(unread));
        return release(answering, ret);
}

int judge_answer(struct judge *judge, const struct judge_answer *answer, struct judge_answered *ret)
{
        struct answering answering = {
                .judge = judge,
                .answer = answer,
                .state = judge->ops->locality(judge->storage, answer->locality),
        };
        int r;

        if (!answering.state)
                return FAIL(PANNIER_E_INTERNAL, "the locality is not in this transaction");
        arena_reset(&judge->arena);
        judge->taken_known = false;
        answering.entry.header = &answering.header;
        answering.c = (struct judge_case){
                .locality = answer->locality,
                .home = answer->locality,
                .position = answering.state->position,
                .epoch = answering.state->epoch,
                .entry = &answering.entry,
        };
        *ret = (struct judge_answered){0};
        r = answer_it(&answering, ret);
        if (r != 0)
                return r;
        r = judge_settle(judge);
        return r < 0 ? r : journal_answer(judge->storage, answer, &answering.row);
}
