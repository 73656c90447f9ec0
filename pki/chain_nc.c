#include "pki/chain_nc.h"

#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "base/mem.h"
#include "pki/chain_nc_name.h"
#include "pki/dn.h"

/* One GeneralSubtree. */
struct subtree {
	unsigned	kind;		/* enum nc_kind */
	int		excluded;
	struct span	v;		/* body; of a directoryName canonical,
					   into nc.canon once all are read */
	size_t		at;		/* offset there */
};

struct nc {
	struct subtree	*v;
	size_t		 n, cap;
	struct buf	 canon;
	unsigned	 kinds;		/* 1 << kind of any subtree */
	unsigned	 permitted;	/* 1 << kind of a permitted one */
};

static const char	malformed[] = "name constraints cannot be read "
			    "(RFC 5280, 4.2.1.10)";

static void
nc_free(struct nc *nc)
{
	free(nc->v);
	buf_free(&nc->canon);
}

/* One GeneralSubtree: NULL or why not. */
static const char *
read_subtree(struct nc *nc, struct span body, int excluded)
{
	struct cur	c = cur_span(body);
	struct subtree	*s;
	struct der	d;

	if (der_next(&c, &d) == -1)
		return malformed;
	/* minimum must be 0 and is not written then; no maximum. */
	if (cur_left(&c) != 0)
		return "name constraints with minimum or maximum "
		    "(RFC 5280, 4.2.1.10)";
	nc->v = mem_grow(nc->v, &nc->cap, nc->n + 1, sizeof(*nc->v));
	s = &nc->v[nc->n++];
	s->kind = d.tag & 0x1f;
	s->excluded = excluded;
	s->v = d.body;
	s->at = nc->canon.n;
	if (s->kind >= NC_KINDS)
		return malformed;
	if (s->kind == NC_DIR) {
		/* [4] is explicit: the body is a whole Name. */
		if (dn_canon(d.body, &nc->canon) == -1)
			return malformed;
		s->v.n = nc->canon.n - s->at;
	} else if (!nc_base_ok(s->kind, s->v))
		return "a name constraint is malformed (RFC 5280, 4.2.1.10)";
	nc->kinds |= 1u << s->kind;
	if (!excluded)
		nc->permitted |= 1u << s->kind;
	return NULL;
}

static const char *
read_subtrees(struct nc *nc, struct span body, int excluded)
{
	struct cur	c = cur_span(body);
	const char	*bad = NULL;
	struct der	d;

	if (body.n == 0)
		return malformed;
	while (bad == NULL && cur_left(&c) != 0) {
		if (der_want(&c, DER_SEQ, &d) == -1)
			return malformed;
		bad = read_subtree(nc, d.body, excluded);
	}
	return bad;
}

static const char *
nc_read(struct nc *nc, struct span value)
{
	const char	*bad = NULL;
	struct span	body;
	struct cur	c;
	struct der	d;
	uint8_t		last = 0x9f;
	size_t		i;

	/* At least one of the two (RFC 5280, 4.2.1.10). */
	if (der_only(value, DER_SEQ, &body) == -1 || body.n == 0)
		return malformed;
	for (c = cur_span(body); bad == NULL && cur_left(&c) != 0;) {
		if (der_next(&c, &d) == -1 || d.tag <= last || d.tag > 0xa1)
			return malformed;
		last = d.tag;
		bad = read_subtrees(nc, d.body, d.tag == 0xa1);
	}
	for (i = 0; i < nc->n; i++)
		if (nc->v[i].kind == NC_DIR && nc->canon.n != 0)
			nc->v[i].v.p = nc->canon.p + nc->v[i].at;
	return bad;
}

/* Bytes of a Name that cost as much as a comparison. */
#define CANON_BYTES	16

static const char *
spend(size_t *left, size_t n)
{
	if (*left < n)
		return "too many names and name constraints to compare";
	*left -= n;
	return NULL;
}

/* The canonical form of a Name, emptied first: NULL or why not. */
static const char *
canon_of(struct span name, struct buf *out, size_t *left, const char *bad)
{
	const char	*why = spend(left, name.n / CANON_BYTES);

	buf_reset(out);
	if (why == NULL && dn_canon(name, out) == -1)
		why = bad;
	return why;
}

