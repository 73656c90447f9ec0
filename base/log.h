#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>

/*
 * One line an event on stderr (or on a descriptor given): subject first, then
 * a sentence.  Control bytes are written as \xNN, so that hostile text cannot
 * forge a line.  Under systemd (JOURNAL_STREAM) lines start with "<N>".
 */

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Who speaks ("engine", "fetch"), the least important level that is written. */
void log_open(const char *, enum log_level);

/* Write lines to ${fd} instead of stderr (a judge's socket, a test's file). */
void log_to(int);

/* Is ${fd} a terminal that takes control sequences (TERM)? */
int log_terminal(int fd);

/* How many columns it has; 80 when it does not say. */
int log_columns(int fd);

/*
 * Somebody shows progress on the last line of stderr's terminal: lines take
 * its place, and it is shown again below them.  Nothing where log_terminal()
 * says no.
 */
void log_over(void);

/* The level in force. */
enum log_level log_level(void);

/* Write one line: "subject: sentence".  ${subject} may be NULL. */
void log_line(enum log_level, const char *, const char *, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(...)	log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)	log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)	log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	log_line(LOG_DEBUG, __VA_ARGS__)

#endif
