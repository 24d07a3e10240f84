/*
 * What an author asks for, held against the catalogue, the roles and what the author's screen shows; out of it come the changes as
 * they will travel. The store judges again: this is so that a person can mend at once what would be refused later.
 */
#include "daemon/plan.h"

#include "common/attachment.h"
#include "common/catalogue_check.h"
#include "common/conflict.h"

/* ---- validation ---- */

static int refuse_field(struct plan *plan, const struct catalogue_field *field, int error)
{
        plan->fault = field;
        return error;
}

static int check_person(struct plan *plan, const struct uuid *person)
{
        int r = access_person(plan->engine->access, plan->staff, person);

        if (r == 0)
                return FAIL(PANNIER_E_NOT_FOUND, "no such person here");
        return r < 0 ? r : 0;
}

static int find_base(struct plan *plan)
{
        struct wire_head head;
        uint64_t epoch;
        int r = replica_reached(plan->engine->replica, &plan->locality, &plan->base);

        if (r >= 0)
                r = outbox_head_get(plan->engine->outbox, &plan->locality, &head);
        if (r < 0)
                return r;
        /* while the first pages are coming in nothing was reached, and records are there already */
        if (r > 0)
                plan->base.epoch = head.epoch;
        /* positions are those of the history that is shown, also while another one is being taken in */
        r = replica_history(plan->engine->replica, &plan->locality, &epoch);
        if (r < 0)
                return r;
        if (r > 0)
                plan->base.epoch = epoch;
        /* an edit names the very state that the screen showed, where the store has confirmed one */
        if (plan->in->operation != ENTRY_CREATE && plan->record.position > 0)
                plan->base.position = plan->record.position;
        return 0;
}

static int load_person(struct plan *plan, const struct uuid *person)
{
        int r;

        if (plan->person.type)
                return 0;
        r = record_get(replica_tables(plan->engine->replica), catalogue_person_type(), person,
                       &plan->engine->arena, &plan->person, NULL);
        if (r == 0)
                plan->person.type = NULL;
        return r < 0 ? r : 0;
}

static int locality_of_person(struct plan *plan, const struct uuid *person)
{
        int r = load_person(plan, person);

        if (r < 0)
                return r;
        plan->locality = plan->person.type && !uuid_is_none(&plan->person.locality)
                                 ? plan->person.locality
                                 : replica_locality(plan->engine->replica);
        return 0;
}

static int begin_create(struct plan *plan)
{
        const struct engine_entry *in = plan->in;
        const struct catalogue_type *type = plan->type;
        uint64_t position;
        int r;

        if (type->store_only || type->is_conflict)
                return FAIL(PANNIER_E_REFUSED, "%s is written by the store alone", type->name);
        if (!catalogue_role_allows(type->create_roles, plan->staff->role))
                return FAIL(PANNIER_E_REFUSED, "the role may not create %s", type->name);
        plan->record = (struct record){
                .type = type,
                .id = uuid_is_none(&in->record) ? in->request : in->record,
                .person = in->person,
                .author = plan->staff->id,
                .role = plan->staff->role,
                .device = plan->engine->options.device,
                .recorded_ms = plan->now->wall_ms,
        };
        r = record_position(replica_tables(plan->engine->replica), type, &plan->record.id,
                            &position);
        if (r != 0)
                return r < 0 ? r : FAIL(PANNIER_E_TAKEN, "the record's id is in use");
        if (type->is_person) {
                if (!uuid_is_none(&in->person) && !uuid_equal(&in->person, &plan->record.id))
                        return FAIL(PANNIER_E_INVALID, "a person's record is the person's own");
                plan->record.person = plan->record.id;
                plan->locality = replica_locality(plan->engine->replica);
        } else if (type->personal) {
                if (uuid_is_none(&in->person))
                        return FAIL(PANNIER_E_INVALID, "a %s needs a person", type->name);
                r = check_person(plan, &in->person);
                if (r >= 0)
                        r = locality_of_person(plan, &in->person);
        } else {
                plan->record.person = UUID_NONE;
                plan->locality = replica_locality(plan->engine->replica);
        }
        plan->record.locality = plan->locality;
        return r;
}

