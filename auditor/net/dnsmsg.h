#ifndef AUDITOR_NET_DNSMSG_H
#define AUDITOR_NET_DNSMSG_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/role/probe.h"
#include "base/buf.h"
#include "base/cur.h"

struct err;

/*
 * DNS messages: a question, and what an answer says to it.  Pure.  The C
 * library's <arpa/nameser.h> takes them apart; it hands out the data of a
 * record as it came, also of one that is not well formed.
 */
struct dnsmsg_question {
	uint16_t	id;
	uint16_t	type;
	const char	*name;	/* no trailing dot, any case */
};

/* Response codes (RFC 1035, RFC 6891) that are treated in their own way. */
enum {
	DNSMSG_NOERROR = 0,
	DNSMSG_FORMERR = 1,
	DNSMSG_NXDOMAIN = 3,
	DNSMSG_NOTIMP = 4,
	DNSMSG_BADVERS = 16
};

/* How a question is put. */
enum {
	DNSMSG_EDNS = 1,	/* with an OPT record */
	DNSMSG_DIRECT = 2	/* to a server that is to say what it has
				   itself: no recursion, no validation */
};

/* What the answer says. */
struct dnsmsg {
	int		rcode;
	int		cut;	/* TC: nothing else but rcode was read */
	int		ad;	/* the resolver says that it validated */
	int		lame;	/* neither records, nor proof that there are
				   none, nor recursion: no answer */
	uint32_t	ttl;	/* least; of SOA when there is no record */
	size_t		n;
	struct probe_rr	rr[PROBE_RRS];
	char		owner[1025];	/* of all of them */
	char		soa[1025];	/* owner of the SOA of a negative
					   answer, lower case; "": none */
	struct buf	whole;	/* owned: names of rdata, uncompressed */
};

/*
 * Append a name as it stands on the wire, in its own case; ${name} has no
 * trailing dot.  0, or -1 ERR_FORMAT when it is none.
 */
int dnsmsg_name(struct buf *, const char *name, struct err *);

/*
 * Append a question: recursion desired, AD set (RFC 6840 section 5.7: say
 * what was validated), neither with DNSMSG_DIRECT in ${how}; with DNSMSG_EDNS
 * an OPT record (RFC 6891) that allows 1,232 bytes.  0, or -1 ERR_FORMAT when
 * the name is none.
 */
int dnsmsg_question(struct buf *, const struct dnsmsg_question *, int how,
    struct err *);

/*
 * Read an answer.  1: it is one to that question, *m is filled in and borrows
 * from ${bytes}; 0: it is not, and to be ignored; -1 ERR_FORMAT or ERR_LIMIT.
 * CNAMEs of the answer are followed, unless they were asked for; records are
 * those of the type at the last name.
 */
int dnsmsg_read(struct dnsmsg *, struct span bytes,
    const struct dnsmsg_question *, struct err *);

/* Free what it owns; *m can be read into again. */
void dnsmsg_free(struct dnsmsg *);

#endif
