#include "auditor/net/tsig.h"

#include <arpa/nameser.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auditor/net/dnsmsg.h"
#include "base/clk.h"
#include "base/err.h"
#include "base/mem.h"

#define HEADER		12
#define ARCOUNT		10	/* where it stands in the header */
#define TYPE_TSIG	250
#define TIME_MAX	0xffffffffffffLL

static const struct alg {
	const char	*name;
	const EVP_MD	*(*md)(void);
} algs[] = {
	{ "hmac-sha256", EVP_sha256 },
	{ "hmac-sha384", EVP_sha384 },
	{ "hmac-sha512", EVP_sha512 },
};

/* What is signed besides the message (4.3.3), and where it was found. */
struct vars {
	int64_t		at;
	uint16_t	fudge, error, id;
	struct span	mac, other;
	uint8_t		name[TSIG_NAME];	/* lower case */
	uint8_t		alg[TSIG_NAME];
	size_t		start;			/* of the record */
};

static const struct alg *
alg_of(const char *name)
{
	size_t	i, n = strlen(name);

	if (n > 0 && name[n - 1] == '.')
		n--;
	for (i = 0; i < sizeof(algs) / sizeof(algs[0]); i++)
		if (strlen(algs[i].name) == n &&
		    strncasecmp(algs[i].name, name, n) == 0)
			return &algs[i];
	return NULL;
}

int
tsig_key_set(struct tsig_key *k, const char *name, const char *algorithm,
    struct span secret, struct err *e)
{
	const struct alg	*a = alg_of(algorithm);
	struct buf		 b = BUF_INIT;
	size_t			 i, n = strlen(name);

	memset(k, 0, sizeof(*k));
	if (a == NULL)
		return err_set(e, ERR_CONF, "\"%.40s\" is no TSIG algorithm; "
		    "write hmac-sha256, hmac-sha384 or hmac-sha512",
		    algorithm);
	if (secret.n == 0)
		return err_set(e, ERR_CONF, "the TSIG secret is empty");
	if (secret.n > sizeof(k->secret))
		return err_set(e, ERR_LIMIT, "the TSIG secret has %zu bytes; "
		    "at most %u are taken", secret.n, LIMIT_TSIG_SECRET);
	if (n > 1 && name[n - 1] == '.')
		n--;
	if (n >= sizeof(k->text))
		return err_set(e, ERR_CONF, "the name of the TSIG key is too "
		    "long");
	for (i = 0; i < n; i++)
		k->text[i] = name[i] >= 'A' && name[i] <= 'Z' ?
		    (char)(name[i] + 32) : name[i];
	if (dnsmsg_name(&b, k->text, e) != 0) {
		buf_free(&b);
		if (e != NULL)
			e->code = ERR_CONF;
		return err_prefix(e, "the name of the TSIG key");
	}
	memcpy(k->name, b.p, b.n);
	k->nname = b.n;
	buf_free(&b);
	k->algorithm = a->name;
	memcpy(k->secret, secret.p, secret.n);
	k->nsecret = secret.n;
	return 0;
}

void
tsig_key_wipe(struct tsig_key *k)
{
	mem_wipe(k, sizeof(*k));
}

static void
add_time(struct buf *b, int64_t at)
{
	buf_u16(b, (uint16_t)(at >> 32));
	buf_u32(b, (uint32_t)at);
}

/* The algorithm's name on the wire; ours are names. */
static void
add_alg(struct buf *b, const struct tsig_key *k)
{
	if (dnsmsg_name(b, k->algorithm, NULL) != 0)
		abort();
}

static void
compute(const struct tsig_key *k, const struct buf *b, struct tsig_mac *mac)
{
	unsigned	n = 0;

	if (HMAC(alg_of(k->algorithm)->md(), k->secret, (int)k->nsecret, b->p,
	    b->n, mac->p, &n) == NULL)
		abort();
	mac->n = n;
}

