#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/rig/lib/args.h"
#include "tests/rig/lib/plie.h"
#include "tests/rig/lib/revdb.h"

#define BIT(k) (1u << (k))
#define OCSP (BIT(PKIND_GET) | BIT(PKIND_POST))
#define CRL BIT(PKIND_CRL)
#define BOTH (OCSP | CRL)
#define ALL (BOTH | BIT(PKIND_AIA))

static const struct {
	const char	*name;
	int64_t		 n;
	uint32_t	 kinds;
} lies[] = {
	[PLIE_STALE] = { "stale", 3600, BOTH },
	[PLIE_FUTURE] = { "future", 3600, BOTH },
	[PLIE_NONEXT] = { "no_next_update", -1, BOTH },
	[PLIE_BADSIG] = { "bad_signature", -1, BOTH },
	[PLIE_WRONGKEY] = { "wrong_key", -1, BOTH },
	[PLIE_CRITICAL] = { "unknown_critical", -1, BOTH },
	[PLIE_GARBAGE] = { "garbage", 500, ALL },
	[PLIE_DEEP] = { "deep", 200000, ALL },
	[PLIE_TRUNCATED] = { "truncated", 50, ALL },
	[PLIE_RESPONDER] = { "wrong_responder", -1, OCSP },
	[PLIE_NOEKU] = { "no_eku", -1, OCSP },
	[PLIE_NONOCHECK] = { "no_nocheck", -1, OCSP },
	[PLIE_EXPIRED] = { "expired_responder", -1, OCSP },
	[PLIE_NOCERTS] = { "no_certs", -1, OCSP },
	[PLIE_GOOD] = { "good_for_unknown", -1, OCSP },
	[PLIE_TRYLATER] = { "trylater", -1, OCSP },
	[PLIE_INTERNAL] = { "internal_error", -1, OCSP },
	[PLIE_UNAUTH] = { "unauthorized", -1, OCSP },
	[PLIE_MALFORMED] = { "malformed_request", -1, OCSP },
	[PLIE_SERIAL] = { "wrong_serial", -1, OCSP },
	[PLIE_ISSUER] = { "wrong_issuer", -1, BOTH },
	[PLIE_CONTRADICT] = { "contradict", -1, OCSP },
	[PLIE_NONCE] = { "nonce", -1, OCSP },
	[PLIE_SHA1] = { "sha1", -1, OCSP },
	[PLIE_MANY] = { "many", 20, OCSP },
	[PLIE_WRONGIDP] = { "wrong_idp", -1, CRL },
	[PLIE_NOIDP] = { "no_idp", -1, CRL },
	[PLIE_REWOUND] = { "rewound", 86400, CRL },
	[PLIE_DROP] = { "drop", -1, CRL },
	[PLIE_EXTRA] = { "extra", 100, CRL },
	[PLIE_DUP] = { "duplicate", -1, CRL },
	[PLIE_DELTA] = { "delta", -1, CRL },
	[PLIE_INDIRECT] = { "indirect", -1, CRL },
	[PLIE_REASONS] = { "only_reasons", -1, CRL },
	[PLIE_ONLYCA] = { "only_ca", -1, CRL },
	[PLIE_NONUMBER] = { "no_number", -1, CRL },
	[PLIE_SAMENUMBER] = { "same_number", -1, CRL },
	[PLIE_HUGE] = { "huge", -1, ALL },
	[PLIE_BIGSERIAL] = { "big_serial", 16 << 20, CRL },
	[PLIE_BOMB] = { "gzip_bomb", 512, ALL },
	[PLIE_304] = { "not_modified", -1, CRL },
	[PLIE_SLOW] = { "slow", 1, ALL },
	[PLIE_STALL] = { "stall", -1, ALL },
	[PLIE_RESET] = { "reset", -1, ALL },
	[PLIE_CUT] = { "cut", -1, ALL },
	[PLIE_HTML] = { "html", -1, ALL },
	[PLIE_EMPTY] = { "empty", -1, ALL },
	[PLIE_400] = { "400", -1, ALL },
	[PLIE_404] = { "404", -1, ALL },
	[PLIE_410] = { "410", -1, ALL },
	[PLIE_429] = { "429", -1, ALL },
	[PLIE_500] = { "500", -1, ALL },
	[PLIE_503] = { "503", -1, ALL },
	[PLIE_REDIRECT] = { "redirect", 302, ALL },
	[PLIE_LOOP] = { "redirect_loop", 302, ALL },
	[PLIE_BODY] = { "huge_body", 64, ALL },
	[PLIE_GZIP] = { "gzip", -1, ALL },
	[PLIE_WRONGGZIP] = { "wrong_gzip", -1, ALL },
	[PLIE_TYPE] = { "wrong_content_type", -1, ALL },
	[PLIE_PEM] = { "pem", -1, CRL | BIT(PKIND_AIA) },
};
_Static_assert(sizeof(lies) / sizeof(lies[0]) == PLIE_MAX, "a name each");

