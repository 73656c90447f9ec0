#include "auditor/net/dnsmsg.h"

#include <arpa/nameser.h>
#include <ctype.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/limit.h"
#include "base/mem.h"

#define HEADER		12
#define FLAG_QR		0x8000u
#define FLAG_TC		0x0200u
#define FLAG_RD		0x0100u
#define FLAG_RA		0x0080u
#define FLAG_AD		0x0020u
#define OPCODE		0x7800u
#define UDP_SIZE	1232	/* what passes everywhere in one piece */
#define LABEL_MAX	63
#define NAME_MAX_WIRE	255

/* A record of the answer section. */
struct rec {
	uint16_t	type;
	uint32_t	ttl;
	struct span	rdata;
	size_t		owner;	/* in names */
};

struct answer {
	ns_msg		 h;
	struct rec	*v;	/* owned */
	size_t		 n;
	struct buf	 names;	/* owned: zero-terminated, lower case */
};

/* Bytes that are written as they are; no name that we ask for has others. */
static int
plain(const char *p, size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++)
		if (p[i] <= ' ' || p[i] > '~' ||
		    strchr("\"\\;()@$", p[i]) != NULL)
			return 0;
	return 1;
}

int
dnsmsg_name(struct buf *b, const char *name, struct err *e)
{
	const char	*p, *dot;
	size_t		 n, total = 1;

	for (p = name; ; p = dot + 1) {
		dot = strchr(p, '.');
		n = dot != NULL ? (size_t)(dot - p) : strlen(p);
		total += n + 1;
		if (n == 0 || n > LABEL_MAX || total > NAME_MAX_WIRE ||
		    !plain(p, n))
			return err_set(e, ERR_FORMAT, "\"%.80s\" is no name "
			    "that DNS could know", name);
		buf_u8(b, (uint8_t)n);
		buf_add(b, p, n);
		if (dot == NULL)
			break;
	}
	buf_u8(b, 0);
	return 0;
}

int
dnsmsg_question(struct buf *b, const struct dnsmsg_question *q, int how,
    struct err *e)
{
	buf_u16(b, q->id);
	buf_u16(b, how & DNSMSG_DIRECT ? 0 : FLAG_RD | FLAG_AD);
	buf_u16(b, 1);
	buf_u16(b, 0);
	buf_u16(b, 0);
	buf_u16(b, how & DNSMSG_EDNS ? 1 : 0);
	if (dnsmsg_name(b, q->name, e) != 0)
		return -1;
	buf_u16(b, q->type);
	buf_u16(b, ns_c_in);
	if ((how & DNSMSG_EDNS) == 0)
		return 0;
	buf_u8(b, 0);
	buf_u16(b, ns_t_opt);
	buf_u16(b, UDP_SIZE);
	buf_u32(b, 0);		/* version 0, DO not set */
	buf_u16(b, 0);
	return 0;
}

static void
lower(char *s)
{
	for (; *s != '\0'; s++)
		*s = (char)tolower((unsigned char)*s);
}

/* Is the one question in it ours?  1, 0. */
static int
same_question(struct span b, uint16_t count,
    const struct dnsmsg_question *q)
{
	char		name[NS_MAXDNAME];
	struct cur	k;
	uint16_t	type, class;
	int		n;

	if (count != 1)
		return 0;
	n = dn_expand(b.p, b.p + b.n, b.p + HEADER, name, sizeof(name));
	if (n < 0 || strcasecmp(name, q->name) != 0)
		return 0;
	k = cur_span(b);
	return cur_skip(&k, HEADER + (size_t)n) == 0 &&
	    cur_u16(&k, &type) == 0 && cur_u16(&k, &class) == 0 &&
	    type == q->type && class == ns_c_in;
}

/* The header: 1 ours, 0 not ours; *flags. */
static int
read_header(struct dnsmsg *m, struct span b,
    const struct dnsmsg_question *q, uint16_t *flags)
{
	struct cur	k = cur_span(b);
	uint16_t	id, count;

	if (b.n < HEADER || cur_u16(&k, &id) != 0 ||
	    cur_u16(&k, flags) != 0 || cur_u16(&k, &count) != 0 ||
	    id != q->id || (*flags & FLAG_QR) == 0 || (*flags & OPCODE) != 0)
		return 0;
	m->rcode = *flags & 0xf;
	m->cut = (*flags & FLAG_TC) != 0;
	m->ad = (*flags & FLAG_AD) != 0;
	/* Who cannot read a question cannot repeat it. */
	if (count == 0 && (m->rcode == DNSMSG_FORMERR ||
	    m->rcode == DNSMSG_NOTIMP))
		return 1;
	return same_question(b, count, q);
}