/* The TSIG variables of 4.3.3. */
static void
add_vars(struct buf *b, const struct tsig_key *k, const struct vars *v)
{
	buf_add(b, k->name, k->nname);
	buf_u16(b, ns_c_any);
	buf_u32(b, 0);
	add_alg(b, k);
	add_time(b, v->at);
	buf_u16(b, v->fudge);
	buf_u16(b, v->error);
	buf_u16(b, (uint16_t)v->other.n);
	buf_add(b, v->other.p, v->other.n);
}

void
tsig_sign(struct buf *msg, const struct tsig_key *k, int64_t now,
    struct tsig_mac *mac)
{
	struct buf	b = BUF_INIT;
	struct vars	v;
	uint16_t	count;
	size_t		at;

	memset(&v, 0, sizeof(v));
	v.at = now;
	v.fudge = TSIG_FUDGE;
	buf_add(&b, msg->p, msg->n);
	add_vars(&b, k, &v);
	compute(k, &b, mac);
	buf_free(&b);
	buf_add(msg, k->name, k->nname);
	buf_u16(msg, TYPE_TSIG);
	buf_u16(msg, ns_c_any);
	buf_u32(msg, 0);
	at = msg->n;
	buf_u16(msg, 0);
	add_alg(msg, k);
	add_time(msg, now);
	buf_u16(msg, TSIG_FUDGE);
	buf_u16(msg, (uint16_t)mac->n);
	buf_add(msg, mac->p, mac->n);
	buf_add(msg, msg->p, 2);	/* the id */
	buf_u16(msg, 0);
	buf_u16(msg, 0);
	msg->p[at] = (uint8_t)((msg->n - at - 2) >> 8);
	msg->p[at + 1] = (uint8_t)(msg->n - at - 2);
	count = (uint16_t)((msg->p[ARCOUNT] << 8 | msg->p[ARCOUNT + 1]) + 1);
	msg->p[ARCOUNT] = (uint8_t)(count >> 8);
	msg->p[ARCOUNT + 1] = (uint8_t)count;
}

/* A name at the cursor, whole and in lower case; 0 or -1. */
static int
take_name(struct span m, struct cur *k, uint8_t out[TSIG_NAME])
{
	uint8_t	*p;
	int	 n, i;

	n = ns_name_unpack(m.p, m.p + m.n, k->p, out, TSIG_NAME - 1);
	if (n < 0 || cur_skip(k, (size_t)n) != 0)
		return -1;
	for (p = out; *p != 0; p += *p + 1)
		for (i = 1; i <= *p; i++)
			if (p[i] >= 'A' && p[i] <= 'Z')
				p[i] = (uint8_t)(p[i] + 32);
	return 0;
}

static int
skip_name(struct cur *k)
{
	int	n = dn_skipname(k->p, k->end);

	return n < 0 ? -1 : cur_skip(k, (size_t)n);
}

/* The data of the record (4.2); it must be all of ${d}. */
static int
read_data(struct span m, struct cur d, struct vars *v)
{
	uint32_t	low;
	uint16_t	high, n;

	if (take_name(m, &d, v->alg) != 0 || cur_u16(&d, &high) != 0 ||
	    cur_u32(&d, &low) != 0 || cur_u16(&d, &v->fudge) != 0 ||
	    cur_u16(&d, &n) != 0 || cur_take(&d, n, &v->mac) != 0 ||
	    cur_u16(&d, &v->id) != 0 || cur_u16(&d, &v->error) != 0 ||
	    cur_u16(&d, &n) != 0 || cur_take(&d, n, &v->other) != 0 ||
	    cur_left(&d) != 0)
		return -1;
	v->at = (int64_t)high << 32 | low;
	return 0;
}

/* One record: 1 it is the TSIG, 0 another, -1 not well formed. */
static int
read_record(struct span m, struct cur *k, struct vars *v)
{
	struct cur	at = *k, d;
	uint32_t	ttl;
	uint16_t	type, class;

	if (skip_name(k) != 0 || cur_u16(k, &type) != 0 ||
	    cur_u16(k, &class) != 0 || cur_u32(k, &ttl) != 0 ||
	    cur_vec16(k, &d) != 0)
		return -1;
	if (type != TYPE_TSIG)
		return 0;
	v->start = (size_t)(at.p - m.p);
	return class == ns_c_any && ttl == 0 &&
	    take_name(m, &at, v->name) == 0 && read_data(m, d, v) == 0 ? 1 :
	    -1;
}

