/* Sequences of pending edits over a confirmed record, against answers written by hand. */
#include "tests/unit/unit.h"

#include "daemon/overlay.h"

#include <string.h>

static struct arena arena;
static const struct catalogue_type *type; /* alert: category fixed, text review, status state */
static struct record confirmed;
static struct overlay_edit edits[8];
static struct entry_change changes[8][4];
static size_t count;

static size_t field(const struct catalogue_type *of, const char *name)
{
        int index = catalogue_field_index_by_name(of, bytes_text(name));

        assert_true(index >= 0);
        return (size_t)index;
}

static struct uuid id_of(uint8_t number)
{
        return (struct uuid){{1, 2, 3, 4, 5, 6, 0x70, 7, 0x80, 0, 0, 0, 0, 0, 0, number}};
}

static int setup(void **state)
{
        (void)state;
        arena = ARENA_INIT;
        type = catalogue_type_by_name(bytes_text("alert"));
        confirmed =
                (struct record){.type = type, .id = id_of(1), .person = id_of(2), .position = 10};
        confirmed.values[field(type, "text")] =
                (struct value){.form = VALUE_BYTES, .bytes = bytes_text("dog")};
        confirmed.values[field(type, "status")] =
                (struct value){.form = VALUE_INTEGER, .integer = 1};
        memset(edits, 0, sizeof(edits));
        count = 0;
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        arena_deinit(&arena);
        return 0;
}

static struct overlay_edit *add(enum entry_operation operation)
{
        struct overlay_edit *edit = &edits[count];

        *edit = (struct overlay_edit){.entry = id_of((uint8_t)(50 + count))};
        edit->body.operation = operation;
        edit->body.type = type->number;
        edit->body.record = id_of(1);
        edit->body.person = id_of(2);
        edit->body.changes = changes[count];
        edit->body.base = (struct position){1, 10};
        count++;
        return edit;
}

static void set_text(struct overlay_edit *edit, const char *name, const char *text)
{
        edit->body.changes[edit->body.change_count++] =
                (struct entry_change){.number = type->fields[field(type, name)].number,
                                      .value = {.form = VALUE_BYTES, .bytes = bytes_text(text)}};
}

static void set_number(struct overlay_edit *edit, const char *name, int64_t number)
{
        edit->body.changes[edit->body.change_count++] =
                (struct entry_change){.number = type->fields[field(type, name)].number,
                                      .value = {.form = VALUE_INTEGER, .integer = number}};
}

static struct overlay built(const struct record *on)
{
        struct overlay overlay;

        assert_int_equal(overlay_build(type, on, edits, count, &arena, &overlay), 0);
        return overlay;
}

static void assert_shown(const struct overlay *overlay, const char *name, const char *text,
                         enum engine_field_state state, const char *beside)
{
        size_t i = field(type, name);

        assert_text(overlay->record.values[i].bytes, text);
        assert_int_equal(overlay->states[i], state);
        if (beside)
                assert_text(overlay->beside[i].bytes, beside);
        else
                assert_int_equal(overlay->beside[i].form, VALUE_UNSET);
}

static void nothing_pending_is_the_confirmed_record(void **state)
{
        struct overlay overlay = built(&confirmed);

        (void)state;
        assert_true(overlay.exists);
        assert_false(overlay.pending);
        assert_shown(&overlay, "text", "dog", FIELD_CONFIRMED, NULL);
}

static void edits_apply_in_order_and_the_newest_is_shown(void **state)
{
        struct overlay overlay;

        (void)state;
        set_text(add(ENTRY_EDIT), "text", "two dogs");
        set_text(add(ENTRY_EDIT), "text", "three dogs");
        overlay = built(&confirmed);
        assert_shown(&overlay, "text", "three dogs", FIELD_WAITING, NULL);
        edits[1].state = OUTCOME_PARKED;
        overlay = built(&confirmed);
        assert_shown(&overlay, "text", "three dogs", FIELD_PARKED, NULL);
}

static void a_review_field_of_a_stale_base_waits_beside(void **state)
{
        struct overlay overlay;

        (void)state;
        set_text(add(ENTRY_EDIT), "text", "two dogs");
        edits[0].stale = (uint64_t)1 << field(type, "text");
        overlay = built(&confirmed);
        assert_shown(&overlay, "text", "dog", FIELD_WAITING, "two dogs");
        /* where both wrote the same there is nothing to review */
        edits[0].body.changes[0].value.bytes = bytes_text("dog");
        overlay = built(&confirmed);
        assert_shown(&overlay, "text", "dog", FIELD_WAITING, NULL);
}

static void a_receipt_says_which_fields_are_held(void **state)
{
        struct wire_effect held = {.effect = EFFECT_HELD};
        struct overlay overlay;

        (void)state;
        set_text(add(ENTRY_EDIT), "text", "two dogs");
        set_number(&edits[0], "status", 2);
        held.field = type->fields[field(type, "text")].number;
        edits[0].state = OUTCOME_HELD;
        edits[0].position = (struct position){1, 12};
        edits[0].effects = &held;
        edits[0].effect_count = 1;
        overlay = built(&confirmed);
        assert_shown(&overlay, "text", "dog", FIELD_HELD, "two dogs");
        assert_int_equal(overlay.record.values[field(type, "status")].integer, 2);
        assert_int_equal(overlay.states[field(type, "status")], FIELD_ANSWERED);
        /* what a newer edit of somebody else replaced is shown nowhere */
        held.effect = EFFECT_SUPERSEDED;
        overlay = built(&confirmed);
        assert_shown(&overlay, "text", "dog", FIELD_CONFIRMED, NULL);
}

