/*
 * The catalogue as the engine sees it: generated, constant tables of record types and their fields.
 *
 * schema/catalogue/ is the only place where a type or a field is written down; schema/generate makes
 * these tables (and the SQL, the JSON Schema and the reference page) from it. No code of the engine names a type or a field:
 * it asks for the property it needs. What a type can ask for is all in this header.
 */
#ifndef COMMON_CATALOGUE_H
#define COMMON_CATALOGUE_H

#include "common/bytes.h"

enum catalogue_kind { /* how a field's value looks; in brackets its struct value form (record.h) */
                      KIND_TEXT = 1, /* UTF-8 (bytes) */
                      KIND_CODE, /* number of one of `options`; an unknown number is kept and given back (integer) */
                      KIND_INT,     /* integer in `unit` */
                      KIND_TENTHS,  /* integer number of tenths of `unit` */
                      KIND_DATE,    /* days since 1970-01-01, may be negative (integer) */
                      KIND_INSTANT, /* milliseconds since 1970, UTC (integer) */
                      KIND_BOOL,    /* 0 or 1 (integer) */
                      KIND_REF,     /* id of a record of one of `ref_types` (uuid) */
                      KIND_SET, /* elements of `element` kind, each once, ascending: CBOR array (packed) */
                      KIND_BLOB, /* (bytes) */
                      KIND_MAP, /* option number of `options`, or text where there are none → text: CBOR map (packed) */
};

enum catalogue_rule { /* what an edit of the field does where it is concurrent; docs/protocol.md, field rules */
                      RULE_FIXED = 1,
                      RULE_LATEST,
                      RULE_REVIEW,
                      RULE_PROPOSE,
                      RULE_STATE,
                      RULE_STORE,
};

enum catalogue_class { /* which devices may hold the type: those with this ceiling or a higher one */
                       CLASS_BASIC = 1,
                       CLASS_CLINICAL,
                       CLASS_RESTRICTED,
                       CLASS_NEVER, /* goes up, is never pulled */
                       CLASS_OF_RECORD, /* that of the record it is about: conflicts; see catalogue_class_of() */
};
enum { CLASS_COUNT = 3 }; /* classes that have feeds */

enum lane { LANE_URGENT, LANE_ROUTINE, LANE_BULK };
enum { LANE_COUNT = 3 };

enum {
        FIELD_NUMBER_MAX = 255,
        FIELD_COUNT_MAX = 64,
        TYPE_NUMBER_MAX = 255,
        OPTION_NUMBER_MAX = 999
};

struct catalogue_option {
        uint16_t number; /* never reused; what travels */
        const char *code;
        const char *title;
        const char *snomed; /* SNOMED CT code, NULL where there is none */
};

/* One allowed move of a RULE_STATE field; a move that is not listed is held. */
struct catalogue_transition {
        uint16_t from; /* option number; 0: a creation may carry `to` */
        uint16_t to;   /* option number */
        bool reason;   /* the entry must carry a reason */
        uint64_t
                roles; /* whose entries may make the move (bits as in catalogue_type); usually ROLE_ANY */
};

/* How far an edit of an ordered code may go at once: raise moves it up the order, whatever the rule says. */
enum catalogue_raise {
        RAISE_NONE,  /* no order */
        RAISE_APPLY, /* upward takes effect at once, downward follows the rule */
        RAISE_ONLY,  /* upward takes effect at once, downward is quarantined */
};