static int load_standing(struct plan *plan)
{
        int r;

        if (uuid_is_none(&plan->in->record))
                return FAIL(PANNIER_E_INVALID, "an edit names its record");
        r = record_get(replica_tables(plan->engine->replica), plan->type, &plan->in->record,
                       &plan->engine->arena, &plan->record, NULL);
        if (r > 0)
                r = access_record(plan->engine->access, plan->staff, &plan->record);
        if (r == 0)
                return FAIL(PANNIER_E_NOT_FOUND, "no such record here");
        if (r < 0)
                return r;
        if (!uuid_is_none(&plan->in->person) &&
            !uuid_equal(&plan->in->person, &plan->record.person))
                return FAIL(PANNIER_E_INVALID, "the record is another person's");
        plan->locality = plan->record.locality;
        return 0;
}

static int begin_edit(struct plan *plan)
{
        const struct catalogue_type *type = plan->type;

        if (type->append)
                return FAIL(PANNIER_E_INVALID, "%s is a fact: amend it with a new one", type->name);
        if (type->store_only || type->is_conflict)
                return FAIL(PANNIER_E_REFUSED, "%s is written by the store alone", type->name);
        if (!catalogue_role_allows(type->edit_roles, plan->staff->role))
                return FAIL(PANNIER_E_REFUSED, "the role may not edit %s", type->name);
        return load_standing(plan);
}

static int begin_decide(struct plan *plan)
{
        const struct catalogue_bind *bind = catalogue_bind();
        const struct catalogue_type *about = NULL;
        const struct value *number, *status;
        int r;

        if (!plan->type->is_conflict)
                return FAIL(PANNIER_E_INVALID, "only a conflict is decided");
        r = load_standing(plan);
        if (r < 0)
                return r;
        number = &plan->record.values[bind->conflict.record_type];
        status = &plan->record.values[bind->conflict.status];
        if (number->form == VALUE_INTEGER)
                about = catalogue_type_by_number((uint64_t)number->integer);
        if (!about || !catalogue_role_allows(about->decide_roles, plan->staff->role))
                return FAIL(PANNIER_E_REFUSED, "the role may not decide this");
        if (status->form == VALUE_INTEGER && status->integer == bind->conflict.status_decided)
                return FAIL(PANNIER_E_INVALID, "it was decided already");
        return 0;
}

/* ---- values ---- */

static bool is_set(const struct value *value)
{
        return value->form != VALUE_UNSET && value->form != VALUE_NULL;
}

static int check_state(struct plan *plan, const struct catalogue_field *field,
                       const struct value *standing, const struct value *value)
{
        int64_t from = standing->form == VALUE_INTEGER ? standing->integer : 0;
        const struct catalogue_transition *move;

        if (value->form != VALUE_INTEGER)
                return FAIL(PANNIER_E_INVALID, "%s cannot be cleared", field->name);
        if (from == value->integer)
                return 0;
        move = catalogue_transition_find(field, from, value->integer);
        if (!move)
                return FAIL(PANNIER_E_INVALID, "%s cannot go there from where it is", field->name);
        if (!catalogue_role_allows(move->roles, plan->staff->role))
                return FAIL(PANNIER_E_REFUSED, "the role may not move %s there", field->name);
        if (move->reason && plan->in->reason.size == 0)
                return FAIL(PANNIER_E_INVALID, "moving %s there needs a reason", field->name);
        return 0;
}

static int check_raise(const struct catalogue_field *field, const struct value *standing,
                       const struct value *value)
{
        if (field->raise != RAISE_ONLY || standing->form != VALUE_INTEGER)
                return 0;
        if (value->form != VALUE_INTEGER || catalogue_order_rank(field, value->integer) <
                                                    catalogue_order_rank(field, standing->integer))
                return FAIL(PANNIER_E_INVALID, "%s can only be raised", field->name);
        return 0;
}

static int check_rule(struct plan *plan, const struct catalogue_field *field,
                      const struct value *standing, const struct value *value)
{
        bool create = plan->in->operation == ENTRY_CREATE;

        if (field->future)
                return FAIL(PANNIER_E_INVALID, "%s refers to what does not exist yet", field->name);
        if (plan->in->operation == ENTRY_DECIDE)
                return 0;
        switch (field->rule) {
        case RULE_STORE:
                return FAIL(PANNIER_E_INVALID, "%s is set by the store alone", field->name);
        case RULE_FIXED:
                return create ? 0
                              : FAIL(PANNIER_E_INVALID, "%s is fixed; write a new record",
                                     field->name);
        case RULE_STATE:
                return check_state(plan, field, standing, value);
        case RULE_LATEST:
        case RULE_REVIEW:
        case RULE_PROPOSE:
                break;
        }
        return create ? 0 : check_raise(field, standing, value);
}

