/*
 * Names are found by what a hurried thumb types: "o'brien", "OBrien" and "Ó Briain" with or without the accent. Punctuation
 * inside of a word is dropped, between words it is a blank.
 */
#include "daemon/people.h"

#include <string.h>

enum { LATIN_FIRST = 0xC0, LATIN_LAST = 0x17F };

/* The base letters of U+00C0 … U+017F; a digit stands for one of `pairs`, '*' for a sign that separates. */
static const char latin_base[] = "aaaaaa1ceeeeiiiidnooooo*ouuuuy43"
                                 "aaaaaa1ceeeeiiiidnooooo*ouuuuy4y"
                                 "aaaaaaccccccccddddeeeeeeeeeegggg"
                                 "gggghhhhiiiiiiiiii55jjkkklllllll"
                                 "lllnnnnnnnnnoooooo22rrrrrrssssss"
                                 "ssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

static const char *const pairs[] = {"ae", "oe", "ss", "th", "ij"}; /* '1' … '5' */

static bool is_word_ascii(uint8_t c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static void put_blank(struct buffer *out, size_t begin)
{
        if (out->size > begin && out->data[out->size - 1] != ' ')
                buffer_append_byte(out, ' ');
}

static void put_latin(uint32_t letter, struct buffer *out, size_t begin)
{
        char base = latin_base[letter - LATIN_FIRST];

        if (base == '*')
                put_blank(out, begin);
        else if (base >= '1' && base <= '5')
                buffer_append_text(out, pairs[base - '1']);
        else
                buffer_append_byte(out, (uint8_t)base);
}

void people_fold(struct bytes text, struct buffer *out)
{
        size_t begin = out->size;

        for (size_t i = 0; i < text.size; i++) {
                uint8_t c = text.data[i];

                if (is_word_ascii(c)) {
                        buffer_append_byte(out, c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c);
                } else if (c == '\'' || c == '.') {
                        continue; /* O'Brien, Dr. */
                } else if (c < 0x80) {
                        put_blank(out, begin);
                } else if ((c & 0xE0) == 0xC0 && i + 1 < text.size) {
                        uint32_t letter = (uint32_t)(c & 0x1F) << 6 | (text.data[i + 1] & 0x3F);

                        if (letter >= LATIN_FIRST && letter <= LATIN_LAST) {
                                put_latin(letter, out, begin);
                                i++;
                        } else {
                                buffer_append_byte(out, c);
                        }
                } else if (c == 0xE2 && i + 2 < text.size && text.data[i + 1] == 0x80 &&
                           (text.data[i + 2] == 0x98 || text.data[i + 2] == 0x99)) {
                        i += 2; /* typographic apostrophes */
                } else {
                        buffer_append_byte(out, c);
                }
        }
        if (!out->failed && out->size > begin && out->data[out->size - 1] == ' ')
                out->size--;
}

static void fold_field(const struct record *person, int16_t index, struct buffer *out)
{
        const struct value *value = index >= 0 ? &person->values[index] : NULL;

        if (value && value->form == VALUE_BYTES)
                people_fold(value->bytes, out);
}

void people_label(const struct record *person, struct buffer *out)
{
        const struct catalogue_bind *bind = catalogue_bind();

        fold_field(person, bind->person.family, out);
        buffer_append_byte(out, ' ');
        fold_field(person, bind->person.given, out);
}

void people_search_text(const struct record *person, struct buffer *out)
{
        for (size_t i = 0; i < person->type->field_count; i++) {
                const struct catalogue_field *field = &person->type->fields[i];

                if (field->kind != KIND_TEXT || field->guarded ||
                    person->values[i].form != VALUE_BYTES)
                        continue;
                people_fold(person->values[i].bytes, out);
                buffer_append_byte(out, '\n');
        }
}

bool people_match(struct bytes search, struct bytes query)
{
        size_t begin = 0;

        while (begin < query.size) {
                const uint8_t *blank = memchr(query.data + begin, ' ', query.size - begin);
                size_t end = blank ? (size_t)(blank - query.data) : query.size;

                if (end > begin &&
                    !memmem(search.data, search.size, query.data + begin, end - begin))
                        return false;
                begin = end + 1;
        }
        return true;
}
