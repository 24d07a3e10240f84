/* The generated tables, and the look-ups in them. What a wrong catalogue does is tested in tests/schema. */
#include "unit.h"

#include "common/catalogue.h"

#include <string.h>

static const struct catalogue_field *field_of(const char *type, const char *name)
{
        const struct catalogue_type *found = catalogue_type_by_name(bytes_text(type));
        int index;

        assert_non_null(found);
        index = catalogue_field_index_by_name(found, bytes_text(name));
        assert_true(index >= 0);
        return &found->fields[index];
}

static int64_t option_of(const struct catalogue_field *field, const char *code)
{
        const struct catalogue_option *option = catalogue_option_by_code(field, bytes_text(code));

        assert_non_null(option);
        return option->number;
}

static void types_are_found_by_number_and_by_name(void **state)
{
        const struct catalogue *catalogue = catalogue_get();
        unsigned int number, found = 0;
        size_t i;

        (void)state;
        for (i = 0; i < catalogue->type_count; i++) {
                const struct catalogue_type *type = &catalogue->types[i];

                assert_ptr_equal(catalogue_type_by_number(type->number), type);
                assert_ptr_equal(catalogue_type_by_name(bytes_text(type->name)), type);
        }
        for (number = 0; number <= 300; number++)
                found += catalogue_type_by_number(number) != NULL;
        assert_int_equal(found, catalogue->type_count);
        assert_null(catalogue_type_by_number(UINT64_MAX));
        assert_null(catalogue_type_by_name(bytes_text("visi")));
        assert_null(catalogue_type_by_name(bytes_text("visits")));
        assert_null(catalogue_type_by_name(BYTES_NONE));
}

static void fields_are_found_by_number_and_by_name_and_ascend(void **state)
{
        const struct catalogue *catalogue = catalogue_get();
        size_t i;
        int j;

        (void)state;
        for (i = 0; i < catalogue->type_count; i++) {
                const struct catalogue_type *type = &catalogue->types[i];

                assert_true(type->field_count > 0 && type->field_count <= FIELD_COUNT_MAX);
                for (j = 0; j < type->field_count; j++) {
                        assert_int_equal(catalogue_field_index(type, type->fields[j].number), j);
                        assert_int_equal(catalogue_field_index_by_name(
                                                 type, bytes_text(type->fields[j].name)),
                                         j);
                        if (j > 0)
                                assert_true(type->fields[j].number > type->fields[j - 1].number);
                }
                assert_int_equal(catalogue_field_index(type, 0), -1);
                assert_int_equal(catalogue_field_index(type, FIELD_NUMBER_MAX + 1), -1);
                assert_int_equal(catalogue_field_index(type, UINT64_MAX), -1);
                assert_int_equal(catalogue_field_index_by_name(type, bytes_text("none such")), -1);
        }
}

static void fields_are_found_where_numbers_were_retired(void **state)
{
        static const struct catalogue_field fields[] = {
                {.number = 2}, {.number = 3}, {.number = 9}};
        static const struct catalogue_type type = {.fields = fields, .field_count = 3};

        (void)state;
        assert_int_equal(catalogue_field_index(&type, 1), -1);
        assert_int_equal(catalogue_field_index(&type, 2), 0);
        assert_int_equal(catalogue_field_index(&type, 3), 1);
        assert_int_equal(catalogue_field_index(&type, 4), -1);
        assert_int_equal(catalogue_field_index(&type, 9), 2);
        assert_int_equal(catalogue_field_index(&type, 10), -1);
}

static void each_property_has_its_one_type(void **state)
{
        (void)state;
        assert_string_equal(catalogue_person_type()->name, "person");
        assert_string_equal(catalogue_conflict_type()->name, "conflict");
        assert_string_equal(catalogue_access_event_type()->name, "access_event");
        assert_string_equal(catalogue_task_type()->name, "task");
        assert_string_equal(catalogue_staff_type()->name, "staff");
        assert_string_equal(catalogue_membership_type()->name, "membership");
        assert_string_equal(catalogue_team_type()->name, "team");
        assert_string_equal(catalogue_organisation_type()->name, "organisation");
        assert_string_equal(catalogue_place_type()->name, "place");
        assert_string_equal(catalogue_baseline_type()->name, "baseline");
        assert_string_equal(catalogue_planned_contact_type()->name, "planned_contact");
        assert_true(catalogue_person_type()->personal);
        assert_false(catalogue_place_type()->personal);
}

static void bindings_lead_to_the_fields_they_name(void **state)
{
        const struct catalogue_bind *bind = catalogue_bind();
        const struct catalogue_type *staff = catalogue_staff_type();
        const struct catalogue_field *status;

        (void)state;
        assert_string_equal(staff->fields[bind->staff.role].name, "role");
        assert_string_equal(catalogue_person_type()->fields[bind->person.birth_date].name,
                            "birth_date");
        status = &catalogue_conflict_type()->fields[bind->conflict.status];
        assert_int_equal(bind->conflict.status_open, option_of(status, "open"));
        assert_int_equal(bind->conflict.status_decided, option_of(status, "decided"));
}