/* A set that was given whole becomes the elements to add and to remove; both sides are in order. */
static int set_difference(const struct value *standing, const struct value *whole,
                          struct arena *arena, struct value *ret)
{
        CLEANUP(buffer_deinit) struct buffer adds = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer removes = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        struct cbor_reader have, want;
        uint64_t have_left = 0, want_left = 0, add_count = 0, remove_count = 0;
        struct bytes h = BYTES_NONE, w = BYTES_NONE;
        int r = 0;

        cbor_reader_init(&have, is_set(standing) ? standing->bytes : BYTES_NONE);
        cbor_reader_init(&want, whole->bytes);
        if (is_set(standing))
                r = cbor_read_array(&have, UINT16_MAX, &have_left);
        if (r >= 0)
                r = cbor_read_array(&want, UINT16_MAX, &want_left);
        while (r >= 0 && (have_left || want_left || h.size || w.size)) {
                int order;

                if (!h.size && have_left) {
                        r = cbor_skip(&have, &h);
                        have_left--;
                }
                if (r >= 0 && !w.size && want_left) {
                        r = cbor_skip(&want, &w);
                        want_left--;
                }
                if (r < 0)
                        break;
                order = !h.size ? 1 : !w.size ? -1 : bytes_compare(h, w);
                if (order > 0) {
                        buffer_append(&adds, w);
                        add_count++;
                } else if (order < 0) {
                        buffer_append(&removes, h);
                        remove_count++;
                }
                if (order >= 0)
                        w = BYTES_NONE;
                if (order <= 0)
                        h = BYTES_NONE;
        }
        if (r < 0)
                return r;
        cbor_put_map(&out, (size_t)(add_count > 0) + (size_t)(remove_count > 0));
        if (add_count) {
                cbor_put_uint(&out, 0);
                cbor_put_array(&out, add_count);
                buffer_append(&out, buffer_view(&adds));
        }
        if (remove_count) {
                cbor_put_uint(&out, 1);
                cbor_put_array(&out, remove_count);
                buffer_append(&out, buffer_view(&removes));
        }
        if (buffer_check(&adds) < 0 || buffer_check(&removes) < 0 || buffer_check(&out) < 0)
                return FAIL(PANNIER_E_MEMORY, "set");
        ret->form = VALUE_PACKED;
        ret->bytes = arena_copy(arena, buffer_view(&out));
        if (!ret->bytes.data)
                return FAIL(PANNIER_E_MEMORY, "set");
        return add_count || remove_count;
}

static bool is_whole_set(const struct catalogue_field *field, const struct value *value)
{
        return field->kind == KIND_SET && value->form == VALUE_PACKED && value->bytes.size > 0 &&
               value->bytes.data[0] >> 5 == 4; /* major type of a CBOR array */
}

/* The value as it will travel; 1 it is one, 0 it changes nothing */
static int travelling_value(struct plan *plan, const struct catalogue_field *field,
                            const struct value *standing, const struct value *value,
                            struct value *ret)
{
        bool edit = plan->in->operation == ENTRY_EDIT;
        bool packed = field->kind == KIND_SET || field->kind == KIND_MAP;
        bool whole = is_whole_set(field, value);
        int r;

        *ret = *value;
        if (!is_set(value)) {
                ret->form = VALUE_NULL;
                if (!edit)
                        return 0;
                return field->required ? FAIL(PANNIER_E_INVALID, "%s is needed", field->name) : 1;
        }
        r = value_check(field, value, edit && packed && !whole, true);
        if (r < 0 || !edit || !whole)
                return r < 0 ? r : 1;
        return set_difference(standing, value, &plan->engine->arena, ret);
}

static int set_standing(struct plan *plan, const struct catalogue_field *field, size_t index,
                        const struct value *value)
{
        struct value *standing = &plan->record.values[index];

        if (plan->in->operation == ENTRY_EDIT && value->form == VALUE_PACKED)
                return value_apply_change(field, standing, value, &plan->engine->arena, standing);
        *standing = *value;
        if (standing->form == VALUE_NULL)
                standing->form = VALUE_UNSET;
        return 0;
}

