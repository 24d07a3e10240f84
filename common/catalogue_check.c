/*
 * The fields that a check looks at come from the catalogue as slots; what the codes in them are called (A, C, V, P, U; air,
 * oxygen) belongs to the check, and the generator has seen to it that they exist.
 */
#include "common/catalogue_check.h"

#include "common/date.h"
#include "common/error.h"

#include <string.h>

enum {
        ADULT_YEARS = 16, /* the catalogue is for those who are 16 or older */
        /*
         * From this age pregnancy is not asked about. Awaits confirmation by a clinical safety officer, like the rule that nobody
         * recorded as male is asked; a baseline that says "pregnant" always counts.
         */
        PREGNANCY_YEARS_MAX = 60,
};

/* One call of catalogue_check(). */
struct check {
        const struct catalogue_check_input *input;
        struct record *record;
        struct arena *arena;
        struct catalogue_check_result *result;
        const int16_t *slots; /* of the check that runs */
};

static bool is_set(const struct value *value)
{
        return value->form != VALUE_UNSET && value->form != VALUE_NULL;
}

static bool is_changed(const struct check *check, int index)
{
        return check->input->create || (check->input->changed >> index & 1) != 0;
}

static int fault(struct check *check, enum quarantine_reason reason, int index)
{
        check->result->reason = reason;
        check->result->field = &check->record->type->fields[index];
        return PANNIER_E_INVALID;
}

static void derive(struct check *check, int index, struct value value)
{
        if (value_equal(&check->record->values[index], &value))
                return;
        check->record->values[index] = value;
        check->result->derived |= UINT64_C(1) << index;
}

static void derive_integer(struct check *check, int index, int64_t integer)
{
        derive(check, index, (struct value){.form = VALUE_INTEGER, .integer = integer});
}

static void derive_code(struct check *check, int index, const char *code)
{
        const struct catalogue_option *option =
                catalogue_option_by_code(&check->record->type->fields[index], bytes_text(code));

        if (option)
                derive_integer(check, index, option->number);
}

/* The code of an option, "" where the field is unset or its option is of a newer catalogue. */
static const char *code_of(const struct record *record, int index)
{
        const struct catalogue_option *option = NULL;

        if (record->values[index].form == VALUE_INTEGER)
                option = catalogue_option_by_number(&record->type->fields[index],
                                                    record->values[index].integer);
        return option ? option->code : "";
}

bool catalogue_condition_holds(const struct catalogue_condition *condition,
                               const struct record *record)
{
        const struct value *value;

        if (condition->field_index < 0)
                return true;
        value = &record->values[condition->field_index];
        return value->form == VALUE_INTEGER &&
               catalogue_has_option(condition->options, condition->option_count, value->integer);
}

/* ---- comparisons and needs ---- */

/* On the store, an edit that sets one half is not blamed for what another edit made of the other half. */
static bool is_judged(const struct check *check, int a, int b)
{
        if (check->input->where == CHECK_ON_DEVICE)
                return is_changed(check, a) || is_changed(check, b);
        return is_changed(check, a) && is_changed(check, b);
}

static int check_compares(struct check *check)
{
        const struct catalogue_type *type = check->record->type;
        size_t i;

        for (i = 0; i < type->compare_count; i++) {
                const struct catalogue_compare *compare = &type->compares[i];
                const struct value *low = &check->record->values[compare->low_index];
                const struct value *high = &check->record->values[compare->high_index];

                if (low->form != VALUE_INTEGER || high->form != VALUE_INTEGER ||
                    !is_judged(check, compare->low_index, compare->high_index))
                        continue;
                if (low->integer < high->integer ||
                    (compare->equal && low->integer == high->integer))
                        continue;
                (void)FAIL(PANNIER_E_INVALID, "%s must be less than %s%s",
                           type->fields[compare->low_index].name,
                           type->fields[compare->high_index].name,
                           compare->equal ? ", or equal" : "");
                return fault(check, REASON_CHECK, compare->low_index);
        }
        return 0;
}

