#include "pki/watch.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha.h"
#include "pki/name.h"
#include "pki/watch_img.h"

/* The text of a record, and its length. */
static inline const char *
rec_text(const uint8_t *r)
{
	return (const char *)r + 2;
}

size_t
watch_count(const struct watch_set *s)
{
	return s->head->n;
}

const char *
watch_text(const struct watch_set *s, uint32_t w)
{
	return rec_text(watch_rec(s, w));
}

const uint8_t *
watch_sha256(const struct watch_set *s)
{
	return s->head->sha256;
}

/* Does an exclusion cover this name as a whole? */
static int
excludes(const char *not, const char *name)
{
	struct watch_ip	a, b;
	size_t		nn, n;

	switch (watch_kind_of(not)) {
	case WATCH_ADDR:
		return watch_ip_parse(not, &a) == 0 &&
		    watch_ip_parse(name, &b) == 0 && watch_ip_inside(&b, &a);
	case WATCH_DEEP:
		nn = strlen(not + 1);
		n = strlen(name);
		if (n < nn || strcmp(name + n - nn, not + 1) != 0)
			return 0;
		return n == nn || name[n - nn - 1] == '.';
	case WATCH_EXACT:
		return strcmp(not, name) == 0;
	case WATCH_ALL:
	case WATCH_KEY:
	case WATCH_KINDS:
		break;
	}
	return 0;
}

static int
is_excluded(const struct watch_set *s, uint32_t w, const char *name)
{
	uint32_t	lo = 0, hi = s->head->nnot, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (s->not[mid].watch < w)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < s->head->nnot && s->not[lo].watch == w; lo++)
		if (excludes(rec_text(s->text + s->not[lo].off), name))
			return 1;
	return 0;
}

void
match_add(struct match *m, uint32_t w, const char *name)
{
	size_t	i, n = m->n < m->max ? m->n : m->max;

	if (m->n > m->max)
		return;
	for (i = 0; i < n; i++)
		if (m->hits[i].watch == w)
			return;
	if (name != NULL && (watch_rec(m->set, w)[0] & WATCH_HAS_NOT) &&
	    is_excluded(m->set, w, name)) {
		if (w == m->set->head->all)
			m->spared = 1;
		return;
	}
	if (m->n < m->max) {
		m->hits[m->n].watch = w;
		name_display_as(m->raw.p, m->raw.n, m->code,
		    m->hits[m->n].name, WATCH_NAME);
	}
	m->n++;
}

/* The watches whose name is buf[from..n), which has that hash. */
static void
probe(struct match *m, size_t from, uint64_t h, int whole)
{
	const struct watch_set	*s = m->set;
	const char		*name = (const char *)m->scan.buf + from;
	size_t			 n = m->scan.n - from;
	const uint8_t		*r;
	uint32_t		 i, w;
	int			 deep;

	m->scan.buf[m->scan.n] = '\0';
	for (i = watch_start(h, s->head->nslot); s->slot[i] != 0;
	    i = (i + 1) & (s->head->nslot - 1)) {
		if (!watch_is_tag(s->slot[i], h))
			continue;
		w = (s->slot[i] & WATCH_SLOT_MASK) - 1;
		r = watch_rec(s, w);
		deep = (r[0] & ~WATCH_HAS_NOT) == WATCH_DEEP;
		if (r[1] != n + (size_t)deep || (!deep && !whole) ||
		    memcmp(rec_text(r) + deep, name, n) != 0)
			continue;
		match_add(m, w, (const char *)m->scan.buf);
	}
}

/*
 * The watches one label above ${from}, where the first label of the name is
 * or has a wildcard.
 */
static void
probe_wild(struct match *m, size_t from, uint64_t h)
{
	const struct watch_set	*s = m->set;
	const char		*parent = (const char *)m->scan.buf + from;
	const char		*t, *p;
	uint32_t		 i, w;

	m->scan.buf[m->scan.n] = '\0';
	for (i = watch_start(h, s->head->npslot); s->pslot[i] != 0;
	    i = (i + 1) & (s->head->npslot - 1)) {
		t = watch_text(s, s->pslot[i] - 1);
		p = strchr(t + (*t == '.'), '.');
		if (p == NULL || strcmp(p + 1, parent) != 0)
			continue;
		for (w = s->pslot[i] - 1; w != WATCH_NONE && m->n <= m->max;
		    w = s->sib[w]) {
			t = watch_text(s, w);
			t += *t == '.';
			if (m->scan.wild ||
			    name_covers((const char *)m->scan.buf, t))
				match_add(m, w, (const char *)m->scan.buf);
		}
	}
}

/* A name that is an address in text. */
static void
match_ip_text(struct match *m)
{
	struct watch_ip	ip;

	m->scan.buf[m->scan.n] = '\0';
	if (watch_ip_parse((const char *)m->scan.buf, &ip) == 0 &&
	    ip.plen == (ip.v6 ? 128 : 32))
		match_ip(m, ip.addr, ip.v6 ? 16 : 4);
}

