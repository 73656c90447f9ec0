#include "auditor/import.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/import_client.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"

static const struct import_client *const clients[] = {
	&import_certbot, &import_lego, &import_acmesh, &import_dehydrated,
	&import_uacme,
};

#define NCLIENTS	(sizeof(clients) / sizeof(clients[0]))

const char *
import_clients(void)
{
	return "certbot, lego, acme.sh, dehydrated, uacme";
}

void
import_skip(struct import *m, const char *path, int bad, const char *why, ...)
{
	struct import_skip	s = { NULL, NULL, bad };
	char			text[600];
	size_t			n;
	va_list			ap;

	m->skipped++;
	m->bad += bad != 0;
	if (m->nskips >= LIMIT_CLIENT_SKIPS)
		return;
	va_start(ap, why);
	(void)vsnprintf(text, sizeof(text), why, ap);
	va_end(ap);
	/* Sentences about files begin with the path. */
	n = strlen(path);
	s.path = mem_str(path);
	s.why = mem_str(strncmp(text, path, n) == 0 && text[n] == ':' ?
	    text + n + 2 : text);
	m->skips = mem_grow(m->skips, &m->capskips, m->nskips + 1,
	    sizeof(*m->skips));
	m->skips[m->nskips++] = s;
}

void
import_account(struct import *m, const char *url, const char *path)
{
	struct import_account	a;
	const unsigned char	*p;
	size_t			 i;

	for (p = (const unsigned char *)url; *p > 0x20 && *p < 0x7f; p++)
		;
	if (*p != '\0' || (size_t)(p - (const unsigned char *)url) >
	    LIMIT_CLIENT_URL || (strncmp(url, "https://", 8) != 0 &&
	    strncmp(url, "http://", 7) != 0)) {
		import_skip(m, path, 1, "the URL of the account in it is "
		    "none (https://... of at most %u bytes)",
		    LIMIT_CLIENT_URL);
		return;
	}
	for (i = 0; i < m->naccounts; i++)
		if (strcmp(m->accounts[i].url, url) == 0)
			return;
	a.url = mem_str(url);
	a.path = mem_str(path);
	m->accounts = mem_grow(m->accounts, &m->capaccounts,
	    m->naccounts + 1, sizeof(*m->accounts));
	m->accounts[m->naccounts++] = a;
}

void
import_free(struct import *m)
{
	size_t	i;

	for (i = 0; i < m->nfiles; i++) {
		if (m->files[i].bytes.p != NULL)
			mem_wipe(m->files[i].bytes.p, m->files[i].bytes.cap);
		buf_free(&m->files[i].bytes);
		free(m->files[i].lineage);
		free(m->files[i].path);
	}
	for (i = 0; i < m->naccounts; i++) {
		free(m->accounts[i].url);
		free(m->accounts[i].path);
	}
	for (i = 0; i < m->nskips; i++) {
		free(m->skips[i].path);
		free(m->skips[i].why);
	}
	free(m->files);
	free(m->accounts);
	free(m->skips);
	json_decref(m->seen);
	import_tree_close(&m->tree);
	memset(m, 0, sizeof(*m));
}

char *
import_lineage(const char *folder)
{
	return mem_str(folder);
}

char *
import_json_text(const struct buf *b, const char *key, const char *sub)
{
	json_t	*o = json_loadb(buf_text(b), b->n, 0, NULL), *v;
	char	*s = NULL;

	v = json_object_get(o, key);
	if (sub != NULL)
		v = json_object_get(v, sub);
	if (json_is_string(v))
		s = mem_str(json_string_value(v));
	json_decref(o);
	return s;
}

/* --- files --- */

/* All of it together has a limit; what one file does is its own affair. */
static int
too_much(const struct import *m, struct err *e)
{
	if (m->tree.bytes <= LIMIT_CLIENT_BYTES)
		return 0;
	return err_set(e, ERR_LIMIT, "%s: more than %u MB of certificates: "
	    "import its parts one by one", m->tree.root,
	    LIMIT_CLIENT_BYTES >> 20);
}

