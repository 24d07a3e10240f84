/*
 * Calendar arithmetic on 64-bit numbers, without time_t (32 bit on some devices) and without time zones.
 *
 * An instant is milliseconds since 1970-01-01T00:00:00Z, a date is days since 1970-01-01; both may be negative.
 * The calendar is the proleptic Gregorian one, years 0001 to 9999. No clock is read here.
 */
#ifndef COMMON_DATE_H
#define COMMON_DATE_H

#include "common/bytes.h"

enum {
        DATE_TEXT_SIZE = 11,    /* 2026-11-21 and NUL */
        INSTANT_TEXT_SIZE = 25, /* 2026-11-21T20:15:00.000Z and NUL */
};

#define DATE_MIN    ((int64_t)-719162) /* 0001-01-01 */
#define DATE_MAX    ((int64_t)2932896) /* 9999-12-31 */
#define DAY_MS      ((int64_t)86400000)
#define INSTANT_MIN (DATE_MIN * DAY_MS)
#define INSTANT_MAX (DATE_MAX * DAY_MS + DAY_MS - 1)

/* A moment taken apart; ranges as written. */
struct calendar {
        int year;   /* 1 … 9999 */
        int month;  /* 1 … 12 */
        int day;    /* 1 … 31 */
        int hour;   /* 0 … 23 */
        int minute; /* 0 … 59 */
        int second; /* 0 … 59 */
        int ms;     /* 0 … 999 */
};

/* calendar_from_instant() - @instant_ms is brought into INSTANT_MIN … INSTANT_MAX first */
struct calendar calendar_from_instant(int64_t instant_ms);

/**
 * instant_from_calendar() - the instant that a calendar moment in UTC names
 *
 * Return: 0, or PANNIER_E_INVALID: there is no such day or time (31 April, hour 24)
 */
int instant_from_calendar(const struct calendar *calendar, int64_t *ret);

/* date_of_instant() - the UTC day an instant lies on */
int64_t date_of_instant(int64_t instant_ms);

/* date_years_between() - whole years from @from to @to, as ages are counted; 29 February ages on 1 March */
int date_years_between(int64_t from, int64_t to);

/* date_format() - YYYY-MM-DD; a day outside of the calendar is written as its nearest end */
void date_format(int64_t date, char ret[DATE_TEXT_SIZE]);

/* instant_format() - RFC 3339 in UTC with milliseconds */
void instant_format(int64_t instant_ms, char ret[INSTANT_TEXT_SIZE]);

/* date_parse() - exactly YYYY-MM-DD of a day that exists; 0 or PANNIER_E_INVALID */
int date_parse(struct bytes text, int64_t *ret);

/**
 * instant_parse() - RFC 3339: date, T, time, an optional fraction of 1 … 9 digits (cut to ms), Z or an offset
 *
 * Capital letters only. A leap second (:60) is refused: nothing of ours measures one.
 *
 * Return: 0, or PANNIER_E_INVALID
 */
int instant_parse(struct bytes text, int64_t *ret);

#endif