static int
bad(struct err *e, const char *what)
{
	return err_set(e, ERR_FORMAT, "the answer is not well formed: %s",
	    what);
}

/* RFC 2181 section 8: the highest bit set means zero. */
static uint32_t
ttl_of(uint32_t ttl)
{
	return ttl > INT32_MAX ? 0 : ttl;
}

static int
read_records(struct answer *a, struct err *e)
{
	struct rec	*r;
	ns_rr		 rr;
	const char	*name;
	size_t		 i, n = ns_msg_count(a->h, ns_s_an);

	if (n > LIMIT_DNS_RRS)
		return err_set(e, ERR_LIMIT, "the answer has %zu records; at "
		    "most %d are read", n, LIMIT_DNS_RRS);
	a->v = mem_array(n, sizeof(*a->v));
	for (i = 0; i < n; i++) {
		if (ns_parserr(&a->h, ns_s_an, (int)i, &rr) != 0)
			return bad(e, "a record");
		if (ns_rr_class(rr) != ns_c_in)
			continue;
		r = &a->v[a->n++];
		r->type = (uint16_t)ns_rr_type(rr);
		r->ttl = ttl_of(ns_rr_ttl(rr));
		r->rdata.p = ns_rr_rdata(rr);
		r->rdata.n = ns_rr_rdlen(rr);
		r->owner = a->names.n;
		name = ns_rr_name(rr);
		buf_add(&a->names, name, strlen(name) + 1);
		lower((char *)a->names.p + r->owner);
	}
	return 0;
}

static const char *
owner(const struct answer *a, const struct rec *r)
{
	return buf_text(&a->names) + r->owner;
}

/* The name at the start of a record's data, as text; it must be all of it. */
static int
target(const struct answer *a, const struct rec *r, char *out, size_t size)
{
	int	n;

	n = dn_expand(ns_msg_base(a->h), ns_msg_end(a->h), r->rdata.p, out,
	    (int)size);
	if (n < 0 || (size_t)n != r->rdata.n)
		return -1;
	lower(out);
	return 0;
}

static const struct rec *
find_cname(const struct answer *a, const char *name)
{
	size_t	i;

	for (i = 0; i < a->n; i++)
		if (a->v[i].type == ns_t_cname &&
		    strcmp(owner(a, &a->v[i]), name) == 0)
			return &a->v[i];
	return NULL;
}

/* From the name that was asked for to the one that has the records. */
static int
follow(struct dnsmsg *m, const struct answer *a, uint16_t type,
    struct err *e)
{
	const struct rec	*r;
	size_t			 hops = 0;

	if (type == ns_t_cname)
		return 0;
	while ((r = find_cname(a, m->owner)) != NULL) {
		if (++hops > LIMIT_DNS_CNAMES)
			return err_set(e, ERR_LIMIT, "more than %d CNAMEs "
			    "lead on from the name", LIMIT_DNS_CNAMES);
		if (target(a, r, m->owner, sizeof(m->owner)) != 0)
			return bad(e, "a CNAME");
		if (r->ttl < m->ttl)
			m->ttl = r->ttl;
	}
	return 0;
}

/* Types whose data may have a compressed name in it. */
static int
has_name(uint16_t type)
{
	return type == ns_t_ns || type == ns_t_cname || type == ns_t_ptr ||
	    type == ns_t_mx;
}

/* Data with its name written whole; that of other types as it is. */
static int
whole_rdata(struct dnsmsg *m, const struct answer *a, const struct rec *r,
    struct span *out)
{
	size_t	fixed = r->type == ns_t_mx ? 2 : 0;
	uint8_t	*to;
	int	n;

	*out = r->rdata;
	if (!has_name(r->type))
		return 0;
	if (r->rdata.n < fixed)
		return -1;
	/* All of them were made room for: it does not move. */
	to = buf_room(&m->whole, 2 + NAME_MAX_WIRE);
	memcpy(to, r->rdata.p, fixed);
	n = ns_name_unpack(ns_msg_base(a->h), ns_msg_end(a->h),
	    r->rdata.p + fixed, to + fixed, NAME_MAX_WIRE);
	if (n < 0 || fixed + (size_t)n != r->rdata.n)
		return -1;
	out->p = to;
	out->n = fixed;
	while (to[out->n] != 0)
		out->n += (size_t)to[out->n] + 1;
	out->n++;
	m->whole.n += out->n;
	return 0;
}

static int
take_records(struct dnsmsg *m, const struct answer *a, uint16_t type,
    struct err *e)
{
	struct probe_rr		*rr;
	const struct rec	*r;
	size_t			 i;