/* One name against all subtrees of its kind. */
static const char *
check_name(const struct nc *nc, unsigned kind, struct span name,
    size_t *left)
{
	int		 allowed = (nc->permitted >> kind & 1) == 0;
	const char	*bad;
	size_t		 i;

	/* OpenSSL, which comes next, looks at those of other kinds, too. */
	if ((bad = spend(left, nc->n)) != NULL)
		return bad;
	if ((nc->kinds >> kind & 1) == 0)
		return NULL;
	if (!nc_kind_known(kind))
		return "a name is constrained in a way that is not known "
		    "(RFC 5280, 4.2.1.10)";
	if (kind != NC_DIR && !nc_name_ok(kind, name))
		return "a constrained name is malformed "
		    "(RFC 5280, 4.2.1.6)";
	for (i = 0; i < nc->n; i++) {
		if (nc->v[i].kind != kind)
			continue;
		if (nc->v[i].excluded) {
			if (nc_touches(kind, name, nc->v[i].v))
				return "a name is excluded by name "
				    "constraints (RFC 5280, 6.1.3 c)";
		} else if (!allowed)
			allowed = nc_within(kind, name, nc->v[i].v);
	}
	return allowed ? NULL : "a name is not permitted by name "
	    "constraints (RFC 5280, 6.1.3 b)";
}

/* The subject of a certificate and, without a SAN, mail addresses in it. */
static const char *
check_subject(const struct nc *nc, const struct chain_cert *c,
    size_t *left)
{
	static const char	oid[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01";
	struct buf		canon = BUF_INIT;
	struct dn_walk		walk;
	struct dn_attr		a;
	const char		*bad = NULL;

	if (dn_empty(c->t.subject))
		return NULL;
	if ((nc->kinds >> NC_DIR & 1) != 0)
		bad = canon_of(c->t.subject, &canon, left, "the subject "
		    "cannot be read (RFC 5280, 4.1.2.6)");
	if (bad == NULL && (nc->kinds >> NC_DIR & 1) != 0)
		bad = check_name(nc, NC_DIR, buf_bytes(&canon), left);
	buf_free(&canon);
	if (bad != NULL || c->t.san.p != NULL ||
	    dn_begin(&walk, c->t.subject) == -1)
		return bad;
	while (bad == NULL && dn_next(&walk, &a) == 1)
		if (CHAIN_IS(a.oid, oid))
			bad = check_name(nc, NC_MAIL, a.value, left);
	return bad;
}

static const char *
check_san(const struct nc *nc, struct span san, size_t *left)
{
	struct buf	canon = BUF_INIT;
	struct cur	c = cur_span(san);
	const char	*bad = NULL;
	struct der	d;
	struct span	name;
	size_t		n = 0;

	while (bad == NULL && cur_left(&c) != 0) {
		if (++n > LIMIT_CHAIN_SANS)
			bad = "too many names to compare with name "
			    "constraints";
		else if (der_next(&c, &d) == -1 || (d.tag & 0x1f) >= NC_KINDS)
			bad = "subjectAltName cannot be read "
			    "(RFC 5280, 4.2.1.6)";
		if (bad != NULL)
			break;
		name = d.body;
		if ((d.tag & 0x1f) == NC_DIR) {
			bad = canon_of(d.body, &canon, left,
			    "subjectAltName cannot be read "
			    "(RFC 5280, 4.2.1.6)");
			name = buf_bytes(&canon);
		}
		if (bad == NULL)
			bad = check_name(nc, d.tag & 0x1f, name, left);
	}
	buf_free(&canon);
	return bad;
}

/* The names of all that is below path[at]. */
static const char *
check_below(struct chain_cert *const *path, size_t at, const struct nc *nc,
    size_t *left)
{
	const char	*bad = NULL;
	size_t		 i;

	for (i = 0; i < at && bad == NULL; i++) {
		if (i != 0 && chain_self_issued(path[i]))
			continue;
		bad = check_subject(nc, path[i], left);
		if (bad == NULL)
			bad = check_san(nc, path[i]->t.san, left);
	}
	return bad;
}

const char *
chain_nc_path(struct chain_cert *const *path, size_t n, size_t *left)
{
	const struct chain_exts	*x;
	const char		*bad = NULL;
	struct nc		 nc;
	size_t			 i;

	for (i = 1; i < n && bad == NULL; i++) {
		x = chain_cert_exts(path[i]);
		if (!chain_has(x, CHAIN_EXT_NC))
			continue;
		memset(&nc, 0, sizeof(nc));
		bad = spend(left, x->value[CHAIN_EXT_NC].n / CANON_BYTES);
		if (bad == NULL)
			bad = nc_read(&nc, x->value[CHAIN_EXT_NC]);
		if (bad == NULL)
			bad = check_below(path, i, &nc, left);
		nc_free(&nc);
	}
	return bad;
}