struct catalogue_field {
        uint16_t number; /* 1 … FIELD_NUMBER_MAX, never reused; what travels */
        const char *name;
        const char *title;
        const char *unit;         /* NULL where there is none */
        const char *fhir;         /* path in the FHIR resource, NULL where there is none */
        const char *snomed;       /* code of what the field measures, NULL where there is none */
        const char *snomed_score; /* code of its part of the NEWS2, NULL where there is none */
        enum catalogue_kind kind;
        enum catalogue_kind element; /* of a set: KIND_CODE, KIND_TEXT or KIND_REF; otherwise 0 */
        enum catalogue_rule rule;
        uint16_t
                group; /* 1 …: fields of one type with the same number are compared, merged or held whole; 0: alone */
        bool required; /* a creation without it is quarantined */
        bool confirm;  /* a change also makes a task to check it */
        bool guarded; /* shown on tap only, with an access event; never in a list (a key safe's code) */
        bool future;    /* refers only to types that do not exist yet: every value is refused */
        bool has_range; /* hard_min, hard_max count */
        bool has_soft;  /* soft_min, soft_max count: outside of them the person is asked back */
        int64_t hard_min, hard_max;
        int64_t soft_min, soft_max;
        uint32_t size_max; /* bytes of a text, blob, or packed set or map */
        const struct catalogue_option *options;
        uint16_t option_count;
        const struct catalogue_transition *transitions; /* RULE_STATE only */
        uint16_t transition_count;
        const uint16_t *order; /* option numbers, lowest first; NULL: no order */
        uint16_t order_count;
        enum catalogue_raise raise;
        const uint16_t *
                always; /* option numbers that take effect at once in spite of RULE_PROPOSE, such as adding an allergy */
        uint16_t always_count;
        const uint16_t *
                proposed; /* option numbers that even a creation only proposes (held), such as "no known allergies" */
        uint16_t proposed_count;
        const uint8_t *ref_types; /* type numbers */
        uint8_t ref_type_count;   /* 0: an id of anything, such as an entry */
        int64_t initial; /* RULE_STATE: option number that a creation without the field gets; 0: none */
};

/* A condition on a record: the coded field has one of these options. field_index < 0: always true. */
struct catalogue_condition {
        int16_t field_index; /* place in type->fields */
        const uint16_t *options;
        uint16_t option_count;
};

enum scope_kind { /* number travels; a scope is (kind, id) */
                  SCOPE_LOCALITY =
                          1, /* id of the locality's place record: reference data, records without a person */
                  SCOPE_TEAM = 2,        /* id of a team: its caseload */
                  SCOPE_HOME = 3,        /* id of an organisation: who lives there */
                  SCOPE_PROVISIONAL = 4, /* id of a device: people first met on it */
};

/* While `condition` holds, the record's person is in scope (kind, value of the field). */
struct catalogue_scope {
        enum scope_kind kind;
        int16_t field_index; /* a ref */
        struct catalogue_condition condition;
};

/*
 * While the record is in force (its from/to dates, where it has them: first and last day, both included)
 * and `condition` holds, a device that holds the scopes of
 * team `holder` also holds scope (kind, value of `target`): a team's organisation's home, the homes a hub serves.
 */
struct catalogue_grant {
        int16_t holder_index; /* a ref to a team; -1: the record itself is the team */
        enum scope_kind kind;
        int16_t target_index;         /* a ref */
        int16_t from_index, to_index; /* dates, -1: none */
        struct catalogue_condition condition;
};

/* A record that says what may not be shared: see schema/catalogue/consent.toml. */
struct catalogue_limit {
        struct catalogue_condition
                condition;        /* which record of the type this is about, such as scope = vcse */
        int16_t decision_index;   /* the coded decision */
        uint16_t refusing_option; /* its option that takes the permission away */
        int16_t when_index; /* an instant or date: the newest decision counts, a refusal wins a tie */
        uint16_t keep_kinds; /* bit 1 << scope_kind: scopes that stay in any case */
        const char *
                holder_type_code; /* only scopes held by organisations with this code in their types; NULL: all */
};

enum catalogue_moment { ON_CREATE = 1, ON_VALUE, ON_DECIDED };