	if (has_name(type))
		(void)buf_room(&m->whole, (PROBE_RRS + 1) *
		    (2 + NAME_MAX_WIRE));
	for (i = 0; i < a->n; i++) {
		r = &a->v[i];
		if (r->type != type || strcmp(owner(a, r), m->owner) != 0)
			continue;
		if (m->n >= PROBE_RRS)
			return err_set(e, ERR_LIMIT, "the name has more than "
			    "%d records of the type", PROBE_RRS);
		rr = &m->rr[m->n];
		rr->owner = m->owner;
		rr->ttl = r->ttl;
		if (whole_rdata(m, a, r, &rr->rdata) != 0)
			return bad(e, "a name in a record");
		m->n++;
		if (r->ttl < m->ttl)
			m->ttl = r->ttl;
	}
	return 0;
}

/* How long there is none: RFC 2308 section 5.  1 when it says so, 0 not. */
static int
negative_ttl(const ns_rr *rr, uint32_t *ttl)
{
	struct cur	k = cur_of(ns_rr_rdata(*rr), ns_rr_rdlen(*rr));
	uint32_t	minimum;
	int		i, n;

	for (i = 0; i < 2; i++) {
		n = dn_skipname(k.p, k.end);
		if (n < 0 || cur_skip(&k, (size_t)n) != 0)
			return 0;
	}
	if (cur_skip(&k, 16) != 0 || cur_u32(&k, &minimum) != 0)
		return 0;
	minimum = ttl_of(minimum);
	*ttl = ttl_of(ns_rr_ttl(*rr));
	if (minimum < *ttl)
		*ttl = minimum;
	return 1;
}

/* The SOA of a negative answer, and the upper bits of the response code. */
static int
read_others(struct dnsmsg *m, struct answer *a, int *soa, struct err *e)
{
	ns_rr		rr;
	uint32_t	ttl;
	int		i;

	for (i = 0; i < ns_msg_count(a->h, ns_s_ns) && i < LIMIT_DNS_RRS;
	    i++) {
		if (ns_parserr(&a->h, ns_s_ns, i, &rr) != 0)
			return bad(e, "a record of the authority section");
		if (ns_rr_type(rr) != ns_t_soa || m->n != 0 ||
		    !negative_ttl(&rr, &ttl))
			continue;
		*soa = 1;
		memcpy(m->soa, ns_rr_name(rr), strlen(ns_rr_name(rr)) + 1);
		lower(m->soa);
		if (ttl < m->ttl)
			m->ttl = ttl;
	}
	for (i = 0; i < ns_msg_count(a->h, ns_s_ar) && i < LIMIT_DNS_RRS;
	    i++) {
		if (ns_parserr(&a->h, ns_s_ar, i, &rr) != 0)
			return bad(e, "a record of the additional section");
		if (ns_rr_type(rr) == ns_t_opt)
			m->rcode |= (int)(ns_rr_ttl(rr) >> 24) << 4;
	}
	return 0;
}

static int
read_sections(struct dnsmsg *m, struct answer *a,
    const struct dnsmsg_question *q, int *soa, struct err *e)
{
	if (read_records(a, e) != 0 || follow(m, a, q->type, e) != 0 ||
	    take_records(m, a, q->type, e) != 0)
		return -1;
	return read_others(m, a, soa, e);
}

int
dnsmsg_read(struct dnsmsg *m, struct span b,
    const struct dnsmsg_question *q, struct err *e)
{
	struct answer	a;
	uint16_t	flags = 0;
	int		r, soa = 0;

	memset(&a, 0, sizeof(a));
	buf_reset(&m->whole);
	m->n = 0;
	m->lame = 0;
	m->soa[0] = '\0';
	m->ttl = UINT32_MAX;
	if (read_header(m, b, q, &flags) == 0)
		return 0;
	if (m->cut)
		return 1;
	if (strlen(q->name) >= sizeof(m->owner))
		return bad(e, "a long name");
	memcpy(m->owner, q->name, strlen(q->name) + 1);
	lower(m->owner);
	if (b.n > UINT16_MAX || ns_initparse(b.p, (int)b.n, &a.h) != 0)
		return bad(e, "its sections");
	r = read_sections(m, &a, q, &soa, e);
	free(a.v);
	buf_free(&a.names);
	if (r != 0)
		return -1;
	/* What comes with an error is no answer. */
	if (m->rcode != DNSMSG_NOERROR)
		m->n = 0;
	if (m->ttl == UINT32_MAX || (m->n == 0 && !soa))
		m->ttl = 0;
	m->lame = m->rcode == DNSMSG_NOERROR && m->n == 0 && !soa &&
	    (flags & FLAG_RA) == 0;
	return 1;
}

void
dnsmsg_free(struct dnsmsg *m)
{
	buf_free(&m->whole);
	m->n = 0;
}