static int plan_change(struct plan *plan, const struct entry_change *change)
{
        int index = catalogue_field_index(plan->type, change->number);
        const struct catalogue_field *field;
        struct value value;
        int r;

        if (index < 0)
                return FAIL(PANNIER_E_INVALID, "%s has no field %u", plan->type->name,
                            change->number);
        field = &plan->type->fields[index];
        if (plan->changed >> index & 1)
                return refuse_field(plan, field,
                                    FAIL(PANNIER_E_INVALID, "%s is set twice", field->name));
        r = travelling_value(plan, field, &plan->record.values[index], &change->value, &value);
        if (r == 0)
                return 0;
        if (r > 0)
                r = check_rule(plan, field, &plan->record.values[index], &value);
        if (r >= 0)
                r = set_standing(plan, field, (size_t)index, &value);
        if (r < 0)
                return refuse_field(plan, field, r);
        plan->changed |= (uint64_t)1 << index;
        plan->changes[plan->change_count++] =
                (struct entry_change){.number = field->number, .value = value};
        return 0;
}

static int check_decision(struct plan *plan)
{
        const struct catalogue_bind *bind = catalogue_bind();
        const struct catalogue_field *field = &plan->type->fields[bind->conflict.decision];
        struct conflict_decision decision;
        bool seen;
        int r;

        if (plan->change_count != 1 || plan->changes[0].number != field->number ||
            plan->changes[0].value.form != VALUE_BYTES)
                return refuse_field(plan, field,
                                    FAIL(PANNIER_E_INVALID, "a decision is made, nothing else"));
        r = conflict_decision_read(plan->changes[0].value.bytes, &plan->engine->arena, &decision);
        if (r < 0)
                return refuse_field(plan, field,
                                    FAIL(PANNIER_E_INVALID, "the decision cannot be read"));
        seen = uuid_equal(&decision.chosen, &plan->record.id);
        for (size_t i = 0; i < decision.seen_count; i++)
                seen |= uuid_equal(&decision.chosen, &decision.seen[i]);
        if (!seen)
                return refuse_field(
                        plan, field,
                        FAIL(PANNIER_E_INVALID, "the value chosen is not one of those seen"));
        return 0;
}

/* ---- checks over the whole record ---- */

struct newest {
        struct arena *arena;
        struct record record;
        bool found;
};

static int take_newest(void *context, const struct record *record, struct bytes stamps)
{
        struct newest *newest = context;
        int r = record_copy(record, newest->arena, &newest->record);

        (void)stamps;
        newest->found = true;
        return r;
}

static void add_derived(struct plan *plan, uint64_t derived)
{
        struct entry_change changes[FIELD_COUNT_MAX];
        size_t count = 0;

        plan->changed |= derived;
        for (size_t i = 0; i < plan->type->field_count; i++) {
                uint16_t number = plan->type->fields[i].number;
                const struct entry_change *given = NULL;

                if (!(plan->changed >> i & 1))
                        continue;
                for (size_t j = 0; j < plan->change_count; j++)
                        if (plan->changes[j].number == number)
                                given = &plan->changes[j];
                if (derived >> i & 1)
                        changes[count++] = (struct entry_change){.number = number,
                                                                 .value = plan->record.values[i]};
                else if (given)
                        changes[count++] = *given;
        }
        memcpy(plan->changes, changes, count * sizeof(changes[0]));
        plan->change_count = count;
}

static int run_checks(struct plan *plan)
{
        struct record_tables *tables = replica_tables(plan->engine->replica);
        struct catalogue_check_input input = {
                .where = CHECK_ON_DEVICE,
                .environment = plan->engine->options.environment,
                .create = plan->in->operation == ENTRY_CREATE,
                .changed = plan->changed,
                .now_ms = engine_floor(plan->engine, plan->now),
        };
        struct catalogue_check_result result = {0};
        struct newest baseline = {.arena = &plan->engine->arena};
        int r;

        if (plan->type->check_count > 0 && !uuid_is_none(&plan->record.person) &&
            !plan->type->is_person) {
                r = load_person(plan, &plan->record.person);
                if (r < 0)
                        return r;
                input.person = plan->person.type ? &plan->person : NULL;
                r = record_each(tables, catalogue_baseline_type(), &plan->record.person, NULL,
                                take_newest, &baseline);
                if (r < 0)
                        return r;
                input.baseline = baseline.found ? &baseline.record : NULL;
        }
        r = catalogue_check(&input, &plan->record, &plan->engine->arena, &result);
        if (r < 0)
                return refuse_field(plan, result.field, r);
        if (result.derived)
                add_derived(plan, result.derived);
        return 0;
}

