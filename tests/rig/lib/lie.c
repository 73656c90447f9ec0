#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/rig/lib/lie.h"
#include "tests/rig/lib/web.h"

#define BIT(k) (1u << (k))
#define HEADS (BIT(KIND_STH) | BIT(KIND_CHECKPOINT))
#define ENTRIES (BIT(KIND_ENTRIES) | BIT(KIND_DATA))
#define SUBMIT (BIT(KIND_ADD) | BIT(KIND_ADDPRE))
#define JSON (BIT(KIND_STH) | BIT(KIND_ENTRIES) | BIT(KIND_CONSISTENCY) | \
    BIT(KIND_PROOF) | BIT(KIND_ENTRY))
#define READS ((BIT(KIND_MAX) - 1) & ~SUBMIT)

static const struct {
	const char	*name;
	int64_t		 n;
	uint32_t	 kinds;
} lies[] = {
	[LIE_FORK] = { "fork", -1, BIT(KIND_MAX) - 1 },
	[LIE_SHRINK] = { "shrink", -1, READS },
	[LIE_BITFLIP] = { "bitflip", -1, ENTRIES | BIT(KIND_ENTRY) },
	[LIE_STALE] = { "stale", -1, HEADS },
	[LIE_FUTURE] = { "future_timestamp", 3600, HEADS },
	[LIE_BACKWARDS] = { "backwards_timestamp", 600, HEADS },
	[LIE_BADSIG] = { "bad_signature", -1, HEADS },
	[LIE_WRONGKEY] = { "wrong_key", -1, HEADS },
	[LIE_ORIGIN] = { "wrong_origin", -1, BIT(KIND_CHECKPOINT) },
	[LIE_EXTRASIGS] = { "extra_signatures", 15, BIT(KIND_CHECKPOINT) },
	[LIE_SHORT] = { "short_page", 1, BIT(KIND_ENTRIES) },
	[LIE_EMPTY] = { "empty_page", -1, ENTRIES },
	[LIE_OVERSIZED] = { "oversized_page", 1, ENTRIES },
	[LIE_TRUNCATED] = { "truncated_page", 50, ENTRIES },
	[LIE_HTML] = { "html_page", -1, READS },
	[LIE_429SECONDS] = { "429_seconds", 2, READS },
	[LIE_429DATE] = { "429_date", 2, READS },
	[LIE_429BARE] = { "429_bare", -1, READS },
	[LIE_500] = { "500", -1, READS },
	[LIE_503] = { "503", -1, READS },
	[LIE_404] = { "404", -1, READS },
	[LIE_410] = { "410", -1, READS },
	[LIE_SLOW] = { "slow", 1, READS },
	[LIE_STALL] = { "stall", -1, READS },
	[LIE_RESET] = { "reset", -1, READS },
	[LIE_BOMB] = { "gzip_bomb", 512, ENTRIES },
	[LIE_WRONGGZIP] = { "wrong_gzip", -1, ENTRIES },
	[LIE_NOPARTIAL] = { "missing_partial", -1,
	    BIT(KIND_TILE) | BIT(KIND_DATA) },
	[LIE_ISSUERHASH] = { "issuer_wrong_hash", -1, BIT(KIND_ISSUER) },
	[LIE_NOISSUER] = { "issuer_missing", -1, BIT(KIND_ISSUER) },
	[LIE_TILEFLIP] = { "tile_bitflip", -1, BIT(KIND_TILE) },
	[LIE_CONSISTENCY] = { "consistency_bad", -1, BIT(KIND_CONSISTENCY) },
	[LIE_PROOF] = { "proof_bad", -1, BIT(KIND_PROOF) | BIT(KIND_ENTRY) },
	[LIE_LAG] = { "lag_entries", 10,
	    ENTRIES | BIT(KIND_ENTRY) | BIT(KIND_TILE) },
	[LIE_FLAP] = { "flap", -1, HEADS },
	[LIE_TYPE] = { "wrong_content_type", -1, READS },
	[LIE_DUPKEYS] = { "duplicate_keys", -1,
	    BIT(KIND_STH) | BIT(KIND_ENTRIES) },
	[LIE_ODDJSON] = { "odd_json", -1, JSON },
	[LIE_WITHHOLD] = { "withhold", -1, SUBMIT },
	[LIE_YETI] = { "yeti", -1, SUBMIT },
	[LIE_COSIGN] = { "cosign", -1, BIT(KIND_CHECKPOINT) },
	[LIE_CAP] = { "cap", 256, BIT(KIND_ENTRIES) },
	[LIE_ALIGN] = { "align", 256, BIT(KIND_ENTRIES) },
};
_Static_assert(sizeof(lies) / sizeof(lies[0]) == LIE_MAX, "a name each");