static int check_needs(struct check *check)
{
        const struct catalogue_type *type = check->record->type;
        size_t i;

        for (i = 0; i < type->need_count; i++) {
                const struct catalogue_need *need = &type->needs[i];

                if (is_set(&check->record->values[need->field_index]) ||
                    !is_judged(check, need->field_index, need->condition.field_index) ||
                    !catalogue_condition_holds(&need->condition, check->record))
                        continue;
                (void)FAIL(PANNIER_E_INVALID, "%s is needed here",
                           type->fields[need->field_index].name);
                return fault(check, REASON_REQUIRED, need->field_index);
        }
        return 0;
}

/* ---- NHS number ---- */

static bool status_says_none(const struct check *check)
{
        return strncmp(code_of(check->record, check->slots[NHS_NUMBER_STATUS]), "none_", 5) == 0;
}

/* A person may have no number: then the status says why. */
static int check_no_number(struct check *check)
{
        int status = check->slots[NHS_NUMBER_STATUS];
        const char *code = code_of(check->record, status);

        if (check->input->create && !is_set(&check->record->values[status]))
                derive_code(check, status, "none_unknown");
        if (check->input->where == CHECK_ON_LOAD || !is_changed(check, status) ||
            (strcmp(code, "verified") != 0 && strcmp(code, "not_traced") != 0))
                return 0;
        (void)FAIL(PANNIER_E_INVALID, "%s says that there is an NHS number, but there is none",
                   check->record->type->fields[status].name);
        return fault(check, REASON_CHECK, status);
}

static int normalise_number(struct check *check, const char digits[NHS_NUMBER_SIZE])
{
        int number = check->slots[NHS_NUMBER_NUMBER];
        struct value value = {.form = VALUE_BYTES};

        value.bytes = arena_copy(check->arena, bytes_text(digits));
        if (!value.bytes.data)
                return FAIL(PANNIER_E_MEMORY, "no memory for an NHS number");
        derive(check, number, value);
        return 0;
}

static int check_nhs_number(struct check *check)
{
        int number = check->slots[NHS_NUMBER_NUMBER], status = check->slots[NHS_NUMBER_STATUS];
        char digits[NHS_NUMBER_SIZE];
        int r;

        if (!is_changed(check, number) && !is_changed(check, status))
                return 0;
        if (!is_set(&check->record->values[number]))
                return check_no_number(check);
        if (is_changed(check, number)) {
                r = nhs_number_check(check->record->values[number].bytes, check->input->environment,
                                     digits);
                if (r == PANNIER_E_INVALID && check->input->where == CHECK_ON_LOAD) {
                        error_clear(); /* kept, shown as what it is, and never used to match */
                        derive_code(check, status, "trace_required");
                        return 0;
                }
                if (r < 0)
                        return fault(check, REASON_CHECK, number);
                r = normalise_number(check, digits);
                if (r < 0)
                        return r;
        }
        if (!is_set(&check->record->values[status]))
                derive_code(check, status, "not_traced");
        if (check->input->where == CHECK_ON_LOAD || !status_says_none(check) ||
            !is_judged(check, number, status))
                return 0;
        (void)FAIL(PANNIER_E_INVALID, "%s says that there is no NHS number, but there is one",
                   check->record->type->fields[status].name);
        return fault(check, REASON_CHECK, status);
}

/* ---- adults only ---- */

static int check_adult(struct check *check)
{
        int index = check->slots[ADULT_BIRTH_DATE];
        const struct value *birth_date = &check->record->values[index];
        int64_t today = date_of_instant(check->input->now_ms);

        if (birth_date->form != VALUE_INTEGER || !is_changed(check, index))
                return 0;
        if (birth_date->integer > today) {
                (void)FAIL(PANNIER_E_INVALID, "%s is after today",
                           check->record->type->fields[index].name);
                return fault(check, REASON_CHECK, index);
        }
        if (date_years_between(birth_date->integer, today) >= ADULT_YEARS)
                return 0;
        (void)FAIL(PANNIER_E_INVALID,
                   "%s: under 16 years old; care of children is outside of this service",
                   check->record->type->fields[index].name);
        return fault(check, REASON_UNDER_16, index);
}