/* When `moment` comes to a record for which `condition` holds, the store sets a field of another record. */
struct catalogue_consequence {
        enum catalogue_moment moment;
        struct catalogue_condition condition;
        uint8_t target_type;
        int16_t where_index; /* own ref field that names the target record; -1: target_link applies */
        int16_t target_link_index; /* ref field of the target that names this record or its person; -1: where_index applies */
        bool link_person;           /* target_link names the person, not this record */
        int16_t target_field_index; /* in the target type */
        int64_t to_option;          /* option number, or 0: value of from_index */
        int16_t from_index;         /* own field whose value is copied; -1: to_option applies */
        struct catalogue_condition target_condition; /* the target record must meet it */
};

/*
 * Two records of the type for which `condition` holds, with equal values in all of these fields, are not
 * expected: both are kept, and a conflict of kind duplicate is raised, or where link_type says so a record that
 * links the two people (nobody has decided it yet). A record in which one of the fields is unset is never a duplicate.
 */
struct catalogue_unique {
        const int16_t *field_indexes;
        uint8_t field_count; /* may be 0 with per_person: one such record per person */
        bool per_person;     /* only among records of one person */
        struct catalogue_condition condition;
        uint8_t link_type; /* type of the record to make on the newer person; 0: a conflict */
        int16_t link_other_index; /* its ref field that names the older person; -1 with link_type 0 */
};

/* When the date of date_index is past, the store sets a coded field: an assignment whose last day is over ends. */
struct catalogue_expiry {
        int16_t date_index;
        int16_t field_index; /* -1: the type does not expire */
        uint16_t option;
        struct catalogue_condition condition; /* only records for which it holds */
};

/* What finds a record again when a table is loaded a second time. A key with an empty field does not count. */
struct catalogue_key {
        const int16_t *field_indexes; /* -1: the person whose record it is */
        uint8_t field_count;
};

/* Of one record: the value of `low` must be below that of `high`, or not above it where equal is allowed. */
struct catalogue_compare {
        int16_t low_index, high_index;
        bool equal;
};

/* A creation for which `condition` holds needs this field. */
struct catalogue_need {
        int16_t field_index;
        struct catalogue_condition condition;
};

/* Code that the catalogue names: small pure modules (catalogue_check.h). */
enum catalogue_check { CHECK_NONE, CHECK_NEWS2, CHECK_NHS_NUMBER, CHECK_ADULT, CHECK_ADVANCE_CARE };

/* Which fields of the type play the parts of a check; the enums name the slots. */
enum check_news2_slot {
        NEWS2_SLOT_RESPIRATION,
        NEWS2_SLOT_SPO2,
        NEWS2_SLOT_OXYGEN,
        NEWS2_SLOT_SCALE,
        NEWS2_SLOT_SYSTOLIC,
        NEWS2_SLOT_PULSE,
        NEWS2_SLOT_CONSCIOUSNESS,
        NEWS2_SLOT_TEMPERATURE,
        NEWS2_SLOT_TOTAL,
        NEWS2_SLOT_SINGLE,
        NEWS2_SLOT_STORE,
        NEWS2_SLOT_DIFFERS,
        NEWS2_SLOT_COUNT
};
enum check_nhs_number_slot { NHS_NUMBER_NUMBER, NHS_NUMBER_STATUS, NHS_NUMBER_SLOT_COUNT };
enum check_adult_slot { ADULT_BIRTH_DATE, ADULT_SLOT_COUNT };
enum check_advance_care_slot {
        ADVANCE_CARE_KIND,
        ADVANCE_CARE_DECISION,
        ADVANCE_CARE_REVIEW_ON,
        ADVANCE_CARE_SIGNED_BY,
        ADVANCE_CARE_SLOT_COUNT
};

struct catalogue_check_use {
        enum catalogue_check check;
        const int16_t *slots; /* field index per slot of the check's enum */
};

/* Fields that every append type has, under the same numbers; a record of such a type is never edited. */
enum append_field_number {
        APPEND_HAPPENED = 1, /* when it was, instant */
        APPEND_AMENDS = 2,   /* the record of the same type that this one replaces or strikes out */
        APPEND_AMEND_REASON = 3, /* text */
        APPEND_ENTERED_IN_ERROR =
                4, /* true: what `amends` names is struck out, nothing takes its place here */
        APPEND_MOVED_TO = 5, /* the record that says the same on the right person */
};