/*
 * Find the TSIG: 1, 0 none, -1 not well formed, or not the last record
 * (5.1).
 */
static int
find(struct span m, struct vars *v)
{
	struct cur	k = cur_span(m);
	uint16_t	count[4];
	size_t		i, n;
	int		r = 0;

	if (cur_skip(&k, 4) != 0)
		return -1;
	for (i = 0; i < 4; i++)
		if (cur_u16(&k, &count[i]) != 0)
			return -1;
	for (i = 0; i < count[0]; i++)
		if (skip_name(&k) != 0 || cur_skip(&k, 4) != 0)
			return -1;
	n = (size_t)count[1] + count[2] + count[3];
	for (i = 0; i < n; i++) {
		r = read_record(m, &k, v);
		if (r < 0 || (r == 1 && (i + 1 < n || count[3] == 0)))
			return -1;
	}
	return cur_left(&k) == 0 ? r : -1;
}

/* Is it our key and algorithm? */
static int
ours(const struct tsig_key *k, const struct vars *v)
{
	struct buf	b = BUF_INIT;
	int		r;

	add_alg(&b, k);
	/* Wire names end with their zero byte: no longer one begins alike. */
	r = memcmp(k->name, v->name, k->nname) == 0 &&
	    memcmp(b.p, v->alg, b.n) == 0;
	buf_free(&b);
	return r;
}

/* The MAC over the request's, the answer without its TSIG, its variables. */
static int
mac_ok(struct span m, const struct tsig_key *k, const struct tsig_mac *mac,
    const struct vars *v)
{
	struct tsig_mac	have;
	struct buf	b = BUF_INIT;
	uint8_t		*head;
	uint16_t	count;

	buf_u16(&b, (uint16_t)mac->n);
	buf_add(&b, mac->p, mac->n);
	buf_add(&b, m.p, v->start);
	head = b.p + 2 + mac->n;
	head[0] = (uint8_t)(v->id >> 8);
	head[1] = (uint8_t)v->id;
	count = (uint16_t)((head[ARCOUNT] << 8 | head[ARCOUNT + 1]) - 1);
	head[ARCOUNT] = (uint8_t)(count >> 8);
	head[ARCOUNT + 1] = (uint8_t)count;
	add_vars(&b, k, v);
	compute(k, &b, &have);
	buf_free(&b);
	return v->mac.n == have.n &&
	    CRYPTO_memcmp(have.p, v->mac.p, have.n) == 0;
}

