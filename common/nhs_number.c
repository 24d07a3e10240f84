#include "common/nhs_number.h"

#include "common/error.h"

#include <string.h>

enum { DIGITS = NHS_NUMBER_SIZE - 1 };

char nhs_number_check_digit(const char stem[9])
{
        int sum = 0, check;

        for (int i = 0; i < DIGITS - 1; i++)
                sum += (10 - i) * (stem[i] - '0');
        check = 11 - sum % 11;
        if (check == 11)
                check = 0;
        if (check == 10)
                return '\0';
        return (char)('0' + check);
}

/* Digits of a number as typed: 3-3-4, with or without a single separator at the two places. */
static bool take_digits(struct bytes text, char ret[NHS_NUMBER_SIZE])
{
        size_t i = 0;

        for (int digit = 0; digit < DIGITS; digit++) {
                if ((digit == 3 || digit == 6) && i < text.size &&
                    (text.data[i] == ' ' || text.data[i] == '-'))
                        i++;
                if (i == text.size || text.data[i] < '0' || text.data[i] > '9')
                        return false;
                ret[digit] = (char)text.data[i++];
        }
        ret[DIGITS] = '\0';
        return i == text.size;
}

static bool all_the_same(const char number[NHS_NUMBER_SIZE])
{
        return memcmp(number, number + 1, DIGITS - 1) == 0;
}

int nhs_number_parse(struct bytes text, char ret[NHS_NUMBER_SIZE])
{
        char number[NHS_NUMBER_SIZE];

        if (!take_digits(text, number))
                return FAIL(PANNIER_E_INVALID,
                            "an NHS number has ten digits, written 3-3-4 or in one");
        if (nhs_number_check_digit(number) != number[DIGITS - 1])
                return FAIL(PANNIER_E_INVALID,
                            "no NHS number: its last digit does not fit the others");
        if (all_the_same(number))
                return FAIL(PANNIER_E_INVALID, "no NHS number: ten times the same digit");
        memcpy(ret, number, sizeof(number));
        return 0;
}

enum nhs_range nhs_number_range(const char number[NHS_NUMBER_SIZE])
{
        static const struct {
                const char *first, *last;
                enum nhs_range range;
        } ranges[] = {
                {"0100000000", "3112999999", NHS_RANGE_SCOTLAND},
                {"3200000000", "3999999999", NHS_RANGE_NORTHERN_IRELAND},
                {"4000000000", "4999999999", NHS_RANGE_ENGLAND},
                {"6000000000", "7999999999", NHS_RANGE_ENGLAND},
                {"9000000000", "9999999999", NHS_RANGE_TEST},
        };

        for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
                if (memcmp(number, ranges[i].first, DIGITS) >= 0 &&
                    memcmp(number, ranges[i].last, DIGITS) <= 0)
                        return ranges[i].range;
        return NHS_RANGE_UNASSIGNED;
}

static bool belongs(enum nhs_range range, enum nhs_environment environment)
{
        switch (range) {
        case NHS_RANGE_ENGLAND:
        case NHS_RANGE_SCOTLAND:
        case NHS_RANGE_NORTHERN_IRELAND:
                return environment == NHS_ENVIRONMENT_LIVE;
        case NHS_RANGE_TEST:
                return environment == NHS_ENVIRONMENT_TEST;
        case NHS_RANGE_UNASSIGNED:
                return true;
        }
        return false;
}

int nhs_number_check(struct bytes text, enum nhs_environment environment, char ret[NHS_NUMBER_SIZE])
{
        char number[NHS_NUMBER_SIZE];
        int r = nhs_number_parse(text, number);

        if (r < 0)
                return r;
        if (!belongs(nhs_number_range(number), environment))
                return FAIL(PANNIER_E_REFUSED,
                            environment == NHS_ENVIRONMENT_TEST
                                    ? "this is a test system, and the NHS number may be a living "
                                      "person's"
                                    : "NHS numbers that begin with 9 are for tests only");
        memcpy(ret, number, sizeof(number));
        return 0;
}

void nhs_number_format(const char number[NHS_NUMBER_SIZE], char ret[NHS_NUMBER_TEXT_SIZE])
{
        memcpy(ret, number, 3);
        ret[3] = ' ';
        memcpy(ret + 4, number + 3, 3);
        ret[7] = ' ';
        memcpy(ret + 8, number + 6, 4);
        ret[12] = '\0';
}
