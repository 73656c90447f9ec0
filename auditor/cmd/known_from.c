#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/cmd/box.h"
#include "auditor/cmd/known_import.h"
#include "auditor/import_key.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"

/* What is here already, by hash; one letter says of what it is one. */
struct here {
	json_t	*all;
	json_t	*newest;	/* lineage: place of it in the set */
};

/* Note it: 1 when it is new. */
static int
note(struct here *h, char what, const uint8_t hash[32])
{
	char	key[66];

	key[0] = what;
	enc_hex_to(key + 1, hash, 32);
	if (json_object_get(h->all, key) != NULL)
		return 0;
	json_object_set_new(h->all, key, json_true());
	return 1;
}

static int
has(const struct here *h, char what, const uint8_t hash[32])
{
	char	key[66];

	key[0] = what;
	enc_hex_to(key + 1, hash, 32);
	return json_object_get(h->all, key) != NULL;
}

#define CERTIFIED	'k'	/* the key of a certificate or request */

/* --- certificates and requests --- */

static void
forget(struct material *m)
{
	size_t	i;

	for (i = 0; i < m->nnames; i++)
		free(m->names[i]);
	free(m->names);
	free(m->der);
	free(m->place);
	free(m->lineage);
}

/* The place of a file as it is stored: paths may be any bytes. */
static char *
place_of(const struct import *m, const struct import_file *f)
{
	char	*full = mem_printf("%s/%s", m->tree.root, f->path);
	char	*clean = cmd_clean(full);

	free(full);
	return clean;
}

/* Keep what of the new ones in the set is not there twice. */
static void
keep_new(struct material_set *s, size_t had, const struct import_file *f,
    struct here *h)
{
	struct material	*m;
	uint8_t		 hash[32];
	size_t		 i, n = had;

	for (i = had; i < s->n; i++) {
		m = &s->v[i];
		sha_256(hash, m->der, m->nder);
		if (m->csr || m->ca ? !note(h, 'd', hash) :
		    !note(h, 't', m->tbs)) {
			forget(m);
			continue;
		}
		if (!m->csr && !m->ca)
			(void)note(h, CERTIFIED, m->spki);
		if (f->lineage != NULL)
			m->lineage = cmd_clean(f->lineage);
		s->v[n++] = *m;
	}
	s->n = n;
}

static int
parse(struct import *m, const struct import_file *f, struct material_set *s,
    struct here *h, struct err *e)
{
	struct err	 sub = ERR_INIT;
	char		*place = place_of(m, f);
	size_t		 had = s->n;
	int		 rc;

	rc = material_parse(s, f->bytes.p, f->bytes.n, place, &sub);
	if (rc == -1 && sub.code == ERR_LIMIT) {
		free(place);
		return err_set(e, ERR_LIMIT, "%s", sub.msg);
	}
	s->files++;
	if (rc == -1)
		import_skip(m, f->path, 1, "%s", strncmp(sub.msg, place,
		    strlen(place)) == 0 ? sub.msg + strlen(place) + 2 :
		    sub.msg);
	else if (s->n == had)
		import_skip(m, f->path, 1, "there is no certificate and no "
		    "request in it (PEM or DER)");
	keep_new(s, had, f, h);
	free(place);
	return 0;
}

/* A request whose key has a certificate here binds no more than that. */
static void
drop_certified(struct known_import *k, struct material_set *s,
    struct here *h)
{
	struct material	*m;
	size_t		 i, n = 0;

	for (i = 0; i < s->n; i++) {
		m = &s->v[i];
		if (m->csr && has(h, CERTIFIED, m->spki)) {
			k->certified++;
			forget(m);
		} else
			s->v[n++] = *m;
	}
	s->n = n;
	for (i = 0; i < n; i++)
		if (s->v[i].csr)
			(void)note(h, CERTIFIED, s->v[i].spki);
}

/* --- private keys --- */

struct batch {
	struct import_file	*files;
	size_t			 n;
};

#define ANSWER	64	/* a byte, a hash, or why not */

/* In the box: a fixed answer for each key. */
static int
look(void *arg, struct buf *out)
{
	const struct batch	*b = arg;
	const char		*why;
	uint8_t			 a[ANSWER];
	size_t			 i;

	for (i = 0; i < b->n; i++) {
		if (b->files[i].kind != IMPORT_KEY)
			continue;
		memset(a, 0, sizeof(a));
		if (import_key_spki(b->files[i].bytes.p, b->files[i].bytes.n,
		    a + 1, &why) == 0)
			a[0] = 1;
		else
			(void)snprintf((char *)a + 1, sizeof(a) - 1, "%s",
			    why);
		buf_add(out, a, sizeof(a));
	}
	return 0;
}

