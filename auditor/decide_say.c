#include "auditor/decide_say.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/db/issuance.h"
#include "base/buf.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"

/* --- JSON as text: a tree of it took longer than the rules ---------------- */

static void
put_string(struct buf *b, const char *s)
{
	const char	*from;

	if (s == NULL) {
		buf_str(b, "null");
		return;
	}
	buf_u8(b, '"');
	for (from = s; *s != '\0'; s++) {
		if (*s != '"' && *s != '\\' && (unsigned char)*s >= 0x20)
			continue;
		buf_add(b, from, (size_t)(s - from));
		from = s + 1;
		if ((unsigned char)*s >= 0x20) {
			buf_u8(b, '\\');
			buf_u8(b, (uint8_t)*s);
		} else
			buf_fmt(b, "\\u%04x", (unsigned)(unsigned char)*s);
	}
	buf_add(b, from, (size_t)(s - from));
	buf_u8(b, '"');
}

/* A member of an object, behind another: ${key} with its quotes. */
static void
put_key(struct buf *b, const char *key)
{
	buf_str(b, ",\"");
	buf_str(b, key);
	buf_str(b, "\":");
}

static void
put(struct buf *b, const char *key, const char *value)
{
	put_key(b, key);
	put_string(b, value);
}

static void
put_bool(struct buf *b, const char *key, int value)
{
	put_key(b, key);
	buf_str(b, value ? "true" : "false");
}

static void
put_number(struct buf *b, const char *key, int64_t value)
{
	put_key(b, key);
	buf_fmt(b, "%lld", (long long)value);
}

static void
put_time(struct buf *b, const char *key, int64_t us)
{
	char	out[CLK_TEXT];

	put(b, key, us == INT64_MIN ? NULL : clk_text(us, out));
}

static int
more(const char *p, size_t n, void *arg)
{
	buf_add(arg, p, n);
	return 0;
}

/* The first ${max} of an array. */
static void
put_array(struct buf *b, const char *key, const json_t *a, size_t max)
{
	size_t	i, n = json_array_size(a);

	put_key(b, key);
	buf_u8(b, '[');
	for (i = 0; i < n && i < max; i++) {
		if (i != 0)
			buf_u8(b, ',');
		if (json_dump_callback(json_array_get(a, i), more, b,
		    JSON_COMPACT | JSON_ENCODE_ANY) == -1)
			abort();
	}
	buf_u8(b, ']');
}

/* --- what is stored ------------------------------------------------------- */

/* What each rule said. */
static void
put_rules(struct buf *b, const struct rule_result *r)
{
	int	i;

	buf_u8(b, '[');
	for (i = 0; i < RULE_COUNT; i++) {
		buf_fmt(b, "%s{\"rule\":%d", i > 0 ? "," : "", i + 1);
		put_bool(b, "decided", r->rule == i + 1);
		put_bool(b, "fires", r->say[i].fires);
		put(b, "why", r->say[i].why);
		put(b, "silent", r->say[i].silent);
		buf_u8(b, '}');
	}
	buf_u8(b, ']');
}

/* One owner's answer. */
static void
put_owner(struct buf *b, const char *owner, const struct rule_facts *f,
    const struct rule_result *r)
{
	buf_str(b, "{\"owner\":");
	put_string(b, owner);
	put(b, "decision", rule_decision_name(r->decision));
	put_number(b, "rule", r->rule);
	put(b, "kind", r->kind);
	put(b, "severity", r->severity);
	put_bool(b, "digest_only", r->digest_only);
	put(b, "reason", r->reason);
	put(b, "policy", f->policy);
	put(b, "name", f->name);
	put_bool(b, "baseline", f->baseline);
	put_bool(b, "issuer_usual", f->issuer_usual);
	put_time(b, "hold_until", r->decision == RULE_HOLD ? f->hold_end :
	    INT64_MIN);
	buf_u8(b, '}');
}

/* Watches beyond the limit are decided about but forgotten. */
static void
put_facts(struct buf *b, const struct decide_case *c,
    const struct rule_facts *f)
{
	buf_str(b, "{\"caa\":null,\"served_at\":[]");
	put_time(b, "at", f->now);
	put_time(b, "logged_first", c->at);
	put(b, "issued", decide_facts_text(c->in, "issued"));
	put_bool(b, "proven", c->proven);
	put(b, "issuer_owner", f->issuer_owner);
	put_array(b, "issuer_usual_for", json_object_get(c->in, "usual"),
	    SIZE_MAX);
	put(b, "key", rule_key_name(f->key));
	put(b, "key_type", f->key_type);
	put(b, "source", f->source);
	put_number(b, "expectation", f->expect);
	put_number(b, "known", f->known);
	put_array(b, "watches", c->watches, LIMIT_DECIDE_WATCHES);
	put_array(b, "entries", c->entries, SIZE_MAX);
	put_array(b, "twins", json_object_get(c->in, "twins"), SIZE_MAX);
}

/* What differs from one issuance to the next, and what stands for it. */
#define HEX	'\1'
#define NAME	'\2'

/* The length of a name that looks the same in JSON, else 0. */
static size_t
plain(const char *name)
{
	size_t	i;

	for (i = 0; name != NULL && name[i] != '\0'; i++)
		if ((unsigned char)name[i] < 0x20 || name[i] == '"' ||
		    name[i] == '\\')
			return 0;
	return i;
}

