/* The picture filter: what says where, when and with what a picture was taken goes; the picture stays, the right way up. */
#include "common/error.h"
#include "daemon/picture.h"
#include "tests/unit/unit.h"

#include <string.h>

enum { SCAN_SIZE = 8 };

static const uint8_t scan[SCAN_SIZE] = {1,    0xff, 0, 2,
                                        0xff, 0xd0, 3, 4}; /* a stuffed FF, a restart */
static const char jpeg[] = "image/jpeg", png[] = "image/png";

static void segment(struct buffer *out, uint8_t code, const char *content, size_t size)
{
        const uint8_t head[] = {0xff, code, (uint8_t)((size + 2) >> 8), (uint8_t)(size + 2)};

        buffer_append(out, BYTES(head, sizeof(head)));
        buffer_append(out, BYTES(content, size));
}

/* Exif of a camera: little endian, its name first, then the orientation, a pointer to where it was, and the place itself. */
static void camera_exif(struct buffer *out, uint8_t orientation)
{
        char exif[] = "Exif\0\0II*\0\10\0\0\0\3\0"
                      "\x0f\1\2\0\4\0\0\0CAM\0"
                      "\x12\1\3\0\1\0\0\0\0\0\0\0"
                      "\x25\x88\4\0\1\0\0\0\x32\0\0\0"
                      "\0\0\0\0GPS 53.4794N 2.2453W";

        exif[6 + 8 + 2 + 12 + 8] = (char)orientation;
        segment(out, 0xe1, exif, sizeof(exif) - 1);
}

static void frame_and_scan(struct buffer *out)
{
        segment(out, 0xdb, "quantisation", 12);
        segment(out, 0xc0, "frame", 5);
        segment(out, 0xc4, "huffman", 7);
        segment(out, 0xda, "scan", 4);
        buffer_append(out, BYTES(scan, SCAN_SIZE));
        buffer_append(out, BYTES("\xff\xd9", 2));
}

static int filter(const char *media, struct bytes in, size_t piece, struct buffer *out)
{
        CLEANUP(picture_freep) struct picture *picture = NULL;
        int r = picture_new(bytes_text(media), &picture);

        for (size_t at = 0; at < in.size && r == 0; at += piece)
                r = picture_add(picture,
                                BYTES(in.data + at, in.size - at < piece ? in.size - at : piece),
                                out);
        return r < 0 ? r : picture_end(picture);
}

static bool has(const struct buffer *buffer, const char *text)
{
        return memmem(buffer->data, buffer->size, text, strlen(text)) != NULL;
}

static void camera_jpeg(struct buffer *out, uint8_t orientation)
{
        buffer_append(out, BYTES("\xff\xd8", 2));
        segment(out, 0xe0, "JFIF\0\1\2\1\0\x48\0\x48\1\1THUMB", 19);
        camera_exif(out, orientation);
        segment(out, 0xe1, "http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>", 41);
        segment(out, 0xe2, "ICC_PROFILE\0\1\1colours", 21);
        segment(out, 0xe2, "MPF\0second picture", 18);
        segment(out, 0xed, "Photoshop 3.0\0iptc", 18);
        segment(out, 0xee, "Adobe\0\144\0\0\0\0\1and more", 20);
        segment(out, 0xfe, "a comment", 9);
        frame_and_scan(out);
        buffer_append_text(out, "what a phone hangs on behind it");
}

static void test_a_jpeg_keeps_its_picture_and_loses_what_was_written_about_it(void **state)
{
        static const char *const gone[] = {"GPS",  "CAM",     "THUMB",    "xmpmeta", "second",
                                           "iptc", "comment", "and more", "hangs"};
        static const char *const stay[] = {"quantisation", "frame", "huffman", "scan", "colours"};
        CLEANUP(buffer_deinit) struct buffer in = BUFFER_INIT;

        (void)state;
        camera_jpeg(&in, 6);
        for (size_t piece = 1; piece < 40; piece++) {
                CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;

                assert_int_equal(filter(jpeg, buffer_view(&in), piece, &out), 0);
                for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
                        assert_false(has(&out, gone[i]));
                for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++)
                        assert_true(has(&out, stay[i]));
                assert_non_null(memmem(out.data, out.size, scan, SCAN_SIZE));
                assert_memory_equal(out.data + out.size - 2, "\xff\xd9", 2);
        }
}

/* Read the way a viewer does: the second entry of the one Exif block there is. */
static void test_the_orientation_stays_and_is_all_that_exif_says(void **state)
{
        static const char wanted[] = "\xff\xe1\0\x22"
                                     "Exif\0\0MM\0*\0\0\0\10\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0";

        (void)state;
        for (uint8_t orientation = 0; orientation <= 9; orientation++) {
                CLEANUP(buffer_deinit) struct buffer in = BUFFER_INIT;
                CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
                const uint8_t *exif;

                camera_jpeg(&in, orientation);
                assert_int_equal(filter(jpeg, buffer_view(&in), 64, &out), 0);
                exif = memmem(out.data, out.size, "Exif", 4);
                assert_int_equal(exif != NULL, orientation >= 2 && orientation <= 8);
                if (exif)
                        assert_int_equal(exif[25], orientation);
                if (orientation == 6)
                        assert_memory_equal(exif - 4, wanted, sizeof(wanted));
        }
}