struct catalogue_type {
        uint8_t number;
        const char *name;
        const char *table;  /* name of its SQL table, "r_" and the name */
        const char *plural; /* what a table of such records is called, NULL: its name */
        const char *title;
        const char *fhir;
        enum catalogue_class class;
        enum lane lane;
        bool append; /* a fact: created, never edited */
        bool personal; /* its records hang on a person; otherwise it is reference data of a locality */
        bool is_person;   /* its record id is the person id */
        bool store_only;  /* written by the store's imports alone */
        bool by_device;   /* the device itself may be the author too: "delivered" */
        bool is_conflict; /* the type of the records that the store makes for a decision */
        bool is_access_event;
        bool is_task;
        bool is_locality; /* the type whose records at level locality are localities */
        bool is_organisation, is_team, is_staff, is_membership;
        bool is_baseline;        /* what is usual for a person: NEWS2 is scored against it */
        bool is_planned_contact; /* the day's list: where somebody is expected */
        const struct catalogue_field *fields; /* ascending by number */
        uint16_t field_count;
        uint16_t group_count;
        /* Roles: bit 1 << option number of staff.role; ROLE_ANY is every signed-in role. */
        uint64_t read_roles, create_roles, edit_roles, decide_roles;
        const struct catalogue_scope *scopes;
        uint8_t scope_count;
        const struct catalogue_grant *grants;
        uint8_t grant_count;
        const struct catalogue_limit *limits;
        uint8_t limit_count;
        const struct catalogue_consequence *consequences;
        uint8_t consequence_count;
        const struct catalogue_unique *uniques;
        uint8_t unique_count;
        const struct catalogue_compare *compares;
        uint8_t compare_count;
        const struct catalogue_need *needs;
        uint8_t need_count;
        const struct catalogue_key *keys; /* the first whose fields are all there counts */
        uint8_t key_count;
        /* Of a type whose records have bytes that travel apart (docs/protocol.md): what says them. All -1: it has none. */
        int16_t bytes_hash_index, bytes_size_index, bytes_media_index;
        int16_t end_index; /* date of the last day, of a type whose table may be the whole truth; -1: none */
        struct catalogue_expiry expiry;
        int16_t other_person_index; /* a ref to a second person: shown only where both are in scope; -1 */
        const struct catalogue_check_use *checks;
        uint8_t check_count;
        const char *
                sql_create; /* CREATE TABLE IF NOT EXISTS, the same on both sides (record_table.h) */
        const char *
                sql_indexes; /* CREATE INDEX IF NOT EXISTS …; NULL where there is none; after columns were added */
};

#define ROLE_ANY (~(uint64_t)0)

/* Role numbers of staff.role that the engine itself needs: none. Roles come as numbers and are tested as bits. */

/*
 * Where the engine itself looks into a record: the field indexes (int16_t) and option numbers (uint16_t) of the few types that it
 * cannot work without. catalogue.toml binds them by name; a catalogue that lacks one does not build.
 */
struct catalogue_bind {
        struct {
                int16_t level, parent, name, ons_code, from, to;
                uint16_t level_locality;
        } place;
        struct {
                int16_t types, name, ods_code, cqc_location;
        } organisation;
        struct {
                int16_t organisation, name, kind, phone, on_call_phone, from, to;
        } team;
        struct {
                int16_t name, role;
        } staff;
        struct {
                int16_t staff, team, from, to;
        } membership;
        struct {
                int16_t nhs_number, nhs_status, family, given, preferred_name, birth_date, gender;
                int16_t address, postcode, deceased, moved_to;
                uint16_t gender_male;
        } person;
        struct {
                int16_t title, for_whom, about, due, status;
                uint16_t status_requested;
        } task;
        struct {
                int16_t staff, person, what, why;
                uint16_t what_person, what_list, what_search, what_guarded, what_break_glass;
        } access_event;
        struct {
                int16_t spo2_scale, spo2_scale_signer, pregnant;
                uint16_t scale_2, pregnant_yes, pregnant_no;
        } baseline;
        struct {
                int16_t start, staff, team, status;
                uint16_t status_planned, status_started;
        } planned_contact;
        struct { /* blobs: schema/catalogue/conflict.toml says what is in them */
                int16_t kind, record_type, record, fields, standing, others, entries, status;
                int16_t decision, decided_by, decided_at;
                uint16_t kind_concurrent, kind_proposal, kind_transition, kind_duplicate;
                uint16_t status_open, status_decided;
        } conflict;
};