/* ---- NEWS2 ---- */

static int32_t measured(const struct check *check, enum check_news2_slot slot)
{
        const struct value *value = &check->record->values[check->slots[slot]];

        /* the hard range of every slot lies within 32 bits */
        return value->form == VALUE_INTEGER ? (int32_t)value->integer : NEWS2_MISSING;
}

static enum news2_oxygen oxygen_of(const char *code)
{
        if (strcmp(code, "air") == 0)
                return NEWS2_AIR;
        return strcmp(code, "oxygen") == 0 ? NEWS2_OXYGEN : NEWS2_OXYGEN_MISSING;
}

static enum news2_consciousness consciousness_of(const char *code)
{
        static const char letters[] = "ACVPU";
        const char *letter = code[0] ? strchr(letters, code[0]) : NULL;

        return letter ? (enum news2_consciousness)(NEWS2_ALERT + (letter - letters))
                      : NEWS2_CONSCIOUSNESS_MISSING;
}

/* Next to what reads them: age_of(), pregnancy_of(), scale_2_signed(). */
uint64_t catalogue_check_reads(const struct catalogue_type *type)
{
        const struct catalogue_bind *bind = catalogue_bind();

        if (type->is_person)
                return UINT64_C(1) << bind->person.birth_date | UINT64_C(1) << bind->person.gender;
        if (type->is_baseline)
                return UINT64_C(1) << bind->baseline.pregnant |
                       UINT64_C(1) << bind->baseline.spo2_scale |
                       UINT64_C(1) << bind->baseline.spo2_scale_signer;
        return 0;
}

static int32_t age_of(const struct check *check)
{
        const struct record *person = check->input->person;
        const struct value *birth_date;
        int years;

        if (!person)
                return NEWS2_MISSING;
        birth_date = &person->values[catalogue_bind()->person.birth_date];
        if (birth_date->form != VALUE_INTEGER)
                return NEWS2_MISSING;
        years = date_years_between(birth_date->integer, date_of_instant(check->input->now_ms));
        return years < 0 ? NEWS2_MISSING : years;
}

static enum news2_pregnancy pregnancy_of(const struct check *check, int32_t age)
{
        const struct catalogue_bind *bind = catalogue_bind();
        const struct record *person = check->input->person, *baseline = check->input->baseline;
        const struct value *pregnant;

        if (baseline) {
                pregnant = &baseline->values[bind->baseline.pregnant];
                if (pregnant->form == VALUE_INTEGER &&
                    pregnant->integer == bind->baseline.pregnant_yes)
                        return NEWS2_PREGNANT;
                if (pregnant->form == VALUE_INTEGER &&
                    pregnant->integer == bind->baseline.pregnant_no)
                        return NEWS2_NOT_PREGNANT;
        }
        if (age != NEWS2_MISSING && age >= PREGNANCY_YEARS_MAX)
                return NEWS2_NOT_PREGNANT;
        if (person && person->values[bind->person.gender].form == VALUE_INTEGER &&
            person->values[bind->person.gender].integer == bind->person.gender_male)
                return NEWS2_NOT_PREGNANT;
        return NEWS2_PREGNANCY_UNKNOWN;
}

static bool scale_2_signed(const struct check *check)
{
        const struct catalogue_bind *bind = catalogue_bind();
        const struct record *baseline = check->input->baseline;
        const struct value *scale, *signer;

        if (!baseline)
                return false;
        scale = &baseline->values[bind->baseline.spo2_scale];
        signer = &baseline->values[bind->baseline.spo2_scale_signer];
        return scale->form == VALUE_INTEGER && scale->integer == bind->baseline.scale_2 &&
               signer->form == VALUE_BYTES && signer->bytes.size > 0;
}

