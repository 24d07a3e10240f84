/*
 * Where the digests at an end are not those that are here: POST /v1/check, in the same exchange, once.
 *
 *     ASK      which of the feeds, by their digests? ──► all equal, or none stands there any more: over
 *     PAGES    its people with their digests, page by page. They must add up to the feed's digest
 *     PEOPLE   records of those who differ, some people at a time. A person's must add up to the person's digest
 *     APPLY    owner by owner, each in one transaction; then who is here and was not listed leaves. Back to ASK
 *
 * Nothing is replaced, and nobody is erased, unless what the store lists adds up: an answer that is damaged, or a store that is
 * confused, cannot empty a copy. The outbox is never touched. After a check that did not help the next one waits longer and longer.
 */
#include "daemon/session_check_internal.h"

enum {
        CHECK_STEP_ROWS = 512,               /* of one transaction, but one owner at least */
        CHECK_STEP_PEOPLE = 256,             /* who leave in one transaction */
        CHECK_WAIT_MS = 60000,               /* after a check that did not help; doubles … */
        CHECK_WAIT_MAX_MS = 6 * 3600 * 1000, /* … up to this */
};

void check_owners_deinit(struct check_owners *owners)
{
        free(owners->items);
        *owners = (struct check_owners){0};
}

static struct session_check *check_free(struct session_check *check)
{
        if (!check)
                return NULL;
        check_owners_deinit(&check->listed);
        check_owners_deinit(&check->wanted);
        check_owners_deinit(&check->unlisted);
        free(check->messages);
        free(check->rows);
        buffer_wipe(&check->answer);
        arena_deinit(&check->arena);
        free(check);
        return NULL;
}

void session_check_drop(struct engine *engine)
{
        engine->session.check = check_free(engine->session.check);
}

/* ---- when ---- */

/* It did not help, or could not be done: next time later. */
static void wait_longer(struct engine *engine, const struct engine_now *now)
{
        engine->check_wait_ms =
                engine->check_wait_ms > 0 ? 2 * engine->check_wait_ms : CHECK_WAIT_MS;
        if (engine->check_wait_ms > CHECK_WAIT_MAX_MS)
                engine->check_wait_ms = CHECK_WAIT_MAX_MS;
        engine->session.waits_longer = true;
        engine->check_due_ms = now->boot_ms + engine->check_wait_ms;
}

bool session_check_begin(struct engine *engine, const struct engine_now *now)
{
        struct session *session = &engine->session;

        if (session->equality == REPLICA_EQUAL)
                engine->check_wait_ms = engine->check_due_ms = 0;
        if (session->equality != REPLICA_DIFFERENT || session->level != BUDGET_ALL)
                return false;
        if (session->checked) {
                if (!session->waits_longer)
                        wait_longer(engine, now);
                return false;
        }
        if (now->boot_ms < engine->check_due_ms)
                return false;
        session->check = calloc(1, sizeof(*session->check));
        session->checked = session->check != NULL;
        return session->checked;
}

/* The end is reached once more: who left is erased durably, and the copy is compared again. */
static int over(struct engine *engine)
{
        struct session *session = &engine->session;

        session_check_drop(engine);
        session->report = true;
        session->state = SESSION_APPLYING;
        session->phase = PHASE_ERASE;
        return EXCHANGE_STEP;
}

/* What the store says does not add up, or cannot be read. The exchange itself was good. */
static int give_up(struct engine *engine, const struct engine_now *now)
{
        int r = engine_begin(engine);

        if (r < 0)
                return r;
        wait_longer(engine, now);
        r = replica_set_fact(engine->replica, FACT_CONTRADICTION, 1);
        if (r < 0) {
                engine_rollback(engine);
                return r;
        }
        r = engine_commit(engine);
        return r < 0 ? r : over(engine);
}

void session_check_failed(struct engine *engine, const struct engine_now *now)
{
        wait_longer(engine, now);
        session_check_drop(engine);
        session_done(engine, now);
}

/* ---- asking ---- */

bool check_was_tried(const struct session_check *check, int64_t feed)
{
        for (size_t i = 0; i < check->tried_count; i++)
                if (check->tried[i] == feed)
                        return true;
        return false;
}

