#include "auditor/cmd/acme.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/account.h"
#include "acme/problem.h"
#include "auditor/db/ari_store.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"
#include "base/sha.h"

void
acme_progress(void *arg, const char *text)
{
	const struct cmd_ctx	*ctx = arg;
	char			*s;

	if (ctx->quiet)
		return;
	s = cmd_clean(text);
	fprintf(stderr, "certvigil: %s\n", s);
	free(s);
}

int
acme_refused(const struct acme_reply *r, struct err *e)
{
	struct problem	p;
	struct buf	text = BUF_INIT;

	problem_read(&p, r, clk_wall());
	problem_say(&p, &text);
	(void)err_set(e, ERR_HTTP, "%s", buf_text(&text));
	buf_free(&text);
	problem_free(&p);
	return -1;
}

/*
 * One account a directory: its key's name follows from the URL, so that a
 * death before the CA's answer was stored leads to the same account.  A key
 * whose account was deactivated is of no use any more (RFC 8555, 7.3.6).
 */
static char *
key_id(struct cmd_ctx *ctx, const char *directory, struct err *e)
{
	uint8_t	sha[32];
	char	hex[33];
	int64_t	past;

	if (acme_account_past(ctx->db, directory, &past, e) == -1)
		return NULL;
	sha_256(sha, directory, strlen(directory));
	(void)enc_hex_to(hex, sha, 16);
	return past == 0 ? mem_printf("account-%s", hex) :
	    mem_printf("account-%s-%lld", hex, (long long)past);
}

/* The external account binding of the configuration, or NULL (no error). */
static int
binding(struct cmd_ctx *ctx, struct acme_talk *t, const char *id,
    struct buf *out, struct err *e)
{
	const struct conf	*c = ctx->conf;
	struct sign_bind	 b;
	char			*key;
	int			 rc;

	if (c->acme_eab_kid == NULL || c->acme_eab_key_file == NULL)
		return acme_talk_dir(t)->eab ? err_set(e, ERR_CONF, "the CA "
		    "wants an external account: write acme: {eab_kid, "
		    "eab_key_file} as it gave them to you") : 0;
	key = conf_secret(c->acme_eab_key_file, e);
	if (key == NULL)
		return -1;
	memset(&b, 0, sizeof(b));
	b.account = id;
	b.hosts = acme_talk_pin(t)->host;
	b.url = acme_talk_dir(t)->new_account;
	b.alg = "HS256";
	b.kid = c->acme_eab_kid;
	b.key = key;
	rc = sign_client_bind(acme_talk_sign(t), &b, out, e);
	explicit_bzero(key, strlen(key));
	free(key);
	return rc;
}

/* newAccount, for a key that the sign process has. */
static int
enrol(struct cmd_ctx *ctx, struct acme_talk *t, const char *id,
    struct account *got, struct err *e)
{
	struct account_want	 w;
	struct account_ask	 ask = { acme_talk_pin(t), NULL, clk_wall() };
	struct acme_ask		 q = { ACME_ACCOUNT_NEW,
				    acme_talk_dir(t)->new_account, NULL, 0 };
	struct acme_reply	 r;
	struct problem		 p;
	struct buf		 bind = BUF_INIT;
	char			*mail = NULL, *payload = NULL;
	int			 rc = -1;

	memset(&w, 0, sizeof(w));
	w.agree = 1;
	if (ctx->conf->acme_email != NULL) {
		mail = mem_printf("mailto:%s", ctx->conf->acme_email);
		w.contacts = (const char *const *)&mail;
		w.ncontacts = 1;
	}
	if (binding(ctx, t, id, &bind, e) == 0) {
		w.binding = bind.n != 0 ? buf_text(&bind) : NULL;
		payload = account_new(&w, e);
	}
	if (payload != NULL) {
		q.payload = payload;
		if (acme_talk_call(t, &q, "", &r, e) == 0) {
			memset(&p, 0, sizeof(p));
			rc = account_read(got, &r, &ask, &p, e);
			problem_free(&p);
		}
	}
	free(payload);
	free(mail);
	buf_free(&bind);
	return rc;
}

static int
make_account(struct cmd_ctx *ctx, struct acme_talk *t,
    struct acme_account_row *a, struct err *e)
{
	const char		*dir = acme_talk_directory(ctx->conf);
	struct sign_account	 keys = SIGN_ACCOUNT_INIT;
	struct account		 got;
	int			 rc = -1;

	memset(&got, 0, sizeof(got));
	a->key_id = key_id(ctx, dir, e);
	if (a->key_id == NULL)
		return -1;
	a->contact = mem_str(ctx->conf->acme_email != NULL ?
	    ctx->conf->acme_email : "");
	/* the sign process needs its name before the account has an URL */
	a->url = mem_str("");
	acme_talk_as(t, a);
	if (sign_client_account(acme_talk_sign(t), a->key_id, "p256", &keys,
	    e) == 0 && enrol(ctx, t, a->key_id, &got, e) == 0) {
		a->thumbprint = mem_str(keys.thumbprint[0]);
		free(a->url);
		a->url = mem_str(got.url);
		rc = 0;
	}
	if (rc == 0 && (db_begin(ctx->db, e) == -1 ||
	    acme_account_add(ctx->db, dir, a, e) == -1 ||
	    cmd_audit(ctx, "account.register", json_pack("{ss ss}",
	    "directory", dir, "account", a->url), e) == -1 ||
	    db_commit(ctx->db, e) == -1)) {
		db_rollback(ctx->db);
		rc = -1;
	}
	sign_account_free(&keys);
	account_free(&got);
	return rc;
}

/* Where this CA is asked for advice, also about what is not ours. */
static int
note_place(struct cmd_ctx *ctx, const struct acme_talk *t, struct err *e)
{
	const struct directory	*d = acme_talk_dir(t);

	return d->renewal_info == NULL ? 0 : ari_store_place(ctx->db,
	    acme_talk_directory(ctx->conf), d->ncaa != 0 ? d->caa[0] : NULL,
	    d->renewal_info, e);
}

int
acme_account(struct cmd_ctx *ctx, struct acme_talk *t, int make,
    struct acme_account_row *a, int *made, struct err *e)
{
	char	*old = NULL;
	int	 rc = acme_account_load(ctx->db,
		    acme_talk_directory(ctx->conf), a, e);

	*made = 0;
	if (rc != -1 && make > rc) {
		old = a->url;
		a->url = NULL;
		acme_account_free(a);
		rc = make_account(ctx, t, a, e) == 0 ? 1 : -1;
		*made = rc == 1 && (old == NULL || strcmp(old, a->url) != 0);
	}
	free(old);
	if (rc == 1)
		acme_talk_as(t, a);
	if (rc == 1 && note_place(ctx, t, e) == -1)
		rc = -1;
	if (rc == 1 && !*made && acme_settle(ctx, t, a, e) == -1)
		rc = -1;
	return rc;
}