static void score(struct check *check)
{
        struct news2_input input = {
                .age_years = age_of(check),
                .scale_2_signed = scale_2_signed(check),
                .respiration = measured(check, NEWS2_SLOT_RESPIRATION),
                .spo2 = measured(check, NEWS2_SLOT_SPO2),
                .oxygen = oxygen_of(code_of(check->record, check->slots[NEWS2_SLOT_OXYGEN])),
                .systolic = measured(check, NEWS2_SLOT_SYSTOLIC),
                .pulse = measured(check, NEWS2_SLOT_PULSE),
                .consciousness = consciousness_of(
                        code_of(check->record, check->slots[NEWS2_SLOT_CONSCIOUSNESS])),
                .temperature = measured(check, NEWS2_SLOT_TEMPERATURE),
        };

        input.pregnancy = pregnancy_of(check, input.age_years);
        check->result->news2 = news2_score(&input);
        check->result->scored = true;
}

/* A total that a program worked out itself is no use where it is ours, and a danger where it is not. */
static int check_given_score(struct check *check)
{
        const struct news2_result *news2 = &check->result->news2;
        int total = check->slots[NEWS2_SLOT_TOTAL], single = check->slots[NEWS2_SLOT_SINGLE];
        const struct value *given = &check->record->values[total];
        bool complete = news2->status == NEWS2_COMPLETE;

        if (is_set(given) && (!complete || given->integer != news2->total)) {
                (void)FAIL(PANNIER_E_INVALID, "%s is computed here and comes out otherwise: %s",
                           check->record->type->fields[total].name,
                           complete ? "leave it out" : news2_status_name(news2->status));
                return fault(check, REASON_CHECK, total);
        }
        given = &check->record->values[single];
        if (is_set(given) && (given->integer != 0) != news2->single_three) {
                (void)FAIL(PANNIER_E_INVALID, "%s is computed here and comes out otherwise",
                           check->record->type->fields[single].name);
                return fault(check, REASON_CHECK, single);
        }
        return 0;
}

static int score_on_device(struct check *check)
{
        const struct news2_result *news2 = &check->result->news2;
        int r;

        r = check_given_score(check);
        if (r < 0)
                return r;
        if (news2->parts[NEWS2_PART_SPO2] != NEWS2_PART_MISSING)
                derive_code(check, check->slots[NEWS2_SLOT_SCALE],
                            news2->spo2_scale == 2 ? "scale_2" : "scale_1");
        if (news2->status == NEWS2_COMPLETE)
                derive_integer(check, check->slots[NEWS2_SLOT_TOTAL], news2->total);
        if (news2->status == NEWS2_COMPLETE || news2->single_three)
                derive_integer(check, check->slots[NEWS2_SLOT_SINGLE], news2->single_three);
        return 0;
}

/* What the device computed stays. A history that was loaded may have no total; nobody is told of that. */
static void score_on_store(struct check *check)
{
        const struct news2_result *news2 = &check->result->news2;
        const struct value *given = &check->record->values[check->slots[NEWS2_SLOT_TOTAL]];
        bool complete = news2->status == NEWS2_COMPLETE, has = is_set(given);
        bool same = has == complete && (!has || given->integer == news2->total);

        if (complete)
                derive_integer(check, check->slots[NEWS2_SLOT_STORE], news2->total);
        if (same || (check->input->where == CHECK_ON_LOAD && !has))
                return;
        derive_integer(check, check->slots[NEWS2_SLOT_DIFFERS], 1);
        check->result->differs = true;
}

static int check_news2(struct check *check)
{
        if (!check->input->create)
                return 0; /* observations are facts */
        score(check);
        if (check->input->where == CHECK_ON_DEVICE)
                return score_on_device(check);
        score_on_store(check);
        return 0;
}

static int check_named(struct check *check, enum catalogue_check name)
{
        switch (name) {
        case CHECK_NEWS2:
                return check_news2(check);
        case CHECK_NHS_NUMBER:
                return check_nhs_number(check);
        case CHECK_ADULT:
                return check_adult(check);
        case CHECK_ADVANCE_CARE: /* nothing is refused: catalogue_check_contested() */
        case CHECK_NONE:
                break;
        }
        return 0;
}

