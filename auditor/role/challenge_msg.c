/* The messages of the challenge process. */
#include "auditor/role/challenge_msg.h"

#include <string.h>

#include "auditor/ipc_text.h"
#include "base/err.h"

#define NAME_BYTES	253u	/* of a DNS name as text */

_Static_assert(LIMIT_CHALLENGE_TOKEN < 256, "a hit has room for a token");
_Static_assert(LIMIT_CHALLENGE_TOKEN + 44 <= LIMIT_CHALLENGE_KEYAUTH,
    "with the thumbprint of SHA-256 it fits");

static int
is_b64url(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* How many characters of base64url it begins with. */
static size_t
b64url_run(const char *s)
{
	size_t	n = 0;

	while (is_b64url(s[n]))
		n++;
	return n;
}

int
challenge_token_ok(const char *s)
{
	size_t	n = b64url_run(s);

	return n > 0 && s[n] == '\0' && n <= LIMIT_CHALLENGE_TOKEN;
}

int
challenge_keyauth_ok(const char *token, const char *keyauth)
{
	size_t	n = strlen(token), m;

	if (strncmp(keyauth, token, n) != 0 || keyauth[n] != '.')
		return 0;
	m = b64url_run(keyauth + n + 1);
	return m > 0 && keyauth[n + 1 + m] == '\0' &&
	    n + 1 + m <= LIMIT_CHALLENGE_KEYAUTH;
}

int
challenge_name_ok(const char *s)
{
	size_t	n;

	for (n = 0; s[n] != '\0'; n++)
		if (!((s[n] >= 'a' && s[n] <= 'z') ||
		    (s[n] >= '0' && s[n] <= '9') || s[n] == '-' ||
		    s[n] == '_' || (s[n] == '.' && n > 0 && s[n - 1] != '.')))
			return 0;
	return n > 0 && n <= NAME_BYTES && s[n - 1] != '.';
}

/* At least one byte. */
static int
get_bytes(struct cur *k, struct span *s, size_t max)
{
	return ipc_text_bytes(k, s, max) != 0 || s->n == 0 ? -1 : 0;
}

static int
get_secs(struct cur *k, uint32_t *secs)
{
	return cur_u32(k, secs) != 0 || *secs == 0 ||
	    *secs > LIMIT_CHALLENGE_SECS ? -1 : 0;
}

static int
key_ok(enum challenge_kind kind, const char *key)
{
	return kind == CHALLENGE_HTTP ? challenge_token_ok(key) :
	    challenge_name_ok(key);
}

static int
bad(struct err *e, const char *what)
{
	return err_set(e, ERR_FORMAT, "the challenge channel carried a %s "
	    "that is not well formed", what);
}

void
challenge_setup_pack(struct buf *b, const struct challenge_setup *s)
{
	buf_u16(b, s->n[CHALLENGE_HTTP]);
	buf_u16(b, s->n[CHALLENGE_TLS]);
	buf_u32(b, s->timeout_ms);
}

int
challenge_setup_read(struct cur k, struct challenge_setup *s, struct err *e)
{
	memset(s, 0, sizeof(*s));
	if (cur_u16(&k, &s->n[CHALLENGE_HTTP]) != 0 ||
	    cur_u16(&k, &s->n[CHALLENGE_TLS]) != 0 ||
	    cur_u32(&k, &s->timeout_ms) != 0 || cur_left(&k) != 0 ||
	    s->timeout_ms > CHALLENGE_TIMEOUT_MAX)
		return bad(e, "setup");
	if (s->n[CHALLENGE_HTTP] > LIMIT_CHALLENGE_LISTEN ||
	    s->n[CHALLENGE_TLS] > LIMIT_CHALLENGE_LISTEN)
		return err_set(e, ERR_LIMIT, "the challenge channel carried "
		    "a setup with more than %d listening sockets of a kind",
		    LIMIT_CHALLENGE_LISTEN);
	return 0;
}

void
challenge_http_pack(struct buf *b, const struct challenge_http *h)
{
	buf_u64(b, h->id);
	ipc_text_put(b, h->token);
	ipc_text_put(b, h->keyauth);
	buf_u32(b, h->secs);
}

int
challenge_http_read(struct cur k, struct challenge_http *h, struct err *e)
{
	memset(h, 0, sizeof(*h));
	if (cur_u64(&k, &h->id) != 0 || h->id == 0 ||
	    ipc_text_plain(&k, &h->token, LIMIT_CHALLENGE_TOKEN + 1) != 0 ||
	    !challenge_token_ok(h->token) ||
	    ipc_text_plain(&k, &h->keyauth, LIMIT_CHALLENGE_KEYAUTH + 1)
	    != 0 ||
	    !challenge_keyauth_ok(h->token, h->keyauth) ||
	    get_secs(&k, &h->secs) != 0 || cur_left(&k) != 0)
		return bad(e, "token or key authorization");
	return 0;
}

void
challenge_tls_pack(struct buf *b, const struct challenge_tls *t)
{
	buf_u64(b, t->id);
	ipc_text_put(b, t->name);
	buf_vec32(b, t->cert.p, t->cert.n);
	buf_vec32(b, t->key.p, t->key.n);
	buf_u32(b, t->secs);
}

int
challenge_tls_read(struct cur k, struct challenge_tls *t, struct err *e)
{
	memset(t, 0, sizeof(*t));
	if (cur_u64(&k, &t->id) != 0 || t->id == 0 ||
	    ipc_text_plain(&k, &t->name, NAME_BYTES + 1) != 0 ||
	    !challenge_name_ok(t->name) ||
	    get_bytes(&k, &t->cert, LIMIT_CHALLENGE_DER) != 0 ||
	    get_bytes(&k, &t->key, LIMIT_CHALLENGE_DER) != 0 ||
	    get_secs(&k, &t->secs) != 0 || cur_left(&k) != 0)
		return bad(e, "name, certificate or key");
	return 0;
}

void
challenge_drop_pack(struct buf *b, const char *key)
{
	ipc_text_put(b, key);
}

int
challenge_drop_read(struct cur k, enum challenge_kind kind, const char **key,
    struct err *e)
{
	if (ipc_text_plain(&k, key, 256) != 0 || !key_ok(kind, *key) ||
	    cur_left(&k) != 0)
		return bad(e, "token or name");
	return 0;
}

void
challenge_placed_pack(struct buf *b, const struct challenge_placed *p)
{
	buf_u64(b, p->id);
	buf_u8(b, (uint8_t)(p->ok != 0));
	ipc_text_put(b, p->message);
}

int
challenge_placed_read(struct cur k, struct challenge_placed *p,
    struct err *e)
{
	uint8_t	ok;

	memset(p, 0, sizeof(*p));
	if (cur_u64(&k, &p->id) != 0 || p->id == 0 || cur_u8(&k, &ok) != 0 ||
	    ok > 1 ||
	    ipc_text_plain_copy(&k, p->message, sizeof(p->message)) != 0 ||
	    ok != (p->message[0] == '\0') || cur_left(&k) != 0)
		return bad(e, "receipt");
	p->ok = ok;
	return 0;
}

void
challenge_hit_pack(struct buf *b, const struct challenge_hit *h)
{
	buf_u8(b, (uint8_t)h->kind);
	ipc_text_put(b, h->key);
	ipc_text_put(b, h->addr);
	buf_u64(b, (uint64_t)h->at);
	buf_u32(b, h->missed);
}

int
challenge_hit_read(struct cur k, struct challenge_hit *h, struct err *e)
{
	uint64_t	at;
	uint8_t		kind;

	memset(h, 0, sizeof(*h));
	if (cur_u8(&k, &kind) != 0 || kind >= CHALLENGE_KINDS ||
	    ipc_text_plain_copy(&k, h->key, sizeof(h->key)) != 0 ||
	    !key_ok((enum challenge_kind)kind, h->key) ||
	    ipc_text_plain_copy(&k, h->addr, sizeof(h->addr)) != 0 ||
	    h->addr[0] == '\0' || cur_u64(&k, &at) != 0 || at > INT64_MAX ||
	    cur_u32(&k, &h->missed) != 0 || cur_left(&k) != 0)
		return bad(e, "hit");
	h->kind = (enum challenge_kind)kind;
	h->at = (int64_t)at;
	return 0;
}
