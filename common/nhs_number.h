/*
 * NHS numbers: ten digits, the last a check digit. Compared as text. Pure; no network, no lookup.
 *
 * Source: NHS Data Dictionary, "NHS NUMBER" (check digit, modulus 11 with weights 10 … 2) and the number ranges that
 * England with Wales and the Isle of Man, Scotland (CHI) and Northern Ireland (H&C) issue. Numbers that begin with 9 are never
 * issued; NHS Digital keeps 999 0000000 … 999 9999999 for tests.
 */
#ifndef COMMON_NHS_NUMBER_H
#define COMMON_NHS_NUMBER_H

#include "common/bytes.h"

enum {
        NHS_NUMBER_SIZE = 11,      /* ten digits and NUL */
        NHS_NUMBER_TEXT_SIZE = 13, /* 3-3-4 with two blanks, and NUL */
};

enum nhs_range {
        NHS_RANGE_UNASSIGNED, /* nobody issues it, as far as we know: neither refused nor trusted more */
        NHS_RANGE_ENGLAND, /* with Wales and the Isle of Man */
        NHS_RANGE_SCOTLAND,
        NHS_RANGE_NORTHERN_IRELAND,
        NHS_RANGE_TEST,
};

enum nhs_environment { NHS_ENVIRONMENT_TEST, NHS_ENVIRONMENT_LIVE };

/* nhs_number_check_digit() - '0' … '9' for the first nine digits, or 0 where no digit completes them */
char nhs_number_check_digit(const char stem[9]);

/**
 * nhs_number_parse() - read a number as typed
 * @text: ten digits; a single blank or hyphen may stand at the 3-3-4 places, nothing else
 * @ret:  ten digits and NUL
 *
 * Return: 0; PANNIER_E_INVALID: not ten digits, wrong check digit, or ten times the same digit
 */
int nhs_number_parse(struct bytes text, char ret[NHS_NUMBER_SIZE]);

/* nhs_number_range() - who issues a number; @number has ten digits */
enum nhs_range nhs_number_range(const char number[NHS_NUMBER_SIZE]);

/**
 * nhs_number_check() - nhs_number_parse(), and does it belong here?
 *
 * A test environment refuses the ranges that are issued to people, a live one refuses 9….
 *
 * Return: 0; PANNIER_E_INVALID as above; PANNIER_E_REFUSED a number of the other environment
 */
int nhs_number_check(struct bytes text, enum nhs_environment environment,
                     char ret[NHS_NUMBER_SIZE]);

/* nhs_number_format() - "999 000 0018", for people */
void nhs_number_format(const char number[NHS_NUMBER_SIZE], char ret[NHS_NUMBER_TEXT_SIZE]);

#endif
