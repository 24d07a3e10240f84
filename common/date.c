#include "common/date.h"

#include "common/error.h"

#include <stdio.h>
#include <string.h>

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
        return value < low ? low : value > high ? high : value;
}

/* Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil; years from 0001 on. */
static int64_t days_from_civil(int year, int month, int day)
{
        int y = month <= 2 ? year - 1 : year;
        int era = y / 400;
        int year_of_era = y - era * 400;
        int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
        int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

        return (int64_t)era * 146097 + day_of_era - 719468;
}

/* Same source, civil_from_days. */
static void civil_from_days(int64_t days, struct calendar *ret)
{
        int64_t z = days + 719468;
        int era = (int)(z / 146097);
        int day_of_era = (int)(z - (int64_t)era * 146097);
        int year_of_era =
                (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
        int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        int shifted_month = (5 * day_of_year + 2) / 153;

        ret->day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        ret->month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
        ret->year = year_of_era + era * 400 + (ret->month <= 2);
}

int64_t date_of_instant(int64_t instant_ms)
{
        int64_t days = instant_ms / DAY_MS;

        return instant_ms % DAY_MS < 0 ? days - 1 : days;
}

struct calendar calendar_from_instant(int64_t instant_ms)
{
        int64_t instant = clamp(instant_ms, INSTANT_MIN, INSTANT_MAX);
        int64_t date = date_of_instant(instant);
        int ms = (int)(instant - date * DAY_MS);
        struct calendar calendar = {
                .hour = ms / 3600000,
                .minute = ms / 60000 % 60,
                .second = ms / 1000 % 60,
                .ms = ms % 1000,
        };

        civil_from_days(date, &calendar);
        return calendar;
}

static int month_days(int year, int month)
{
        static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

        return days[month - 1] + (month == 2 && leap);
}

int instant_from_calendar(const struct calendar *calendar, int64_t *ret)
{
        const struct calendar *c = calendar;

        if (c->year < 1 || c->year > 9999 || c->month < 1 || c->month > 12 || c->day < 1 ||
            c->day > month_days(c->year, c->month))
                return FAIL(PANNIER_E_INVALID, "there is no day %d-%d-%d", c->year, c->month,
                            c->day);
        if (c->hour < 0 || c->hour > 23 || c->minute < 0 || c->minute > 59 || c->second < 0 ||
            c->second > 59 || c->ms < 0 || c->ms > 999)
                return FAIL(PANNIER_E_INVALID, "there is no time %d:%d:%d", c->hour, c->minute,
                            c->second);
        *ret = days_from_civil(c->year, c->month, c->day) * DAY_MS +
               ((int64_t)(c->hour * 60 + c->minute) * 60 + c->second) * 1000 + c->ms;
        return 0;
}

int date_years_between(int64_t from, int64_t to)
{
        struct calendar a = calendar_from_instant(clamp(from, DATE_MIN, DATE_MAX) * DAY_MS);
        struct calendar b = calendar_from_instant(clamp(to, DATE_MIN, DATE_MAX) * DAY_MS);
        int years = b.year - a.year;

        if (b.month < a.month || (b.month == a.month && b.day < a.day))
                years--;
        return years;
}

/* Digits by hand: these run for every value of every record that is shown. */
static void put_digits(char *to, int value, int count)
{
        for (int i = count - 1; i >= 0; i--) {
                to[i] = (char)('0' + value % 10);
                value /= 10;
        }
}

static void put_date(const struct calendar *calendar, char *to)
{
        put_digits(to, calendar->year, 4);
        to[4] = '-';
        put_digits(to + 5, calendar->month, 2);
        to[7] = '-';
        put_digits(to + 8, calendar->day, 2);
}

void date_format(int64_t date, char ret[DATE_TEXT_SIZE])
{
        struct calendar calendar = calendar_from_instant(clamp(date, DATE_MIN, DATE_MAX) * DAY_MS);

        put_date(&calendar, ret);
        ret[10] = '\0';
}

void instant_format(int64_t instant_ms, char ret[INSTANT_TEXT_SIZE])
{
        struct calendar calendar = calendar_from_instant(instant_ms);

        put_date(&calendar, ret);
        memcpy(ret + 10, "T..:..:......Z", 15);
        put_digits(ret + 11, calendar.hour, 2);
        put_digits(ret + 14, calendar.minute, 2);
        put_digits(ret + 17, calendar.second, 2);
        put_digits(ret + 20, calendar.ms, 3);
}

/* Take @count digits; false where there are none. */
static bool take_digits(struct bytes *text, size_t count, int *ret)
{
        int value = 0;

        if (text->size < count)
                return false;
        for (size_t i = 0; i < count; i++) {
                if (text->data[i] < '0' || text->data[i] > '9')
                        return false;
                value = value * 10 + (text->data[i] - '0');
        }
        *text = BYTES(text->data + count, text->size - count);
        *ret = value;
        return true;
}

static bool take_char(struct bytes *text, char c)
{
        if (text->size == 0 || text->data[0] != (uint8_t)c)
                return false;
        *text = BYTES(text->data + 1, text->size - 1);
        return true;
}

static bool take_date(struct bytes *text, struct calendar *ret)
{
        return take_digits(text, 4, &ret->year) && take_char(text, '-') &&
               take_digits(text, 2, &ret->month) && take_char(text, '-') &&
               take_digits(text, 2, &ret->day);
}

static bool take_time(struct bytes *text, struct calendar *ret)
{
        int digit, weight = 100, count = 0;

        if (!take_digits(text, 2, &ret->hour) || !take_char(text, ':') ||
            !take_digits(text, 2, &ret->minute) || !take_char(text, ':') ||
            !take_digits(text, 2, &ret->second))
                return false;
        if (!take_char(text, '.'))
                return true;
        while (take_digits(text, 1, &digit)) {
                ret->ms += digit * weight;
                weight /= 10;
                count++;
        }
        return count >= 1 && count <= 9;
}

/* Z or ±hh:mm; minutes east of Greenwich. */
static bool take_offset(struct bytes *text, int *ret_minutes)
{
        int sign = 1, hours, minutes;

        *ret_minutes = 0;
        if (take_char(text, 'Z'))
                return true;
        if (take_char(text, '-'))
                sign = -1;
        else if (!take_char(text, '+'))
                return false;
        if (!take_digits(text, 2, &hours) || !take_char(text, ':') ||
            !take_digits(text, 2, &minutes) || hours > 23 || minutes > 59)
                return false;
        *ret_minutes = sign * (hours * 60 + minutes);
        return true;
}

int date_parse(struct bytes text, int64_t *ret)
{
        struct calendar calendar = {0};
        int64_t instant;
        int r;

        if (!take_date(&text, &calendar) || text.size > 0)
                return FAIL(PANNIER_E_INVALID, "a date is written YYYY-MM-DD");
        r = instant_from_calendar(&calendar, &instant);
        if (r < 0)
                return r;
        *ret = date_of_instant(instant);
        return 0;
}

int instant_parse(struct bytes text, int64_t *ret)
{
        struct calendar calendar = {0};
        int64_t instant;
        int offset, r;

        if (!take_date(&text, &calendar) || !take_char(&text, 'T') ||
            !take_time(&text, &calendar) || !take_offset(&text, &offset) || text.size > 0)
                return FAIL(PANNIER_E_INVALID, "a time is written 2026-11-21T20:15:00.000Z");
        r = instant_from_calendar(&calendar, &instant);
        if (r < 0)
                return r;
        instant -= (int64_t)offset * 60000;
        if (instant < INSTANT_MIN || instant > INSTANT_MAX)
                return FAIL(PANNIER_E_INVALID, "the time lies outside of the years 1 to 9999");
        *ret = instant;
        return 0;
}