/*
 * Several links may lead to one file or folder: it counts where it was found
 * first, and circles end.  ${what}: looked for (f)iles, or for (a)ccounts.
 */
static int
is_new(struct import *m, char what, const char *real)
{
	uint8_t	hash[32];
	char	key[66];

	/* Paths need not be UTF-8. */
	sha_256(hash, real, strlen(real));
	key[0] = what;
	enc_hex_to(key + 1, hash, sizeof(hash));
	if (json_object_get(m->seen, key) != NULL)
		return 0;
	json_object_set_new(m->seen, key, json_true());
	return 1;
}

static int
take(struct import *m, enum import_kind kind, char *(*lineage)(const char *),
    const char *name, const char *path, struct err *e)
{
	struct import_file	f = { kind, NULL, NULL, BUF_INIT };
	struct err		sub = ERR_INIT;
	char			*real = NULL;

	if (import_tree_read(&m->tree, path, &f.bytes, &real, &sub) == -1) {
		/* Keys may be kept from us: the certificate has the rest. */
		if (sub.code == ERR_PERM && kind == IMPORT_KEY)
			import_skip(m, path, 0, "%s; its public half is in "
			    "the certificate", sub.msg);
		else
			import_skip(m, path, 1, "%s", sub.msg);
	} else if (is_new(m, 'f', real)) {
		f.path = mem_str(path);
		f.lineage = lineage != NULL ? lineage(name) : NULL;
		m->files = mem_grow(m->files, &m->capfiles, m->nfiles + 1,
		    sizeof(*m->files));
		m->files[m->nfiles++] = f;
		free(real);
		return too_much(m, e);
	}
	free(real);
	if (f.bytes.p != NULL)
		mem_wipe(f.bytes.p, f.bytes.cap);
	buf_free(&f.bytes);
	return too_much(m, e);
}

static char *
join(const char *a, const char *b)
{
	return *a == '\0' ? mem_str(b) : *b == '\0' ? mem_str(a) :
	    mem_printf("%s/%s", a, b);
}

/* The names in a folder, unless it was there before: 1 or 0. */
static int
list_new(struct import *m, char what, const char *dir,
    struct import_names *v)
{
	struct err	 e = ERR_INIT;
	char		*real = NULL;
	int		 rc;

	rc = import_tree_list(&m->tree, dir, v, &real, &e) == 0 &&
	    is_new(m, what, real);
	/* A file among folders, a folder that is not used. */
	if (e.code != ERR_NONE && e.code != ERR_NOENT)
		import_skip(m, dir, 1, "%s", e.msg);
	if (!rc)
		import_names_free(v);
	free(real);
	return rc;
}

/* The files of one folder that match; ${of} has the name of the lineage. */
static int
take_folder(struct import *m, const struct import_place *p, const char *dir,
    const char *of, struct err *e)
{
	const struct import_pattern	*t;
	struct import_names		 v;
	char				*path;
	size_t				 i;
	int				 rc = 0;

	if (!list_new(m, 'f', dir, &v))
		return 0;
	for (i = 0; i < v.n && rc == 0; i++)
		for (t = p->patterns; t->name != NULL; t++)
			if (fnmatch(t->name, v.v[i], 0) == 0) {
				path = join(dir, v.v[i]);
				rc = take(m, t->kind, p->lineage,
				    of != NULL ? of : v.v[i], path, e);
				free(path);
				break;
			}
	import_names_free(&v);
	return rc;
}

static int
take_place(struct import *m, const struct import_place *p, struct err *e)
{
	struct import_names	 v;
	struct err		 sub = ERR_INIT;
	char			*folder, *dir;
	size_t			 i;
	int			 rc = 0;

	if (p->sub == NULL)
		return take_folder(m, p, p->dir, NULL, e);
	if (import_tree_list(&m->tree, p->dir, &v, NULL, &sub) == -1) {
		/* certbot's archive/ is root's alone. */
		if (sub.code == ERR_PERM)
			import_skip(m, p->dir, 1, "%s (run this as root, or "
			    "as the user that runs %s)", sub.msg, m->client);
		else if (sub.code != ERR_NOENT)
			import_skip(m, p->dir, 1, "%s", sub.msg);
		import_names_free(&v);
		return 0;
	}
	for (i = 0; i < v.n && rc == 0; i++) {
		folder = join(p->dir, v.v[i]);
		dir = join(folder, p->sub);
		rc = take_folder(m, p, dir, v.v[i], e);
		free(dir);
		free(folder);
	}
	import_names_free(&v);
	return rc;
}