void
match_scan(struct match *m, int cut)
{
	const struct watch_set	*s = m->set;
	const struct watch_head	*hd = s->head;
	const struct scan	*c = &m->scan;
	uint64_t		 h = hd->seed[0], d;
	size_t			 end = c->n, at;
	uint32_t		 labels = 0;
	int			 q, any_star;

	if (c->n == 0)
		return;
	for (q = 3; q >= 0; q--)
		for (d = c->dots[q]; d != 0; d &= ~((uint64_t)1 << at)) {
			at = 63 - (size_t)__builtin_clzll(d);
			h = watch_label(hd->seed, h,
			    c->buf + (size_t)q * 64 + at + 1,
			    end - ((size_t)q * 64 + at + 1));
			end = (size_t)q * 64 + at;
			/* No look at "com" where nobody watches one label. */
			if (++labels >= hd->least &&
			    watch_maybe(s->filter, hd->nfilter, h))
				probe(m, end + 1, h, 0);
		}
	/* Now ${h} is that of the parent, and buf[0..end) the first label. */
	any_star = c->wild || (c->odd && memchr(c->buf, '*', end) != NULL);
	if (any_star && end < c->n && !cut &&
	    watch_maybe(s->pfilter, hd->npfilter, h))
		probe_wild(m, end + 1, h);
	if (!c->wild) {
		h = watch_label(hd->seed, h, c->buf, end);
		if (watch_maybe(s->filter, hd->nfilter, h))
			probe(m, 0, h, !cut);
	}
	if (hd->nip != 0 && c->buf[c->n - 1] <= '9')
		match_ip_text(m);
	if (hd->all != WATCH_NONE) {
		m->scan.buf[c->n] = '\0';
		match_add(m, hd->all, (const char *)c->buf);
	}
}

/* Compare the sort key of address records. */
static int
ip_cmp(const struct watch_ip *a, const struct watch_ip *b)
{
	return memcmp(a, b, offsetof(struct watch_ip, zero));
}

static void
ip_find(struct match *m, const struct watch_ip *want, const char *name)
{
	const struct watch_set	*s = m->set;
	uint32_t		 lo = 0, hi = s->head->nip, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (ip_cmp(&s->ip[mid], want) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < s->head->nip && ip_cmp(&s->ip[lo], want) == 0; lo++)
		match_add(m, s->ip[lo].watch, name);
}

/* Zero what lies behind the prefix. */
static void
ip_mask(struct watch_ip *ip)
{
	size_t	i = ip->plen / 8u;

	if (ip->plen % 8 != 0) {
		ip->addr[i] &= (uint8_t)(0xff00u >> (ip->plen % 8));
		i++;
	}
	for (; i < 16; i++)
		ip->addr[i] = 0;
}

void
match_ip(struct match *m, const uint8_t *p, size_t n)
{
	static const uint8_t	 mapped[12] = {
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
	};
	const struct watch_head	*hd = m->set->head;
	struct watch_ip		 ip = { 0 };
	struct span		 raw = m->raw;
	enum name_code		 code = m->code;
	char			 text[INET6_ADDRSTRLEN];
	unsigned		 len, bits = n == 4 ? 32 : 128;

	if (n != 4 && n != 16)
		return;
	if (inet_ntop(n == 4 ? AF_INET : AF_INET6, p, text,
	    sizeof(text)) == NULL)
		return;
	m->raw = SPAN_STR(text);
	m->code = NAME_UTF8;
	for (len = 0; len <= bits; len++) {
		if (n == 4 ? (hd->plen4 >> len & 1) == 0 :
		    (hd->plen6[len / 64] >> (len % 64) & 1) == 0)
			continue;
		ip.v6 = n == 16;
		ip.plen = (uint8_t)len;
		memcpy(ip.addr, p, n);
		ip_mask(&ip);
		ip_find(m, &ip, text);
	}
	if (hd->all != WATCH_NONE)
		match_add(m, hd->all, text);
	if (n == 16 && memcmp(p, mapped, 12) == 0)
		match_ip(m, p + 12, 4);
	m->raw = raw;
	m->code = code;
}

/* One name: the fast way when it is plain, else the careful one. */
static inline void
one_name(struct match *m, struct span v, const uint8_t *limit, int cn)
{
	m->raw = v;
	m->code = NAME_UTF8;
	if (m->first.p == NULL)
		m->first = v;
	if (v.n <= SCAN_MAX) {
		scan_name(&m->scan, v, limit);
		if (!m->scan.odd) {
			match_scan(m, 0);
			return;
		}
	}
	match_careful(m, v, NAME_UTF8, cn);
}