static int64_t
apart(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

static enum tsig_verdict
judge(struct span m, const struct tsig_key *k, const struct tsig_mac *mac,
    const struct vars *v, int64_t now)
{
	/* 5.3.2: these two cannot be signed. */
	if (v->mac.n == 0 && (v->error == 16 || v->error == 17))
		return v->error == 16 ? TSIG_BADSIG : TSIG_BADKEY;
	if (!ours(k, v))
		return TSIG_OTHER_KEY;
	if (!mac_ok(m, k, mac, v))
		return TSIG_WRONG_MAC;
	switch (v->error) {
	case 0:
		return apart(now, v->at) > v->fudge ? TSIG_LATE : TSIG_OK;
	case 16:
		return TSIG_BADSIG;
	case 17:
		return TSIG_BADKEY;
	case 18:
		return TSIG_BADTIME;
	case 22:
		return TSIG_BADTRUNC;
	default:
		return TSIG_REFUSED;
	}
}

void
tsig_verify(struct span answer, const struct tsig_key *k,
    const struct tsig_mac *mac, int64_t now, struct tsig_said *said)
{
	struct vars	v;
	struct cur	o;
	uint32_t	low;
	uint16_t	high;
	int		r;

	memset(&v, 0, sizeof(v));
	memset(said, 0, sizeof(*said));
	r = answer.n < HEADER ? -1 : find(answer, &v);
	if (r != 1) {
		said->verdict = r == 0 ? TSIG_NONE : TSIG_MALFORMED;
		return;
	}
	said->error = v.error;
	said->at = v.at;
	said->verdict = judge(answer, k, mac, &v, now);
	o = cur_span(v.other);
	if (said->verdict == TSIG_BADTIME && v.other.n == 6 &&
	    cur_u16(&o, &high) == 0 && cur_u32(&o, &low) == 0)
		said->server = (int64_t)high << 32 | low;
}

/* "2026-11-22T12:00:00Z", or a number that is no date of ours. */
static const char *
moment(int64_t s, char out[CLK_TEXT])
{
	if (s < 0 || s > 253402300799LL) {
		(void)snprintf(out, CLK_TEXT, "%lld s after 1970",
		    (long long)(s & TIME_MAX));
		return out;
	}
	return clk_text(s * CLK_SEC, out);
}

static int
wrong_clock(const struct tsig_said *s, const char *who, int64_t now,
    struct err *e)
{
	char	theirs[CLK_TEXT], mine[CLK_TEXT];

	(void)moment(now, mine);
	if (s->verdict == TSIG_BADTIME && s->server != 0)
		return err_set(e, ERR_PERM, "%s says that our clock is wrong "
		    "(BADTIME): it has %s, we have %s, %lld s apart and at "
		    "most %d are allowed; set the clocks by NTP", who,
		    moment(s->server, theirs), mine,
		    (long long)apart(s->server, now), TSIG_FUDGE);
	if (s->verdict == TSIG_BADTIME)
		return err_set(e, ERR_PERM, "%s says that our clock is wrong "
		    "(BADTIME): we have %s; set the clocks by NTP", who,
		    mine);
	return err_set(e, ERR_VERIFY, "%s signed its answer at %s, and we "
	    "have %s: its clock is wrong, or somebody repeats an old answer",
	    who, moment(s->at, theirs), mine);
}

int
tsig_err(const struct tsig_said *s, const struct tsig_key *k,
    const char *who, int64_t now, struct err *e)
{
	switch (s->verdict) {
	case TSIG_OK:
		return 0;
	case TSIG_NONE:
		return err_set(e, ERR_VERIFY, "%s did not sign its answer "
		    "with key \"%s\": whether it was done is not known", who,
		    k->text);
	case TSIG_MALFORMED:
		return err_set(e, ERR_VERIFY, "the answer of %s is not well "
		    "formed, or its TSIG record is not", who);
	case TSIG_OTHER_KEY:
		return err_set(e, ERR_VERIFY, "%s signed its answer with "
		    "another key than \"%s\" or not with %s", who, k->text,
		    k->algorithm);
	case TSIG_WRONG_MAC:
		return err_set(e, ERR_VERIFY, "the answer of %s is not signed "
		    "with our secret of key \"%s\": somebody changed it on "
		    "its way", who, k->text);
	case TSIG_BADSIG:
		return err_set(e, ERR_PERM, "%s knows key \"%s\", but with "
		    "another secret (BADSIG): compare secret_file with the "
		    "server's configuration", who, k->text);
	case TSIG_BADKEY:
		return err_set(e, ERR_PERM, "%s has no key \"%s\" with %s "
		    "(BADKEY): compare key_name and algorithm with the "
		    "server's configuration; Knot says so, too, when no acl "
		    "of the zone lets the key do this", who, k->text, k->algorithm);
	case TSIG_LATE:
	case TSIG_BADTIME:
		return wrong_clock(s, who, now, e);
	case TSIG_BADTRUNC:
	case TSIG_REFUSED:
		break;
	}
	return err_set(e, ERR_PERM, "%s refuses the signature of key \"%s\" "
	    "(TSIG error %u)", who, k->text, s->error);
}