static const struct { const char *name; uint32_t kinds; } kinds[] = {
	{ "ocsp-get", BIT(PKIND_GET) }, { "ocsp-post", BIT(PKIND_POST) },
	{ "crl", CRL }, { "aia", BIT(PKIND_AIA) }, { "ocsp", OCSP }
};

enum { NKINDS = sizeof(kinds) / sizeof(kinds[0]) };

const char *
pkind_name(enum pkind k)
{
	return kinds[k].name;
}

/* A list of kinds: separated by comma, plus or space. */
static int
read_kinds(const char *text, uint32_t *set, struct err *e)
{
	size_t n, i;

	for (*set = 0; *text != '\0'; text += n + (text[n] != '\0')) {
		n = strcspn(text, ",+ ");
		for (i = 0; i < NKINDS; i++)
			if (strlen(kinds[i].name) == n &&
			    strncmp(text, kinds[i].name, n) == 0)
				break;
		if (i == NKINDS)
			return err_set(e, ERR_USAGE, "kind=%.40s: must be "
			    "ocsp, ocsp-get, ocsp-post, crl or aia", text);
		*set |= kinds[i].kinds;
	}
	return 0;
}

static int
read_lie(struct plie *l, const char *args, struct err *e)
{
	char text[128] = "";
	unsigned i;

	args_copy(args, "lie", text, sizeof(text));
	for (i = 0; i < PLIE_MAX; i++)
		if (strcmp(lies[i].name, text) == 0)
			break;
	if (i == PLIE_MAX)
		return err_set(e, ERR_USAGE, "lie=%s: no such lie "
		    "(README.md)", text);
	l->id = (enum plie_id)i;
	l->n = args_number(args, "n", lies[i].n);
	l->times = args_number(args, "times", -1);
	l->shard = (int)args_number(args, "shard", -1);
	l->kinds = lies[i].kinds;
	args_copy(args, "mode", l->mode, sizeof(l->mode));
	args_copy(args, "url", l->url, sizeof(l->url));
	text[0] = '\0';
	args_copy(args, "serial", text, sizeof(text));
	if (text[0] != '\0' && revdb_serial(text, l->serial) == -1)
		return err_set(e, ERR_USAGE, "serial=%s: is no serial in hex",
		    text);
	text[0] = '\0';
	args_copy(args, "kind", text, sizeof(text));
	return text[0] == '\0' ? 0 : read_kinds(text, &l->kinds, e);
}

static int
same(const struct plie *a, const struct plie *b)
{
	return a->id == b->id && a->kinds == b->kinds && a->at == b->at &&
	    a->shard == b->shard && strcmp(a->serial, b->serial) == 0;
}

int
plie_set(struct plies *p, const char *args, int at, struct err *e)
{
	struct plie l;
	size_t i;

	memset(&l, 0, sizeof(l));
	l.at = at;
	if (read_lie(&l, args, e) == -1)
		return -1;
	for (i = 0; i < p->n; i++)
		if (same(&p->l[i], &l))
			p->l[i--] = p->l[--p->n];
	if (args_number(args, "on", 1) == 0 || l.times == 0)
		return 0;
	p->l = mem_grow(p->l, &p->cap, p->n + 1, sizeof(*p->l));
	p->l[p->n++] = l;
	return 0;
}

struct plie *
plie_is(struct plies *p, enum plie_id id, const struct pask *a)
{
	struct plie *l;
	size_t i;

	for (i = 0; i < p->n; i++) {
		l = &p->l[i];
		if (l->id == id && l->times != 0 &&
		    (l->kinds & BIT(a->kind)) != 0 &&
		    (l->at == -1 || l->at == a->at) &&
		    (l->shard == -1 || a->shard == -1 ||
		    l->shard == a->shard) &&
		    (l->serial[0] == '\0' || a->serial == NULL ||
		    strcmp(l->serial, a->serial) == 0))
			return l;
	}
	return NULL;
}

struct plie *
plie_tell(struct plies *p, enum plie_id id, const struct pask *a)
{
	struct plie *l = plie_is(p, id, a);

	if (l == NULL)
		return NULL;
	l->told++;
	if (l->times > 0)
		l->times--;
	return l;
}

void
plie_list(const struct plies *p, struct buf *b)
{
	const struct plie *l;
	size_t i, k;

	buf_str(b, "[");
	for (i = 0; i < p->n; i++) {
		l = &p->l[i];
		buf_fmt(b, "%s{\"lie\":\"%s\",\"n\":%lld,\"times\":%lld,"
		    "\"told\":%llu,\"serial\":\"%s\",\"shard\":%d,"
		    "\"listener\":%d,\"kinds\":\"", i == 0 ? "" : ",",
		    lies[l->id].name, (long long)l->n, (long long)l->times,
		    (unsigned long long)l->told, l->serial, l->shard, l->at);
		for (k = 0; k < PKIND_MAX; k++)
			if ((l->kinds & kinds[k].kinds) != 0)
				buf_fmt(b, "%s ", kinds[k].name);
		buf_str(b, "\"}");
	}
	buf_str(b, "]");
}