struct catalogue {
        uint32_t
                version; /* of schema/catalogue/catalogue.toml; rises with every change of meaning */
        const struct catalogue_type *types; /* ascending by number */
        uint16_t type_count;
        const uint8_t *by_number; /* [256]: index into types + 1, 0: no such type */
        const struct catalogue_bind *bind;
        const char *json_schema; /* JSON Schema (2020-12) of the local API's records, UTF-8 */
};

/* catalogue_get() - the catalogue this program was built with; static, never NULL */
const struct catalogue *catalogue_get(void);

/* Look-ups: NULL or a negative index where there is no such thing. All return borrowed, static memory. */
const struct catalogue_type *catalogue_type_by_number(uint64_t number);
const struct catalogue_type *catalogue_type_by_name(struct bytes name);
int catalogue_field_index(const struct catalogue_type *type, uint64_t number);
int catalogue_field_index_by_name(const struct catalogue_type *type, struct bytes name);
const struct catalogue_option *catalogue_option_by_number(const struct catalogue_field *field,
                                                          int64_t number);
const struct catalogue_option *catalogue_option_by_code(const struct catalogue_field *field,
                                                        struct bytes code);

/* catalogue_role_allows() - is @role (option number of staff.role) among the bits of @roles? */
bool catalogue_role_allows(uint64_t roles, uint16_t role);

/* catalogue_bind() - field indexes and option numbers that the engine itself needs; static, never NULL */
const struct catalogue_bind *catalogue_bind(void);

/**
 * catalogue_class_of() - the class that decides which feeds a record is in
 * @about: CLASS_OF_RECORD only: number of the type that the conflict is about (its field record_type)
 *
 * Return: one of the first four classes; CLASS_RESTRICTED where @about is unknown here
 */
enum catalogue_class catalogue_class_of(const struct catalogue_type *type, uint64_t about);

/* catalogue_has_option() - is @number among the @count option numbers? For conditions, always, proposed, order. */
bool catalogue_has_option(const uint16_t *options, size_t count, int64_t number);

/* catalogue_transition_find() - the allowed move, NULL where the table does not have it; @from 0: at creation */
const struct catalogue_transition *catalogue_transition_find(const struct catalogue_field *field,
                                                             int64_t from, int64_t to);

/* catalogue_order_rank() - place of an option in the field's order, -1 where it has none */
int catalogue_order_rank(const struct catalogue_field *field, int64_t option);

/* The one type with a property, such as is_person; never NULL: the generator insists on exactly one of each. */
const struct catalogue_type *catalogue_person_type(void);
const struct catalogue_type *catalogue_conflict_type(void);
const struct catalogue_type *catalogue_access_event_type(void);
const struct catalogue_type *catalogue_task_type(void);
const struct catalogue_type *catalogue_staff_type(void);
const struct catalogue_type *catalogue_membership_type(void);
const struct catalogue_type *catalogue_team_type(void);
const struct catalogue_type *catalogue_organisation_type(void);
const struct catalogue_type *catalogue_place_type(void);
const struct catalogue_type *catalogue_baseline_type(void);
const struct catalogue_type *catalogue_planned_contact_type(void);

/* catalogue_class_name() - "basic", "clinical", "restricted", else "none" */
const char *catalogue_class_name(enum catalogue_class class);

#endif
