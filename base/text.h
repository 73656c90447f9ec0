#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>

/* Text of strangers, before it comes to a terminal or a log. */

/*
 * The UTF-8 character (RFC 3629) at ${s}, which is not at its end: its length
 * and number, or 0 when these bytes are none.
 */
size_t text_utf8(const char *s, unsigned long *number);

/*
 * Does it change a terminal's state or the order of what is shown: control
 * characters of both sets, what is not seen, what turns the direction?
 */
int text_hostile(unsigned long number);

#endif