static int put_feeds(struct engine *engine, struct arena *arena, struct wire_check *message)
{
        const struct session_check *check = engine->session.check;
        struct wire_feed_state *states;
        struct replica_feed *feeds;
        size_t count, granted = 0;
        int r = replica_feeds(engine->replica, arena, &feeds, &count);

        if (r < 0)
                return r;
        states = arena_alloc(arena, (count + 1) * sizeof(*states));
        if (!states)
                return FAIL(PANNIER_E_MEMORY, "no memory for a check");
        for (size_t i = 0; i < count && r >= 0; i++) {
                uint8_t *bytes = arena_alloc(arena, DIGEST_SIZE);
                struct digest digest;

                if (!bytes)
                        return FAIL(PANNIER_E_MEMORY, "no memory for a check");
                if (!feeds[i].granted ||
                    (check->phase == CHECK_ASK ? check_was_tried(check, feeds[i].number)
                                               : feeds[i].number != check->feed.number))
                        continue;
                r = replica_sums_feed(engine->replica, &feeds[i], &digest);
                digest_write(&digest, bytes);
                states[granted++] = (struct wire_feed_state){feeds[i].key, feeds[i].cursor,
                                                             BYTES(bytes, DIGEST_SIZE)};
        }
        message->feeds = states;
        message->feeds_count = granted;
        return r;
}

static int put_people(struct session_check *check, struct arena *arena, struct wire_check *message)
{
        size_t left = check->wanted.count - check->wanted.next;
        size_t count = left < WIRE_CHECK_PEOPLE_MAX ? left : WIRE_CHECK_PEOPLE_MAX;
        struct uuid *people = arena_alloc(arena, (count + 1) * sizeof(*people));

        if (!people)
                return FAIL(PANNIER_E_MEMORY, "no memory for a check");
        for (size_t i = 0; i < count; i++)
                people[i] = check->wanted.items[check->wanted.next + i].id;
        check->asked = check->wanted.next + count;
        message->people = people;
        message->people_count = count;
        return 0;
}

int session_check_request(struct engine *engine, struct buffer *out)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct session_check *check = engine->session.check;
        struct wire_check message = {.protocol = WIRE_PROTOCOL};
        int r = put_feeds(engine, &arena, &message);

        if (r >= 0 && check->phase == CHECK_PEOPLE)
                r = put_people(check, &arena, &message);
        if (check->phase == CHECK_PAGES) {
                message.position = check->position;
                message.person = check->person;
        }
        check->requests++;
        buffer_reset(&engine->packed);
        wire_put_check(&message, &engine->packed);
        if (r >= 0)
                r = buffer_check(&engine->packed);
        return r < 0 ? r : compress_message(engine->compressor, buffer_view(&engine->packed), out);
}

/* ---- what an answer leads to ---- */

/* Is a feed done with its people? Then there are those to be applied who leave, and the next feed. */
static int after_pages(struct engine *engine)
{
        struct session_check *check = engine->session.check;

        if (!check->differ.complete) {
                check->phase = CHECK_PAGES;
                engine->session.state = SESSION_AGAIN;
                return EXCHANGE_AGAIN;
        }
        check->phase = check->wanted.count > 0 ? CHECK_PEOPLE : CHECK_APPLY;
        engine->session.state = check->phase == CHECK_PEOPLE ? SESSION_AGAIN : SESSION_APPLYING;
        return check->phase == CHECK_PEOPLE ? EXCHANGE_AGAIN : EXCHANGE_STEP;
}

static int take_differ(struct engine *engine)
{
        struct session_check *check = engine->session.check;
        int r;

        if (check->phase != CHECK_ASK && check->phase != CHECK_PAGES)
                return FAIL(PANNIER_E_MALFORMED, "people who were not asked for");
        r = check_take_page(engine);
        if (r == 0 && check->differ.complete)
                r = check_find(engine);
        if (r < 0)
                return r;
        return after_pages(engine);
}

static int take_checked(struct engine *engine)
{
        struct session_check *check = engine->session.check;
        int r;

        switch (check->checked.state) {
        case CHECK_EQUAL:
                if (check->phase != CHECK_ASK)
                        break;
                return over(engine);
        case CHECK_MOVED: /* there are news: the next exchange brings them, and may ask again */
                engine->session.waits_longer = true;
                return over(engine);
        case CHECK_DIFFERS:
                return take_differ(engine);
        case CHECK_RECORDS:
                if (check->phase != CHECK_PEOPLE)
                        break;
                r = check_take_records(engine);
                if (r < 0)
                        return r;
                check->phase = CHECK_APPLY;
                engine->session.state = SESSION_APPLYING;
                return EXCHANGE_STEP;
        }
        return FAIL(PANNIER_E_MALFORMED, "an answer to another question");
}

static bool is_ours(int error)
{
        return error == PANNIER_E_STORAGE || error == PANNIER_E_MEMORY ||
               error == PANNIER_E_CORRUPT || error == PANNIER_E_INTERNAL;
}

/* An error of our own ends the exchange; whatever is wrong with the answer ends the check alone. */
static int outcome(struct engine *engine, const struct engine_now *now, int r)
{
        if (r >= 0)
                return r;
        if (!is_ours(r)) {
                error_clear();
                r = give_up(engine, now);
                if (r >= 0)
                        return r;
        }
        session_check_drop(engine);
        session_failed(engine, now, EXCHANGE_OK, 0);
        return r;
}