/* For each lineage: its newest certificate, else a request. */
static void
find_newest(const struct material_set *s, struct here *h)
{
	const struct material	*m;
	const json_t		*at;
	size_t			 i;

	for (i = 0; i < s->n; i++) {
		m = &s->v[i];
		if (m->ca || m->lineage == NULL || m->nnames == 0)
			continue;
		at = json_object_get(h->newest, m->lineage);
		if (at == NULL || m->not_after >
		    s->v[json_integer_value(at)].not_after)
			json_object_set_new(h->newest, m->lineage,
			    json_integer((json_int_t)i));
	}
}

/*
 * A key that nothing certifies is one that the client has made for the next
 * order: it is bound to the names of the lineage, as a request would be.
 */
static void
take_key(struct known_import *k, struct import *m,
    const struct import_file *f, const uint8_t *spki, struct material_set *s,
    struct here *h)
{
	const struct material	*of;
	const json_t		*at;
	struct material		 key;
	char			*lineage;
	size_t			 i;

	k->keys++;
	if (has(h, CERTIFIED, spki))
		return;
	lineage = f->lineage != NULL ? cmd_clean(f->lineage) : NULL;
	at = lineage != NULL ? json_object_get(h->newest, lineage) : NULL;
	if (at == NULL || s->n >= LIMIT_IMPORT_ITEMS) {
		free(lineage);
		import_skip(m, f->path, 0, "a key without a certificate or "
		    "request here: nothing says for which names it is");
		return;
	}
	of = &s->v[json_integer_value(at)];
	memset(&key, 0, sizeof(key));
	key.csr = key.next = 1;
	key.not_after = INT64_MIN;
	memcpy(key.spki, spki, 32);
	for (i = 0; i < of->nnames; i++)
		material_name(&key, of->names[i]);
	key.place = place_of(m, f);
	key.lineage = lineage;
	(void)note(h, CERTIFIED, spki);
	s->v = mem_grow(s->v, &s->cap, s->n + 1, sizeof(*s->v));
	s->v[s->n++] = key;
}

/* They have said what they had to say. */
static void
wipe_keys(struct batch *b)
{
	size_t	i;

	for (i = 0; i < b->n; i++)
		if (b->files[i].kind == IMPORT_KEY)
			mem_wipe(b->files[i].bytes.p, b->files[i].bytes.cap);
}

/* Take over what the box said of a batch. */
static int
hear(struct known_import *k, struct import *m, const struct batch *b,
    const struct buf *said, struct material_set *s, struct here *h,
    struct err *e)
{
	const uint8_t	*a = said->p;
	size_t		 i;

	for (i = 0; i < b->n; i++) {
		if (b->files[i].kind != IMPORT_KEY)
			continue;
		if ((size_t)(a - said->p) + ANSWER > said->n)
			return err_set(e, ERR_FORMAT, "%s: looking at its "
			    "private keys: too little was said",
			    m->tree.root);
		if (a[0] == 1)
			take_key(k, m, &b->files[i], a + 1, s, h);
		else
			import_skip(m, b->files[i].path, 0, "%.*s; its "
			    "public half is in the certificate", ANSWER - 2,
			    (const char *)a + 1);
		a += ANSWER;
	}
	return 0;
}

static int
look_at_keys(struct known_import *k, struct import *m,
    struct material_set *s, struct here *h, struct err *e)
{
	struct batch	b;
	struct buf	said = BUF_INIT;
	size_t		i, from;
	int		rc = 0;

	for (from = 0; from < m->nfiles && rc == 0; from += b.n) {
		b.files = m->files + from;
		b.n = m->nfiles - from;
		if (b.n > LIMIT_CLIENT_KEYS)
			b.n = LIMIT_CLIENT_KEYS;
		for (i = 0; i < b.n && b.files[i].kind != IMPORT_KEY; i++)
			;
		if (i == b.n)
			continue;
		buf_reset(&said);
		rc = box_run(look, &b, &said, e);
		if (rc == -1)
			(void)err_prefix(e, "%s: looking at its private keys",
			    m->tree.root);
		wipe_keys(&b);
		if (rc == 0)
			rc = hear(k, m, &b, &said, s, h, e);
	}
	buf_free(&said);
	return rc;
}

int
known_from(struct known_import *k, struct import *m, struct material_set *s,
    struct err *e)
{
	struct here	h = { json_object(), json_object() };
	size_t		i;
	int		rc = 0;

	for (i = 0; i < m->nfiles && rc == 0; i++)
		if (m->files[i].kind != IMPORT_KEY)
			rc = parse(m, &m->files[i], s, &h, e);
	if (rc == 0) {
		drop_certified(k, s, &h);
		find_newest(s, &h);
		rc = look_at_keys(k, m, s, &h, e);
	}
	json_decref(h.all);
	json_decref(h.newest);
	return rc;
}
