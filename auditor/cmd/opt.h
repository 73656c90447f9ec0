#ifndef AUDITOR_CMD_OPT_H
#define AUDITOR_CMD_OPT_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/cmd/cmd.h"
#include "auditor/db/db.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * Options of one command: "--name VALUE" or "--name=VALUE", anywhere; "--"
 * ends them, "-" alone is an argument.
 */

/* Words, borrowed from argv; free() v. */
struct opt_list {
	const char	**v;
	size_t		  n;
	size_t		  cap;
};

struct opt {
	const char	 *name;		/* with its dashes */
	int		 *flag;		/* one of these three: set to 1, */
	const char	**value;	/* set to its value, */
	struct opt_list	 *list;		/* or its value is added */
};

/*
 * Take the options out of argv[1..]; what is left goes to ${rest}.  0, or 64
 * after the fault and the usage line were printed.
 */
int opt_parse(const struct cmd *, const struct opt *, size_t n, int argc,
    char **argv, struct opt_list *rest);

/* Add the words of a comma-separated text; *own (free()) holds them. */
void opt_split(const char *text, struct opt_list *, char **own);

/*
 * A duration like 90s, 30m, 6h, 1d, in seconds: 0, or -1 ERR_USAGE, about the
 * ${option} that it was given to.
 */
int opt_duration(const char *option, const char *, int64_t *, struct err *);

/*
 * A moment like 2027-06-01 or RFC 3339, in microseconds; a date alone means
 * its end when ${last}.  0, or -1 ERR_USAGE: the message begins with the
 * ${option} that it was given to.
 */
int opt_moment(const char *option, const char *, int last, int64_t *,
    struct err *);

/* Print one line of text columns, each cleaned, padded to ${width}s. */
void opt_row(const char *const *cols, const int *width, size_t n);

/* The strings of a text[] joined by ", ", at most ${max} and a count. */
void opt_join(const struct db_res *, size_t row, size_t col, size_t max,
    struct buf *);

/*
 * Read all of a file, "-" is standard input; at most ${cap} bytes.  0, or -1
 * ERR_SYS (ERR_NOENT, ERR_PERM), ERR_LIMIT.
 */
int opt_file(const char *path, size_t cap, struct buf *, struct err *);

#endif