int session_check_answer(struct engine *engine, const struct engine_now *now, struct bytes body)
{
        int r = check_read(engine, body);

        return outcome(engine, now, r < 0 ? r : take_checked(engine));
}

/* ---- applying ---- */

static int repair_owner(struct engine *engine, const struct check_owner *owner)
{
        struct session_check *check = engine->session.check;
        int r = replica_repair_begin(engine->replica, &check->feed, &owner->id);

        while (r >= 0 && check->row_next < check->row_count &&
               uuid_equal(&check->rows[check->row_next].owner, &owner->id)) {
                const struct check_row *row = &check->rows[check->row_next++];

                arena_reset(&engine->arena);
                r = check_decode(&engine->arena, row->message, &row->row, &engine->confirmed);
                if (r >= 0)
                        r = replica_repair_record(engine->replica, &engine->confirmed,
                                                  row->message->epoch);
        }
        return r < 0 ? r
                     : replica_repair_end(engine->replica, &check->feed, &owner->id,
                                          engine->session.hello.now_ms);
}

/* Rows of owners who were given up are passed over. */
static int repair_some(struct engine *engine)
{
        struct session_check *check = engine->session.check;
        size_t until = check->row_next + CHECK_STEP_ROWS;
        int r = 0;

        while (check->wanted.next < check->asked && check->row_next < until && r >= 0) {
                const struct check_owner *owner = &check->wanted.items[check->wanted.next++];

                while (check->row_next < check->row_count &&
                       uuid_compare(&check->rows[check->row_next].owner, &owner->id) < 0)
                        check->row_next++;
                if (uuid_is_none(&owner->id))
                        continue;
                r = repair_owner(engine, owner);
        }
        return r;
}

/* Reference data of a type of which the store lists nothing: there is nobody to erase, only records. */
static int drop_unlisted(struct engine *engine, const struct uuid *owner)
{
        struct session_check *check = engine->session.check;
        int r;

        if (check->feed.key.kind != SCOPE_LOCALITY)
                return replica_repair_erase(engine->replica, &check->feed, owner,
                                            engine->session.hello.now_ms);
        r = replica_repair_begin(engine->replica, &check->feed, owner);
        return r < 0 ? r
                     : replica_repair_end(engine->replica, &check->feed, owner,
                                          engine->session.hello.now_ms);
}

static int leave_some(struct engine *engine)
{
        struct session_check *check = engine->session.check;
        int r = 0;

        for (size_t i = 0;
             i < CHECK_STEP_PEOPLE && check->unlisted.next < check->unlisted.count && r >= 0; i++)
                r = drop_unlisted(engine, &check->unlisted.items[check->unlisted.next++].id);
        if (r >= 0)
                r = replica_set_fact(engine->replica, FACT_ENDING, 1);
        engine->session.erased = true;
        return r;
}

/* All of the feed is done: from its people its digest follows. */
static int end_feed(struct engine *engine)
{
        struct session_check *check = engine->session.check;
        bool wrong = false;
        int r = replica_sums_write(engine->replica);

        if (r >= 0)
                r = replica_sums_count_feed(engine->replica, &check->feed, &wrong);
        if (r >= 0)
                r = replica_feed_differs(engine->replica, check->feed.number);
        check->tried[check->tried_count++] = check->feed.number;
        check->phase = CHECK_ASK;
        return r;
}

/* One transaction's worth. */
static int apply(struct engine *engine)
{
        struct session_check *check = engine->session.check;

        if (check->wanted.next < check->asked)
                return repair_some(engine);
        if (check->wanted.next < check->wanted.count) {
                check->phase = CHECK_PEOPLE;
                return 0;
        }
        if (check->unlisted.next < check->unlisted.count)
                return leave_some(engine);
        return end_feed(engine);
}

int session_check_step(struct engine *engine, const struct engine_now *now)
{
        struct session_check *check = engine->session.check;
        int r = session_check_losses(engine);

        if (r >= 0)
                r = engine_begin(engine);
        if (r < 0)
                return outcome(engine, now, r);
        r = apply(engine);
        access_changed(engine->access, NULL);
        if (r < 0) {
                engine_rollback(engine);
                return outcome(engine, now, r);
        }
        r = engine_commit(engine);
        if (r < 0)
                return outcome(engine, now, r);
        if (check->phase == CHECK_APPLY)
                return EXCHANGE_STEP;
        if (check->requests >= CHECK_REQUESTS_MAX || check->tried_count == CHECK_REQUESTS_MAX)
                return over(engine); /* the next exchange goes on */
        engine->session.state = SESSION_AGAIN;
        return EXCHANGE_AGAIN;
}