static const char *const kinds[] = {
	[KIND_STH] = "get-sth",
	[KIND_ENTRIES] = "get-entries",
	[KIND_CONSISTENCY] = "get-sth-consistency",
	[KIND_PROOF] = "get-proof-by-hash",
	[KIND_ENTRY] = "get-entry-and-proof",
	[KIND_ROOTS] = "get-roots",
	[KIND_ADD] = "add-chain",
	[KIND_ADDPRE] = "add-pre-chain",
	[KIND_CHECKPOINT] = "checkpoint",
	[KIND_TILE] = "tile",
	[KIND_DATA] = "data",
	[KIND_ISSUER] = "issuer",
};
_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == KIND_MAX, "a name each");

const char *
kind_name(enum kind k)
{
	return kinds[k];
}

const char *
lie_name(enum lie_id id)
{
	return lies[id].name;
}

enum lie_id
lie_find(const char *name)
{
	unsigned i;

	for (i = 0; i < LIE_MAX; i++)
		if (strcmp(lies[i].name, name) == 0)
			break;
	return (enum lie_id)i;
}

/* A list of kinds: separated by comma, plus or space. */
static int
read_kinds(const char *text, uint32_t *set, struct err *e)
{
	size_t n;
	unsigned k;

	for (*set = 0; *text != '\0'; text += n + (text[n] != '\0')) {
		n = strcspn(text, ",+ ");
		for (k = 0; k < KIND_MAX; k++)
			if (strlen(kinds[k]) == n &&
			    strncmp(text, kinds[k], n) == 0)
				break;
		if (k == KIND_MAX)
			return err_set(e, ERR_USAGE, "kind=%.40s: no such kind "
			    "of request (get-sth, get-entries, tile, ...)",
			    text);
		*set |= BIT(k);
	}
	return 0;
}

static int
number(const char *args, const char *key, int64_t *out, struct err *e)
{
	struct buf b = BUF_INIT;
	char *end;
	int rc = 0;

	if (web_arg(args, key, &b) == 0) {
		*out = strtoll(buf_text(&b), &end, 10);
		if (b.n == 0 || *end != '\0')
			rc = err_set(e, ERR_USAGE, "%s=%s: must be a number",
			    key, buf_text(&b));
	}
	buf_free(&b);
	return rc;
}

int
lie_set(struct lie *lie, enum lie_id id, const char *args, struct err *e)
{
	struct lie l = { 1, lies[id].n, -1, 0, -1, -1, -1, lies[id].kinds, "",
	    0, 0 };
	struct buf b = BUF_INIT;
	struct timespec ts;
	int64_t on = 1;
	int rc = 0;

	if (number(args, "on", &on, e) == -1 ||
	    number(args, "n", &l.n, e) == -1 ||
	    number(args, "at", &l.at, e) == -1 ||
	    number(args, "index", &l.index, e) == -1 ||
	    number(args, "byte", &l.byte, e) == -1 ||
	    number(args, "level", &l.level, e) == -1 ||
	    number(args, "times", &l.times, e) == -1)
		return -1;
	if (web_arg(args, "kind", &b) == 0)
		rc = read_kinds(buf_text(&b), &l.kinds, e);
	buf_reset(&b);
	if (rc == 0 && web_arg(args, "mode", &b) == 0)
		(void)snprintf(l.mode, sizeof(l.mode), "%s", buf_text(&b));
	buf_free(&b);
	l.on = on != 0 && l.times != 0;
	clock_gettime(CLOCK_REALTIME, &ts);
	l.since = (uint64_t)ts.tv_sec * 1000 +
	    (uint64_t)ts.tv_nsec / 1000000;
	if (rc == 0)
		*lie = l;
	return rc;
}

int
lie_is(const struct lie *l, enum kind k)
{
	return l->on && (l->kinds & BIT(k)) != 0;
}

int
lie_tell(struct lie *l, enum kind k)
{
	if (!lie_is(l, k))
		return 0;
	l->told++;
	if (l->times > 0 && --l->times == 0)
		l->on = 0;
	return 1;
}