static int check_required(struct plan *plan)
{
        for (size_t i = 0; i < plan->type->field_count; i++) {
                const struct catalogue_field *field = &plan->type->fields[i];

                if (field->required && field->rule != RULE_STORE &&
                    !is_set(&plan->record.values[i]))
                        return refuse_field(plan, field,
                                            FAIL(PANNIER_E_INVALID, "%s is needed", field->name));
        }
        return 0;
}

/* A strike-out names a record of the same person; what is not here yet cannot be checked here. */
static int check_amends(struct plan *plan)
{
        int index = plan->type->append ? catalogue_field_index(plan->type, APPEND_AMENDS) : -1;
        struct record amended;
        int r;

        if (index < 0 || plan->record.values[index].form != VALUE_UUID)
                return 0;
        r = record_get(replica_tables(plan->engine->replica), plan->type,
                       &plan->record.values[index].uuid, &plan->engine->arena, &amended, NULL);
        if (r <= 0)
                return r;
        if (!uuid_equal(&amended.person, &plan->record.person))
                return refuse_field(plan, &plan->type->fields[index],
                                    FAIL(PANNIER_E_INVALID, "what it amends is another person's"));
        return 0;
}

/*
 * A record never names bytes that nobody has: they come first. One that amends another may name that one's.
 */
static int check_bytes(struct plan *plan)
{
        int index = catalogue_field_index(plan->type, APPEND_AMENDS);
        struct attachment mine, amended;
        struct record other;
        int r;

        if (!attachment_type(plan->type) || plan->in->has_bytes)
                return 0;
        r = attachment_of_record(&plan->record, &mine);
        if (r > 0 && index >= 0 && plan->record.values[index].form == VALUE_UUID)
                r = record_get(replica_tables(plan->engine->replica), plan->type,
                               &plan->record.values[index].uuid, &plan->engine->arena, &other,
                               NULL);
        else
                r = r < 0 ? r : 0;
        r = r > 0 ? attachment_of_record(&other, &amended) : r;
        if (r < 0)
                return r;
        return r > 0 && memcmp(mine.hash, amended.hash, HASH_SIZE) == 0
                       ? 0
                       : FAIL(PANNIER_E_INVALID,
                              "its bytes come with it: POST /v1/attachments, or pannier attach");
}

int plan_entry(struct plan *plan)
{
        const struct engine_entry *in = plan->in;
        int r = PANNIER_E_INVALID;

        if (in->reason.size > ENTRY_REASON_MAX || !bytes_is_utf8(in->reason))
                return FAIL(PANNIER_E_INVALID, "a reason is UTF-8 of at most %d bytes",
                            ENTRY_REASON_MAX);
        switch (in->operation) {
        case ENTRY_CREATE:
                r = begin_create(plan);
                break;
        case ENTRY_EDIT:
                r = begin_edit(plan);
                break;
        case ENTRY_DECIDE:
                r = begin_decide(plan);
                break;
        }
        if (r >= 0)
                r = find_base(plan);
        if (r >= 0 && in->change_count > FIELD_COUNT_MAX)
                r = FAIL(PANNIER_E_INVALID, "more fields than the type has");
        for (size_t i = 0; i < in->change_count && r >= 0; i++)
                r = plan_change(plan, &in->changes[i]);
        if (r < 0)
                return r;
        if (in->operation == ENTRY_DECIDE)
                return check_decision(plan);
        if (plan->change_count == 0 && in->operation == ENTRY_EDIT)
                return FAIL(PANNIER_E_INVALID, "the entry changes nothing");
        r = run_checks(plan);
        if (r >= 0 && in->operation == ENTRY_CREATE)
                r = check_required(plan);
        if (r >= 0 && in->operation == ENTRY_CREATE)
                r = check_bytes(plan);
        return r < 0 ? r : check_amends(plan);
}