/* --- accounts --- */

static void
take_account(struct import *m, const struct import_client *c,
    const char *path)
{
	struct buf	 b = BUF_INIT;
	struct err	 e = ERR_INIT;
	char		*url = NULL;

	if (import_tree_read(&m->tree, path, &b, NULL, &e) == -1)
		import_skip(m, path, 1, "%s", e.msg);
	else if ((url = c->account_url(&b)) == NULL)
		import_skip(m, path, 0, "there is no URL of an account in "
		    "it");
	else
		import_account(m, url, path);
	free(url);
	buf_free(&b);
}

static int
take_accounts(struct import *m, const struct import_client *c,
    const char *dir, int depth, struct err *e)
{
	struct import_names	 v;
	char			*path;
	size_t			 i;
	int			 rc = 0;

	if (!list_new(m, 'a', dir, &v))
		return 0;
	for (i = 0; i < v.n && rc == 0; i++) {
		path = join(dir, v.v[i]);
		if (strcmp(v.v[i], c->account_file) == 0)
			take_account(m, c, path);
		else if (depth < LIMIT_CLIENT_DEPTH)
			rc = take_accounts(m, c, path, depth + 1, e);
		free(path);
		if (rc == 0)
			rc = too_much(m, e);
	}
	import_names_free(&v);
	return rc;
}

/* --- one directory --- */

static int
is_of(const struct import_client *c, const struct import_tree *t)
{
	size_t	i;

	for (i = 0; c->marks[i] != NULL; i++)
		if (import_tree_has(t, c->marks[i]))
			return 1;
	return c->is != NULL && c->is(t);
}

/* What is wrong with it, and whose it may be. */
static int
not_of(const struct import_client *c, const struct import_tree *t,
    const char *dir, struct err *e)
{
	const char		*article = c->name[0] == 'a' ? "an" : "a";
	struct import_names	 v;
	size_t			 i;
	int			 rc;

	/* It may be that nothing in it can be seen. */
	rc = import_tree_list(t, "", &v, NULL, e);
	import_names_free(&v);
	if (rc == -1)
		return -1;
	for (i = 0; i < NCLIENTS; i++)
		if (clients[i] != c && is_of(clients[i], t))
			return err_set(e, ERR_USAGE, "%s: this is not %s %s "
			    "directory: %s; it looks like %s's", dir,
			    article, c->name, c->wanted, clients[i]->name);
	return err_set(e, ERR_USAGE, "%s: this is not %s %s directory: %s",
	    dir, article, c->name, c->wanted);
}

int
import_read(struct import *m, const char *client, const char *dir,
    struct err *e)
{
	const struct import_client	*c = NULL;
	const struct import_place	*p;
	size_t				 i;

	memset(m, 0, sizeof(*m));
	for (i = 0; i < NCLIENTS; i++)
		if (strcmp(clients[i]->name, client) == 0)
			c = clients[i];
	if (c == NULL)
		return err_set(e, ERR_USAGE, "%s is no client that is known "
		    "(%s)", client, import_clients());
	m->client = c->name;
	if (import_tree_open(&m->tree, dir, e) == -1)
		return -1;
	if (!is_of(c, &m->tree))
		return not_of(c, &m->tree, dir, e);
	m->seen = json_object();
	for (p = c->places; p->dir != NULL; p++)
		if (take_place(m, p, e) == -1)
			return -1;
	return c->accounts == NULL ? 0 : take_accounts(m, c, c->accounts, 0,
	    e);
}