static void a_refused_edit_is_beside_and_a_refused_creation_is_nothing(void **state)
{
        struct overlay overlay;

        (void)state;
        set_text(add(ENTRY_EDIT), "text", "two dogs");
        edits[0].state = OUTCOME_QUARANTINED;
        overlay = built(&confirmed);
        assert_shown(&overlay, "text", "dog", FIELD_QUARANTINED, "two dogs");
        /* a later edit that waits is not hidden by it */
        set_text(add(ENTRY_EDIT), "text", "three dogs");
        overlay = built(&confirmed);
        assert_shown(&overlay, "text", "three dogs", FIELD_WAITING, NULL);
        setup(NULL);
        set_text(add(ENTRY_CREATE), "text", "dog");
        edits[0].state = OUTCOME_QUARANTINED;
        set_text(add(ENTRY_EDIT), "text", "two dogs");
        overlay = built(NULL);
        assert_false(overlay.exists);
}

static void a_creation_shows_its_initial_state(void **state)
{
        struct overlay overlay;
        size_t status = field(type, "status");

        (void)state;
        set_text(add(ENTRY_CREATE), "text", "dog");
        overlay = built(NULL);
        assert_true(overlay.exists);
        assert_int_equal(overlay.record.position, 0);
        assert_int_equal(overlay.record.values[status].integer, type->fields[status].initial);
        assert_shown(&overlay, "text", "dog", FIELD_WAITING, NULL);
        /* once it is confirmed it adds nothing of its own */
        overlay = built(&confirmed);
        assert_false(overlay.pending);
}

static void fields_of_a_group_wait_together(void **state)
{
        struct overlay overlay;

        (void)state;
        type = catalogue_type_by_name(bytes_text("allergy"));
        confirmed.type = type;
        memset(confirmed.values, 0, sizeof(confirmed.values));
        confirmed.values[field(type, "reaction")] =
                (struct value){.form = VALUE_BYTES, .bytes = bytes_text("rash")};
        confirmed.values[field(type, "severity")] =
                (struct value){.form = VALUE_INTEGER, .integer = 3};
        set_text(add(ENTRY_EDIT), "reaction", "swelling");
        set_number(&edits[0], "severity", 1);
        edits[0].stale = (uint64_t)1 << field(type, "severity");
        overlay = built(&confirmed);
        assert_shown(&overlay, "reaction", "rash", FIELD_WAITING, "swelling");
        assert_int_equal(overlay.record.values[field(type, "severity")].integer, 3);
        assert_int_equal(overlay.beside[field(type, "severity")].integer, 1);
}

static void an_edit_is_over_when_its_effect_has_arrived(void **state)
{
        struct overlay_edit edit = {.state = OUTCOME_NONE, .position = {1, 12}};

        (void)state;
        assert_false(overlay_is_over(&edit, &(struct position){1, 20}));
        edit.state = OUTCOME_APPLIED;
        assert_false(overlay_is_over(&edit, &(struct position){1, 11}));
        assert_true(overlay_is_over(&edit, &(struct position){1, 12}));
        assert_true(overlay_is_over(&edit, &(struct position){2, 1}));
        edit.state = OUTCOME_QUARANTINED;
        assert_false(overlay_is_over(&edit, &(struct position){1, 20}));
}

static void only_changes_of_others_make_a_base_stale(void **state)
{
        struct record after = confirmed;
        uint64_t text = (uint64_t)1 << field(type, "text");

        (void)state;
        after.position = 12;
        after.values[field(type, "text")].bytes = bytes_text("two dogs");
        set_text(add(ENTRY_EDIT), "text", "two dogs"); /* our own, come back */
        edits[0].state = OUTCOME_APPLIED;
        edits[0].position = (struct position){1, 12};
        set_text(add(ENTRY_EDIT), "text", "three dogs");
        assert_int_equal(overlay_stale(&confirmed, &after, edits, count, 1), 0);
        after.values[field(type, "text")].bytes = bytes_text("a cat"); /* somebody else's */
        assert_int_equal(overlay_stale(&confirmed, &after, edits, count, 1), text);
        /* another field of the record does not matter to this one */
        after.values[field(type, "text")].bytes = bytes_text("dog");
        after.values[field(type, "status")].integer = 2;
        assert_int_equal(overlay_stale(&confirmed, &after, edits, count, 1) & text, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(nothing_pending_is_the_confirmed_record),
                TEST(edits_apply_in_order_and_the_newest_is_shown),
                TEST(a_review_field_of_a_stale_base_waits_beside),
                TEST(a_receipt_says_which_fields_are_held),
                TEST(a_refused_edit_is_beside_and_a_refused_creation_is_nothing),
                TEST(a_creation_shows_its_initial_state),
                TEST(fields_of_a_group_wait_together),
                TEST(an_edit_is_over_when_its_effect_has_arrived),
                TEST(only_changes_of_others_make_a_base_stale),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
