#ifndef RIG_REVDB_H
#define RIG_REVDB_H

#include <sys/types.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * A CA's lists of serials, as text files that are only appended to, so that
 * several programs can write them: "SERIAL" a line (issued.txt), or "SERIAL
 * TIME REASON" and "SERIAL - -" (revoked.txt).  The last line of a serial
 * counts.  A serial is lower-case hex without leading zero bytes.
 */

struct rev {
	char		 serial[44];	/* at most 21 bytes in hex */
	int		 on;		/* revoked (issued), not taken back */
	int		 reason;	/* CRLReason, or -1: none was given */
	time_t		 at;
};

struct revdb {
	char		*path;
	struct rev	*rows;
	size_t		 n, cap;
	uint32_t	*index;		/* hash table: row + 1 */
	size_t		 nindex;
	off_t		 done;		/* bytes of the file that were read */
	ino_t		 inode;
	uint64_t	 version;	/* one more for each change */
};

/* Use this file, which need not exist; the path is copied. */
void revdb_open(struct revdb *, const char *);
void revdb_free(struct revdb *);

/* Read what is new in the file. */
void revdb_refresh(struct revdb *);

/* The row of a serial (as above), or NULL. */
const struct rev *revdb_find(const struct revdb *, const char *);

/* Append the line of a row to a file. */
int revdb_append(const char *, const struct rev *, struct err *);

/* Append a line to a file with serials alone. */
int revdb_issued(const char *, const char *, struct err *);

/*
 * The serial in our form: from hex in any form (colons, 0x, capitals), from
 * the content of an INTEGER.  -1: none, or too long.
 */
int revdb_serial(const char *, char [static 44]);
int revdb_integer(struct span, char [static 44]);

/* The content of an INTEGER from a serial in our form. */
void revdb_bytes(const char *, struct buf *);

/* The reason of a name or number, -1 when there is none; its name. */
int revdb_reason(const char *);
const char *revdb_reason_name(int);

/* A time: RFC 3339 in UTC, or "-SECONDS" from now; -1 when it is none. */
int revdb_time(const char *, time_t *);

#endif