static void options_are_found_by_number_and_by_code(void **state)
{
        const struct catalogue_field *outcome = field_of("visit", "outcome");
        size_t i;

        (void)state;
        for (i = 0; i < outcome->option_count; i++) {
                const struct catalogue_option *option = &outcome->options[i];

                assert_ptr_equal(catalogue_option_by_number(outcome, option->number), option);
                assert_ptr_equal(catalogue_option_by_code(outcome, bytes_text(option->code)),
                                 option);
        }
        assert_null(catalogue_option_by_number(outcome, 0));
        assert_null(catalogue_option_by_number(outcome, -1));
        assert_null(catalogue_option_by_number(outcome, 1000));
        assert_null(catalogue_option_by_code(outcome, bytes_text("Completed")));
}

static void a_role_is_among_the_roles_or_not(void **state)
{
        const struct catalogue_type *visit = catalogue_type_by_name(bytes_text("visit"));
        const struct catalogue_field *role = field_of("staff", "role");
        uint16_t it = (uint16_t)option_of(role, "it");
        uint16_t nurse = (uint16_t)option_of(role, "community_nurse");

        (void)state;
        assert_true(catalogue_role_allows(visit->read_roles, nurse));
        assert_false(catalogue_role_allows(visit->read_roles, it));
        assert_true(catalogue_role_allows(ROLE_ANY, it));
        assert_false(catalogue_role_allows(ROLE_ANY, 0));
        assert_false(catalogue_role_allows(ROLE_ANY, 64));
        assert_false(catalogue_role_allows(0, nurse));
        assert_int_equal(visit->edit_roles, 0);
}

static void a_conflict_has_the_class_of_its_record(void **state)
{
        const struct catalogue_type *conflict = catalogue_conflict_type();

        (void)state;
        assert_int_equal(catalogue_class_of(conflict, catalogue_person_type()->number),
                         CLASS_BASIC);
        assert_int_equal(catalogue_class_of(conflict, catalogue_task_type()->number),
                         CLASS_CLINICAL);
        assert_int_equal(catalogue_class_of(conflict, 255), CLASS_RESTRICTED);
        assert_int_equal(catalogue_class_of(conflict, conflict->number), CLASS_RESTRICTED);
        assert_int_equal(catalogue_class_of(catalogue_task_type(), 0), CLASS_CLINICAL);
}

static void moves_are_those_of_the_table(void **state)
{
        const struct catalogue_field *status = field_of("alert", "status");
        int64_t active = option_of(status, "active"), ended = option_of(status, "ended");

        (void)state;
        assert_int_equal(status->initial, active);
        assert_non_null(catalogue_transition_find(status, 0, active));
        assert_null(catalogue_transition_find(status, 0, ended));
        assert_true(catalogue_transition_find(status, active, ended)->reason);
        assert_false(catalogue_transition_find(status, ended, active)->reason);
        assert_null(catalogue_transition_find(status, active, active));
}

static void an_order_ranks_its_options(void **state)
{
        const struct catalogue_field *severity = field_of("allergy", "severity");

        (void)state;
        assert_int_equal(catalogue_order_rank(severity, option_of(severity, "mild")), 0);
        assert_int_equal(catalogue_order_rank(severity, option_of(severity, "severe")), 2);
        assert_int_equal(catalogue_order_rank(severity, 99), -1);
        assert_int_equal(catalogue_order_rank(field_of("task", "due"), 1), -1);
        assert_int_equal(severity->raise, RAISE_APPLY);
}

static void every_index_in_the_tables_is_within_its_type(void **state)
{
        const struct catalogue *catalogue = catalogue_get();
        size_t i, j;

        (void)state;
        for (i = 0; i < catalogue->type_count; i++) {
                const struct catalogue_type *type = &catalogue->types[i];

                for (j = 0; j < type->scope_count; j++)
                        assert_int_equal(type->fields[type->scopes[j].field_index].kind, KIND_REF);
                for (j = 0; j < type->consequence_count; j++) {
                        const struct catalogue_consequence *consequence = &type->consequences[j];
                        const struct catalogue_type *target =
                                catalogue_type_by_number(consequence->target_type);

                        assert_non_null(target);
                        assert_in_range(consequence->target_field_index, 0,
                                        target->field_count - 1);
                        assert_int_equal((consequence->where_index >= 0) +
                                                 (consequence->target_link_index >= 0) +
                                                 consequence->link_person,
                                         1);
                }
        }
}

static void the_schema_is_in_the_program(void **state)
{
        const char *schema = catalogue_get()->json_schema;

        (void)state;
        assert_non_null(strstr(schema, "\"observations.create\""));
        assert_int_equal(schema[0], '{');
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(types_are_found_by_number_and_by_name),
                cmocka_unit_test(fields_are_found_by_number_and_by_name_and_ascend),
                cmocka_unit_test(fields_are_found_where_numbers_were_retired),
                cmocka_unit_test(each_property_has_its_one_type),
                cmocka_unit_test(bindings_lead_to_the_fields_they_name),
                cmocka_unit_test(options_are_found_by_number_and_by_code),
                cmocka_unit_test(a_role_is_among_the_roles_or_not),
                cmocka_unit_test(a_conflict_has_the_class_of_its_record),
                cmocka_unit_test(moves_are_those_of_the_table),
                cmocka_unit_test(an_order_ranks_its_options),
                cmocka_unit_test(every_index_in_the_tables_is_within_its_type),
                cmocka_unit_test(the_schema_is_in_the_program),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