static int
walk_san(struct match *m, const struct der_tbs *t)
{
	const uint8_t	*limit = t->whole.p + t->whole.n;
	struct cur	 c = cur_span(t->san);
	struct der	 d;

	while (cur_left(&c) != 0) {
		if (der_next(&c, &d) == -1)
			return -1;
		switch (d.tag) {
		case 0x82:
			one_name(m, d.body, limit, 0);
			break;
		case 0x87:
			match_ip(m, d.body.p, d.body.n);
			break;
		case 0x81:	/* mail */
		case 0x86:	/* URI */
		case 0x88:	/* registered id */
		case 0xa0:	/* other name */
		case 0xa3:	/* X.400 */
		case 0xa4:	/* directory name */
		case 0xa5:	/* EDI */
			break;
		default:
			return -1;
		}
	}
	return 0;
}

/* The value of a common name; ${v} is an element. */
static int
common_name(struct match *m, const struct der *v, const struct der_tbs *t)
{
	m->raw = v->body;
	switch (v->tag) {
	case DER_BMP:
		match_careful(m, v->body, NAME_UTF16, 1);
		break;
	case DER_UNIVERSAL:
		match_careful(m, v->body, NAME_UTF32, 1);
		break;
	default:
		if (v->tag & 0x20)
			return -1;
		/* It mostly repeats the first name. */
		if (v->body.n == m->first.n && v->body.n != 0 &&
		    memcmp(v->body.p, m->first.p, m->first.n) == 0)
			break;
		one_name(m, v->body, t->whole.p + t->whole.n, 1);
	}
	return 0;
}

static int
walk_subject(struct match *m, const struct der_tbs *t)
{
	struct span	body;
	struct cur	c, in, av;
	struct der	d;

	if (der_only(t->subject, DER_SEQ, &body) == -1)
		return -1;
	for (c = cur_span(body); cur_left(&c) != 0;) {
		if (der_want(&c, DER_SET, &d) == -1)
			return -1;
		for (in = cur_span(d.body); cur_left(&in) != 0;) {
			if (der_want(&in, DER_SEQ, &d) == -1)
				return -1;
			av = cur_span(d.body);
			if (der_want(&av, DER_OID, &d) == -1)
				return -1;
			if (d.body.n != 3 ||
			    memcmp(d.body.p, DER_OID_CN, 3) != 0)
				continue;
			if (der_next(&av, &d) == -1 || cur_left(&av) != 0 ||
			    common_name(m, &d, t) == -1)
				return -1;
		}
	}
	return 0;
}

static void
match_key(struct match *m, struct span spki)
{
	const struct watch_set	*s = m->set;
	uint8_t			 h[SHA_LEN];
	uint32_t		 lo = 0, hi = s->head->nkey, mid;

	sha_256(h, spki.p, spki.n);
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (memcmp(s->key[mid].spki, h, SHA_LEN) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < s->head->nkey && memcmp(s->key[lo].spki, h, SHA_LEN) == 0)
		match_add(m, s->key[lo].watch, NULL);
}

/* What match_add() gives, as the caller wants it. */
static int
result(const struct match *m)
{
	return m->n > m->max ? (int)m->max + 1 : (int)m->n;
}

static void
match_init(struct match *m, const struct watch_set *s, struct watch_hit *hits,
    size_t max)
{
	m->set = s;
	m->hits = hits;
	m->max = max;
	m->n = 0;
	m->spared = 0;
	m->first.p = NULL;
	m->first.n = 0;
	m->raw = m->first;
	m->code = NAME_UTF8;
}

int
watch_tbs(const struct watch_set *s, const struct der_tbs *t,
    struct watch_hit *hits, size_t max)
{
	struct match	m __attribute__((uninitialized));

	match_init(&m, s, hits, max);
	if (t->san.p != NULL && walk_san(&m, t) == -1)
		return -1;
	if (walk_subject(&m, t) == -1)
		return -1;
	m.raw = m.first;
	m.code = NAME_UTF8;
	if (s->head->nkey != 0)
		match_key(&m, t->spki);
	if (s->head->all != WATCH_NONE && !m.spared)
		match_add(&m, s->head->all, NULL);
	return result(&m);
}

int
watch_bytes(const struct watch_set *s, struct span raw,
    struct watch_hit *hits, size_t max)
{
	struct match	m;

	match_init(&m, s, hits, max);
	match_bytes(&m, raw);
	if (s->head->all != WATCH_NONE)
		match_add(&m, s->head->all, NULL);
	return result(&m);
}

int
watch_name(const struct watch_set *s, const char *name,
    struct watch_hit *hits, size_t max)
{
	struct match	m;

	match_init(&m, s, hits, max);
	m.raw = SPAN_STR(name);
	match_careful(&m, m.raw, NAME_UTF8, 0);
	return result(&m);
}
