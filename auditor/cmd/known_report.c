#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/cmd/known_import.h"
#include "base/limit.h"

/* --- by lineage --- */

static json_t *
cleaned(const char *text)
{
	char	*s = cmd_clean(text);
	json_t	*j = json_string(s);

	free(s);
	return j;
}

/* {NAME: {certificates, requests, next_keys}} */
static json_t *
lineages(const struct material_set *s)
{
	const struct material	*m;
	json_t			*all = json_object(), *one;
	const char		*what;
	size_t			 i;

	for (i = 0; i < s->n; i++) {
		m = &s->v[i];
		if (m->lineage == NULL || m->ca)
			continue;
		if ((one = json_object_get(all, m->lineage)) == NULL) {
			one = json_pack("{si si si}", "certificates", 0,
			    "requests", 0, "next_keys", 0);
			json_object_set_new(all, m->lineage, one);
		}
		what = m->next ? "next_keys" : m->csr ? "requests" :
		    "certificates";
		json_object_set_new(one, what, json_integer(1 +
		    json_integer_value(json_object_get(one, what))));
	}
	return all;
}

/* --- JSON --- */

static json_t *
accounts_of(const struct import *m)
{
	json_t	*a = json_array();
	size_t	 i;

	for (i = 0; i < m->naccounts; i++)
		json_array_append_new(a, json_string(m->accounts[i].url));
	return a;
}

static json_t *
skipped(const struct import *m)
{
	json_t	*a = json_array();
	size_t	 i;

	for (i = 0; i < m->nskips; i++)
		json_array_append_new(a, json_pack("{so so sb}", "path",
		    cleaned(m->skips[i].path), "why",
		    cleaned(m->skips[i].why), "fault", m->skips[i].bad));
	return a;
}

static void
say_json(const struct known_import *k, const struct material_set *s)
{
	json_t	*o = json_pack("{sI sI sI sI sI sI sI sI sI sI sI}",
		    "certificates", (json_int_t)k->certs,
		    "csrs", (json_int_t)k->csrs,
		    "already_known", (json_int_t)k->already,
		    "ca_certificates", (json_int_t)k->cas,
		    "issuer_unknown", (json_int_t)k->no_issuer,
		    "refused", (json_int_t)k->outside,
		    "silenced", (json_int_t)k->silenced,
		    "renew_with_new_keys", (json_int_t)k->renew_new,
		    "renew_with_same_key", (json_int_t)k->renew_same,
		    "renew_not_known", (json_int_t)k->renew_once,
		    "files_without", (json_int_t)s->without);

	if (k->from != NULL)
		json_object_update_new(o, json_pack("{ss ss? so so sI sI sI "
		    "sI sI so}", "client", k->from->client, "host", k->host,
		    "lineages", lineages(s), "accounts",
		    accounts_of(k->from), "accounts_known",
		    (json_int_t)k->accounts_known, "keys_read",
		    (json_int_t)k->keys, "next_keys", (json_int_t)k->next,
		    "csrs_certified", (json_int_t)k->certified, "skipped",
		    (json_int_t)k->from->skipped, "skips",
		    skipped(k->from)));
	cmd_json(o);
}

/* --- text --- */

static void
say_client(const struct known_import *k, const struct material_set *s)
{
	const struct import	*m = k->from;
	json_t			*all = lineages(s), *one;
	const char		*name;
	char			*path, *why;
	size_t			 i;

	json_object_foreach(all, name, one)
		printf("  %s: %lld certificates, %lld requests, %lld keys to "
		    "be used next\n", name,
		    (long long)json_integer_value(json_object_get(one,
		    "certificates")),
		    (long long)json_integer_value(json_object_get(one,
		    "requests")),
		    (long long)json_integer_value(json_object_get(one,
		    "next_keys")));
	json_decref(all);
	for (i = 0; i < m->naccounts; i++)
		printf("  account %s\n", m->accounts[i].url);
	if (m->naccounts == 0)
		printf("no account: %s\n", strcmp(m->client, "uacme") == 0 ?
		    "uacme does not write its URL down (--account URL "
		    "declares it)" : "none is in the directory");
	printf("%zu private keys were read for their public half, and not "
	    "kept\n", k->keys);
	if (k->certified > 0)
		printf("%zu requests have their certificate here: that binds "
		    "the key\n", k->certified);
	/* Terminals get the first of them; --json has more. */
	for (i = 0; i < m->nskips && i < LIMIT_DETAIL_NAMES; i++) {
		path = cmd_clean(m->skips[i].path);
		why = cmd_clean(m->skips[i].why);
		printf("skipped %s: %s\n", path, why);
		free(path);
		free(why);
	}
	if (m->skipped > i)
		printf("skipped %zu more (--json lists %zu)\n",
		    m->skipped - i, m->nskips);
}

/* What comes of it when they are renewed. */
static void
say_renewals(const struct known_import *k)
{
	if (k->no_issuer > 0)
		printf("%zu have an issuer that is not known: their keys are "
		    "bound to names and end only; import the chain with "
		    "them\n", k->no_issuer);
	if (k->renew_new > 0)
		printf("%zu will renew with new keys: each renewal is a page "
		    "unless it is declared (known import - from the renewing "
		    "hook, or expect issuance)\n", k->renew_new);
	if (k->next > 0)
		printf("%zu keys wait for the next renewal: that one is "
		    "silent; import again behind it\n", k->next);
	if (k->renew_same > 0)
		printf("%zu renew with the same key: silent\n",
		    k->renew_same);
	if (k->renew_once > 0)
		printf("%zu are here once: only those that renew with the "
		    "same key stay silent\n", k->renew_once);
	if (k->silenced > 0)
		printf("%zu issuances are declared now\n", k->silenced);
}

void
known_report(const struct cmd_ctx *ctx, const struct known_import *k,
    const struct material_set *s)
{
	if (ctx->json) {
		say_json(k, s);
		return;
	}
	printf("%s %zu certificates and %zu requests", k->compromised ?
	    "marked the keys of" : "imported", k->certs, k->csrs);
	if (k->from != NULL)
		printf(", %zu keys to be used next and %zu accounts of %s on "
		    "%s", k->next, k->accounts, k->from->client,
		    k->host != NULL ? k->host : "this host");
	printf(" (%zu were known)\n", k->already + k->accounts_known);
	if (k->from != NULL)
		say_client(k, s);
	if (k->cas > 0)
		printf("%zu CA certificates only name issuers\n", k->cas);
	if (s->without > 0)
		printf("%zu files have no certificate in them\n", s->without);
	if (k->outside > 0)
		printf("%zu refused: outside of source %s\n", k->outside,
		    k->source);
	if (!k->compromised)
		say_renewals(k);
}
