/*
 * NEWS2, the National Early Warning Score 2. Pure: seven measured values in, parts and total out.
 *
 * Source: Royal College of Physicians. National Early Warning Score (NEWS) 2: Standardising the assessment of acute-illness
 * severity in the NHS. Updated report of a working party. London: RCP, 2017 (charts 1 to 4). The score, its aggregation and the
 * thresholds are the RCP's; what a locality does at which score is its own text, shown beside the RCP's response.
 *
 * Nothing missing is ever scored as normal: without all seven values there is no total. Temperature is an integer
 * of tenths of a degree; there is no floating point here.
 */
#ifndef COMMON_NEWS2_H
#define COMMON_NEWS2_H

#include <stdbool.h>
#include <stdint.h>

#define NEWS2_MISSING INT32_MIN /* a value that was not taken */

enum news2_oxygen { NEWS2_OXYGEN_MISSING, NEWS2_AIR, NEWS2_OXYGEN };

/* C is new confusion; long-standing confusion is Alert. */
enum news2_consciousness {
        NEWS2_CONSCIOUSNESS_MISSING,
        NEWS2_ALERT,
        NEWS2_CONFUSION,
        NEWS2_VOICE,
        NEWS2_PAIN,
        NEWS2_UNRESPONSIVE
};

enum news2_pregnancy { NEWS2_PREGNANCY_UNKNOWN, NEWS2_NOT_PREGNANT, NEWS2_PREGNANT };

struct news2_input {
        int32_t age_years;              /* or NEWS2_MISSING */
        enum news2_pregnancy pregnancy; /* NOT_PREGNANT also where it cannot be */
        bool scale_2_signed; /* the person's baseline has a signed decision for SpO2 scale 2 */
        int32_t respiration; /* breaths a minute */
        int32_t spo2;        /* % */
        enum news2_oxygen oxygen;
        int32_t systolic; /* mmHg */
        int32_t pulse;    /* beats a minute */
        enum news2_consciousness consciousness;
        int32_t temperature; /* tenths of °C */
};

enum news2_status {
        NEWS2_COMPLETE,     /* total, single_three and response count */
        NEWS2_INCOMPLETE,   /* a value is missing, or is none that can be measured: parts only */
        NEWS2_UNDER_16,     /* refused: NEWS2 is not for children */
        NEWS2_IN_PREGNANCY, /* refused: physiology differs */
        NEWS2_ASK_AGE,      /* no score until it is known */
        NEWS2_ASK_PREGNANCY,
};

enum news2_part {
        NEWS2_PART_RESPIRATION,
        NEWS2_PART_SPO2,
        NEWS2_PART_OXYGEN,
        NEWS2_PART_SYSTOLIC,
        NEWS2_PART_PULSE,
        NEWS2_PART_CONSCIOUSNESS,
        NEWS2_PART_TEMPERATURE,
        NEWS2_PART_COUNT
};

enum { NEWS2_PART_MISSING = -1, NEWS2_TOTAL_MAX = 20 };

/* The RCP's response (chart 4). */
enum news2_response {
        NEWS2_RESPONSE_NONE,    /* no total */
        NEWS2_RESPONSE_ROUTINE, /* 0: at least every 12 hours */
        NEWS2_RESPONSE_LOW,     /* 1-4: every 4 to 6 hours; a registered nurse decides */
        NEWS2_RESPONSE_LOW_MEDIUM, /* a 3 in a single part: at least hourly, urgent ward-based review */
        NEWS2_RESPONSE_MEDIUM,     /* 5-6: at least hourly, urgent response */
        NEWS2_RESPONSE_HIGH,       /* 7 and more: continuous, emergency response */
};

struct news2_result {
        enum news2_status status;
        int8_t parts
                [NEWS2_PART_COUNT]; /* 0 … 3, or NEWS2_PART_MISSING; all missing where it was refused */
        uint8_t spo2_scale;         /* 1 or 2: the one that was used; exactly one is */
        bool scale_1_note; /* scale 1 was used because no signed decision says scale 2: show it */
        uint8_t at_least; /* sum of the parts that are there; where incomplete, the total is not less */
        uint8_t total;     /* 0 … 20; NEWS2_COMPLETE only */
        bool single_three; /* a part is 3; also where incomplete */
        enum news2_response response;
};

/* news2_score() - score one set of observations */
struct news2_result news2_score(const struct news2_input *input);

/* news2_status_name(), news2_response_name() - short and stable, such as "incomplete", "low-medium" */
const char *news2_status_name(enum news2_status status);
const char *news2_response_name(enum news2_response response);

#endif