static void
leave_out(struct buf *b, const char *s, const char *hex, const char *name)
{
	size_t		 nhex = strlen(hex), nname = plain(name);
	const char	*from = s;

	while (*s != '\0') {
		if (nhex != 0 && *s == *hex && strncmp(s, hex, nhex) == 0) {
			buf_add(b, from, (size_t)(s - from));
			buf_u8(b, HEX);
			from = s += nhex;
		} else if (nname != 0 && *s == *name &&
		    strncmp(s, name, nname) == 0) {
			buf_add(b, from, (size_t)(s - from));
			buf_u8(b, NAME);
			from = s += nname;
		} else
			s++;
	}
	buf_str(b, from);
}

char *
decide_said(const char *body, const char *hex, const char *name)
{
	struct buf	b = BUF_INIT;
	size_t		n;

	for (; *body != '\0'; body++)
		if (*body == HEX)
			buf_str(&b, hex);
		else if (*body == NAME)
			buf_str(&b, name != NULL ? name : "");
		else
			buf_u8(&b, (uint8_t)*body);
	return buf_text(&b)[0] == '\0' ? mem_str("") :
	    (char *)buf_detach(&b, &n);
}

static const char *
keep(struct decide_done *d, char *s)
{
	d->own = mem_grow(d->own, &d->ocap, d->nown + 1, sizeof(*d->own));
	return d->own[d->nown++] = s;
}

static const char *
keep_text(struct decide_done *d, struct buf *b)
{
	size_t	n;

	return keep(d, (char *)buf_detach(b, &n));
}

/* The text goes to those of ${done}, unless it is there; ${id} is its name. */
static void
share(struct decide_done *done, struct buf *body, uint8_t id[ISSUANCE_SAID])
{
	uint8_t	h[SHA_LEN];
	size_t	i;

	sha_256(h, body->p, body->n);
	memcpy(id, h, ISSUANCE_SAID);
	for (i = done->nsaid; i-- > 0;)
		if (memcmp(done->said[i].id, id, ISSUANCE_SAID) == 0) {
			buf_free(body);
			return;
		}
	done->said = mem_grow(done->said, &done->scap, done->nsaid + 1,
	    sizeof(*done->said));
	memcpy(done->said[done->nsaid].id, id, ISSUANCE_SAID);
	done->said[done->nsaid++].body = keep_text(done, body);
}

/*
 * Its names in their canonical form, where they are not stored yet.  They do
 * not change: once is enough.
 */
static void
names_of(const struct decide_case *c, struct buf *b)
{
	const char	**raw, **v = mem_array(c->nnames + 1, sizeof(*v));
	size_t		  i, n = 0, all;

	raw = decide_facts_strings(c->in, "names", &all);
	if (decide_facts_text(c->in, "decision") != NULL)
		all = 0;
	for (i = 0; i < all; i++)
		if (!c->named || strcmp(c->names[i], raw[i]) != 0)
			v[n++] = c->names[i];
	free(raw);
	db_strs_text(b, &(struct db_strs){ v, n });
	free(v);
}

void
decide_say(const struct decide_case *c, const struct decide_answers *a,
    struct decide_done *done)
{
	struct issuance_decision	*d;
	struct buf			 facts = BUF_INIT, said = BUF_INIT;
	struct buf			 names = BUF_INIT, body = BUF_INIT;
	size_t				 i, top = 0;

	done->v = mem_grow(done->v, &done->cap, done->n + 1,
	    sizeof(*done->v));
	d = &done->v[done->n++];
	memset(d, 0, sizeof(*d));
	d->hold_until = INT64_MIN;
	for (i = 0; i < a->n; i++) {
		if (rule_louder(a->result[top].decision,
		    a->result[i].decision) != a->result[top].decision)
			top = i;
		if (a->result[i].decision == RULE_HOLD &&
		    (d->hold_until == INT64_MIN ||
		    a->facts[i].hold_end < d->hold_until))
			d->hold_until = a->facts[i].hold_end;
	}
	put_facts(&facts, c, &a->facts[top]);
	put_key(&facts, "owners");
	for (i = 0; i < a->n; i++) {
		buf_u8(&facts, i == 0 ? '[' : ',');
		put_owner(&facts, c->owners[i], &a->facts[i], &a->result[i]);
		buf_u8(&said, i == 0 ? '[' : ',');
		put_rules(&said, &a->result[i]);
	}
	buf_str(&facts, "]}");
	buf_u8(&said, ']');
	names_of(c, &names);
	d->tbs = *c->tbs;
	d->decision = rule_decision_name(a->result[top].decision);
	d->rule = a->result[top].rule;
	d->reason = keep(done, mem_str(a->result[top].reason));
	d->facts = keep_text(done, &facts);
	leave_out(&body, buf_text(&said), c->hex, a->facts[0].name);
	buf_free(&said);
	share(done, &body, d->said);
	d->proven = c->proven;
	d->names = keep_text(done, &names);
}

void
decide_done_free(struct decide_done *d)
{
	size_t	i;

	for (i = 0; i < d->nown; i++)
		free(d->own[i]);
	free(d->own);
	free(d->said);
	free(d->v);
}