static void test_what_came_out_goes_through_unchanged(void **state)
{
        CLEANUP(buffer_deinit) struct buffer in = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer once = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer twice = BUFFER_INIT;

        (void)state;
        camera_jpeg(&in, 3);
        assert_int_equal(filter(jpeg, buffer_view(&in), 100, &once), 0);
        assert_int_equal(filter(jpeg, buffer_view(&once), 100, &twice), 0);
        assert_true(bytes_equal(buffer_view(&once), buffer_view(&twice)));
}

static void test_a_jpeg_that_is_cut_is_not_whole(void **state)
{
        CLEANUP(buffer_deinit) struct buffer in = BUFFER_INIT;
        size_t tail = strlen("what a phone hangs on behind it");

        (void)state;
        camera_jpeg(&in, 1);
        for (size_t size = 0; size < in.size - tail; size++) {
                CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;

                assert_int_equal(filter(jpeg, BYTES(in.data, size), 512, &out), PANNIER_E_INVALID);
        }
}

static void refused(const char *media, const char *bytes, size_t size)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;

        assert_int_equal(filter(media, BYTES(bytes, size), size, &out), PANNIER_E_INVALID);
}

static void test_what_is_no_picture_is_refused(void **state)
{
        (void)state;
        refused(jpeg, "GIF89a", 6);
        refused(jpeg, "\xff\xd8\xff\xd9", 4);                      /* no picture */
        refused(jpeg, "\xff\xd8\xff\xc0\0\1", 6);                  /* a length that is none */
        refused(jpeg, "\xff\xd8\xff\xda\0\4ab", 8);                /* a scan before its frame */
        refused(jpeg, "\xff\xd8\xff\xd8", 4);                      /* a second beginning */
        refused(jpeg, "\xff\xd8junk", 6);                          /* bytes in between */
        refused(png, "\x89PNG\r\n\x1a\r", 8);                      /* newlines were translated */
        refused(png, "\x89PNG\r\n\x1a\n\0\0\0\0IEND\0\0\0\0", 20); /* no header */
        refused("application/pdf", "%PD", 3);
        refused("application/pdf", "<html>", 6);
        refused("text/html", "<html>", 6);
}

static void chunk(struct buffer *out, const char *type, const char *content)
{
        size_t size = strlen(content);
        const uint8_t head[] = {0, 0, 0, (uint8_t)size};

        buffer_append(out, BYTES(head, sizeof(head)));
        buffer_append_text(out, type);
        buffer_append_text(out, content);
        buffer_append_text(out, "sum.");
}

static void test_a_png_keeps_its_picture_and_loses_its_texts(void **state)
{
        CLEANUP(buffer_deinit) struct buffer in = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer wanted = BUFFER_INIT;

        (void)state;
        buffer_append(&in, BYTES("\x89PNG\r\n\x1a\n", 8));
        buffer_append(&wanted, buffer_view(&in));
        chunk(&in, "IHDR", "thirteenbytes");
        chunk(&in, "tEXt", "Location 53.4794N");
        chunk(&in, "eXIf", "II*");
        chunk(&in, "IDAT", "picture");
        chunk(&in, "tIME", "2026");
        chunk(&in, "IEND", "");
        buffer_append_text(&in, "behind it");
        chunk(&wanted, "IHDR", "thirteenbytes");
        chunk(&wanted, "IDAT", "picture");
        chunk(&wanted, "IEND", "");
        assert_int_equal(filter(png, buffer_view(&in), 5, &out), 0);
        assert_true(bytes_equal(buffer_view(&out), buffer_view(&wanted)));
}

static void test_a_png_with_a_critical_chunk_that_nobody_knows_is_refused(void **state)
{
        CLEANUP(buffer_deinit) struct buffer in = BUFFER_INIT;

        (void)state;
        buffer_append(&in, BYTES("\x89PNG\r\n\x1a\n", 8));
        chunk(&in, "IHDR", "thirteenbytes");
        chunk(&in, "ZZZZ", "picture");
        refused(png, (const char *)in.data, in.size);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_jpeg_keeps_its_picture_and_loses_what_was_written_about_it),
                cmocka_unit_test(test_the_orientation_stays_and_is_all_that_exif_says),
                cmocka_unit_test(test_what_came_out_goes_through_unchanged),
                cmocka_unit_test(test_a_jpeg_that_is_cut_is_not_whole),
                cmocka_unit_test(test_what_is_no_picture_is_refused),
                cmocka_unit_test(test_a_png_keeps_its_picture_and_loses_its_texts),
                cmocka_unit_test(test_a_png_with_a_critical_chunk_that_nobody_knows_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
