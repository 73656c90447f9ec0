#include "acme/ari.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"

int
ari_key_id(const struct der_tbs *t, struct span *id)
{
	struct span	v, body;
	struct cur	c;
	struct der	d;

	if (der_ext(t, DER_OID_ARG(DER_OID_AKI), &v, NULL) != 1 ||
	    der_only(v, DER_SEQ, &body) == -1)
		return -1;
	c = cur_span(body);
	if (der_want(&c, 0x80, &d) == -1 || d.body.n == 0)
		return -1;
	*id = d.body;
	return 0;
}

int
ari_id(struct span cert, struct buf *out, struct err *e)
{
	struct span	tbs, id;
	struct der_tbs	t;

	if (der_cert(cert, &tbs, NULL, NULL, e) == -1 ||
	    der_tbs(tbs, &t, e) == -1)
		return -1;
	if (ari_key_id(&t, &id) == -1 || t.serial.n == 0)
		return err_set(e, ERR_FORMAT, "certificate: no authority key "
		    "identifier, so that its renewal cannot be asked about "
		    "(RFC 9773, 4.1)");
	enc_b64url(out, id.p, id.n);
	buf_u8(out, '.');
	enc_b64url(out, t.serial.p, t.serial.n);
	return 0;
}

/* Does the text begin like the form, in which 0 stands for a digit? */
static int
looks(const char *s, const char *form)
{
	for (; *form != '\0'; s++, form++)
		if (*form == '0' ? *s < '0' || *s > '9' : *s != *form)
			return 0;
	return 1;
}

/* RFC 3339 in its strict form, fractions of a second allowed. */
static int
when(const json_t *v, int64_t *out)
{
	const char	*s = json_string_value(v), *p;

	if (s == NULL || json_string_length(v) != strlen(s) ||
	    strlen(s) >= CLK_TEXT * 2 || !looks(s, "0000-00-00T00:00:00"))
		return -1;
	p = s + 19;
	if (*p == '.' && p[1] >= '0' && p[1] <= '9')
		for (p++; *p >= '0' && *p <= '9';)
			p++;
	if (strcmp(p, "Z") != 0 && ((*p != '+' && *p != '-') ||
	    !looks(p + 1, "00:00") || p[6] != '\0'))
		return -1;
	return clk_parse(s, out);
}

/* A URL that may be shown to people as it is; NULL: not this one. */
static char *
shown(const json_t *v)
{
	const char	*s = json_string_value(v), *p;

	if (s == NULL || json_string_length(v) != strlen(s) ||
	    strlen(s) > LIMIT_PTR_URL || (strncmp(s, "https://", 8) != 0 &&
	    strncmp(s, "http://", 7) != 0))
		return NULL;
	for (p = s; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			return NULL;
	return mem_str(s);
}

static int
read_root(const json_t *root, struct ari *a, struct err *e)
{
	const json_t	*w = json_object_get(root, "suggestedWindow");

	if (when(json_object_get(w, "start"), &a->start) == -1 ||
	    when(json_object_get(w, "end"), &a->end) == -1)
		return err_set(e, ERR_FORMAT, "renewal information: no "
		    "suggestedWindow with a start and an end (RFC 9773, 4.2)");
	if (a->end <= a->start)
		return err_set(e, ERR_FORMAT, "renewal information: the "
		    "window's end is not after its start, which is no answer "
		    "(RFC 9773, 4.2)");
	a->url = shown(json_object_get(root, "explanationURL"));
	return 0;
}

int
ari_read(struct span body, struct ari *a, struct err *e)
{
	json_error_t	 je;
	json_t		*root;
	int		 r;

	memset(a, 0, sizeof(*a));
	if (body.n > LIMIT_ARI)
		return err_set(e, ERR_LIMIT, "renewal information: %zu bytes; "
		    "at most %u are read", body.n, LIMIT_ARI);
	root = json_loadb(body.n != 0 ? (const char *)body.p : "", body.n,
	    JSON_REJECT_DUPLICATES, &je);
	if (root == NULL)
		return err_set(e, ERR_FORMAT, "renewal information: no JSON "
		    "(RFC 8259) at byte %d", je.position);
	r = read_root(root, a, e);
	json_decref(root);
	return r;
}

void
ari_free(struct ari *a)
{
	free(a->url);
	memset(a, 0, sizeof(*a));
}

int64_t
ari_pick(const struct ari *a, uint64_t random)
{
	return a->start + (int64_t)(random % (uint64_t)(a->end - a->start));
}

int
ari_past(const struct ari *a, int64_t now)
{
	return a->end <= now;
}

int64_t
ari_wait(const char *retry_after, int64_t now)
{
	int64_t	secs = -1;

	if (retry_after != NULL && *retry_after != '\0')
		secs = clk_retry_after(retry_after, now);
	if (secs == -1)
		return ARI_WAIT;
	return secs < ARI_WAIT_MIN ? ARI_WAIT_MIN :
	    secs > ARI_WAIT_MAX ? ARI_WAIT_MAX : secs;
}