int catalogue_check(const struct catalogue_check_input *input, struct record *record,
                    struct arena *arena, struct catalogue_check_result *ret)
{
        struct check check = {.input = input, .record = record, .arena = arena, .result = ret};
        size_t i;
        int r;

        memset(ret, 0, sizeof(*ret));
        r = check_needs(&check);
        if (r == 0)
                r = check_compares(&check);
        for (i = 0; r == 0 && i < record->type->check_count; i++) {
                check.slots = record->type->checks[i].slots;
                r = check_named(&check, record->type->checks[i].check);
        }
        return r;
}

uint64_t catalogue_check_stale(const struct catalogue_type *type, uint64_t changed)
{
        uint64_t stale = 0;

        for (size_t i = 0; i < type->check_count; i++) {
                const int16_t *slots = type->checks[i].slots;

                if (type->checks[i].check == CHECK_NEWS2)
                        stale |= UINT64_C(1) << slots[NEWS2_SLOT_TOTAL] |
                                 UINT64_C(1) << slots[NEWS2_SLOT_SINGLE];
                if (type->checks[i].check == CHECK_NHS_NUMBER &&
                    (changed >> slots[NHS_NUMBER_NUMBER] & 1))
                        stale |= UINT64_C(1) << slots[NHS_NUMBER_STATUS];
        }
        return stale & ~changed;
}

/* ---- advance care ---- */

static const struct value *append_value(const struct record *record,
                                        enum append_field_number number)
{
        return &record->values[catalogue_field_index(record->type, number)];
}

/* Struck out or replaced by another one of the records, or itself nothing but the striking out. */
static bool is_out(const struct record *record, const struct record *const *records, size_t count)
{
        const struct value *error = append_value(record, APPEND_ENTERED_IN_ERROR);
        size_t i;

        if (error->form == VALUE_INTEGER && error->integer != 0)
                return true;
        for (i = 0; i < count; i++) {
                const struct value *amends = append_value(records[i], APPEND_AMENDS);

                if (amends->form == VALUE_UUID && uuid_equal(&amends->uuid, &record->id))
                        return true;
        }
        return false;
}

static const int16_t *advance_care_slots(const struct catalogue_type *type)
{
        size_t i;

        for (i = 0; i < type->check_count; i++)
                if (type->checks[i].check == CHECK_ADVANCE_CARE)
                        return type->checks[i].slots;
        return NULL;
}

static bool contradicts(const struct record *a, const struct record *b, const int16_t *slots)
{
        int kind = slots[ADVANCE_CARE_KIND], decision = slots[ADVANCE_CARE_DECISION];

        return value_equal(&a->values[kind], &b->values[kind]) &&
               !value_equal(&a->values[decision], &b->values[decision]);
}

void catalogue_check_contested(const struct record *const *records, size_t count, int64_t today,
                               uint8_t *ret)
{
        const int16_t *slots = count > 0 ? advance_care_slots(records[0]->type) : NULL;
        size_t i, j;

        memset(ret, 0, count * sizeof(*ret));
        if (!slots)
                return;
        for (i = 0; i < count; i++) {
                const struct value *review = &records[i]->values[slots[ADVANCE_CARE_REVIEW_ON]];
                const struct value *signer = &records[i]->values[slots[ADVANCE_CARE_SIGNED_BY]];

                if (is_out(records[i], records, count))
                        continue;
                if (!is_set(signer) || signer->bytes.size == 0)
                        ret[i] |= CONTESTED_UNSIGNED;
                if (review->form == VALUE_INTEGER && review->integer < today)
                        ret[i] |= CONTESTED_REVIEW_PAST;
                for (j = 0; j < count; j++)
                        if (j != i && contradicts(records[i], records[j], slots) &&
                            !is_out(records[j], records, count))
                                ret[i] |= CONTESTED_CONTRADICTED;
        }
}
